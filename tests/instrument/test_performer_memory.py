"""The controls of the memory, and the guard against repeated notes, as they are heard.

The tempo is 120 with two steps a beat: a step is 0.25 s, and a note sounds 0.2 s
of it, an answer's last note a beat. At temperature 0, who finds all letters equally
likely plays C, unless the memory knows better.
"""

from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.events import EndOfAnswer, Event, Notice, Output
from midigen.instrument.performer import Performer
from midigen.instrument.render import perform
from midigen.midi.messages import NoteOff, NoteOn, Seconds
from midigen.music.keys import Key
from midigen.prediction.predictor import Predictor
from midigen.settings.choices import Mode
from midigen.settings.controls import CONTROLS, Control
from midigen.settings.table import Settings
from tests.models import AnyLetterAndMemory, SameLetter
from tests.players import AnyLetter, NextLetter, TimedEvents, key, settings, together

ONE = settings(turn={"silence": 0.5}, sampling={"temperature": 0.0}, response={"length": 1})
"""Answers with one note, the likeliest."""

C_E_G_C_E = together(*(key(pitch, i / 5, i / 5 + 0.1) for i, pitch in enumerate([60, 64, 67] * 2)))[
    :10
]
"""Ends at 0.9, so that its answer begins at 1.4; after C E, G has followed."""


FORGOTTEN = Notice("forgotten: window and memory are empty")


def play(
    chosen: Settings,
    *events: TimedEvents | tuple[Seconds, Event],
    predictor: Predictor | None = None,
) -> Any:
    """Everything that is played to events, with times rounded to a microsecond."""
    playing = Performer(chosen, predictor or AnyLetterAndMemory(), np.random.default_rng(0))
    lists = [each if isinstance(each, list) else [each] for each in events]
    played = perform(playing, together(*lists))
    return [(round(time, 6), output) for time, output in played]


def live(playing: Performer, events: TimedEvents, *, prepares: bool) -> list[Output]:
    """What is played to events and a while after; it may predict before each call."""
    outputs = playing.start(0.0)
    for time, event in [*events, (events[-1][0] + 5.0, Control("memory", "1"))]:
        while (due := playing.deadline) is not None and due <= time:
            outputs += playing.advance(due)
            if prepares:
                playing.prepare()
        outputs += playing.handle(event, time)
        if prepares:
            playing.prepare()
    return outputs


def letters(chosen: Settings, outputs: list[Output]) -> list[int | None]:
    return [chosen.key.degree(each.pitch) for each in outputs if isinstance(each, NoteOn)]


def note(pitch: int, onset: Seconds, end: Seconds) -> Any:
    return [(onset, NoteOn(pitch, 80)), (end, NoteOff(pitch))]


# --- forget


def test_it_answers_by_what_was_played_tonight() -> None:
    assert play(ONE, C_E_G_C_E) == [*note(67, 1.4, 1.9), (1.9, EndOfAnswer())]


def test_what_was_played_before_forgetting_has_no_answer() -> None:
    assert play(ONE, C_E_G_C_E, (1.0, Control("forget"))) == [
        (1.0, FORGOTTEN),
        (1.4, Notice("listening: 1 more note before the model can answer")),
        (1.4, EndOfAnswer()),
    ]


def test_what_is_played_after_forgetting_is_remembered() -> None:
    later = [(time + 3.0, event) for time, event in C_E_G_C_E]
    outputs = play(ONE, together(*(key(p, 0, 0.1) for p in (60, 64, 69, 71))), later,
                   (2.0, Control("forget")))  # fmt: skip
    assert outputs[-3:] == [*note(67, 4.4, 4.9), (4.9, EndOfAnswer())]


def test_forgetting_ends_an_answer() -> None:
    chosen = settings(turn={"silence": 0.5}, sampling={"temperature": 0.0}, response={"length": 2})
    assert play(chosen, C_E_G_C_E, (1.5, Control("forget"))) == [
        *note(67, 1.4, 1.5),
        (1.5, EndOfAnswer()),
        (1.5, FORGOTTEN),
    ]


@pytest.mark.parametrize(
    ("name", "tonic"), [("C major", 60), ("A minor", 57), ("D dorian", 62), ("F# phrygian", 66)]
)
def test_solo_begins_by_itself_on_the_tonic_and_again_after_forgetting(
    name: str, tonic: int
) -> None:
    chosen = settings(mode=Mode.SOLO, key=Key.named(name), response={"max": 6})
    outputs = play(chosen, (1.1, Control("forget")), predictor=NextLetter())[:40]
    struck = [(time, each.pitch) for time, each in outputs if isinstance(each, NoteOn)]
    assert [time for time, _ in struck[:8]] == [step / 4 for step in range(8)]
    assert struck[0] == (0.0, tonic)
    assert (struck[5][1] - tonic) % 12 == 0
    assert [pitch - struck[5][1] for _, pitch in struck[5:8]] == [
        pitch - tonic for _, pitch in struck[:3]
    ]
    assert not [each for _, each in outputs if isinstance(each, Notice) and each != FORGOTTEN]


def test_solo_with_a_model_that_needs_more_listens_anew_after_forgetting() -> None:
    events: list[TimedEvents | tuple[Seconds, Event]] = [
        *(key(60, 0.0, 0.1), key(64, 0.2, 0.25), (0.6, Control("forget"))),
        *(key(60, 1.1, 1.2), key(62, 1.3, 1.35)),
    ]
    outputs = play(settings(mode=Mode.SOLO), *events, predictor=NextLetter(2))
    assert [(time, each.text) for time, each in outputs if isinstance(each, Notice)] == [
        (0.0, "listening: 2 more notes before the model can answer"),
        (0.0, "listening: 1 more note before the model can answer"),
        (0.6, FORGOTTEN.text),
        (0.6, "listening: 2 more notes before the model can answer"),
        (1.1, "listening: 1 more note before the model can answer"),
    ]
    onsets = [time for time, each in outputs if isinstance(each, NoteOn)]
    assert onsets[:4] == [0.25, 0.5, 1.5, 1.75]


# --- memory


@pytest.mark.parametrize(
    ("value", "text", "pitch"),
    [("0", "0", 60), ("0.0", "0", 60), ("0.25", "0.25", 67), (" 1", "1", 67)],
)
def test_the_amount_is_set_while_playing(value: str, text: str, pitch: int) -> None:
    assert play(ONE, C_E_G_C_E, (1.0, Control("memory", value))) == [
        (1.0, Notice(f"memory {text}")),
        *note(pitch, 1.4, 1.9),
        (1.9, EndOfAnswer()),
    ]


def test_what_is_played_at_amount_0_is_remembered_for_later() -> None:
    off, on = Control("memory", "0"), Control("memory", "1")
    assert play(ONE, (0.0, off), C_E_G_C_E, (1.0, on)) == [
        (0.0, Notice("memory 0")),
        (1.0, Notice("memory 1")),
        *note(67, 1.4, 1.9),
        (1.9, EndOfAnswer()),
    ]


@pytest.mark.parametrize("value", ["", "x", "-0.1", "1.01", "nan", "inf", "1e999", "0,5"])
def test_a_wrong_amount_says_so_and_changes_nothing(value: str) -> None:
    chosen = settings(
        turn={"silence": 0.5},
        sampling={"temperature": 0.0},
        response={"length": 1},
        memory={"amount": 0.5},
    )
    assert play(chosen, C_E_G_C_E, (1.0, Control("memory", value))) == [
        (1.0, Notice(f"memory is a number 0 to 1, not {value!r}", is_refusal=True)),
        *note(67, 1.4, 1.9),
        (1.9, EndOfAnswer()),
    ]


def test_an_unknown_control_lists_those_there_are() -> None:
    (only,) = play(ONE, (0.0, Control("memory.amount", "0")))
    assert only == (
        0.0,
        Notice("no control 'memory.amount': did you mean memory?", is_refusal=True),
    )
    (only,) = play(ONE, (0.0, Control("quux", "0")))
    assert only == (
        0.0,
        Notice(f"no control 'quux': there are {', '.join(CONTROLS)}", is_refusal=True),
    )


@pytest.mark.parametrize("mode", [Mode.CALL_RESPONSE, Mode.DUET])
def test_what_was_predicted_ahead_is_predicted_again(mode: Mode) -> None:
    chosen = settings(mode=mode, sampling={"temperature": 0.0})
    events = [*C_E_G_C_E, (0.95, Control("memory", "0"))]
    if mode is Mode.DUET:
        events += key(60, 1.0, 1.1)
    expected, found = (
        live(
            Performer(chosen, AnyLetterAndMemory(), np.random.default_rng(0)),
            events,
            prepares=prepares,
        )
        for prepares in (False, True)
    )
    assert found == expected
    notice = next(number for number, each in enumerate(found) if isinstance(each, Notice))
    assert letters(chosen, found[notice:])[0] == 0  # by the model alone


# --- max_repeat


def guarded(max_repeat: int | str, length: int, **more: Any) -> Settings:
    return settings(
        turn={"silence": 0.5},
        sampling={"temperature": 0.0, "max_repeat": max_repeat},
        response={"length": length},
        **more,
    )


def test_no_note_comes_more_often_in_a_row_than_it_may() -> None:
    """After G G comes C, the first letter, since all but G are equally unlikely."""
    assert play(guarded(2, 5), key(67, 0.0, 0.1), predictor=SameLetter()) == [
        *note(67, 0.6, 0.8),
        *note(67, 0.85, 1.05),
        *note(72, 1.1, 1.3),
        *note(72, 1.35, 1.55),
        *note(74, 1.6, 2.1),
        (2.1, EndOfAnswer()),
    ]


def test_without_a_guard_it_may_stay_on_a_note() -> None:
    assert play(guarded("off", 6), key(67, 0.0, 0.1), predictor=SameLetter()) == [
        *(each for step in range(5) for each in note(67, 0.6 + step / 4, 0.8 + step / 4)),
        *note(67, 1.85, 2.35),
        (2.35, EndOfAnswer()),
    ]


def test_each_answer_is_a_line_of_its_own() -> None:
    """The second may begin with C, on which the first has ended."""
    keys = together(key(67, 0.0, 0.1), key(72, 2.0, 2.1))
    assert play(guarded(1, 2), keys, predictor=SameLetter()) == [
        *note(67, 0.6, 0.8),
        *note(72, 0.85, 1.35),
        (1.35, EndOfAnswer()),
        *note(72, 2.6, 2.8),
        *note(74, 2.85, 3.35),
        (3.35, EndOfAnswer()),
    ]


def test_a_prepared_answer_is_a_line_of_its_own_too() -> None:
    chosen = guarded(1, 1)
    keys = together(key(67, 0.0, 0.1), key(69, 2.0, 2.1), key(67, 2.2, 2.3))
    for prepares in (False, True):
        playing = Performer(chosen, SameLetter(), np.random.default_rng(0))
        assert letters(chosen, live(playing, keys, prepares=prepares)) == [4, 4]


def test_in_a_duet_the_answers_are_one_line() -> None:
    keys = together(*(key(67, second, second + 0.1) for second in range(4)))
    chosen = guarded(2, 1, mode=Mode.DUET)
    played = play(chosen, keys, predictor=SameLetter())
    pitches = [output.pitch for _, output in played if isinstance(output, NoteOn)]
    assert pitches == [67, 67, 72, 67]


@given(st.integers(1, 3), st.integers(0, 9), st.sampled_from([AnyLetter, SameLetter]))
@effort(max_examples=30, deadline=None)
def test_solo_never_repeats_a_note_more_often(
    max_repeat: int, seed: int, predictor: type[NextLetter]
) -> None:
    chosen = settings(mode=Mode.SOLO, sampling={"max_repeat": max_repeat})
    playing = Performer(chosen, predictor(), np.random.default_rng(seed))
    outputs = playing.start(0.0)
    outputs += playing.handle(NoteOn(60, 80), 0.0)
    for step in range(400):
        playing.prepare()
        outputs += playing.advance(step / 8)
    played = letters(chosen, outputs)
    assert len(played) > 150
    assert max(len(list(run)) for _, run in groupby(played)) <= max_repeat
