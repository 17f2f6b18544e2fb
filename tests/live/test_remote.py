"""What a daemon with its real threads answers to those who ask it from another terminal."""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from midigen import __version__
from midigen.errors import ConfigError, MidigenError, ModelError
from midigen.live.connection import Arrival
from midigen.live.control_protocol import answer
from midigen.live.daemon import Daemon
from midigen.live.intake import MOST
from midigen.live.remote import Remote
from midigen.midi.messages import Channel, NoteOff, NoteOn
from midigen.settings import config
from midigen.settings.choices import Mode
from midigen.settings.table import Settings
from tests.loop import DUET, Loop, run
from tests.players import NOTEBOOK, performer, settings
from tests.remotes import Client

Ask = Callable[[Remote, Loop], None]

FIELDS = {
    "mode": str,
    "turn": str,
    "key": str,
    "bpm": float,
    "beat": str,
    "model": str,
    "silence": str,
    "trouble": str,
    "scene": str,
    "sounding": list,
    "sounds": list,
    "notes": list,
    "heard": list,
    "played": list,
    "muted": bool,
    "holding": bool,
    "listening": list,
    "playing": list,
    "missing": list,
    "uptime": float,
    "notes_in": int,
    "notes_out": int,
    "dropped": int,
    "echoes": int,
    "worst": float,
    "priority": str,
    "pid": int,
    "version": str,
}


class Watched(Loop):
    """A connection that keeps whether it is to hear a clock."""

    listening = ("in",)  # type: ignore[assignment]  # a Loop has none
    playing = ("out",)  # type: ignore[assignment]
    missing = ("pedals",)  # type: ignore[assignment]
    dropped, returned = 2, 3

    def __init__(self) -> None:
        super().__init__()
        self.hears: list[bool] = []
        self.channels: list[int] = []

    def adjust(self, *, hears_clock: bool, channel: Channel) -> None:
        self.hears.append(hears_clock)
        self.channels.append(channel)


def asked(
    chosen: Settings, ask: Ask, load: Callable[[], Settings] | None = None, loop: Loop | None = None
) -> Loop:
    """Run a daemon here, and ask it something from another thread."""
    failures: list[BaseException] = []

    def script(loop: Loop, daemon: Daemon) -> None:
        try:
            ask(Remote(daemon, loop, chosen, load or (lambda: chosen)), loop)
        except BaseException as exc:  # pytest's own too: else nobody would hear of it
            failures.append(exc)
        daemon.stop()

    loop = run(chosen, script, loop)
    if failures:
        raise failures[0]
    return loop


def status(remote: Remote, expected: Mapping[str, Any]) -> Mapping[str, Any]:
    """The status as JSON carries it, once it is as expected."""
    end = time.perf_counter() + 10
    while True:
        try:
            found: Mapping[str, Any] = json.loads(json.dumps(dict(remote.status())))
        except MidigenError:  # only just starting
            found = {}
        if all(found.get(name) == value for name, value in expected.items()):
            return found
        assert time.perf_counter() < end, f"{found} is never {expected}"
        threading.Event().wait(0.005)


# --- status


def test_a_status_has_values_that_json_has() -> None:
    def ask(remote: Remote, loop: Loop) -> None:
        loop.play(NoteOn(60, 80))
        loop.wait_for(NoteOn(62, 80))
        found = status(remote, {"notes_out": 1})
        assert {name: type(value) for name, value in found.items()} == FIELDS
        changing = ("uptime", "worst", "priority")
        assert {name: value for name, value in found.items() if name not in changing} == {
            "mode": "duet",
            "turn": "midigen",
            "key": "C major",
            "bpm": 120.0,
            "beat": "internal",
            "model": "songs",
            "silence": "",
            "trouble": "",
            "scene": "",
            "sounding": [62],
            "sounds": ["D4"],
            "notes": list("CDEFGAB"),
            "heard": ["C"],
            "played": ["D"],
            "muted": False,
            "holding": False,
            "listening": ["in"],
            "playing": ["out"],
            "missing": ["pedals"],
            "notes_in": 1,
            "notes_out": 1,
            "dropped": 2,
            "echoes": 3,
            "pid": os.getpid(),
            "version": __version__,
        }
        assert 0 < found["worst"] < 10
        assert 0 <= found["uptime"] < 10
        assert found["priority"]

    asked(DUET, ask, loop=Watched())


def test_what_has_not_begun_has_no_status() -> None:
    loop = Loop()
    remote = Remote(Daemon(performer(DUET), loop, lambda _: None), loop, DUET, lambda: DUET)
    with pytest.raises(MidigenError, match="still starting"):
        remote.status()


def test_a_status_follows_what_is_played() -> None:
    def ask(remote: Remote, loop: Loop) -> None:
        loop.play(NoteOn(60, 80))
        status(remote, {"sounding": [62], "turn": "midigen"})
        loop.play(NoteOff(60))
        assert status(remote, {"sounding": []})["notes_out"] == 1

    asked(DUET, ask)


# --- set


def test_set_answers_with_the_performers_own_line() -> None:
    def ask(remote: Remote, _: Loop) -> None:
        assert remote.set("temperature", "0.8") == ["temperature 0.8"]
        assert remote.set("hold", "on") == ["hold on"]
        assert remote.set("key", "Eb minor") == ["key Eb minor"]
        assert remote.set("length", "4 beats") == ["length 4 beats"]
        assert remote.set("keep", "") == []
        status(remote, {"key": "Eb minor", "holding": True})

    asked(DUET, ask)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("temperature", "6", "temperature is a number 0 to 5, not '6'"),
        ("temperature", "", "temperature is a number 0 to 5, not ''"),
        ("mode", "trio", 'mode is one of "call-response", "duet", "solo", not \'trio\''),
        ("temprature", "1", "no control 'temprature': did you mean temperature?"),
    ],
)
def test_a_wrong_control_is_refused_and_the_performer_never_hears_of_it(
    name: str, value: str, problem: str
) -> None:
    def ask(remote: Remote, _: Loop) -> None:
        with pytest.raises(MidigenError) as refused:
            remote.set(name, value)
        assert str(refused.value) == problem

    asked(DUET, ask)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("scene", "chorus", "no scene 'chorus': there are none"),
        ("again", "", "again: there is no answer to repeat"),
    ],
)
def test_what_the_performer_refuses_is_an_error(name: str, value: str, problem: str) -> None:
    def ask(remote: Remote, _: Loop) -> None:
        with pytest.raises(MidigenError) as refused:
            remote.set(name, value)
        assert str(refused.value) == problem

    asked(DUET, ask)


def test_setting_ends_what_it_must_before_it_answers() -> None:
    def ask(remote: Remote, loop: Loop) -> None:
        loop.play(NoteOn(60, 80))
        loop.wait_for(NoteOn(62, 80))
        assert remote.set("mute", "on") == ["mute on"]
        assert loop.sent == [NoteOn(62, 80), NoteOff(62)]

    asked(DUET, ask)


def test_who_asks_through_the_channel_is_answered_in_json() -> None:
    def ask(remote: Remote, _: Loop) -> None:
        status(remote, {"mode": "duet"})

        def line(request: object) -> Any:
            return json.loads(answer(json.dumps(request).encode(), remote, Client()))

        assert line({"do": "status"})["ok"]["mode"] == "duet"
        assert line({"do": "set", "name": "tempo", "value": "96"}) == {"ok": ["tempo 96"]}
        assert line({"do": "set", "name": "tempo", "value": "fast"}) == {
            "error": "tempo is a number 20 to 400 (beats per minute), not 'fast'"
        }
        assert line({"do": "reload"}) == {"ok": ["the configuration was reloaded"]}

    asked(DUET, ask)


def test_a_clients_keyboard_is_heard_and_released() -> None:
    def ask(remote: Remote, loop: Loop) -> None:
        keyboard = remote.keyboard()
        assert keyboard.take(NoteOn(60, 80), time.perf_counter())
        loop.wait_for(NoteOn(62, 80))
        assert keyboard.release_held() == 1
        loop.wait_for(NoteOff(62))

    assert not asked(DUET, ask).hangs()


def test_a_flood_of_notes_from_a_client_is_kept_out() -> None:
    freed = threading.Event()

    def wait(_: object) -> tuple[()]:
        freed.wait(10)
        return ()

    def ask(remote: Remote, loop: Loop) -> None:
        keyboard = remote.keyboard()
        now = time.perf_counter()
        loop.enqueue(Arrival(now, wait, None))
        taken = [keyboard.take(NoteOn(60, 80), now) for _ in range(10_000)]
        freed.set()
        assert taken == [True] * MOST + [False] * (10_000 - MOST)

    assert not asked(DUET, ask).hangs()


def test_after_the_end_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("midigen.live.remote.REPLY_TIMEOUT", 0.05)
    found: list[Remote] = []
    asked(DUET, lambda remote, _: found.append(remote))
    with pytest.raises(MidigenError, match="too busy"):
        found[0].set("temperature", "0.8")


# --- reload


def test_a_file_that_has_changed_is_played_by(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    quiet = 'mode = "duet"\n[touch]\nvariation = 0\n'
    loop = Watched()

    def load() -> Settings:
        return config.load(file)

    def ask(remote: Remote, loop: Loop) -> None:
        file.write_text(f'{quiet}[tempo]\nsource = "clock"\nbpm = 90\n[output]\nchannel = 5\n')
        assert remote.reload() == ["the configuration was reloaded"]
        status(remote, {"mode": "duet", "bpm": 90.0, "beat": "clock (none yet)"})
        loop.play(NoteOn(60, 80))
        with loop.sent_one:  # an answer, by the model of the configuration
            assert loop.sent_one.wait_for(lambda: loop.sent, timeout=10)
        file.write_text(quiet)
        assert remote.reload() == ["the configuration was reloaded"]
        status(remote, {"bpm": 120.0, "sounding": []})

    asked(settings(), ask, load, loop)
    assert loop.hears == [True, False]
    assert loop.channels == [5, 1]
    assert not loop.hangs()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("mode = 'trio'", "mode"),
        ("[tempo]\nbpm = 1\nbar = 0", "2 errors"),
        ("mode = ", "not TOML"),
        ("model = 'none of them'", "none of them"),
        ("[[scene]]\nname = 'verse'\nmodel = 'none of them'", "none of them"),
    ],
)
def test_a_file_that_is_wrong_changes_nothing(tmp_path: Path, text: str, problem: str) -> None:
    """The note that sounds goes on sounding."""
    file = tmp_path / "config.toml"
    file.write_text(text)
    loop = Watched()

    def ask(remote: Remote, loop: Loop) -> None:
        loop.play(NoteOn(60, 80))
        before = status(remote, {"sounding": [62]})
        with pytest.raises((ConfigError, ModelError), match=problem):
            remote.reload()
        after = status(remote, {"sounding": [62]})
        moving = ("uptime", "worst")
        assert {**after, **dict.fromkeys(moving)} == {**before, **dict.fromkeys(moving)}
        loop.play(NoteOff(60))
        loop.wait_for(NoteOff(62))

    asked(DUET, ask, lambda: config.load(file), loop)
    assert loop.hears == []


def test_another_model_is_loaded_and_the_one_that_plays_stays_as_it_is() -> None:
    chosen = [DUET.changed("model", str(NOTEBOOK))]

    def ask(remote: Remote, loop: Loop) -> None:
        status(remote, {"model": "songs"})
        remote.reload()
        assert status(remote, {"model": str(NOTEBOOK)})["trouble"] == ""
        loop.play(NoteOn(60, 80))  # the notebook's model needs three
        status(remote, {"notes_in": 1, "notes_out": 0})
        remote.reload()
        assert status(remote, {"model": str(NOTEBOOK)})["trouble"] == ""

    asked(DUET, ask, lambda: chosen[0])


def test_what_counts_from_the_next_start_on_is_named() -> None:
    later = DUET.changed("ports.in_client", "mine").changed("record.path", "takes")
    asked_for = [later, later, DUET]

    def ask(remote: Remote, _: Loop) -> None:
        lines = [
            "the configuration was reloaded",
            "changes in ports, record take effect at the next start",
        ]
        assert remote.reload() == lines
        assert remote.reload() == lines  # it still does
        assert remote.reload() == lines[:1]

    asked(DUET, ask, lambda: asked_for.pop(0))


def test_a_reload_in_the_middle_of_a_solo_hangs_nothing() -> None:
    fast = settings(mode=Mode.SOLO, tempo={"bpm": 400.0}, rhythm={"subdivision": 8})

    def ask(remote: Remote, loop: Loop) -> None:
        loop.play(NoteOn(60, 80))
        for count in range(1, 6):
            with loop.sent_one:
                assert loop.sent_one.wait_for(lambda: len(loop.sent) > 20 * count, timeout=10)  # noqa: B023
            remote.reload()

    assert not asked(fast, ask).hangs()
