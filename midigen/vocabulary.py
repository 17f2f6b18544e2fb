"""The seven notes: one table of letters, and keys between them and MIDI pitches.

`C D E F G A B` are the degrees 0…6: every tune is heard as if it were moved to
the white keys, so that a melody has the same letters in any key. A key's
signature says which seven pitch classes those are: in C major, A minor and D
dorian the white keys themselves, in G major and E minor C sounds as G and B as F
sharp. Octaves aren't in the vocabulary: a letter is played in the octave nearest
to the note before.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from midigen.errors import UnknownNoteError
from midigen.notes import Pitch

Degree: TypeAlias = int
"""An index into `LETTERS`, 0–6."""

LETTERS = ("C", "D", "E", "F", "G", "A", "B")
SIZE = len(LETTERS)

_NATURALS = (0, 2, 4, 5, 7, 9, 11)  # the pitch class of each white key
_FIFTH = 4  # letters from one signature's major tonic to that with one more sharp
_TRITONE = 6
_SEMITONES_OF_A_FIFTH = 7
_SHARPED = "FCGDAEB"  # the order in which a key signature sharpens the letters

# Sharps that a mode has more (or flats, negative) than the major key on its tonic.
_MODES = {
    "major": 0,
    "ionian": 0,
    "dorian": -2,
    "phrygian": -4,
    "lydian": 1,
    "mixolydian": -1,
    "minor": -3,
    "aeolian": -3,
    "locrian": -5,
}
MODE_NAMES = tuple(_MODES)


def degree_named(name: str) -> Degree:
    """The degree of a letter, in either case.

    Raises UnknownNoteError, which lists the seven.
    """
    try:
        return LETTERS.index(name.upper())
    except ValueError:
        valid = " ".join(LETTERS)
        raise UnknownNoteError(f"unknown note {name!r}: the notes are {valid}") from None


@dataclass(frozen=True)
class Key:
    """Which pitch classes the seven letters stand for.

    `name` is how the player wrote it; `signature` counts sharps (flats are
    negative), -7…7.
    """

    name: str
    signature: int

    @classmethod
    def named(cls, name: str) -> "Key":
        """The key of a name such as `"G major"`, `"F# minor"` or `"Bb mixolydian"`.

        Tonics beyond seven sharps or flats (G sharp major) are taken as their
        enharmonic twins. Raises ValueError if it isn't the name of a key.
        """
        match = re.fullmatch(r"\s*([A-Ga-g])\s*([#♯b♭]?)\s+(\w+)\s*", name)
        if not match or match[3].lower() not in _MODES:
            raise ValueError(f"not a key: {name!r}")
        accidental = {"": 0, "#": 7, "♯": 7, "b": -7, "♭": -7}[match[2]]
        tonic = _SHARPED.index(match[1].upper()) - 1 + accidental
        signature = tonic + _MODES[match[3].lower()]
        if abs(signature) > SIZE:
            signature -= 12 if signature > 0 else -12
        return cls(f"{match[1].upper()}{match[2]} {match[3].lower()}", signature)

    def __str__(self) -> str:
        return self.name

    @cached_property
    def alterations(self) -> tuple[int, ...]:
        """What the signature does to each note as it is written: -1, 0 or 1. Shape (7,)."""
        sharps = _SHARPED[: max(self.signature, 0)]
        flats = _SHARPED[self.signature :] if self.signature < 0 else ""
        return tuple((letter in sharps) - (letter in flats) for letter in LETTERS)

    @cached_property
    def pitch_classes(self) -> tuple[int, ...]:
        """The pitch class that each letter stands for, 0–11. Shape (7,)."""
        tonic = _FIFTH * self.signature  # of the major key with this signature, as a letter
        written = [(tonic + degree) % SIZE for degree in range(SIZE)]
        return tuple((_NATURALS[name] + self.alterations[name]) % 12 for name in written)

    @cached_property
    def tonic(self) -> Degree:
        """The letter that its tonic is: C in major keys, A in minor ones, D in dorian ones."""
        mode = _MODES.get(self.name.rpartition(" ")[2], 0)
        return self._degree_at[(self.signature - mode) * _SEMITONES_OF_A_FIFTH % 12]

    @cached_property
    def _degree_at(self) -> dict[int, Degree]:
        return {pitch_class: degree for degree, pitch_class in enumerate(self.pitch_classes)}

    def degree(self, pitch: Pitch, direction: int = 0) -> Degree | None:
        """The letter that a pitch stands for.

        A pitch outside the key becomes the neighbour in `direction` (1 up,
        -1 down), which is at most one semitone away; with direction 0 it is None.
        """
        degree = self._degree_at.get(pitch % 12)
        if degree is None and direction:
            return self._degree_at[(pitch + direction) % 12]
        return degree

    def moved(self, pitch: Pitch, degrees: int) -> Pitch:
        """The pitch so many degrees above (or below, negative) one of this key."""
        degree = self._degree_at[pitch % 12]
        octaves, other = divmod(degree + degrees, SIZE)
        tonic = self.pitch_classes[0]
        above, other_above = ((self.pitch_classes[each] - tonic) % 12 for each in (degree, other))
        return pitch - above + other_above + 12 * octaves

    def written(self, name: str, octave: int) -> Pitch:
        """The pitch of a note as it is written with this signature: `f` in G major is F sharp.

        `octave` is the written one: C in octave 4 is 60. Raises UnknownNoteError.
        """
        index = degree_named(name)
        return 12 * (octave + 1) + _NATURALS[index] + self.alterations[index]

    def nearest(self, degree: Degree, near: Pitch, low: Pitch, high: Pitch) -> Pitch:
        """The pitch of a letter in `low`…`high` that is nearest to the pitch `near`.

        Of two that are equally near, the one closer to the middle of the range,
        so that a line of tritones stays in it. Needs a range of 12 pitches or more.
        """
        pitch_class = self.pitch_classes[degree]
        above = near + (pitch_class - near) % 12
        pitch = above if self._is_nearer(above, near, (low + high) / 2) else above - 12
        if pitch < low:
            return low + (pitch_class - low) % 12
        if pitch > high:
            return high - (high - pitch_class) % 12
        return pitch

    @staticmethod
    def _is_nearer(above: Pitch, near: Pitch, middle: float) -> bool:
        """Whether a pitch above `near` is nearer to it than the one an octave below that."""
        distance = above - near
        return distance < _TRITONE or (distance == _TRITONE and near < middle)


AUTO = Key("auto", 0)
"""The key that is found by ear (see `key_finding`): the white keys until it is."""
