"""Where no answer comes, a line and the status say why, and what to do."""

from typing import Any

import pytest

from midigen.instrument.events import Event, Notice
from midigen.instrument.performer import Performer
from midigen.instrument.silence import LONG
from midigen.midi.messages import ChannelMessage, Clock, NoteOff, NoteOn, Seconds
from midigen.settings.choices import Mode, TempoSource
from midigen.settings.controls import Control
from midigen.settings.table import Settings
from tests.players import TimedEvents, key, performer, settings, together

CALL = settings(turn={"silence": 0.5})
CLOCK = {"source": TempoSource.CLOCK}


def said(playing: Performer, events: TimedEvents, until: Seconds) -> list[tuple[Seconds, str]]:
    """The lines that are told, with their times."""
    outputs = [(0.0, each) for each in playing.start(0.0)]
    heard: list[tuple[Seconds, Event | None]] = [*events, (until, None)]
    for time, event in heard:
        while (due := playing.deadline) is not None and due <= time:
            outputs += [(round(due, 6), each) for each in playing.advance(due)]
        if event is not None:
            outputs += [(round(time, 6), each) for each in playing.handle(event, time)]
    return [(time, each.text) for time, each in outputs if isinstance(each, Notice)]


def pedal(value: int) -> ChannelMessage:
    return ChannelMessage(0xB0, (64, value))


def test_a_key_whose_release_says_another_note_is_named() -> None:
    """As after an octave button between the two."""
    playing = performer(CALL)
    events = together(key(64, 0.0, 0.2), [(0.3, NoteOn(60, 80)), (0.5, NoteOff(72))])
    ((time, line),) = said(playing, events, 30.0)
    assert time == 0.3 + LONG
    assert line == (
        "no answer while C4 is held: if it isn't, its note-off was lost: strike it again, "
        "or type :panic"
    )
    assert playing.status().silence == line
    playing.handle(NoteOn(60, 80), 40.0)
    playing.handle(NoteOff(60), 40.1)
    assert playing.status().silence == ""
    assert [each for each in playing.advance(40.6) if isinstance(each, NoteOn)]


def test_it_is_said_again_once_something_else_is_held() -> None:
    held: TimedEvents = [(0.0, NoteOn(60, 80)), (30.0, NoteOn(64, 80)), (30.1, NoteOff(64))]
    lines = said(performer(CALL), [*held, (31.0, NoteOn(67, 80))], 60.0)
    assert [time for time, _ in lines] == [LONG, 30 + LONG + 1]
    assert lines[1][1].startswith("no answer while C4, G4 are held: if they aren't, ")


@pytest.mark.parametrize("reversed_", [False, True])
def test_a_pedal_that_stays_down_is_named(reversed_: bool) -> None:
    """Also one that is wired the other way round: it says down as it comes up."""
    down, up = (0, 127) if reversed_ else (127, 0)
    playing = performer(CALL)
    events = together([(0.1, pedal(down)), (0.6, pedal(up))], key(60, 0.2, 0.4))
    lines = said(playing, events, 30.0)
    assert len(lines) == reversed_
    if reversed_:
        assert lines[0][0] == pytest.approx(0.6 + LONG)
        assert lines[0][1].startswith("no answer while the sustain pedal is down: if it is up, ")
        assert playing.status().silence == lines[0][1]
        playing.handle(Control("panic"), 31.0)
        assert playing.status().silence == "panic: everything is silent until you play on"


@pytest.mark.parametrize(
    ("chosen", "events"),
    [
        (settings(mode=Mode.DUET), [(0.0, NoteOn(60, 80))]),  # it answers all the same
        (settings(mode=Mode.SOLO), [(0.0, NoteOn(60, 80))]),
        (CALL, together(key(60, 0.0, LONG - 0.1))),  # not that long
        (CALL, [(0.0, pedal(127))]),  # nothing was played that could be answered
        (
            settings(turn={"silence": 0.5}, response={"length": "endless", "hold": True}),
            together(key(60, 0.0, 0.1), [(2.0, NoteOn(62, 80))]),  # an answer goes on
        ),
    ],
)
def test_what_holds_nothing_up_isnt_told(chosen: Settings, events: TimedEvents) -> None:
    playing = performer(chosen)
    assert said(playing, events, 30.0) == []
    assert playing.status().silence == ""


def test_a_clock_that_never_came_is_told() -> None:
    playing = performer(settings(turn={"silence": 0.5}, tempo=CLOCK))
    assert said(playing, [], 30.0) == [
        (
            5.0,
            "no MIDI clock yet: midigen plays at 120 bpm on its own; send a clock to its input, "
            "or set tempo.source",
        )
    ]


def test_a_clock_that_comes_is_not_missed() -> None:
    ticks: TimedEvents = [(4.9 + n / 48, Clock.TICK) for n in range(48 * 5)]
    lines = said(performer(settings(tempo=CLOCK)), ticks, 9.0)
    assert [line for _, line in lines] == ["following the clock, at about 120 bpm"]


def test_solo_that_waits_for_a_clocks_start_says_so() -> None:
    playing = performer(settings(mode=Mode.SOLO, tempo=CLOCK))
    ticks: TimedEvents = [(n / 48, Clock.TICK) for n in range(1, 200)]
    waits = "solo waits for the clock's start: press play where the clock comes from"
    assert said(playing, [(0.0, Clock.STOP), *ticks], 4.0)[-2:-1] == [(0.0, waits)]
    assert playing.status().silence == waits
    playing.handle(Clock.START, 4.0)
    assert playing.status().silence == ""


@pytest.mark.parametrize("mode", Mode)
def test_panic_says_how_to_go_on(mode: Mode) -> None:
    playing = performer(settings(mode=mode, turn={"silence": 0.5}))
    lines = said(playing, [*key(60, 0.0, 0.1), (0.3, Control("panic"))], 5.0)
    goes_on = "a note to start it again" if mode is Mode.SOLO else "on"
    assert lines == [(0.3, f"panic: everything is silent until you play {goes_on}")]
    assert playing.status().silence == lines[0][1]
    outputs = playing.handle(NoteOn(60, 80), 6.0) + playing.handle(NoteOff(60), 6.1)
    assert playing.status().silence == ""
    while (due := playing.deadline) is not None and due < 8:
        outputs += playing.advance(due)
    assert [each for each in outputs if isinstance(each, NoteOn)]


@pytest.mark.parametrize(
    ("limits", "note", "line"),
    [
        ({}, NoteOn(36, 80, 10), "channel 10 is ignored"),
        ({"channel": 3}, NoteOn(60, 80, 1), "channel 1 is ignored: midigen listens to channel 3"),
        ({"low": 61}, NoteOn(60, 80), "C4 is ignored: midigen listens from C#4 to G9"),
    ],
)
def test_notes_that_arent_heard_are_told_of_once(
    limits: dict[str, Any], note: NoteOn, line: str
) -> None:
    playing = performer(settings(input=limits))
    lines = said(playing, [(0.0, note), (1.0, note)], 2.0)
    assert [text[: len(line)] for _, text in lines] == [line]
    assert playing.status().silence == lines[0][1]


def test_notes_that_arent_heard_beside_others_that_are_leave_the_status_alone() -> None:
    playing = performer(CALL)
    lines = said(playing, [*key(60, 0.0, 0.1), (0.2, NoteOn(36, 80, 10))], 0.3)
    assert len(lines) == 1
    assert playing.status().silence == ""
