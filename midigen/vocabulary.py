"""The seven notes: one table of letters, and keys between them and MIDI pitches.

`C D E F G A B` are the degrees 0…6. A key says which pitch class each letter
stands for, by its key signature: in G major the letter F sounds as F sharp, and
A minor and D dorian are the white keys, as C major is. Octaves aren't in the
vocabulary: a letter is played in the octave nearest to the note before.
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

_NATURALS = (0, 2, 4, 5, 7, 9, 11)  # the pitch class of each letter, without accidentals
_TRITONE = 6
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
        """What the signature does to each letter, in semitones: -1, 0 or 1. Shape (7,)."""
        sharps = _SHARPED[: max(self.signature, 0)]
        flats = _SHARPED[self.signature :] if self.signature < 0 else ""
        return tuple((letter in sharps) - (letter in flats) for letter in LETTERS)

    @cached_property
    def pitch_classes(self) -> tuple[int, ...]:
        """The pitch class of each letter, 0–11. Shape (7,)."""
        return tuple(
            (natural + alteration) % 12
            for natural, alteration in zip(_NATURALS, self.alterations, strict=True)
        )

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

    def pitch(self, degree: Degree, octave: int) -> Pitch:
        """The pitch of a letter in an octave as it is written: `C` in octave 4 is 60."""
        return 12 * (octave + 1) + _NATURALS[degree] + self.alterations[degree]

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
