"""MIDI messages as frozen values, and the units they are in. `wire` knows their bytes."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

Seconds: TypeAlias = float
"""A time on a clock that never goes back, or a span of it."""

Beats: TypeAlias = float
"""A place on the beat's own count, or a span of it: quarter notes."""

Pitch: TypeAlias = int
"""A MIDI note number, 0–127; 60 is middle C, C4."""

Velocity: TypeAlias = int
"""How hard a key was struck, 1–127. A note-on of velocity 0 is a note-off."""

Channel: TypeAlias = int
"""A MIDI channel as musicians count them, 1–16."""

KEY_PRESSURE, CONTROL_CHANGE, PROGRAM_CHANGE = 0xA0, 0xB0, 0xC0
CHANNEL_PRESSURE, PITCH_BEND = 0xD0, 0xE0
"""What a `ChannelMessage` may be, by its `status`."""

SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123
"""Controllers that mean the same everywhere (MIDI 1.0)."""

ENDS_NOTES = (ALL_SOUND_OFF, ALL_NOTES_OFF, 124, 125, 126, 127)
"""Controllers that end all notes of their channel: the last four, which set its mode, do too."""

DATA_ENTRY = 6
PARAMETER = (100, 101)
UNREGISTERED = (98, 99)
"""What sets a parameter, and what names it: its number's lower and upper half."""

DRUMS: Channel = 10
"""General MIDI's channel for drums."""

HALF = 64
"""A pedal or a switch is on from here."""


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


class Clock(Enum):
    """MIDI clock and transport, by their status bytes."""

    TICK = 0xF8
    """A twenty-fourth of a quarter note has passed."""
    START = 0xFA
    """The next tick is the song's first."""
    CONTINUE = 0xFB
    """The song goes on where it was with the next tick."""
    STOP = 0xFC
    """The song stands still."""


@dataclass(frozen=True, slots=True)
class SongPosition:
    """Where in the song `Clock.CONTINUE` will go on, in sixteenths from its beginning."""

    sixteenths: int


Message: TypeAlias = NoteOn | NoteOff | ChannelMessage | Clock | SongPosition

TimedMessage: TypeAlias = tuple[Seconds, Message]
"""A message and when it is played."""
