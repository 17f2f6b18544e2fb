"""The key that a melody is in: which seven of the twelve pitch classes are its letters.

Every melody is compared with one profile, as it would sound from each of the twelve
tonics. The profile says how likely, in nats more or less than of any other, a tonic is
made by what is heard of a note: its pitch classes with those of the two notes before,
the interval that led to it, how long it lasts, and how long the step to it took. It was
learned from melodies whose keys are known (see `benchmarks.key_finding`).
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

import midigen
from midigen.midi.messages import Pitch, Seconds
from midigen.music.keys import Key
from midigen.music.melody import Note

Nats: TypeAlias = npt.NDArray[np.float64]
"""How likely each tonic is, as logarithms, C first: shape (12,)."""

PROFILE = "key_profile.npy"
"""The file of the profile, beside this one: `PROFILE_SIZE` numbers, of float32."""

RECENT = 64
"""The notes of a melody that say what key it is in now."""

FEWEST = 5
"""Of fewer notes no key is guessed: they could be in most."""

HALF_LIFE = 32
"""After so many notes, a note says half as much."""

MARGIN = 3.0
"""So many nats likelier must another key be than the one that holds, once it is settled."""

MAJOR_KEYS = tuple(
    Key.named(f"{tonic} major")
    for tonic in ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
)
"""The major key on each pitch class."""

# The parts of a profile, and how many numbers each has. A tonic's pitch class is 0 in them.
_WIDEST = 13  # wider intervals, in semitones, count as this
_LENGTHS = np.array([0.6, 1.4, 2.5, 5.0])  # what divides lengths into five, in median steps
_THREE, _INTERVAL, _LENGTH, _STEP = 12**3, (2 * _WIDEST + 1) * 12, 5 * 12, 4 * 12**2
_FIRST = np.array([0, _THREE, _THREE + _INTERVAL, _THREE + _INTERVAL + _LENGTH])
NOTHING = _THREE + _INTERVAL + _LENGTH + _STEP
"""The number that stands, always 0, where nothing is heard of a note yet."""
PROFILE_SIZE = NOTHING + 1


def evidence(notes: Sequence[Note]) -> npt.NDArray[np.intp]:
    """Which numbers of the profile speak for each tonic: shape (12, 4, notes).

    They are for the three pitch classes that end with each note, the interval that led
    to it, how long it lasts to the next one (the last one to its own end), and how long
    the step to it took.
    """
    pitches = np.array([note.pitch for note in notes])
    onsets = np.array([note.onset for note in notes])
    last = notes[-1]
    steps = np.append(np.diff(onsets), 0.0 if last.end is None else last.end - last.onset)
    usual = np.median(steps[steps > 0]) if (steps > 0).any() else 1.0
    lengths = np.searchsorted(_LENGTHS, steps / usual)
    intervals = np.clip(np.diff(pitches, prepend=pitches[0]), -_WIDEST, _WIDEST) + _WIDEST
    now = (pitches - np.arange(12)[:, np.newaxis]) % 12  # [tonic, note]
    before, before_that = _shift(now, 1), _shift(now, 2)
    step = np.minimum(_shift(lengths[np.newaxis], 1), 3)
    found = np.stack(
        [
            (before_that * 12 + before) * 12 + now,
            intervals * 12 + now,
            lengths * 12 + now,
            (step * 12 + before) * 12 + now,
        ],
        axis=1,
    )
    found += _FIRST[:, np.newaxis]
    found[:, 0, :2] = found[:, 1, :1] = found[:, 3, :1] = NOTHING
    if last.end is None:
        found[:, 2, -1] = NOTHING
    return found


def _shift(rows: npt.NDArray[np.int64], by: int) -> npt.NDArray[np.int64]:
    """Rows whose every place has what was `by` places before."""
    return np.concatenate([rows[:, :1].repeat(by, axis=1), rows], axis=1)[:, : rows.shape[1]]


def likelihoods(notes: Sequence[Note], half_life: float = np.inf) -> Nats:
    """How likely each tonic is. After `half_life` notes, a note says half as much."""
    if not notes:
        return np.zeros(12)
    ages = np.arange(len(notes))[::-1]
    nats: Nats = _PROFILE[evidence(notes)].sum(axis=1) @ 0.5 ** (ages / half_life)
    return nats


def estimate_key(notes: Sequence[Note]) -> Key:
    """The major key whose letters a whole melody has."""
    return MAJOR_KEYS[int(likelihoods(notes).argmax())]


class KeyFollower:
    """The key that a player is in, as it is heard. Times may not go back."""

    def __init__(self, margin: float = MARGIN, half_life: float = HALF_LIFE) -> None:
        self._notes: list[Note] = []
        self._margin = margin
        self._half_life = half_life
        self._tonic: int | None = None

    @property
    def key(self) -> Key | None:
        """The key, as far as is known: None before five notes were heard to their end."""
        return None if self._tonic is None else MAJOR_KEYS[self._tonic]

    def hear(self, pitch: Pitch, onset: Seconds, *, replaces: bool = False) -> None:
        """A step of the melody, which may take the place of the one before."""
        if replaces and self._notes:
            self._notes.pop()
        self._notes.append(Note(pitch, onset, None))
        del self._notes[:-RECENT]

    def release(self, pitch: Pitch, now: Seconds) -> None:
        """A key comes up. Where that ends the newest note, the key may turn out to be another."""
        if not self._notes or self._notes[-1].end is not None or self._notes[-1].pitch != pitch:
            return
        newest = self._notes[-1]
        self._notes[-1] = Note(pitch, newest.onset, max(now, newest.onset))
        if len(self._notes) < FEWEST:
            return
        nats = likelihoods(self._notes, self._half_life)
        likeliest = int(nats.argmax())
        # Of a few notes nobody is sure; what has long been so isn't given up lightly.
        margin = self._margin * len(self._notes) / RECENT
        if self._tonic is None or nats[likeliest] - nats[self._tonic] > margin:
            self._tonic = likeliest


def _load_profile() -> npt.NDArray[np.float32]:
    numbers: npt.NDArray[np.float32] = np.load(f"{midigen.__path__[0]}/{PROFILE}")
    return numbers


_PROFILE = _load_profile()  # at once: the first note must not wait for a disk
