"""The seven notes: one table of letters, and keys between them and MIDI pitches.

`C D E F G A B` are the degrees 0…6: every tune is heard as if it were moved to
the white keys, so that a melody has the same letters in any key. A key's
signature says which seven pitch classes those are: in C major, A minor and D
dorian the white keys themselves, in G major and E minor C sounds as G and B as F
sharp. Octaves aren't in the vocabulary: a letter is played in the octave nearest
to the note before. How a pitch is spelled is the key's to say, too.
"""

import difflib
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from midigen.errors import UnknownNoteError
from midigen.midi.messages import Pitch

Degree: TypeAlias = int
"""An index into `LETTERS`, 0–6."""

LETTERS = ("C", "D", "E", "F", "G", "A", "B")
SIZE = len(LETTERS)

_NATURALS = (0, 2, 4, 5, 7, 9, 11)  # the pitch class of each white key
_FIFTH = 4  # letters from one signature's major tonic to that with one more sharp
_TRITONE = 6
_SEMITONES_OF_A_FIFTH = 7
_SHARPED = "FCGDAEB"  # the order in which a key signature sharpens the letters
_ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_AS_TEXT = {-1: "b", 0: "", 1: "#"}

# How many fifths beyond C a black key's sharp is, and how many a signature's own notes and
# those that its minor keys raise reach: F, C, G and so on up to the leading note of its minor.
_FIFTHS_OF_SHARPS = {6: 6, 1: 7, 8: 8, 3: 9, 10: 10}
_REACH = 8

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
_SHORTEST = 3  # letters of a mode's name that say which: `dor` is dorian

_TONIC = r"([A-H])[\s_-]*(sharp|flat|[#♯b♭])?[\s_-]*"  # H is the German B: refused, but known
_KEY_NAME = re.compile(_TONIC + "([a-z]*)", re.IGNORECASE | re.ASCII)


def degree_named(name: str) -> Degree:
    """The degree of a letter, in either case.

    Raises UnknownNoteError, which lists the seven.
    """
    try:
        return LETTERS.index(name.upper())
    except ValueError:
        valid = " ".join(LETTERS)
        raise UnknownNoteError(f"unknown note {name!r}: the notes are {valid}") from None


def _mode_named(name: str) -> str | None:
    """The mode of a name, of a beginning of it, of `m` or `M`; nothing is major."""
    if name in ("", "M"):
        return "major"
    if name == "m":
        return "minor"
    return next(
        (mode for mode in MODE_NAMES if len(name) >= _SHORTEST and mode.startswith(name.lower())),
        None,
    )


@dataclass(frozen=True)
class Key:
    """Which pitch classes the seven letters stand for.

    `name` is its tonic and its mode, such as `"Bb major"`; `signature` counts sharps
    (flats are negative), -7…7.
    """

    name: str
    signature: int

    @classmethod
    def named(cls, name: str) -> "Key":
        """The key of a name such as `"G major"`, `"Bb"`, `"F#m"` or `"E flat dorian"`.

        A tonic alone is that of a major key, an `m` makes it minor, and any beginning of a
        mode's name will do that has three letters. Tonics beyond seven sharps or flats
        (G sharp major) are taken as their enharmonic twins. Raises ValueError if it isn't
        the name of a key.
        """
        match = _KEY_NAME.fullmatch(name.strip())
        mode = _mode_named(match[3]) if match else None
        if not match or mode is None or match[1] in "Hh":
            raise ValueError(f"not a key: {name!r}")
        letter, accidental = match[1].upper(), _ACCIDENTALS[(match[2] or "").lower()]
        tonic = _SHARPED.index(letter) - 1 + SIZE * accidental
        signature = tonic + _MODES[mode]
        if abs(signature) > SIZE:
            twin = -12 if signature > 0 else 12
            signature += twin
            octave, place = divmod(tonic + twin + 1, SIZE)
            letter, accidental = _SHARPED[place], octave
        return cls(f"{letter}{_AS_TEXT[accidental]} {mode}", signature)

    @staticmethod
    def closest(name: str) -> str | None:
        """The name of the key that somebody may have meant, if any is close."""
        text = name.strip()
        if match := re.match(_TONIC, text, re.IGNORECASE):
            tonic = match[1].upper().replace("H", "B")
            tonic += _AS_TEXT[_ACCIDENTALS[(match[2] or "").lower()]]
            rest = text[match.end() :].lower()
            close = difflib.get_close_matches(rest, MODE_NAMES, n=1, cutoff=0.4)
            return f"{tonic} {close[0] if close else 'major'}"
        known = [
            f"{letter} {mode}"
            for letter in LETTERS
            if letter in text.upper()
            for mode in MODE_NAMES
        ]
        return next(iter(difflib.get_close_matches(text, known, n=1)), None)

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

    @cached_property
    def note_names(self) -> tuple[str, ...]:
        """The note that each letter stands for, by its name: `F#` for B in G major. Shape (7,)."""
        tonic = _FIFTH * self.signature
        written = [(tonic + degree) % SIZE for degree in range(SIZE)]
        return tuple(LETTERS[index] + _AS_TEXT[self.alterations[index]] for index in written)

    @cached_property
    def _spelling(self) -> tuple[tuple[str, int], ...]:
        """The name of each pitch class, and what its accidental does. Shape (12,)."""
        spelled = {}
        for pitch_class, fifths in _FIFTHS_OF_SHARPS.items():
            step = 1 if fifths <= self.signature + _REACH else -1
            letter = LETTERS[_NATURALS.index(pitch_class - step)]
            spelled[pitch_class] = (letter + _AS_TEXT[step], step)
        spelled |= {natural: (LETTERS[i], 0) for i, natural in enumerate(_NATURALS)}
        for pitch_class, name in zip(self.pitch_classes, self.note_names, strict=True):
            spelled[pitch_class] = (name, _ACCIDENTALS[name[1:]])
        return tuple(spelled[pitch_class] for pitch_class in range(12))

    def note_name(self, pitch: Pitch) -> str:
        """The name of a pitch as this key spells it, without its octave: `Bb` in E flat major.

        Of what isn't in the key, white keys have their own names, and black ones those
        that the key's own minor keys raise or its neighbours have.
        """
        return self._spelling[pitch % 12][0]

    def pitch_name(self, pitch: Pitch) -> str:
        """The same with its octave, as it is written: 60 is `C4`, in C sharp major `B#3`."""
        name, step = self._spelling[pitch % 12]
        return f"{name}{(pitch - step) // 12 - 1}"

    def written(self, name: str, octave: int) -> Pitch:
        """The pitch of a note as it is written with this signature: `f` in G major is F sharp.

        With an accidental of its own it is what that says: `bb`, `f#`. `octave` is the
        written one: C in octave 4 is 60. Raises UnknownNoteError.
        """
        index, accidental = degree_named(name[:1]), name[1:]
        step = _ACCIDENTALS[accidental] if accidental else self.alterations[index]
        return 12 * (octave + 1) + _NATURALS[index] + step

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


C_MAJOR = Key("C major", 0)
"""The key whose notes are called as the letters are, and where none is known."""

AUTO = Key("auto", 0)
"""The key that is found by ear (see `key_finding`): the white keys until it is."""
