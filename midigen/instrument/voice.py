"""midigen's own notes: the octave of a letter, its velocity, and its note-off.

The modes and the loop call the voice, and it calls none of them.
"""

import math
from bisect import insort
from collections import deque
from operator import itemgetter
from typing import Generic, TypeAlias, TypeVar

import numpy as np

from midigen.instrument.events import Output
from midigen.instrument.hearing import SHOWN
from midigen.instrument.ledger import Ledger
from midigen.instrument.panel import Panel
from midigen.midi.messages import Message, Pitch, Seconds, Velocity
from midigen.music.keys import Degree, Key

REACH = 16  # an answer stays within so many semitones of the phrase's mean pitch

MIDDLE_C: Pitch = 60

_OCTAVE = 12
_HIGHEST: Velocity = 127
_DRAWN = 256  # at once: drawing one at a time costs microseconds a note

NoteId: TypeAlias = int
"""One of midigen's notes, numbered in the order of their note-ons."""

Action = TypeVar("Action")


class Agenda(Generic[Action]):
    """Planned actions, the soonest first. Those with the same time stay in order."""

    def __init__(self) -> None:
        self._planned: list[tuple[Seconds, Action]] = []

    @property
    def next_time(self) -> Seconds | None:
        """When the soonest action is due."""
        return self._planned[0][0] if self._planned else None

    @property
    def last_time(self) -> Seconds | None:
        """When the last action is due."""
        return self._planned[-1][0] if self._planned else None

    def plan(self, time: Seconds, action: Action) -> None:
        """Plan an action for a time."""
        insort(self._planned, (time, action), key=itemgetter(0))

    def pop(self) -> Action:
        """Remove and return the soonest action."""
        return self._planned.pop(0)[1]

    def cancel(self, action: Action) -> None:
        """Drop an action, if it is planned."""
        self._planned = [planned for planned in self._planned if planned[1] != action]

    def clear(self) -> None:
        """Drop all actions."""
        self._planned.clear()


class Voice:
    """Plays letters on a ledger's channel. `rng` draws the small variations of touch."""

    def __init__(
        self, panel: Panel, ledger: Ledger, outbox: list[Output], rng: np.random.Generator
    ) -> None:
        self.near: Pitch = MIDDLE_C
        """The note before: the next one's octave is the nearest to it."""
        self.middle: float | None = None
        """The mean pitch of the phrase; None before there is one."""
        self.now: Seconds = 0.0
        """Whatever is due by then is sent at once."""
        self.played: deque[Pitch] = deque(maxlen=SHOWN)
        """The newest notes, oldest first."""
        self.dropped = 0
        """How many notes were dropped, because they were too many or too late."""
        self._panel = panel
        self._ledger = ledger
        self._outbox = outbox
        self._own = Ledger(ledger.channel)
        self._written: list[Message] = []
        self._rng = rng
        self._variations: list[int] = []  # of velocity, for the next notes
        self._count = 0
        self._notes: dict[NoteId, Pitch] = {}  # those that sound
        self._ends: Agenda[NoteId] = Agenda()

    @property
    def sounds(self) -> bool:
        """Whether any of midigen's notes sounds."""
        return bool(self._notes)

    @property
    def next_time(self) -> Seconds | None:
        """When the next planned note-off is due."""
        return self._ends.next_time

    def place(self, degree: Degree, key: Key, near: Pitch, octave: int | None) -> Pitch:
        """The pitch of a letter in the octave that is nearest to another note, in the range.

        It is so many octaves higher if that is still in the range. Without an octave from the
        model, it also stays near the phrase. There is at least an octave to choose from.
        """
        limits = self._panel.settings.range
        low, high = limits.low, limits.high
        if octave is not None:
            pitch = key.nearest(degree, near, low, high)
            other = pitch + _OCTAVE * octave
            return other if low <= other <= high else pitch
        if self.middle is not None:
            low = min(max(low, math.ceil(self.middle - REACH)), high - _OCTAVE + 1)
            high = max(min(high, math.floor(self.middle + REACH)), low + _OCTAVE - 1)
        return key.nearest(degree, near, low, high)

    def strike(self, pitch: Pitch, velocity: Velocity, key: Key) -> NoteId:
        """Begin a note at a pitch of the key, as `response.transpose` moves it."""
        pitch, velocity = self._transposed(pitch, key), self._touched(velocity)
        self.played.append(pitch)
        self._count += 1
        self._notes[self._count] = pitch
        self._written += self._own.begin(pitch, velocity, self._count)
        self._outbox += self._ledger.begin(pitch, velocity, self._count)
        return self._count

    def end_at(self, note: NoteId, time: Seconds) -> None:
        """Plan a note-off, or send it at once if it is due."""
        if time > self.now:
            self._ends.plan(time, note)
        else:
            self.end(note)

    def plan_end(self, note: NoteId, time: Seconds) -> None:
        """Plan the note-off of a note that has one planned already, for another time."""
        self._ends.cancel(note)
        if note in self._notes:
            self._ends.plan(time, note)

    def act(self) -> None:
        """Send the next planned note-off."""
        self.end(self._ends.pop())

    def end(self, note: NoteId) -> None:
        """End a note, if it sounds."""
        pitch = self._notes.pop(note, None)
        if pitch is not None:
            self._written += self._own.end(pitch, note)
            self._outbox += self._ledger.end(pitch, note)

    def end_all(self) -> None:
        """End all of midigen's notes; notes that thru passed on sound on."""
        self._ends.clear()
        for note in list(self._notes):
            self.end(note)

    def flush(self) -> None:
        """End all that sounds on the ledger, whoever holds it."""
        self._outbox += self._ledger.flush()
        self._ends.clear()
        self._notes.clear()
        self._written += self._own.flush()

    def move_to_channel(self) -> None:
        """Play on the channel that is set. Nothing may sound."""
        self._ledger.channel = self._own.channel = self._panel.settings.output.channel

    def forget_touch(self) -> None:
        """Draw the variations of touch anew, by the present settings."""
        self._variations.clear()

    def written(self) -> list[Message]:
        """Midigen's messages since the last call, as they would be without thru."""
        written, self._written = self._written, []
        return written

    def _transposed(self, pitch: Pitch, key: Key) -> Pitch:
        """Where a pitch of the key sounds, `response.transpose` away and in the range."""
        settings = self._panel.settings
        interval, limits = settings.response.transpose, settings.range
        if interval.degrees:
            pitch = key.moved(pitch, interval.degrees)
        pitch += _OCTAVE * interval.octaves
        if pitch > limits.high:
            pitch -= _OCTAVE * math.ceil((pitch - limits.high) / _OCTAVE)
        elif pitch < limits.low:
            pitch += _OCTAVE * math.ceil((limits.low - pitch) / _OCTAVE)
        return pitch

    def _touched(self, velocity: Velocity) -> Velocity:
        """The velocity that is sent: scaled, and varied a little at random."""
        touch = self._panel.settings.touch
        if not self._variations:
            most = touch.variation
            self._variations = self._rng.integers(-most, most, size=_DRAWN, endpoint=True).tolist()
        scaled = round(velocity * touch.scale)
        return min(max(scaled + self._variations.pop(), 1), _HIGHEST)
