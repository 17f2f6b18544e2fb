"""The same call again has another answer, whatever the model, the seed and the settings."""

from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.events import EndOfAnswer
from midigen.instrument.performer import Performer
from midigen.midi.messages import NoteOn, Seconds
from midigen.music.keys import SIZE
from midigen.prediction.mixture import Mixture, Probabilities
from midigen.prediction.window import Degrees
from midigen.settings.choices import Mode, RhythmSource
from midigen.settings.controls import Control
from midigen.settings.kinds import InBeats
from tests.models import Leaning, any_mixture
from tests.players import (
    AnyLetter,
    NextLetter,
    TimedEvents,
    TimedOutputs,
    always,
    drive,
    key,
    settings,
    together,
)

WHITE = [60, 62, 64, 65, 67, 69, 71]
APART: Seconds = 40.0  # between calls: longer than any answer below
CALLS = 3


class Whim(AnyLetter):
    """A predictor with random probabilities for each window, some of them sure of one letter."""

    max_notes = 6

    def __init__(self, seed: int, sharpness: float, mixture: Mixture | None) -> None:
        super().__init__()
        self._seed, self._sharpness, self.mixture = seed, sharpness, mixture

    def predict(self, windows: Degrees) -> Probabilities:
        return np.array([self._likely(window.tolist()) for window in windows], dtype=np.float32)

    def _likely(self, window: list[int]) -> Any:
        rng = np.random.default_rng([self._seed, *window])
        if rng.random() < 0.2:
            return np.eye(SIZE)[rng.integers(SIZE)]
        weights = rng.random(SIZE) ** self._sharpness + 1e-9
        return weights / weights.sum()


whims = st.builds(
    Whim,
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.5, 1.0, 5.0, 50.0]),
    st.sampled_from([None, any_mixture()]),
)
predictors = st.one_of(
    whims, st.just(NextLetter()), st.just(AnyLetter()), st.just(Leaning(any_mixture(1)))
)
calls = st.lists(st.sampled_from(WHITE), min_size=1, max_size=6)
chosen_settings = st.builds(
    settings,
    turn=st.just({"silence": 0.5}),
    response=st.fixed_dictionaries(
        {"length": st.sampled_from(["match", 1, 2, 9, InBeats(4.0), InBeats(7.5), "endless"])}
    ),
    rhythm=st.fixed_dictionaries(
        {
            "source": st.sampled_from([RhythmSource.MIRROR, RhythmSource.STEADY]),
            "density": st.sampled_from([1.0, 0.5]),
        }
    ),
    sampling=st.fixed_dictionaries(
        {
            "temperature": st.sampled_from([0.0, 0.01, 0.8, 1.0, 2.0]),
            "top_p": st.sampled_from([0.01, 0.9, 1.0]),
            "max_repeat": st.sampled_from(["off", 1, 2, 4]),
        }
    ),
    memory=st.fixed_dictionaries({"amount": st.sampled_from([0.0, 0.5, 1.0])}),
)


def phrase(call: list[int], at: Seconds) -> TimedEvents:
    return together(*(key(pitch, at + 0.4 * n, at + 0.4 * n + 0.2) for n, pitch in enumerate(call)))


def answers(outputs: TimedOutputs) -> list[list[int]]:
    """The pitch classes of each answer."""
    found: list[list[int]] = [[]]
    for _, output in outputs:
        if isinstance(output, NoteOn):
            found[-1].append(output.pitch % 12)
        elif isinstance(output, EndOfAnswer):
            found.append([])
    return [answer for answer in found if answer]


def same_again(
    chosen: Any, predictor: Any, seed: int, call: list[int], delayed: bool = False
) -> list[list[int]]:
    """The answers to a call that comes three times, and then to `again`, twice."""
    playing = Performer(chosen, predictor, np.random.default_rng(seed))
    repeats = together(
        *(phrase(call, n * APART) for n in range(CALLS)),
        [((CALLS + n) * APART, Control("again")) for n in range(2)],
    )
    until = (CALLS + 2) * APART
    return answers(drive(playing, repeats, until, always(0.01) if delayed else None))


@effort(deadline=None)
@given(chosen_settings, predictors, st.integers(0, 2**32 - 1), calls, st.booleans())
def test_a_call_that_comes_three_times_has_three_answers_and_again_another_one(
    chosen: Any, predictor: Any, seed: int, call: list[int], delayed: bool
) -> None:
    found = same_again(chosen, predictor, seed, call, delayed)
    assert len(found) == CALLS + 2
    assert [first for n, first in enumerate(found) if first in found[:n]] == []


def test_a_sure_model_changes_the_last_note_only() -> None:
    """Each note is the one above the last, and no other one is possible."""
    first, *others = same_again(settings(turn={"silence": 0.5}), NextLetter(), 0, [60, 62, 64])
    assert first == [5, 7, 9]
    assert [other[:2] for other in others] == [[5, 7]] * 4
    assert len({9, *(other[2] for other in others)}) == 5


def test_an_answer_that_was_broken_off_counts_too() -> None:
    chosen = settings(turn={"silence": 0.5}, sampling={"temperature": 0.0})
    playing = Performer(chosen, Leaning(), np.random.default_rng(0))
    events = together(
        phrase([60, 62, 64, 65], 0.0),
        [(2.1, Control("again"))],
    )
    broken_off, anew = answers(drive(playing, events, 9.0))
    assert len(broken_off) < 4
    assert len(anew) == 4
    assert anew[: len(broken_off)] != broken_off


def test_after_forget_it_may_be_the_same() -> None:
    chosen = settings(turn={"silence": 0.5}, sampling={"temperature": 0.0})
    playing = Performer(chosen, Leaning(any_mixture()), np.random.default_rng(0))
    forget: Any = [(APART - 1, Control("forget"))]
    events = together(phrase([60, 62, 64], 0.0), forget, phrase([60, 62, 64], APART))
    first, second = answers(drive(playing, events, 2 * APART))
    assert first == second


def test_another_call_may_have_the_same_answer() -> None:
    chosen = settings(turn={"silence": 0.5}, response={"length": 2}, memory={"amount": 0.0})
    playing = Performer(chosen, NextLetter(), np.random.default_rng(0))
    events = together(phrase([60, 62, 64], 0.0), phrase([65, 62, 64], APART))
    assert answers(drive(playing, events, 2 * APART)) == [[5, 7], [5, 7]]


def test_a_duet_repeats_itself() -> None:
    playing = Performer(settings(mode=Mode.DUET), NextLetter(), np.random.default_rng(0))
    outputs = drive(playing, together(*(phrase([60, 62], 4.0 * n) for n in range(3))), 12.0)
    assert answers(outputs) == [[2, 4]] * 3


def test_solo_repeats_itself_also_right_after_an_answer() -> None:
    """The second answer is broken off in the middle, where a former one still goes on."""
    chosen = settings(turn={"silence": 0.5}, response={"length": "endless"})
    playing = Performer(chosen, NextLetter(), np.random.default_rng(0))
    solo: Any = [(6.0, Control("mode", "solo"))]
    outputs = drive(playing, together(phrase([60], 0.0), phrase([60], 4.0), solo), 20.0)
    degrees = [
        WHITE.index(60 + output.pitch % 12)
        for time, output in outputs
        if time >= 6 and isinstance(output, NoteOn)
    ]
    assert len(degrees) > 40
    assert {(later - earlier) % SIZE for earlier, later in pairwise(degrees)} == {1}
