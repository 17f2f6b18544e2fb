"""Turns struck keys into one line of letters, whatever chords and chromatic notes are in them.

Live play and training hear in the same way. A chord (notes that begin and sound together) is one
step of the melody, its highest note. A note outside the key becomes its neighbour in the direction
in which the melody moves, or is ignored.
"""

from dataclasses import dataclass
from enum import StrEnum

from midigen.midi.messages import Pitch, Seconds
from midigen.music.keys import Degree, Key

CHORD: Seconds = 0.030
"""A note that begins so soon after a chord's first one, while it is held, belongs to the chord."""


class Chromatic(StrEnum):
    """What happens to notes outside the key."""

    FOLLOW = "follow"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Note:
    """A note of a melody. Its `end` is None while it sounds."""

    pitch: Pitch
    onset: Seconds
    end: Seconds | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the melody. If it `replaces`, it takes the place of the step before."""

    degree: Degree
    pitch: Pitch
    replaces: bool


class Melody:
    """The line that struck keys make. Times must not go back."""

    def __init__(self, key: Key, chromatic: Chromatic = Chromatic.FOLLOW) -> None:
        self.key = key
        """The key, which gives the letters their pitches. It may be changed at any time."""
        self._chromatic = chromatic
        self._chord_onset: Seconds | None = None  # when the latest chord began, while it is held
        self._chord: set[Pitch] = set()  # its notes that are still held
        self._top: Pitch | None = None  # the highest note of the latest chord
        self._before: Pitch | None = None  # the highest note of the chord before it
        self._direction = 1  # in which the line moved to the chord before
        self._chord_direction = 1

    def hear(self, pitch: Pitch, onset: Seconds) -> Step | None:
        """The step that a struck key makes, if it makes one.

        The lower notes of a chord make none, nor do notes outside the key if those are ignored.
        """
        if self._chromatic is Chromatic.IGNORE and self.key.degree(pitch) is None:
            return None
        chord_goes_on = self._chord_onset is not None and onset - self._chord_onset <= CHORD
        if not chord_goes_on:
            self._chord.clear()
            self._chord_onset = onset
            self._before = self._top
            self._direction = self._chord_direction
        self._chord.add(pitch)
        if chord_goes_on and self._top is not None and pitch <= self._top:
            return None
        if self._before is None or pitch == self._before:
            self._chord_direction = self._direction
        else:
            self._chord_direction = 1 if pitch > self._before else -1
        self._top = pitch
        degree = self.key.degree(pitch, self._chord_direction)
        assert degree is not None  # every pitch has neighbours in the key
        return Step(degree, pitch, replaces=chord_goes_on)

    def release(self, pitch: Pitch) -> None:
        """A key is released. Once all keys of a chord are, the next note begins another chord."""
        self._chord.discard(pitch)
        if not self._chord:
            self._chord_onset = None
