import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.music.key_finding import (
    FEWEST,
    MAJOR_KEYS,
    NOTHING,
    PROFILE_SIZE,
    KeyFollower,
    estimate_key,
    evidence,
    likelihoods,
)
from midigen.music.keys import Key
from midigen.music.melody import Note

TUNES = {
    "C major": [60, 60, 67, 67, 69, 69, 67, 65, 65, 64, 64, 62, 62, 60],
    "G major": [67, 69, 71, 72, 74, 74, 76, 72, 74, 71, 69, 67, 66, 67],
    "Eb major": [63, 65, 67, 63, 70, 68, 67, 65, 62, 63],
}
pitches = st.lists(st.integers(40, 80), min_size=1, max_size=90)


def tune(line: list[int], step: float = 0.5) -> list[Note]:
    """A line of even notes, the last one twice as long."""
    notes = [Note(pitch, step * at, step * (at + 1)) for at, pitch in enumerate(line)]
    return [*notes[:-1], Note(line[-1], notes[-1].onset, notes[-1].onset + 2 * step)]


def followed(follower: KeyFollower, line: list[int]) -> list[Key | None]:
    """The key after each note."""
    keys = []
    for note in tune(line):
        follower.hear(note.pitch, note.onset)
        follower.release(note.pitch, note.onset + 0.4)
        keys.append(follower.key)
    return keys


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("transposition", range(12))
def test_the_key_moves_with_the_tune(name: str, transposition: int) -> None:
    key = estimate_key(tune([pitch + transposition for pitch in TUNES[name]]))
    tonic = (Key.named(name).pitch_classes[0] + transposition) % 12
    assert key == MAJOR_KEYS[tonic]
    assert key.pitch_classes[0] == tonic


@given(pitches, st.integers(1, 11), st.floats(0.3, 3))
def test_tonics_move_with_the_notes_whatever_the_speed(
    line: list[int], by: int, speed: float
) -> None:
    nats = likelihoods(tune(line))
    np.testing.assert_allclose(np.roll(nats, by), likelihoods(tune([p + by for p in line])))
    np.testing.assert_allclose(nats, likelihoods(tune(line, 0.5 * speed)), atol=1e-4)


@given(pitches)
def test_what_is_not_known_yet_does_not_count(line: list[int]) -> None:
    notes = tune(line)
    notes[-1] = Note(line[-1], notes[-1].onset, None)
    found = evidence(notes)
    assert found.shape == (12, 4, len(line))
    assert ((found >= 0) & (found < PROFILE_SIZE)).all()
    unknown = {(0, 0), (0, 1), (1, 0), (3, 0), (2, len(line) - 1)}  # (part of the evidence, note)
    for kind in range(4):
        for note in range(len(line)):
            nothing = found[:, kind, note] == NOTHING
            assert nothing.all() if (kind, note) in unknown else not nothing.any()


def test_without_notes_all_keys_are_equally_likely() -> None:
    assert not likelihoods([]).any()
    assert KeyFollower().key is None


@given(pitches)
def test_with_a_long_half_life_all_notes_count_the_same(line: list[int]) -> None:
    notes = tune(line)
    np.testing.assert_allclose(likelihoods(notes, 1e9), likelihoods(notes), atol=1e-4)


@given(st.lists(st.integers(40, 80), min_size=2, max_size=2))
def test_after_a_half_life_a_note_counts_half(line: list[int]) -> None:
    notes = tune(line)
    newest = likelihoods(notes, 1e-9)
    before = likelihoods(notes) - newest
    np.testing.assert_allclose(likelihoods(notes, 1.0), newest + before / 2, atol=1e-5)


def test_a_follower_hears_a_change_of_key_and_does_not_waver() -> None:
    follower = KeyFollower()
    in_c, in_e_flat = [pitch - 7 for pitch in TUNES["G major"]] * 4, TUNES["Eb major"] * 5
    first = followed(follower, in_c)
    assert set(first[14:]) == {Key.named("C major")}
    later = followed(follower, in_e_flat)
    assert later[-1] == Key.named("Eb major")
    changes = sum(before != after for before, after in itertools.pairwise(later))
    assert changes <= 2


def test_a_few_notes_are_not_enough_to_guess_a_key() -> None:
    follower = KeyFollower()
    keys = followed(follower, TUNES["Eb major"])
    assert keys[: FEWEST - 1] == [None] * (FEWEST - 1)
    assert None not in keys[FEWEST - 1 :]


def test_a_single_odd_note_changes_nothing() -> None:
    follower = KeyFollower()
    followed(follower, TUNES["G major"] * 4)
    assert followed(follower, [68, 67, 63, 62])[-1] == Key.named("G major")


def test_a_chord_is_its_highest_note() -> None:
    follower, plain = KeyFollower(), KeyFollower()
    for at, pitch in enumerate(TUNES["Eb major"]):
        plain.hear(pitch, float(at))
        follower.hear(pitch - 7, float(at))
        follower.release(pitch - 7, float(at))
        follower.hear(pitch, float(at), replaces=True)
        for each in (plain, follower):
            each.release(pitch, at + 0.5)
            each.release(pitch, at + 0.6)  # its key is up already
    assert follower.key == plain.key == Key.named("Eb major")
