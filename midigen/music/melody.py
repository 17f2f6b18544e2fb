"""From struck keys to one line of letters: chords and chromatic notes.

Live play and training hear alike: a chord (notes that begin together and sound
together) is one step of melody, its highest note; a note outside the key moves
to its neighbour in the direction in which the line moves, or is ignored.
"""

from dataclasses import dataclass
from enum import StrEnum

from midigen.midi.messages import Pitch, Seconds
from midigen.music.keys import Degree, Key

CHORD: Seconds = 0.030
"""Notes that begin within this of a chord's first note, while it holds, belong to the chord."""


class Chromatic(StrEnum):
    """What becomes of a note outside the key."""

    FOLLOW = "follow"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Note:
    """A note of a melody. `end` is None while it sounds."""

    pitch: Pitch
    onset: Seconds
    end: Seconds | None


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the melody; `replaces` if it takes the place of the one before."""

    degree: Degree
    pitch: Pitch
    replaces: bool


class Melody:
    """The line that the struck keys make. Times may not go back."""

    def __init__(self, key: Key, chromatic: Chromatic = Chromatic.FOLLOW) -> None:
        self.key = key
        """What the letters stand for; it may change at any time."""
        self._chromatic = chromatic
        self._chord_onset: Seconds | None = None  # of the latest chord, while it is held
        self._chord: set[Pitch] = set()  # its notes that are held
        self._top: Pitch | None = None  # the highest note of the latest chord
        self._before: Pitch | None = None  # the same of the chord before it
        self._direction = 1  # in which the line came to the chord before
        self._chord_direction = 1

    def hear(self, pitch: Pitch, onset: Seconds) -> Step | None:
        """The step that a struck key makes, or None if it makes none.

        None are the lower notes of a chord, and notes outside the key where
        those are ignored.
        """
        if self._chromatic is Chromatic.IGNORE and self.key.degree(pitch) is None:
            return None
        chord_goes_on = self._chord_onset is not None and onset - self._chord_onset <= CHORD
        if not chord_goes_on:
            self._chord.clear()
        self._chord.add(pitch)
        if chord_goes_on and self._top is not None and pitch <= self._top:
            return None
        if not chord_goes_on:
            self._chord_onset = onset
            self._before = self._top
            self._direction = self._chord_direction
        self._chord_direction = self._moves_to(pitch)
        self._top = pitch
        degree = self.key.degree(pitch, self._chord_direction)
        assert degree is not None  # every pitch has neighbours in the key
        return Step(degree, pitch, replaces=chord_goes_on)

    def release(self, pitch: Pitch) -> None:
        """A key comes up: once all of a chord's are up, what follows is a chord of its own."""
        self._chord.discard(pitch)
        if not self._chord:
            self._chord_onset = None

    def _moves_to(self, pitch: Pitch) -> int:
        if self._before is None or pitch == self._before:
            return self._direction
        return 1 if pitch > self._before else -1
