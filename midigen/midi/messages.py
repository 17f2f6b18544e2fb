"""MIDI messages as frozen values, and the units that they use. `wire` encodes them as bytes."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

Seconds: TypeAlias = float
"""A time on a clock that never goes back, or a duration."""

Beats: TypeAlias = float
"""A position counted in beats (quarter notes), or a duration."""

Pitch: TypeAlias = int
"""A MIDI note number, 0–127; 60 is middle C, C4."""

Velocity: TypeAlias = int
"""How hard a key was struck, 1–127. A note-on of velocity 0 is a note-off."""

Channel: TypeAlias = int
"""A MIDI channel as musicians count them, 1–16."""

KEY_PRESSURE, CONTROL_CHANGE, PROGRAM_CHANGE = 0xA0, 0xB0, 0xC0
CHANNEL_PRESSURE, PITCH_BEND = 0xD0, 0xE0
"""The kinds of a `ChannelMessage`, by its `status`."""

SUSTAIN, ALL_SOUND_OFF, RESET_CONTROLLERS, ALL_NOTES_OFF = 64, 120, 121, 123
"""Controllers whose meaning MIDI 1.0 defines."""

ENDS_NOTES = (ALL_SOUND_OFF, ALL_NOTES_OFF, 124, 125, 126, 127)
"""Controllers that end all notes of their channel; the last four also set its mode."""

DATA_ENTRY = 6
PARAMETER = (100, 101)
UNREGISTERED = (98, 99)
"""The controller that sets a parameter, and those that select it by the halves of its number."""

DRUMS: Channel = 10
"""The channel that General MIDI gives to drums."""

HALF = 64
"""A pedal or a switch is on from this value up, off below."""


@dataclass(frozen=True, slots=True)
class NoteOn:
    """A key is pressed, or a note begins."""

    pitch: Pitch
    velocity: Velocity
    channel: Channel = 1


@dataclass(frozen=True, slots=True)
class NoteOff:
    """A key is released, or a note ends."""

    pitch: Pitch
    channel: Channel = 1


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """Any other channel message: pedal, bend, pressure or program.

    `status` is the upper half of the status byte, 0xA0–0xE0; `data` are the one or two bytes
    after it, 0–127 each.
    """

    status: int
    data: tuple[int, ...]
    channel: Channel = 1


class Clock(Enum):
    """MIDI clock and transport. The values are the status bytes."""

    TICK = 0xF8
    """A twenty-fourth of a quarter note has passed."""
    START = 0xFA
    """The song begins with the next tick."""
    CONTINUE = 0xFB
    """The song goes on from where it stopped with the next tick."""
    STOP = 0xFC
    """The song stops."""


@dataclass(frozen=True, slots=True)
class SongPosition:
    """Where `Clock.CONTINUE` will go on, in sixteenths from the song's beginning, 0–16,383."""

    sixteenths: int


Message: TypeAlias = NoteOn | NoteOff | ChannelMessage | Clock | SongPosition

TimedMessage: TypeAlias = tuple[Seconds, Message]
"""A message and the time at which it is played."""
