"""Events and messages as frozen values, and the units they are in.

What the performer takes is an `Event`, what it gives back is an `Output`; those
that are both (`NoteOn`, `NoteOff`, `ChannelMessage`) are what a port carries,
and `wire` knows their bytes. `Quit` is for whoever drives the performer.
"""

from dataclasses import dataclass
from typing import TypeAlias

Seconds: TypeAlias = float
"""A time on a clock that never goes back, or a span of it."""

Pitch: TypeAlias = int
"""A MIDI note number, 0–127; 60 is middle C, C4."""

Velocity: TypeAlias = int
"""How hard a key was struck, 1–127. A note-on of velocity 0 is a note-off."""

Channel: TypeAlias = int
"""A MIDI channel as musicians count them, 1–16."""

_PITCH_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def pitch_name(pitch: Pitch) -> str:
    """The scientific name of a pitch: 60 is `C4`, 61 `C#4`."""
    octave, pitch_class = divmod(pitch, 12)
    return f"{_PITCH_NAMES[pitch_class]}{octave - 1}"


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A key goes down, or a note begins."""

    pitch: Pitch
    velocity: Velocity
    channel: Channel = 1


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A key comes up, or a note ends."""

    pitch: Pitch
    channel: Channel = 1


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """Any other channel message (pedal, bend, pressure, program), passed on by thru.

    `status` is the upper half of the status byte, 0xA0–0xE0; `data` the one or
    two bytes after it.
    """

    status: int
    data: tuple[int, ...]
    channel: Channel = 1


@dataclass(frozen=True, slots=True)
class Control:
    """A named control is set while playing: `Control("mode", "duet")`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class EndOfPhrase:
    """The player says that the phrase is over, instead of falling silent."""


@dataclass(frozen=True, slots=True)
class Quit:
    """There is nothing more to come: stop."""


@dataclass(frozen=True, slots=True)
class EndOfAnswer:
    """The machine has said what it had to say to the phrase."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the player to read."""

    text: str


Message: TypeAlias = NoteOn | NoteOff | ChannelMessage
Event: TypeAlias = Message | Control | EndOfPhrase
Output: TypeAlias = Message | EndOfAnswer | Notice
