"""What a model of steps gives an answer: octaves, lengths and a rhythm; and what it is told.

The player's steps are 0.6 s, so without a shared beat the model's beat is 1.2 s. The tempo is 120.
"""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.events import EndOfAnswer, Notice
from midigen.instrument.performer import Performer
from midigen.midi.messages import Seconds
from midigen.music.keys import SIZE
from midigen.prediction.line import Rows
from midigen.prediction.outlook import Outlook
from midigen.prediction.predictor import Predictor
from midigen.prediction.steps import OCTAVES
from midigen.settings.choices import Mode, RhythmSource
from midigen.settings.controls import Control
from midigen.settings.kinds import InBeats
from tests.models import Stepping, Sure
from tests.players import (
    AnyLetter,
    NextLetter,
    TimedEvents,
    TimedOutputs,
    always,
    drive,
    key,
    notes,
    onsets,
    settings,
    together,
)

C_D_E = together(key(60, 0.0, 0.2), key(62, 0.6, 0.8), key(64, 1.2, 1.4))
ON_THE_BEAT = together(key(60, 0.5, 0.6), key(62, 1.0, 1.1), key(64, 1.5, 1.6))
LEARNED = RhythmSource.LEARNED


def new(predictor: Predictor, source: RhythmSource = LEARNED, **sections: Any) -> Performer:
    chosen = settings(turn={"silence": 0.5}, rhythm={"source": source}, **sections)
    return Performer(chosen, predictor, np.random.default_rng(0))


def played(outputs: TimedOutputs) -> list[tuple[Seconds, str, int]]:
    return [(round(time, 6), kind, pitch) for time, kind, pitch in notes(outputs)]


def said(outputs: TimedOutputs) -> list[str]:
    return [output.text for _, output in outputs if isinstance(output, Notice)]


# --- its rhythm


def test_an_answer_has_the_models_rhythm_at_the_players_pace() -> None:
    """Steps of 0.75 beats, of which a note sounds half; the last note rings for a usual step."""
    assert played(drive(new(Sure(0.75)), C_D_E, 9.0)) == [
        *((2.4, "on", 65), (2.85, "off", 65)),
        *((3.3, "on", 67), (3.75, "off", 67)),
        *((4.2, "on", 69), (4.8, "off", 69)),
    ]


def test_on_a_shared_beat_it_is_in_its_beats() -> None:
    assert played(drive(new(Sure(0.75), clock={"send": True}), ON_THE_BEAT, 9.0)) == [
        *((2.25, "on", 65), (2.4375, "off", 65)),
        *((2.625, "on", 67), (2.8125, "off", 67)),
        *((3.0, "on", 69), (3.5, "off", 69)),
    ]


def test_an_answer_that_is_due_at_once_is_foreseen() -> None:
    """While the player is silent, before it is midigen's turn."""
    outputs = drive(new(Sure()), key(60, 0.0, 0.2), 3.0, always(0.01))
    assert played(outputs) == [(0.7, "on", 62), (1.2, "off", 62)]


def test_forecasts_are_made_ahead_so_that_every_note_is_in_time() -> None:
    outputs = drive(new(Sure(0.25, 0.5)), C_D_E, 9.0, always(0.01))
    assert played(outputs) == [
        *((2.4, "on", 65), (2.7, "off", 65)),
        *((3.0, "on", 67), (3.15, "off", 67)),
        *((3.3, "on", 69), (3.9, "off", 69)),
    ]


def test_a_note_whose_end_is_never_known_sounds_no_longer_than_the_longest_gap() -> None:
    """Six beats: the forecasts come until the first note, and then no more."""
    playing = new(Sure(0.75))
    outputs = drive(playing, C_D_E, 20.0, itertools.chain([0.0] * 6, always(float("inf"))))
    assert played(outputs) == [(2.4, "on", 65), (9.6, "off", 65)]
    assert playing.deadline is None


def test_a_key_ends_a_note_whose_end_is_not_known() -> None:
    playing = new(Sure(0.75))
    forecasts = itertools.chain([0.0] * 6, always(float("inf")))
    outputs = drive(playing, together(C_D_E, key(72, 2.6, 2.7)), 2.8, forecasts)
    assert played(outputs) == [(2.4, "on", 65), (2.6, "off", 65)]


def test_solo_goes_on_in_the_models_rhythm() -> None:
    outputs = drive(new(Sure(1.0, 0.5), mode=Mode.SOLO), [], 4.0)
    assert onsets(outputs) == pytest.approx([0.0, 0.5, 0.75, 1.25, 1.5, 2.0, 2.25, 2.75, 3.25, 3.5,
                                             4.0])  # fmt: skip


def test_muted_it_keeps_its_time() -> None:
    unmute = [(3.1, Control("mute", False))]
    events: Any = together(C_D_E, unmute)  # type: ignore[arg-type]
    outputs = drive(new(Sure(0.75), output={"mute": True}), events, 9.0)
    assert played(outputs)[:2] == [(3.3, "on", 67), (3.75, "off", 67)]


@given(st.integers(0, 99), st.booleans(), st.sampled_from([0.5, 1.0, 2.0, 7.0]), st.booleans())
@effort(max_examples=40, deadline=None)
def test_an_answer_of_so_many_beats_begins_no_note_after_them(
    seed: int, sends: bool, beats: float, delayed: bool
) -> None:
    playing = new(
        Stepping(seed), response={"length": InBeats(beats), "max": 1000}, clock={"send": sends}
    )
    outputs = drive(playing, ON_THE_BEAT, 20.0, always(0.001) if delayed else None)
    first, *others = onsets(outputs)
    assert all(onset < first + beats / 2 for onset in others)
    assert EndOfAnswer() in [output for _, output in outputs]
    assert not playing.sounding


@given(st.integers(0, 99), st.sampled_from([Mode.CALL_RESPONSE, Mode.SOLO]))
@effort(max_examples=40, deadline=None)
def test_on_a_shared_beat_it_keeps_to_sixteenths_and_triplets(seed: int, mode: Mode) -> None:
    playing = new(Stepping(seed), mode=mode, clock={"send": True}, response={"length": 9})
    for onset in onsets(drive(playing, ON_THE_BEAT, 12.0)):
        beat = 2 * onset
        assert min(abs(beat * part - round(beat * part)) for part in (3, 4)) < 1e-4


@pytest.mark.parametrize("mode", [Mode.CALL_RESPONSE, Mode.SOLO])
def test_a_model_of_letters_mirrors_and_says_so_once(mode: Mode) -> None:
    twice: TimedEvents = [*C_D_E, *((time + 10, event) for time, event in C_D_E)]
    learned = drive(new(NextLetter(2), mode=mode), twice, 20.0)
    mirrored = drive(new(NextLetter(2), RhythmSource.MIRROR, mode=mode), twice, 20.0)
    line = "the model songs has no rhythm of its own: midigen mirrors yours (rhythm.source)"
    assert notes(learned) == notes(mirrored)
    assert [each for each in said(learned) if "rhythm" in each] == [line]
    assert not [each for each in said(mirrored) if "rhythm" in each]


# --- its octaves


def test_a_leap_is_an_octave_more_than_the_nearest_if_that_is_in_the_range() -> None:
    """Even far from the phrase. A'' would be too high, so it is the nearest one."""
    outputs = drive(new(Sure(octave=1)), C_D_E, 9.0)
    assert [pitch for _, kind, pitch in notes(outputs) if kind == "on"] == [77, 91, 93]


def test_a_duet_leaps_too() -> None:
    outputs = drive(new(Sure(octave=-1), mode=Mode.DUET), C_D_E, 2.0)
    assert [pitch for _, kind, pitch in notes(outputs) if kind == "on"] == [50, 52, 53]


class Wide(AnyLetter):
    """All letters are equally likely, and so are their octaves, if there are any."""

    def __init__(self, *, knows_octaves: bool) -> None:
        super().__init__()
        self._knows_octaves = knows_octaves

    def expect(self, rows: Rows, coming: Rows) -> Outlook:
        letters = np.full((len(coming), SIZE), 1 / SIZE, dtype=np.float32)
        octaves = np.full((len(rows), SIZE, len(OCTAVES)), 1 / len(OCTAVES), dtype=np.float32)
        return Outlook(letters, octaves if self._knows_octaves else None)


@pytest.mark.parametrize("mode", Mode)
def test_which_letters_a_seed_draws_does_not_depend_on_octaves(mode: Mode) -> None:
    lines = []
    for knows_octaves in (True, False):
        playing = new(Wide(knows_octaves=knows_octaves), RhythmSource.MIRROR, mode=mode)
        found = notes(drive(playing, C_D_E, 9.0))
        lines.append([(time, pitch) for time, kind, pitch in found if kind == "on"])
    leaping, near = lines
    assert leaping != near
    assert [(time, pitch % 12) for time, pitch in leaping] == [
        (time, pitch % 12) for time, pitch in near
    ]


# --- what it is told


def test_it_is_told_when_each_note_comes_and_how_many_are_left() -> None:
    predictor = Sure()
    drive(new(predictor, RhythmSource.MIRROR), C_D_E, 9.0)
    assert predictor.decided[-3:] == [(3, True, 1.0), (2, False, 0.5), (1, False, 0.5)]


def test_it_draws_a_gap_before_it_is_told_of_it() -> None:
    predictor = Sure(0.75)
    drive(new(predictor), C_D_E, 9.0)
    assert predictor.decided[-5:] == [
        (3, True, 1.0),
        *((2, False, None), (2, False, 0.75)),
        *((1, False, None), (1, False, 0.75)),
    ]


def test_an_answer_that_ends_by_beats_has_so_many_steps_left() -> None:
    predictor = Sure()
    drive(new(predictor, RhythmSource.STEADY, response={"length": InBeats(2.0)}), C_D_E, 9.0)
    assert [left for left, _, _ in predictor.decided[-4:]] == [4, 3, 2, 1]


@pytest.mark.parametrize("response", [{"length": "endless"}, {"hold": True}])
def test_without_an_end_it_is_not_told_how_many_are_left(response: Any) -> None:
    predictor = Sure()
    playing = new(predictor, RhythmSource.MIRROR, response=response)
    assert len(onsets(drive(playing, C_D_E, 9.0))) > 5
    assert predictor.decided == []


# --- what fails, and what is shown


@pytest.mark.parametrize("part", ["octaves", "gaps", "shares"])
@pytest.mark.parametrize("delays", [None, 0.001])
def test_a_model_fails_if_any_part_of_what_it_expects_does(
    part: str, delays: Seconds | None
) -> None:
    """Then the memory plays on alone, in the usual steps."""

    class Damaged(Sure):
        def expect(self, rows: Rows, coming: Rows) -> Outlook:
            outlook = super().expect(rows, coming)
            parts = {name: getattr(outlook, name) for name in ("octaves", "gaps", "shares")}
            parts[part] = np.full_like(parts[part], np.nan)
            return Outlook(outlook.letters, **parts)

    call = together(*(key(p, 0.6 * n, 0.6 * n + 0.2) for n, p in enumerate((60, 64, 67, 60))))
    playing = new(Damaged())
    outputs = drive(playing, call, 12.0, None if delays is None else always(delays))
    found = [(time, pitch) for time, kind, pitch in played(outputs) if kind == "on"]
    assert [pitch for _, pitch in found] == [64, 67, 72, 76]
    assert [time for time, _ in found] == pytest.approx([3.0, 3.6, 4.2, 4.8], abs=0.01)
    assert said(outputs) == [
        "the model songs fails (it gives numbers that aren't probabilities): "
        "playing on from memory alone"
    ]


def test_the_status_shows_the_rhythm_that_is_expected() -> None:
    playing = new(Sure(0.75), RhythmSource.MIRROR)
    assert playing.status().rhythm == ()
    drive(playing, C_D_E, 1.5)
    (first, *others) = playing.status().rhythm
    assert first == (0.75, 1.0)
    assert [likely for _, likely in others] == [0, 0]
    drive(letters := new(NextLetter(), RhythmSource.MIRROR), C_D_E, 1.5)
    assert letters.status().rhythm == ()
