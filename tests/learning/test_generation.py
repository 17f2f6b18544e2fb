from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import MidigenError
from midigen.instrument.drawing import new_sampler
from midigen.instrument.performer import Performer
from midigen.instrument.render import perform
from midigen.learning.baselines import Baselines
from midigen.learning.corpus import Song
from midigen.learning.generation import (
    CONTINUATION,
    OPENING,
    PHRASE,
    Report,
    carry_on,
    has_loop,
    report,
)
from midigen.learning.notes import Letters
from midigen.midi.messages import NoteOn
from midigen.music.keys import SIZE
from midigen.prediction.mixture import Probabilities
from midigen.prediction.predictor import Predictor
from midigen.prediction.sampling import Sampler
from midigen.prediction.window import Degrees
from midigen.settings.table import Settings
from tests.models import CONSTANT, Leaning, any_mixture
from tests.players import AnyLetter, NextLetter, key, settings, together

LENGTH = OPENING + CONTINUATION
SCALE = Song("scale", np.arange(200, dtype=np.uint8) % SIZE)
NEVER = Baselines.count([np.zeros(20, dtype=np.uint8)])
"""Baselines of a song that repeats one letter."""


class SameAgain(NextLetter):
    """A predictor that is sure that the letter of so many notes ago comes again."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.max_notes = period

    def predict(self, windows: Degrees) -> Probabilities:
        return np.eye(SIZE, dtype=np.float32)[windows[:, 0]]


def random_song(seed: int, length: int) -> Song:
    rng = np.random.default_rng(seed)
    return Song(str(seed), rng.integers(0, SIZE, length, dtype=np.uint8))


SONGS = [random_song(seed, 60 + 10 * seed) for seed in range(4)]


def sampler(
    temperature: float = 1.0, max_repeat: int | None = None
) -> Callable[[np.random.Generator], Sampler]:
    return lambda rng: Sampler(rng, temperature=temperature, top_p=1.0, max_repeat=max_repeat)


def reported(
    predictor: Predictor,
    songs: list[Song],
    baselines: Baselines = NEVER,
    *,
    new_sampler: Callable[[np.random.Generator], Sampler] = sampler(),  # noqa: B008
    seed: int = 0,
) -> Report:
    return report(
        predictor, songs, baselines, 30, new_sampler=new_sampler, memory_amount=1.0, seed=seed
    )


def test_the_same_seed_gives_the_same_report() -> None:
    baselines = Baselines.count([SONGS[1].letters])
    predictor = Leaning(any_mixture())
    one, again, other = (reported(predictor, SONGS, baselines, seed=seed) for seed in (3, 3, 4))
    assert one == again
    assert one.openings == 30
    assert one.played != other.played
    assert one.real != other.real


def test_the_same_seed_gives_two_models_the_same_openings() -> None:
    baselines = Baselines.count([SONGS[1].letters])
    one, other = (reported(model, SONGS, baselines) for model in (AnyLetter(), NextLetter()))
    assert one.real == other.real
    assert one.played != other.played
    assert 0.1 < one.real.from_training < 0.5  # about a quarter of the excerpts are from that song


@pytest.mark.parametrize("seed", range(3))
def test_the_songs_own_continuations_have_no_divergence(seed: int) -> None:
    real = reported(NextLetter(), SONGS, seed=seed).real
    assert (real.letters, real.intervals) == (0, 0)


def test_a_predictor_that_plays_like_the_songs_has_their_character() -> None:
    """The song is a scale, so every phrase of it is in the opening."""
    baselines = Baselines.count([SCALE.letters])
    found = reported(NextLetter(), [SCALE], baselines)
    assert found.played == found.real
    assert found.played.from_opening == found.played.from_training == 1
    assert found.played.loops == 0
    nowhere = reported(NextLetter(), [SCALE], NEVER).played
    assert nowhere == replace(found.played, from_training=0)


def test_phrases_copied_from_the_opening_are_counted() -> None:
    """It plays the opening twice. Of 25 phrases of 8, nine and nine are inside one round."""
    assert (OPENING, CONTINUATION, PHRASE) == (16, 32, 8)
    song = random_song(5, LENGTH)
    assert reported(SameAgain(OPENING), [song]).played.from_opening == pytest.approx(18 / 25)


def test_phrases_copied_from_training_songs_are_counted() -> None:
    """Of 25 phrases, those that end before the tenth letter are known."""
    song = random_song(6, LENGTH)
    known = Baselines.count([song.letters[: OPENING + 10]])
    assert reported(AnyLetter(), [song], known).real.from_training == pytest.approx(3 / 25)


def test_a_predictor_that_loops_is_detected() -> None:
    stuck = reported(SameAgain(1), SONGS, new_sampler=sampler(0.0)).played
    assert stuck.loops == 1
    assert stuck.intervals > 1


def test_the_repetition_limit_prevents_loops() -> None:
    guarded = reported(SameAgain(1), SONGS, new_sampler=sampler(0.0, 3)).played
    assert guarded.loops == 0
    assert guarded.intervals > 0


@pytest.mark.parametrize(("period", "loops"), [(2, True), (3, True), (4, True), (5, False)])
def test_loops_have_up_to_four_letters(period: int, loops: bool) -> None:
    song = random_song(7, LENGTH)
    assert reported(SameAgain(period), [song]).played.loops == loops


@given(st.lists(st.integers(0, 1), max_size=40) | st.lists(st.integers(0, 6), max_size=40))
def test_a_loop_comes_four_times(line: list[int]) -> None:
    expected = any(
        line[start : start + 4 * period] == line[start : start + period] * 4
        for period in (1, 2, 3, 4)
        for start in range(len(line) - 4 * period + 1)
    )
    assert has_loop(np.array(line, dtype=np.uint8)) == expected


@given(
    st.lists(st.integers(0, 6), max_size=15),
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.lists(st.integers(0, 6), max_size=15),
)
def test_a_loop_is_found_anywhere_in_a_line(
    before: list[int], round_: list[int], after: list[int]
) -> None:
    assert has_loop(np.array([*before, *round_ * 4, *after], dtype=np.uint8))


def test_songs_must_be_long_enough() -> None:
    with pytest.raises(MidigenError, match=f"no song has the {LENGTH} notes"):
        reported(AnyLetter(), [random_song(0, LENGTH - 1), random_song(1, 3)])
    with pytest.raises(MidigenError):
        reported(AnyLetter(), [])
    assert reported(AnyLetter(), [random_song(0, LENGTH), random_song(1, 3)]).openings == 30


def test_openings_come_from_anywhere_in_a_song() -> None:
    """The letters of this song tell where they are in it."""
    song = Song("long", np.repeat(np.arange(SIZE, dtype=np.uint8), 60))
    heard: list[int] = []

    class Listener(AnyLetter):
        def predict(self, windows: Degrees) -> Probabilities:
            heard.append(int(windows[0, 0]))
            return super().predict(windows)

    reported(Listener(), [song])
    assert set(heard) == set(range(SIZE))


def played_live(predictor: Predictor, chosen: Settings, opening: Letters, seed: int) -> list[int]:
    """The letters of a performer's answer to an opening that is played as a phrase."""
    playing = Performer(chosen, predictor, np.random.default_rng(seed))
    scale = chosen.key
    pitches = [scale.nearest(int(degree), 60, 50, 70) for degree in opening]
    events = together(*(key(pitch, note, note + 0.5) for note, pitch in enumerate(pitches)))
    answer = [output.pitch for _, output in perform(playing, events) if isinstance(output, NoteOn)]
    return [scale.degree(pitch) or 0 for pitch in answer]


@pytest.mark.parametrize("seed", range(5))
def test_an_opening_is_carried_on_as_in_live_play(seed: int) -> None:
    predictor = Leaning(CONSTANT)  # unsure enough not to repeat itself
    chosen = settings(
        response={"length": CONTINUATION}, sampling={"max_repeat": 2, "temperature": 2.0}
    )
    opening = random_song(seed, OPENING)
    sampler = new_sampler(chosen.sampling, np.random.default_rng(seed))
    carried_on = carry_on(predictor, opening, sampler, chosen.memory.amount)
    assert carried_on.tolist() == played_live(predictor, chosen, opening.letters, seed)
