"""The machine's notes: the octave a letter sounds in, how hard it is struck, and its end."""

import math
from typing import TypeAlias

import numpy as np

from midigen.instrument.agenda import Agenda
from midigen.instrument.ledger import Ledger
from midigen.midi.messages import Message, Pitch, Seconds, Velocity
from midigen.music.keys import Degree, Key
from midigen.settings.table import Settings

REACH = 16
"""An answer stays within so many semitones of where the phrase was."""

MIDDLE_C: Pitch = 60

_OCTAVE = 12
_HIGHEST: Velocity = 127
_DRAWN = 256  # at once, since one at a time would cost each note microseconds

NoteId: TypeAlias = int
"""A note of the machine's, numbered as they begin."""


class Voice:
    """Sounds letters on a ledger's channel. `rng` is for the small differences of touch."""

    def __init__(self, settings: Settings, ledger: Ledger, rng: np.random.Generator) -> None:
        self.settings = settings
        self.near: Pitch = MIDDLE_C
        """The note before: the next one's octave is the nearest to it."""
        self.middle: float | None = None
        """Where the phrase was; None before there is one."""
        self._ledger = ledger
        self._own = Ledger(settings.output.channel)
        self._written: list[Message] = []
        self._rng = rng
        self._offs: list[int] = []  # what the next notes are louder or softer by
        self._count = 0
        self._notes: dict[NoteId, Pitch] = {}  # that sound
        self._ends: Agenda[NoteId] = Agenda()

    @property
    def sounding(self) -> list[NoteId]:
        """The notes that sound."""
        return list(self._notes)

    def take_up(self, settings: Settings) -> None:
        """Play by settings in which anything may be another."""
        self.settings = settings
        self._own.channel = settings.output.channel
        self._offs.clear()

    def place(self, degree: Degree, key: Key, near: Pitch) -> Pitch:
        """The pitch of a letter, nearest to another note."""
        return key.nearest(degree, near, *self._register())

    def transposed(self, pitch: Pitch, key: Key) -> Pitch:
        """Where a pitch of the key sounds, `response.transpose` away and in the range."""
        interval, limits = self.settings.response.transpose, self.settings.range
        if interval.degrees:
            pitch = key.moved(pitch, interval.degrees)
        pitch += _OCTAVE * interval.octaves
        if pitch > limits.high:
            pitch -= _OCTAVE * math.ceil((pitch - limits.high) / _OCTAVE)
        elif pitch < limits.low:
            pitch += _OCTAVE * math.ceil((limits.low - pitch) / _OCTAVE)
        return pitch

    def touched(self, velocity: Velocity) -> Velocity:
        """A velocity as it is struck: scaled, and a little off by chance."""
        if not self._offs:
            most = self.settings.touch.variation
            self._offs = self._rng.integers(-most, most, size=_DRAWN, endpoint=True).tolist()
        scaled = round(velocity * self.settings.touch.scale)
        return min(max(scaled + self._offs.pop(), 1), _HIGHEST)

    def begin(self, pitch: Pitch, velocity: Velocity) -> tuple[NoteId, list[Message]]:
        """Strike a note."""
        self._count += 1
        self._notes[self._count] = pitch
        self._written += self._own.begin(pitch, velocity, self._count)
        return self._count, self._ledger.begin(pitch, velocity, self._count)

    @property
    def next_end(self) -> Seconds | None:
        """When the next note ends whose end is known."""
        return self._ends.next_time

    def end_at(self, note: NoteId, time: Seconds) -> None:
        """A note is to end at a time."""
        self._ends.plan(time, note)

    def end_next(self) -> list[Message]:
        """End the note that ends next."""
        return self.end(self._ends.pop())

    def end(self, note: NoteId) -> list[Message]:
        """End a note, if it sounds."""
        pitch = self._notes.pop(note, None)
        if pitch is None:
            return []
        self._written += self._own.end(pitch, note)
        return self._ledger.end(pitch, note)

    def end_all(self) -> list[Message]:
        """End all of the machine's notes; what the player holds through thru sounds on."""
        self._ends.clear()
        return [message for note in self.sounding for message in self.end(note)]

    def forget_place(self) -> None:
        """Where anything was played before doesn't matter any more."""
        self.near = MIDDLE_C
        self.middle = None

    def forget(self) -> None:
        """All notes were ended by the ledger."""
        self._ends.clear()
        self._notes.clear()
        self._written += self._own.flush()

    def written(self) -> list[Message]:
        """What it has played since this was last asked, as if nobody else held a note."""
        written, self._written = self._written, []
        return written

    def _register(self) -> tuple[Pitch, Pitch]:
        """The lowest and highest pitch: the range, near the phrase, an octave at least."""
        limits = self.settings.range
        if self.middle is None:
            return limits.low, limits.high
        low = max(limits.low, math.ceil(self.middle - REACH))
        low = min(low, limits.high - _OCTAVE + 1)
        high = min(limits.high, math.floor(self.middle + REACH))
        return low, max(high, low + _OCTAVE - 1)
