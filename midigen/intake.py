"""What comes in at one port: stamped, and what floods it kept out.

The callback only looks at the kind of a message: of more than the worker can keep up
with, ends of what was let in still come through, and nothing else does.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from midigen import realtime, wire
from midigen.feedback import Feedback
from midigen.notes import (
    CONTROL_CHANGE,
    HALF,
    SUSTAIN,
    ChannelMessage,
    Message,
    NoteOff,
    Notice,
    Quit,
    Seconds,
)
from midigen.performer import Cue

MOST = 128
"""Messages of a port that may wait for the worker: some 10 ms of its work."""

MOST_URGENT = 4 * MOST
"""The same for the clock's, of which each counts, and for all notes off."""

_NOTE_OFF, _NOTE_ON, _CONTROL, _SYSTEM = 0x80, 0x90, 0xB0, 0xF0
_WHOLE = 3  # bytes of these messages
_PEDAL = -1  # in the place of a pitch
_FIRST_MODE = 120  # controllers from here on are commands, such as all notes off


class Arrival(NamedTuple):
    """Something came in: when, and the bytes or whatever `events` makes events of.

    `reply` takes what the performer says of it, on the worker's thread.
    """

    time: Seconds
    events: Callable[[Any], Iterable[Cue | Quit]]
    data: Any
    reply: Callable[[list[Notice]], None] | None = None


Enqueue: TypeAlias = Callable[[Arrival], None]


class Intake:
    """Takes what a port receives, enqueues it, and makes events of it on the worker.

    `feedback` knows what was sent, which isn't heard when it comes back.
    """

    def __init__(self, enqueue: Enqueue, feedback: Feedback) -> None:
        self.dropped = 0
        """Messages that were too many."""
        self._enqueue = enqueue
        self._feedback = feedback
        self._decode = wire.Decoder().feed
        self._let_in = 0
        self._handled = 0
        self._down: set[tuple[int, int]] = set()  # (channel from 0, pitch or _PEDAL)
        self._is_first = True

    def on_message(self, message: tuple[Sequence[int], float], _: object = None) -> None:
        """What RtMidi calls for each message, on a thread of its own."""
        now = time.perf_counter()
        if self._is_first:
            self._is_first = False
            realtime.raise_priority()  # of this thread
        data = message[0]
        if data and self._admits(data):
            self._let_in += 1
            self._enqueue(Arrival(now, self._events, (now, data)))
        else:
            self.dropped += 1

    def let_go(self) -> int:
        """End what the port holds, as the end of it may be lost: how many keys and pedals."""
        down, self._down = self._down, set()
        ends: list[Message] = [
            NoteOff(pitch, channel + 1)
            if pitch != _PEDAL
            else ChannelMessage(CONTROL_CHANGE, (SUSTAIN, 0), channel + 1)
            for channel, pitch in sorted(down, reverse=True)  # keys before their pedal
        ]
        self._enqueue(Arrival(time.perf_counter(), list, ends))
        return len(ends)

    def _admits(self, data: Sequence[int]) -> bool:
        """Whether a message may join those that wait: what ends a note that did always may."""
        waiting = self._let_in - self._handled
        key, begins = key_of(data)
        if key is None:
            return waiting < (MOST_URGENT if _is_urgent(data) else MOST)
        if begins and waiting < MOST:
            self._down.add(key)
            return True
        if begins or (waiting >= MOST and key not in self._down):
            return False
        self._down.discard(key)
        return True

    def _events(self, arrived: tuple[Seconds, Sequence[int]]) -> list[Message]:
        now, data = arrived
        self._handled += 1
        return [each for each in self._decode(data) if not self._feedback.is_own(each, now)]


def key_of(data: Sequence[int]) -> tuple[tuple[int, int] | None, bool]:
    """The key or pedal that a message is about, if any, and whether it goes down."""
    kind, channel = data[0] & 0xF0, data[0] & 0x0F
    if len(data) != _WHOLE:
        return None, False
    if kind in (_NOTE_OFF, _NOTE_ON):
        return (channel, data[1]), kind == _NOTE_ON and data[2] > 0
    if kind == _CONTROL and data[1] == SUSTAIN:
        return (channel, _PEDAL), data[2] >= HALF
    return None, False


def _is_urgent(data: Sequence[int]) -> bool:
    return data[0] >= _SYSTEM or (
        len(data) == _WHOLE and data[0] & 0xF0 == _CONTROL and data[1] >= _FIRST_MODE
    )
