"""The judge tells what is different, and nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("sklearn", reason="the judge needs the train extra")

from midigen.errors import MidigenError
from midigen.learning.answerers import random_walk, shuffled
from midigen.learning.corpus import Tune, find_files, read, songs
from midigen.learning.features import features, in_key
from midigen.learning.judge import VOID_BELOW, judge
from midigen.learning.notes import Notes
from midigen.learning.phrases import Exchange, exchanges
from tests.phrases import exchanges_of_scales, phrase, scale_like
from tests.players import ROOT

CORPUS = ROOT.parent / "shared" / "corpus" / "pop909"
COUNT = 200
SCALES = exchanges_of_scales(1, COUNT)
phrases = st.lists(st.integers(40, 90), min_size=1, max_size=12).map(phrase)


def judged(played: list[Notes], made: list[Exchange] = SCALES) -> float:
    calls, real = [each.call for each in made], [each.answer for each in made]
    return judge([each.song for each in made], calls, real, played)


def test_it_tells_a_walk_from_scales() -> None:
    rng = np.random.default_rng(2)
    assert judged([random_walk(each.call, rng) for each in SCALES]) > VOID_BELOW


def test_it_tells_shuffled_notes_from_scales() -> None:
    rng = np.random.default_rng(3)
    assert judged([shuffled(each.call, rng) for each in SCALES]) > VOID_BELOW


def test_it_cannot_tell_answers_that_are_made_in_the_same_way() -> None:
    rng = np.random.default_rng(4)
    assert 0.4 < judged([scale_like(rng) for _ in SCALES]) < 0.6


def test_it_does_not_hear_what_an_answerer_does_not_choose() -> None:
    """The number of notes, the bars, the last note's length, and a start at another time."""
    rng = np.random.default_rng(5)
    played = [_otherwise(scale_like(rng)) for _ in SCALES]
    assert 0.4 < judged(played) < 0.6


def test_it_does_not_hear_that_a_rhythm_is_the_calls() -> None:
    """All have rhythms of the same kind; the played answers have their call's own."""
    rng = np.random.default_rng(6)
    made = [
        replace(each, call=_in_rhythm(each.call, rng), answer=_in_rhythm(each.answer, rng))
        for each in SCALES
    ]
    played = [replace(scale_like(rng), onsets=each.call.onsets) for each in made]
    assert 0.4 < judged(played, made) < 0.6


def test_it_hears_rhythm() -> None:
    rng = np.random.default_rng(7)
    played = [_in_rhythm(scale_like(rng), rng) for _ in SCALES]
    assert judged(played) > VOID_BELOW


def test_it_is_asked_only_about_songs_that_it_did_not_learn() -> None:
    """Each song has its own way to tell, which says nothing about the others."""
    rng = np.random.default_rng(8)
    made, played = [], []
    for number in range(COUNT):
        name = number % 2
        lines = [scale_like(rng) for _ in range(3)]
        low = phrase([*(lines[2].pitches - 24)])
        real, other = (lines[1], low) if name else (low, lines[1])
        made.append(Exchange(f"song {name}", lines[0], real))
        played.append(other)
    assert judged(played, made) < 0.1


def test_each_call_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All calls of a song are learned together, and asked about in the other half."""
    learned: list[list[bool]] = []

    def auc(_: object, half: np.ndarray[Any, Any]) -> float:
        learned.append(half.tolist())
        return 0.25 * len(learned)

    monkeypatch.setattr("midigen.learning.judge._auc", auc)
    assert judged([each.answer for each in SCALES]) == 0.375
    one, other = learned
    assert other == [not is_learned for is_learned in one]
    assert sum(one) == COUNT / 2
    assert len({*zip((each.song for each in SCALES), one, strict=True)}) == 20


def test_the_same_seed_gives_the_same_auc() -> None:
    rng = np.random.default_rng(9)
    played = [scale_like(rng) for _ in SCALES]
    assert judged(played) == judged(played)


def test_it_needs_two_songs() -> None:
    one = [replace(each, song="one") for each in SCALES]
    with pytest.raises(MidigenError, match="two songs"):
        judged([each.call for each in one], one)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus isn't beside this checkout")
def test_it_tells_a_walk_from_real_songs() -> None:
    tunes = (each for each in read(find_files([CORPUS])[:200]) if isinstance(each, Tune))
    made = exchanges(songs(tunes))
    rng = np.random.default_rng(11)
    made = [made[index] for index in rng.permutation(len(made))[:400]]
    assert judged([random_walk(each.call, rng) for each in made], made) > VOID_BELOW


# --- features


@given(phrases, phrases)
def test_there_are_always_as_many_features(call: Notes, answer: Notes) -> None:
    assert len(features(call, answer)) == len(features(SCALES[0].call, SCALES[0].answer))


@given(phrases, phrases, st.sampled_from([-24, -12, 12, 24]), st.integers(1, 9))
def test_features_are_the_same_in_all_octaves_and_at_all_times(
    call: Notes, answer: Notes, octaves: int, later: float
) -> None:
    moved = [
        replace(each, pitches=each.pitches + octaves, onsets=each.onsets + later)
        for each in (call, answer)
    ]
    np.testing.assert_allclose(features(*moved), features(call, answer))


def test_times_of_a_clock_are_as_good_as_those_of_a_file() -> None:
    rng = np.random.default_rng(10)
    each = SCALES[0]
    noisy = replace(each.answer, onsets=each.answer.onsets + rng.uniform(-1e-9, 1e-9, 10))
    np.testing.assert_array_equal(features(each.call, noisy), features(each.call, each.answer))


def test_notes_outside_the_key_are_heard_at_the_pitch_of_their_letter() -> None:
    line = phrase([60, 61, 66, 71])
    assert in_key(line).pitches.tolist() == [60, 62, 67, 71]
    flats = phrase([60, 61, 66, 71], signature=-5)
    assert in_key(flats).pitches.tolist() == [60, 61, 66, 72]
    np.testing.assert_array_equal(features(line, flats), features(in_key(line), in_key(flats)))


def _otherwise(notes: Notes) -> Notes:
    """The same phrase to a judge."""
    lengths = notes.lengths.copy()
    lengths[-1] = 3.0
    unknown = np.full(len(notes), np.nan)
    return replace(notes, onsets=notes.onsets + 100, lengths=lengths, places=unknown, bars=unknown)


def _in_rhythm(notes: Notes, rng: np.random.Generator) -> Notes:
    steps = rng.choice([0.5, 1.0, 1.5], len(notes))
    return replace(notes, onsets=np.cumsum(steps) - steps[0])
