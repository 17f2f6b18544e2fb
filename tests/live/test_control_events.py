"""Notes from clients of the control channel, and events for them."""

import contextlib
import threading
import time
from pathlib import Path

import pytest

from midigen.errors import MidigenError
from midigen.live.control_channel import REQUEST_TIMEOUT
from midigen.live.control_client import ask
from midigen.live.feed import SUBSCRIBERS, WAITING, Feed
from midigen.midi.messages import NoteOff, NoteOn
from tests.control_clients import (
    STATUS,
    call,
    has_hung_up,
    hear,
    next_event,
    say,
    subscribed,
)
from tests.jack import wait_until
from tests.remotes import NAME, Player, listening

# --- notes and events


def test_notes_are_played_and_released_when_the_client_goes(folder: Path) -> None:
    player = Player()
    with listening(player):
        with call(folder / f"{NAME}.sock") as hands:
            say(hands, {"do": "note_on", "pitch": 60, "velocity": 80})
            say(hands, {"do": "note_off", "pitch": 60})
            say(hands, {"do": "note_on", "pitch": 62, "velocity": 1, "channel": 16})
            assert [hear(hands) for _ in range(3)] == [{"ok": []}] * 3
            assert player.keyboards[0].released == 0
        wait_until(lambda: player.keyboards[0].released, "they are released")
    assert [each.played for each in player.keyboards] == [
        [NoteOn(60, 80), NoteOff(60), NoteOn(62, 1, 16)]
    ]


def test_too_many_notes_are_refused(folder: Path) -> None:
    with listening(), call(folder / f"{NAME}.sock") as hands:
        for _ in range(101):
            say(hands, {"do": "note_off", "pitch": 60})
        replies = [hear(hands) for _ in range(101)]
    assert replies == [{"ok": []}] * 100 + [{"error": "too many notes at once"}]


def test_subscribers_hear_what_happens(folder: Path) -> None:
    del folder
    player, feed = Player(), Feed()
    with listening(player, feed=feed), contextlib.ExitStack() as stack:
        ears = [subscribed(stack) for _ in range(2)]
        for ear in ears:
            status = {"event": "status", "status": {"mode": "duet"}}
            assert next_event(ear, "status") == status
        feed.open(time.perf_counter())
        feed.heard(NoteOn(60, 80), time.perf_counter())
        feed.played(NoteOff(62, 3), time.perf_counter())
        feed.tempo(96.5, time.perf_counter())
        feed.notice("a line")
        player.state = {"mode": "solo"}
        for ear in ears:
            note = {"do": "note_on", "pitch": 60, "velocity": 80, "channel": 1}
            assert next_event(ear, "heard") == {"event": "heard", **note}
            note = {"do": "note_off", "pitch": 62, "channel": 3}
            assert next_event(ear, "played") == {"event": "played", **note}
            assert next_event(ear, "tempo") == {"event": "tempo", "bpm": 96.5}
            assert next_event(ear, "notice") == {"event": "notice", "text": "a line"}
            assert next_event(ear, "status")["status"] == {"mode": "solo"}
        say(ears[0], {"do": "set", "name": "key", "value": "D major"})  # on the same connection
        assert hear(ears[0]) == {"ok": ["key is D major"]}
        time.sleep(REQUEST_TIMEOUT + 0.3)  # it may be silent for as long as it likes
        feed.notice("another")
        assert next_event(ears[1], "notice") == {"event": "notice", "text": "another"}
        ears[1].close()
        wait_until(lambda: len(feed._subscriptions) == 1, "it has unsubscribed")


def test_the_slowest_loses_events_and_is_told_how_many(folder: Path) -> None:
    """Putting events in never waits, and the other subscribers lose none."""
    del folder
    feed, count = Feed(), 20_000
    with listening(feed=feed), contextlib.ExitStack() as stack:
        slow, quick = subscribed(stack), subscribed(stack)
        heard: list[int] = []
        longest = 0.0

        def listen() -> None:
            while len(heard) < count:
                heard.append(next_event(quick, "played")["pitch"])

        listener = threading.Thread(target=listen)
        listener.start()
        for place in range(count):
            began = time.perf_counter()
            feed.played(NoteOn(place % 128, 80), began)
            longest = max(longest, time.perf_counter() - began)
            while place - len(heard) > WAITING // 2:
                time.sleep(0.001)
        listener.join(20)
        assert heard == [place % 128 for place in range(count)]
        assert longest < 0.1
        came = lost = 0
        while came + lost < count:
            event = hear(slow)
            came += event["event"] == "played"
            lost += event.get("count", 0)
        assert lost
        assert came + lost == count
        feed.notice("the end")
        assert next_event(slow, "notice")["text"] == "the end"


def test_one_subscriber_too_many_is_refused(folder: Path) -> None:
    del folder
    with listening(), contextlib.ExitStack() as stack:
        for _ in range(SUBSCRIBERS):
            subscribed(stack)
        with pytest.raises(MidigenError, match="4 others have subscribed already"):
            ask({"do": "subscribe"}, None)
        assert ask(STATUS, None) == {"mode": "duet"}


def test_a_fault_of_the_backend_while_it_sends_events_ends_that_client_alone(
    folder: Path,
) -> None:
    del folder
    player = Player()
    with listening(player), contextlib.ExitStack() as stack:
        ear = subscribed(stack)
        next_event(ear, "status")
        player.state = {"mode": object()}
        assert has_hung_up(ear)
        player.state = {"mode": "duet"}
        assert ask(STATUS, None) == {"mode": "duet"}
