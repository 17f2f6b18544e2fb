"""The report on answers: which calls, whose answers, and with which seeds."""

from dataclasses import fields

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the judge needs the train extra")

from midigen.errors import MidigenError
from midigen.learning.answerers import random_walk
from midigen.learning.answers import report
from midigen.learning.comparison import Comparison
from midigen.learning.notes import Notes
from tests.phrases import phrase, scale_like, song

RNG = np.random.default_rng(0)
SONGS = [song(f"song {number}", *(scale_like(RNG) for _ in range(6))) for number in range(12)]


def test_all_answer_the_same_calls_with_the_same_seeds() -> None:
    """So midigen, if it were a random walk, would be the random walk."""
    heard: list[Notes] = []

    def walk(call: Notes, rng: np.random.Generator) -> Notes:
        heard.append(call)
        return random_walk(call, rng)

    found = report(SONGS, 40, walk, seed=3)
    assert found.calls == len(heard) == 40
    assert [*found.answers] == ["real", "midigen", "random-walk", "shuffled", "again"]
    assert found.answers["midigen"] == found.answers["random-walk"]
    assert found.judge["midigen"] == found.judge["random-walk"]
    assert {*found.judge} == {"midigen", "random-walk"}


def test_each_call_is_drawn_once_and_the_seed_decides() -> None:
    def drawn(count: int, seed: int) -> list[bytes]:
        heard: list[bytes] = []

        def listen(call: Notes, _: np.random.Generator) -> Notes:
            heard.append(bytes(call.onsets) + bytes(call.pitches))
            return call

        report(SONGS, count, listen, seed)
        return heard

    assert drawn(30, 1) == drawn(30, 1) != drawn(30, 2)
    assert len(drawn(1000, 1)) == 60  # all there are: five of each song
    assert drawn(1000, 1) == drawn(60, 2)  # in the order of the songs


def test_the_rows_are_what_their_names_say() -> None:
    found = report(SONGS, 60, lambda call, _: call, seed=0)
    real, again, mixed = (found.answers[name] for name in ("real", "again", "shuffled"))
    assert real.ends_on_tonic == found.endings["real"][0] == 1
    assert (real.divergence_of_endings, real.divergence_of_intervals) == (0, 0)
    assert found.answers["midigen"] == again
    assert (again.motifs, again.register) == (1, 0)
    assert again.contour == pytest.approx(1)
    assert (mixed.register, mixed.inside) == (0, 1)
    assert {each.name for each in fields(Comparison)} == {
        *("ends_on_tonic", "divergence_of_endings", "divergence_of_intervals", "register"),
        *("far", "inside", "leaps", "motifs", "contour"),
    }


def test_songs_without_phrases_are_refused() -> None:
    lonely = song("lonely", phrase([60, 62, 64, 65]))
    with pytest.raises(MidigenError, match="two phrases in a row"):
        report([lonely], 10, random_walk, seed=0)


def test_silence_is_no_answer() -> None:
    with pytest.raises(MidigenError, match="doesn't answer"):
        report(SONGS, 10, lambda call, _: call[:0], seed=0)
