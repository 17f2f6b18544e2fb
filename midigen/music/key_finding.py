"""Finds the key of a melody: which seven of the twelve pitch classes are its letters.

Each melody is compared with one profile, as it would look from each of the twelve tonics. Several
things are noted of every note: its pitch class with those of the two notes before, the interval
that led to it, its length, and the length of the step to it. For each of them the profile holds
how much likelier it makes a tonic, in nats. The profile was learned from melodies whose keys are
known (see `benchmarks.music.key_finding`).
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
"""The log-likelihood of each tonic, C first: shape (12,)."""

PROFILE = "key_profile.npy"
"""The file of the profile in the package: `PROFILE_SIZE` numbers, as float32."""

RECENT = 64  # how many of the newest notes tell the key
FEWEST = 5  # with fewer notes no key is guessed, since most keys have them
HALF_LIFE = 32  # after so many more notes, a note counts half as much
MARGIN = 3.0  # how many nats likelier another key must be to replace a settled one

MAJOR_KEYS = tuple(
    Key.named(f"{tonic} major")
    for tonic in ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
)
"""The major key on each pitch class."""

# The parts of the profile, and the size of each. Pitch classes count from the tonic, 0.
_WIDEST = 13  # wider intervals, in semitones, count as this
_LENGTHS = np.array([0.6, 1.4, 2.5, 5.0])  # between five classes, in median steps
_THREE, _INTERVAL, _LENGTH, _STEP = 12**3, (2 * _WIDEST + 1) * 12, 5 * 12, 4 * 12**2
_FIRST = np.array([0, _THREE, _THREE + _INTERVAL, _THREE + _INTERVAL + _LENGTH])
NOTHING = _THREE + _INTERVAL + _LENGTH + _STEP
"""The index of a number that is always 0, for what isn't known of a note yet."""
PROFILE_SIZE = NOTHING + 1

# Loaded now, so that the first note needn't wait for a disk.
_PROFILE: npt.NDArray[np.float32] = np.load(f"{midigen.__path__[0]}/{PROFILE}")


def evidence(notes: Sequence[Note]) -> npt.NDArray[np.intp]:
    """Indices of the numbers in the profile that speak for each tonic: shape (12, 4, notes).

    The four are for the three pitch classes that end with each note, the interval that led to it,
    its length up to the next note (for the last one, up to its own end), and the length of the
    step to it.
    """
    pitches = np.array([note.pitch for note in notes])
    onsets = np.array([note.onset for note in notes])
    last = notes[-1]
    steps = np.append(np.diff(onsets), 0.0 if last.end is None else last.end - last.onset)
    usual = np.median(steps[steps > 0]) if (steps > 0).any() else 1.0
    lengths = np.searchsorted(_LENGTHS, steps / usual)
    intervals = np.clip(np.diff(pitches, prepend=pitches[0]), -_WIDEST, _WIDEST) + _WIDEST
    now = (pitches - np.arange(12)[:, np.newaxis]) % 12  # [tonic, note]
    earlier = np.arange(len(notes)) - 1  # where there is none, what is found becomes NOTHING
    before, before_that = now[:, earlier], now.take(earlier - 1, axis=1, mode="wrap")
    step = np.minimum(lengths[earlier], 3)
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


def likelihoods(notes: Sequence[Note], half_life: float = np.inf) -> Nats:
    """How likely each tonic is. A note counts half as much after `half_life` more notes."""
    if not notes:
        return np.zeros(12)
    ages = np.arange(len(notes))[::-1]
    nats: Nats = _PROFILE[evidence(notes)].sum(axis=1) @ 0.5 ** (ages / half_life)
    return nats


def estimate_key(notes: Sequence[Note]) -> Key:
    """The likeliest major key of a whole melody."""
    return MAJOR_KEYS[int(likelihoods(notes).argmax())]


class KeyFollower:
    """Follows the key that a player is in. Times must not go back."""

    def __init__(self) -> None:
        self._notes: list[Note] = []
        self._tonic: int | None = None

    @property
    def key(self) -> Key | None:
        """The key, or None before it is known, which takes five notes that have ended."""
        return None if self._tonic is None else MAJOR_KEYS[self._tonic]

    def hear(self, pitch: Pitch, onset: Seconds, *, replaces: bool = False) -> None:
        """Hear a step of the melody, which may replace the one before."""
        if replaces and self._notes:
            self._notes.pop()
        self._notes.append(Note(pitch, onset, None))
        del self._notes[:-RECENT]

    def release(self, pitch: Pitch, now: Seconds) -> None:
        """Hear the end of a note. If it is the newest one, the key is judged anew."""
        if not self._notes or self._notes[-1].end is not None or self._notes[-1].pitch != pitch:
            return
        newest = self._notes[-1]
        self._notes[-1] = Note(pitch, newest.onset, max(now, newest.onset))
        if len(self._notes) < FEWEST:
            return
        nats = likelihoods(self._notes, HALF_LIFE)
        likeliest = int(nats.argmax())
        # The more notes a key was judged by, the harder it is to replace.
        margin = MARGIN * len(self._notes) / RECENT
        if self._tonic is None or nats[likeliest] - nats[self._tonic] > margin:
            self._tonic = likeliest
