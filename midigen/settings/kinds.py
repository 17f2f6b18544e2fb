"""The kinds of values that settings take, and how a table declares settings of a kind.

A `Kind` reads a value as it comes from TOML, and returns it as the program uses it or raises
ValueError. `expected` says in words what it takes.
"""

import difflib
import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from midigen.midi.messages import Beats
from midigen.music.keys import AUTO, MODE_NAMES, Key


class Kind(Protocol):
    """Reads one kind of value and describes it."""

    @property
    def expected(self) -> str:
        """What a value must be, in words."""

    def read(self, value: object) -> Any:
        """The value as the program uses it. Raises ValueError if it isn't what is expected."""


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`, or else the `word`, if there is one."""

    low: float
    high: float
    unit: str
    whole: bool = True
    word: str = ""

    @property
    def expected(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        word = f'"{self.word}" or ' if self.word else ""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{word}{kind} {self.low} to {self.high}{unit}"

    def read(self, value: object) -> Any:
        if self.word and value == self.word:
            return value
        kinds = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError
        if not self.low <= value <= self.high:  # NaN fails here too
            raise ValueError
        return value if self.whole else float(value)

    def at(self, part: float) -> Any:
        """The number at a place in the range, such as a knob's: 0 is the low end, 1 the high."""
        number = self.low * (1 - part) + self.high * part
        return round(number) if self.whole else float(number)

    def part(self, value: float) -> float:
        """The place of a number in the range, 0 to 1."""
        return (value - self.low) / (self.high - self.low)


def real(low: float, high: float, unit: str = "", word: str = "") -> Number:
    """A number that need not be whole."""
    return Number(low, high, unit, False, word)


PITCH = Number(0, 127, "MIDI pitch; 60 is middle C")


class Flag:
    """On or off."""

    expected = "true or false"

    def read(self, value: object) -> Any:
        if not isinstance(value, bool):
            raise ValueError
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: type[StrEnum]

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(f'"{word}"' for word in self.words)

    def read(self, value: object) -> Any:
        if not isinstance(value, str):
            raise ValueError
        return self.words(value)


_LENGTH = re.compile(r"(\d{1,4}(?:\.\d{1,6})?) beats?")
_SHORTEST: Beats = 0.125


class AnswerLength:
    """`match`, `endless`, a number of notes, or a number of beats such as `"4 beats"`."""

    notes = Number(1, 1000, "notes")
    expected = '"match", "endless", a whole number 1 to 1000 (notes), or beats such as "4 beats"'

    def read(self, value: object) -> Any:
        if value in ("match", "endless"):
            return value
        if not isinstance(value, str):
            return self.notes.read(value)
        match = _LENGTH.fullmatch(value.strip())
        if not match or not _SHORTEST <= float(match[1]) <= self.notes.high:
            raise ValueError
        return InBeats(float(match[1]))


@dataclass(frozen=True)
class InBeats:
    """The length of an answer in beats rather than notes."""

    beats: Beats

    def __str__(self) -> str:
        return f"{self.beats:.10g} beats"


_MODES = ", ".join(MODE_NAMES)
_TRANSPOSITION = re.compile(r"([+-]?\d+) (octave|degree)s?")


@dataclass(frozen=True)
class Transposition:
    """How far notes are moved: in octaves, or in degrees of the key. Negative is down."""

    octaves: int = 0
    degrees: int = 0

    def __str__(self) -> str:
        return f"{self.degrees} degrees" if self.degrees else f"{self.octaves} octaves"


class Interval:
    """A transposition, such as `"1 octave"` or `"-2 degrees"`."""

    expected = 'octaves -4 to 4 or degrees -14 to 14, such as "1 octave" or "-2 degrees"'

    def read(self, value: object) -> Any:
        if isinstance(value, Transposition):
            return value
        match = _TRANSPOSITION.fullmatch(value.strip()) if isinstance(value, str) else None
        if not match:
            raise ValueError
        number, octaves = int(match[1]), match[2] == "octave"
        if abs(number) > (4 if octaves else 14):
            raise ValueError
        return Transposition(octaves=number) if octaves else Transposition(degrees=number)


@dataclass(frozen=True)
class _Described:
    expected: str


class Text(_Described):
    """Text that isn't empty."""

    def read(self, value: object) -> Any:
        if not isinstance(value, str) or not value.strip():
            raise ValueError
        return value


class Names(_Described):
    """A list of names, which may be empty."""

    def read(self, value: object) -> Any:
        if not isinstance(value, list):
            raise ValueError
        return tuple(Text("").read(name) for name in value)


class Assignments(_Described):
    """A table of names and values."""

    def read(self, value: object) -> Any:
        if not isinstance(value, dict):
            raise ValueError
        return tuple((name, AnyOf("").read(each)) for name, each in value.items())


class AnyOf(_Described):
    """Text, a finite number, true or false."""

    def read(self, value: object) -> Any:
        if not isinstance(value, str | int | float):
            raise ValueError
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError
        return value


class KeyName:
    """The name of a key, or `auto`."""

    expected = f'"auto" or a tonic and a mode, such as "G major", "Bb" or "F#m": {_MODES}'

    def read(self, value: object) -> Any:
        if not isinstance(value, str):
            raise ValueError
        return AUTO if value.strip().lower() == AUTO.name else Key.named(value)


def did_you_mean(kind: Kind, value: object) -> str:
    """A hint to add to an error, if the value is close to one that is taken; else empty."""
    close: list[str] = []
    if isinstance(kind, Choice):
        close = difflib.get_close_matches(str(value), [str(word) for word in kind.words], n=1)
    elif isinstance(kind, KeyName) and isinstance(value, str):
        close = difflib.get_close_matches(value.lower(), [AUTO.name], cutoff=0.7)
        close = close or [key for key in [Key.closest(value)] if key]
    return f'; did you mean "{close[0]}"?' if close else ""


def setting(default: Any, kind: Kind, meaning: str) -> Any:
    """A setting. Its `kind` reads and checks values, and says in words what it expects."""
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


def choice(default: StrEnum, meaning: str) -> Any:
    """A setting that is one of the words of an enumeration."""
    return setting(default, Choice(type(default)), meaning)


def switch(meaning: str) -> Any:
    """A setting that is on or off; by default it is off."""
    return setting(False, Flag(), meaning)


def tables(entry: type, example: str) -> Any:
    """A list of tables, `[[name]]` in TOML, each with the fields of `entry`."""
    return field(default=(), metadata={"entry": entry, "example": example})
