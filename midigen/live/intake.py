"""The input of one port: timestamps and decodes messages, and keeps floods out.

If more comes in than the worker can handle, only note-offs of notes that were let in still pass.
"""

import re
import time
from collections.abc import Sequence
from typing import TypeAlias

from midigen.live import realtime
from midigen.live.connection import Arrival, Enqueue
from midigen.live.feedback import Feedback
from midigen.midi import wire
from midigen.midi.messages import (
    CONTROL_CHANGE,
    HALF,
    SUSTAIN,
    Channel,
    ChannelMessage,
    Clock,
    Message,
    NoteOff,
    NoteOn,
    Pitch,
    Seconds,
)

MOST = 128  # how many messages of a port may wait for the worker: some 10 ms of its work

MOST_URGENT = 4 * MOST
"""The same for clock messages, none of which should be lost, and for "all notes off"."""

_SYSEX = 0xF0
_CUTS_IN = re.compile(rb"[\x80-\xef\xf1-\xf6\xfa-\xfc]")  # status bytes that can't be in a SysEx
_PEDAL = -1  # instead of a pitch
_FIRST_MODE = 120  # controllers from here on are commands, such as all notes off

Held: TypeAlias = tuple[Channel, Pitch]  # a key, or the pedal of a channel if the pitch is -1


class Intake:
    """Enqueues what a port receives.

    `feedback` has what was sent, so that midigen's own messages are ignored if they come back.
    """

    def __init__(self, enqueue: Enqueue, feedback: Feedback) -> None:
        self.dropped = 0  # how many messages were dropped because there were too many
        self.was_deaf = False  # whether an unfinished SysEx has ever blocked it
        self._enqueue = enqueue
        self._feedback = feedback
        self._decode = wire.Decoder().feed
        self._let_in = 0
        self._handled = 0
        self._down: set[Held] = set()
        self._is_first = True

    def on_message(self, message: tuple[Sequence[int], float], _: object = None) -> None:
        """The callback: RtMidi calls it for each message, on its own thread."""
        now = time.perf_counter()
        if self._is_first:
            self._is_first = False
            realtime.raise_priority()  # of this thread
        data = message[0]
        is_sysex = bool(data) and data[0] == _SYSEX
        for each in self._late(data) if is_sysex else self._decode(data):
            self.take(each, now)

    def take(self, message: Message, now: Seconds) -> bool:
        """Enqueue a message unless too many wait already; return whether it was let in."""
        if not self._admits(message):
            self.dropped += 1
            return False
        self._let_in += 1
        self._enqueue(Arrival(now, self._events, (now, message)))
        return True

    def release_held(self) -> int:
        """Release held keys and pedals, after note-offs may have been lost; return how many."""
        down, self._down = self._down, set()
        ends: list[Message] = [
            NoteOff(pitch, channel)
            if pitch != _PEDAL
            else ChannelMessage(CONTROL_CHANGE, (SUSTAIN, 0), channel)
            for channel, pitch in sorted(down, reverse=True)  # keys before their pedal
        ]
        self._enqueue(Arrival(time.perf_counter(), list, ends))
        return len(ends)

    def _late(self, data: Sequence[int]) -> list[Message]:
        """The messages inside a SysEx: on JACK, RtMidi takes everything up to an F7 for one.

        They may be old, so note-ons and ticks are dropped.
        """
        self._decode(data[:1])
        cut = _CUTS_IN.search(bytes(data))
        messages = self._decode(data[cut.start() :]) if cut else []
        self.was_deaf |= any(not isinstance(each, Clock) for each in messages)
        self.dropped += sum(isinstance(each, NoteOn) for each in messages)
        return [
            each for each in messages if not isinstance(each, NoteOn) and each is not Clock.TICK
        ]

    def _admits(self, message: Message) -> bool:
        """Whether a message may be enqueued. The note-off of a note that was let in always may."""
        waiting = self._let_in - self._handled
        key, begins = key_of(message)
        if key is None:
            return waiting < (MOST_URGENT if _is_urgent(message) else MOST)
        if begins and waiting < MOST:
            self._down.add(key)
            return True
        if begins or (waiting >= MOST and key not in self._down):
            return False
        self._down.discard(key)
        return True

    def _events(self, arrived: tuple[Seconds, Message]) -> tuple[Message, ...]:
        now, message = arrived
        self._handled += 1
        return () if self._feedback.is_own(message, now) else (message,)


def key_of(message: Message) -> tuple[Held | None, bool]:
    """The key or pedal that a message is for, if any, and whether it goes down."""
    match message:
        case NoteOn():
            return (message.channel, message.pitch), True
        case NoteOff():
            return (message.channel, message.pitch), False
        case ChannelMessage() if message.status == CONTROL_CHANGE and message.data[0] == SUSTAIN:
            return (message.channel, _PEDAL), message.data[1] >= HALF
    return None, False


def _is_urgent(message: Message) -> bool:
    return not isinstance(message, ChannelMessage) or (
        message.status == CONTROL_CHANGE and message.data[0] >= _FIRST_MODE
    )
