"""The vocabulary of seven letters, and the keys that turn them into MIDI pitches and back.

The letters `C D E F G A B` are the degrees 0 to 6. Every tune is heard as if it were transposed to
the white keys, so that a melody has the same letters in all keys. A key's signature says which
pitch classes the letters stand for: the white keys in C major, A minor and D dorian, while in
G major and E minor the letter C is the note G and B is F sharp. The vocabulary has no octaves: a
letter is played in the octave nearest to the note before. A key also says how its notes are
spelled.
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

_FIFTHS_OF_SHARPS = {6: 6, 1: 7, 8: 8, 3: 9, 10: 10}  # from C up to each black key's sharp
_REACH = 8  # fifths from a signature's tonic to its minor's leading note, where its sharps end

# How many more sharps (negative: flats) a mode has than the major key on its tonic.
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
_SHORT = {"": "major", "M": "major", "m": "minor"}
_SHORTEST = 3  # letters that abbreviate a mode: `dor` is dorian

_TONIC = r"([A-H])[\s_-]*(sharp|flat|[#♯b♭])?[\s_-]*"  # H, the German B, is refused with a hint
_KEY_NAME = re.compile(_TONIC + "([a-z]*)", re.IGNORECASE | re.ASCII)


def degree_named(name: str) -> Degree:
    """The degree of a letter, which may be upper or lower case.

    Raises UnknownNoteError, which lists the seven, for any other text.
    """
    try:
        return LETTERS.index(name.upper())
    except ValueError:
        valid = " ".join(LETTERS)
        raise UnknownNoteError(f"unknown note {name!r}: the notes are {valid}") from None


def _mode_named(name: str) -> str | None:
    """The mode for a name, an abbreviation, `m` or `M`; no name means major."""
    if name in _SHORT:
        return _SHORT[name]
    modes = (mode for mode in MODE_NAMES if mode.startswith(name.lower()))
    return next(modes, None) if len(name) >= _SHORTEST else None


@dataclass(frozen=True)
class Key:
    """A key: it says which pitch classes the seven letters stand for.

    `name` is its tonic and its mode, such as `"Bb major"`. `signature` is the number of sharps,
    -7 to 7, where negative numbers are flats.
    """

    name: str
    signature: int

    @classmethod
    def named(cls, name: str) -> "Key":
        """The key with a name such as `"G major"`, `"Bb"`, `"F#m"` or `"E flat dorian"`.

        A tonic alone means a major key, and `m` a minor one. Modes may be abbreviated to three
        letters or more. A key with more than seven sharps or flats, such as G sharp major, becomes
        its enharmonic twin. Raises ValueError if it isn't the name of a key.
        """
        match = _KEY_NAME.fullmatch(name.strip())
        mode = _mode_named(match[3]) if match else None
        if not match or mode is None or match[1] in "Hh":
            raise ValueError(f"not a key: {name!r}")
        accidental = _ACCIDENTALS[(match[2] or "").lower()]
        tonic = _SHARPED.index(match[1].upper()) - 1 + SIZE * accidental  # in fifths from C
        if abs(tonic + _MODES[mode]) > SIZE:
            tonic += -12 if tonic + _MODES[mode] > 0 else 12
        accidental, place = divmod(tonic + 1, SIZE)
        return cls(f"{_SHARPED[place]}{_AS_TEXT[accidental]} {mode}", tonic + _MODES[mode])

    @staticmethod
    def closest(name: str) -> str | None:
        """The name of the key that a misspelled one may mean, or None if none is close."""
        text = name.strip()
        if match := re.match(_TONIC, text, re.IGNORECASE):
            tonic = match[1].upper().replace("H", "B")
            tonic += _AS_TEXT[_ACCIDENTALS[(match[2] or "").lower()]]
            rest = text[match.end() :].lower()
            close = difflib.get_close_matches(rest, MODE_NAMES, n=1, cutoff=0.4)
            return f"{tonic} {close[0] if close else 'major'}"
        letters = [letter for letter in LETTERS if letter in text.upper()]
        known = [f"{letter} {mode}" for letter in letters for mode in MODE_NAMES]
        return next(iter(difflib.get_close_matches(text, known, n=1)), None)

    def __str__(self) -> str:
        return self.name

    @cached_property
    def alterations(self) -> tuple[int, ...]:
        """How the signature alters each written note, C to B: -1, 0 or 1. Shape (7,)."""
        sharps = _SHARPED[: max(self.signature, 0)]
        flats = _SHARPED[self.signature :] if self.signature < 0 else ""
        return tuple((letter in sharps) - (letter in flats) for letter in LETTERS)

    @cached_property
    def pitch_classes(self) -> tuple[int, ...]:
        """The pitch class that each letter stands for, 0–11. Shape (7,)."""
        return tuple((_NATURALS[name] + self.alterations[name]) % 12 for name in self._written)

    @cached_property
    def _written(self) -> tuple[Degree, ...]:
        """The written note that each letter stands for, C to B, without its accidental."""
        tonic = _FIFTH * self.signature  # of the major key with this signature
        return tuple((tonic + degree) % SIZE for degree in range(SIZE))

    @cached_property
    def tonic(self) -> Degree:
        """The letter of the tonic: C in major keys, A in minor ones, D in dorian ones."""
        mode = _MODES.get(self.name.rpartition(" ")[2], 0)
        return self._degree_at[(self.signature - mode) * _SEMITONES_OF_A_FIFTH % 12]

    @cached_property
    def _degree_at(self) -> dict[int, Degree]:
        return {pitch_class: degree for degree, pitch_class in enumerate(self.pitch_classes)}

    def degree(self, pitch: Pitch, direction: int = 0) -> Degree | None:
        """The letter of a pitch.

        A pitch outside the key gets the letter of its neighbour in `direction` (1 up, -1 down),
        which is a semitone away. With direction 0 the result is None.
        """
        degree = self._degree_at.get(pitch % 12)
        if degree is None and direction:
            return self._degree_at[(pitch + direction) % 12]
        return degree

    def moved(self, pitch: Pitch, degrees: int) -> Pitch:
        """A pitch of this key moved by so many degrees, down if negative.

        Raises KeyError if the pitch isn't in the key.
        """
        degree = self._degree_at[pitch % 12]
        octaves, other = divmod(degree + degrees, SIZE)
        tonic = self.pitch_classes[0]
        above, other_above = ((self.pitch_classes[each] - tonic) % 12 for each in (degree, other))
        return pitch - above + other_above + 12 * octaves

    @cached_property
    def note_names(self) -> tuple[str, ...]:
        """The name of the note that each letter stands for: `F#` for B in G major. Shape (7,)."""
        return tuple(LETTERS[name] + _AS_TEXT[self.alterations[name]] for name in self._written)

    @cached_property
    def _spelling(self) -> tuple[str, ...]:
        """The name of each pitch class. Shape (12,)."""
        spelled = {}
        for pitch_class, fifths in _FIFTHS_OF_SHARPS.items():
            step = 1 if fifths <= self.signature + _REACH else -1
            letter = LETTERS[_NATURALS.index(pitch_class - step)]
            spelled[pitch_class] = letter + _AS_TEXT[step]
        spelled |= zip(_NATURALS, LETTERS, strict=True)
        spelled |= zip(self.pitch_classes, self.note_names, strict=True)
        return tuple(spelled[pitch_class] for pitch_class in range(12))

    def note_name(self, pitch: Pitch) -> str:
        """The name of a pitch without its octave, as this key spells it: `Bb` in E flat major.

        Outside the key, white keys have their own names. Black ones are sharps up to the leading
        note of the relative minor, going up by fifths, and flats beyond.
        """
        return self._spelling[pitch % 12]

    def pitch_name(self, pitch: Pitch) -> str:
        """The name of a pitch with its written octave: 60 is `C4`, or `B#3` in C sharp major."""
        name = self._spelling[pitch % 12]
        return f"{name}{(pitch - _ACCIDENTALS[name[1:]]) // 12 - 1}"

    def written(self, name: str, octave: int) -> Pitch:
        """The pitch of a note that is written in this key: `f` in G major is F sharp.

        An accidental overrides the signature, as in `bb` or `f#`. `octave` is the written one: C in
        octave 4 is 60. Raises UnknownNoteError if the note isn't one of the seven letters.
        """
        index, accidental = degree_named(name[:1]), name[1:]
        step = _ACCIDENTALS[accidental] if accidental else self.alterations[index]
        return 12 * (octave + 1) + _NATURALS[index] + step

    def nearest(self, degree: Degree, near: Pitch, low: Pitch, high: Pitch) -> Pitch:
        """The pitch of a letter that is nearest to the pitch `near` in the range `low` to `high`.

        Of two that are equally near, it is the one closer to the middle of the range, so that a
        line of tritones stays inside. The range must have 12 pitches or more.
        """
        pitch_class = self.pitch_classes[degree]
        up = (pitch_class - near) % 12
        is_up = up < _TRITONE or (up == _TRITONE and near < (low + high) / 2)
        pitch = near + up - (0 if is_up else 12)
        if pitch < low:
            return low + (pitch_class - low) % 12
        if pitch > high:
            return high - (high - pitch_class) % 12
        return pitch


C_MAJOR = Key("C major", 0)
"""The key whose notes have the names of the letters. It also holds while none is known."""

AUTO = Key("auto", 0)
"""The key that is to be found by ear (see `key_finding`): the white keys until then."""
