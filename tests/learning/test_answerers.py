"""Ways to answer a call."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.learning.answerers import again, key_of, played_by, random_walk, shuffled
from midigen.learning.notes import Notes
from midigen.music.keys import SIZE, Key
from midigen.music.melody import Note
from tests.phrases import phrase

CALL = phrase([67, 69, 71, 72, 74], [3, 3.5, 4, 5, 5.5], signature=1)
calls = st.builds(
    phrase, st.lists(st.integers(40, 90), min_size=4, max_size=20), signature=st.integers(-7, 7)
)
seeds = st.integers(0, 100).map(np.random.default_rng)


@given(calls, seeds)
def test_a_walk_goes_one_or_two_degrees_in_the_calls_key(
    call: Notes, rng: np.random.Generator
) -> None:
    answer = random_walk(call, rng)
    assert len(answer) == len(call)
    key = key_of(call)
    assert [key.degree(pitch) for pitch in answer.pitches.tolist()] == answer.degrees.tolist()
    line = np.concatenate([call.degrees[-1:], answer.degrees]).astype(int)
    assert set((np.diff(line) + 2) % SIZE) <= {0, 1, 3, 4}
    assert ((answer.pitches >= 36) & (answer.pitches <= 96)).all()


@given(st.lists(st.integers(60, 72), min_size=4, max_size=5).map(phrase), seeds)
def test_a_walk_takes_the_nearest_octave(call: Notes, rng: np.random.Generator) -> None:
    line = [int(call.pitches[-1]), *random_walk(call, rng).pitches.tolist()]
    assert np.abs(np.diff(line)).max() <= 5


def test_a_walks_moves_are_equally_likely() -> None:
    answer = random_walk(phrase([60] * 5000), np.random.default_rng(0))
    moves = np.diff(answer.degrees.astype(int)) % SIZE
    shares = np.bincount(moves, minlength=SIZE) / len(moves)
    assert shares == pytest.approx([0, 0.25, 0.25, 0, 0, 0.25, 0.25], abs=0.02)


@given(calls, seeds)
def test_the_shuffled_call_has_the_same_notes(call: Notes, rng: np.random.Generator) -> None:
    answer = shuffled(call, rng)
    theirs, own = (sorted(zip(each.pitches, each.degrees, strict=True)) for each in (call, answer))
    assert own == theirs
    assert answer.onsets.tolist() == call.onsets.tolist()


def test_shuffling_changes_the_order_by_the_seed() -> None:
    orders = {bytes(shuffled(CALL, np.random.default_rng(seed)).degrees) for seed in range(20)}
    assert len(orders) > 10


def test_again_is_the_call() -> None:
    assert again(CALL, np.random.default_rng(0)) is CALL


def test_the_key_is_the_major_one_of_the_signature() -> None:
    assert key_of(CALL) == Key.named("G major")
    assert key_of(phrase([60] * 4, signature=-3)) == Key.named("Eb major")


def test_a_player_hears_seconds_and_is_noted_in_beats() -> None:
    """At 30 beats a minute a beat lasts two seconds."""
    heard: list[Note] = []

    def player(call: Sequence[Note], key: Key, _: np.random.Generator) -> list[Note]:
        heard.extend(call)
        assert key == Key.named("G major")
        return [Note(66, 20.0, 21.0), Note(67, 23.0, 25.0)]

    answer = played_by(player, 30)(CALL, np.random.default_rng(0))
    assert [note.pitch for note in heard] == CALL.pitches.tolist()
    assert [note.onset for note in heard] == [0, 1, 2, 4, 5]
    assert [note.end for note in heard] == [1, 2, 3, 5, 6]
    assert answer.degrees.tolist() == [6, 0]
    assert answer.pitches.tolist() == [66, 67]
    assert answer.onsets.tolist() == [0, 1.5]
    assert answer.lengths.tolist() == [0.5, 1]
    assert np.isnan(answer.places).all()
    assert answer.signatures.tolist() == [1, 1]


def test_a_player_may_be_silent() -> None:
    assert len(played_by(lambda *_: [], 120)(CALL, np.random.default_rng(0))) == 0
