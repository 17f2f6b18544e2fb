"""Detects MIDI feedback: midigen's own notes that a cable or a DAW sends back to its input.

A message that comes in right after the same message was sent counts as its return. If several
notes don't come back, there is no feedback, and what looks like a return is the player's. If later
one note after another comes back with the same delay, there is feedback again.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from midigen.midi.messages import (
    CONTROL_CHANGE,
    DATA_ENTRY,
    KEY_PRESSURE,
    PARAMETER,
    UNREGISTERED,
    Channel,
    ChannelMessage,
    Clock,
    Message,
    NoteOff,
    NoteOn,
    Pitch,
    Seconds,
    SongPosition,
)

AT_ONCE: Seconds = 0.020
"""Keys that a player strikes within this time are a chord (see `melody.CHORD`)."""

LATEST: Seconds = 0.04
"""A return takes at most this long: two periods of 20 ms. No player follows so closely."""

DOUBT = 3  # after so many notes that didn't come back, there is no feedback
PROOF = 4  # after so many notes in a row came back unchanged with the same delay, there is feedback

ECHOES = 8
"""After so many older controller values came back in a row, they are feedback: nobody turns a knob
like that."""

ABOUT: Seconds = 0.010  # the delays of one feedback path differ by less than this

_COUNTED = {DATA_ENTRY, 38, 96, 97, *UNREGISTERED, *PARAMETER}
"""Controllers that act each time, so that no repetition may be dropped."""

_Controller: TypeAlias = tuple[int, Channel, int | None]
_Sound: TypeAlias = tuple[type, Channel, Pitch] | ChannelMessage


@dataclass(eq=False, slots=True)
class _Sent:
    sound: _Sound
    message: Message
    time: Seconds
    is_back: bool = False


class Feedback:
    """Tells returns from what is played. Times may not decrease."""

    def __init__(self) -> None:
        self.returned = 0  # how many messages came back
        self._sent: deque[_Sent] = deque()  # recently, oldest first
        self._fresh: deque[_Sent] = deque()  # of them, the notes that may come back at once
        self._out: dict[_Sound, deque[_Sent]] = {}  # of them, what may still come back
        self._down: dict[tuple[Channel, Pitch], int] = {}  # returned notes that haven't ended
        self._doubt = 0  # notes that didn't come back since there was proof
        self._in_a_row = 0  # notes that came back, and none that didn't
        self._delay: Seconds = 0.0  # of the latest of them
        self._newest: _Sound | None = None  # of them
        self._values: dict[_Controller, ChannelMessage] = {}  # as they were sent last
        self._echoes = 0  # older values in a row that came back

    def send(self, message: Message, now: Seconds) -> None:
        """A message is sent."""
        if isinstance(message, Clock | SongPosition):
            return
        self._forget(now)
        sound = _sound(message)
        sent = _Sent(sound, message, now)
        self._sent.append(sent)
        if isinstance(message, NoteOn):
            self._fresh.append(sent)
        elif isinstance(message, ChannelMessage):
            self._values[_controller(message)] = message
        self._out.setdefault(sound, deque()).append(sent)

    def is_own(self, message: Message, now: Seconds) -> bool:
        """Whether a message that came in is a return."""
        self._forget(now)
        match message:
            case NoteOn():
                is_own = self._takes_note(message, now)
            case NoteOff():
                is_own = self._takes_end(message)
            case ChannelMessage():
                is_own = message in self._out and self._takes_value(message, now)
            case _:
                return False
        self.returned += is_own
        return is_own

    def _takes_note(self, note: NoteOn, now: Seconds) -> bool:
        """Whether a note-on is a return.

        Without proof of feedback, the note-off of a key that the player strikes must be heard:
        otherwise the note would hang.
        """
        sound, key = _sound(note), (note.channel, note.pitch)
        may_be = sound in self._out and self._out[sound][0].time <= now
        is_own = may_be and self._believes(sound, note, now)
        if may_be:
            self._weigh(self._pop(sound), note, now)
        if is_own:
            self._down[key] = self._down.get(key, 0) + 1
        elif self._in_a_row < PROOF:
            self._down.pop(key, None)
        return is_own

    def _takes_end(self, end: NoteOff) -> bool:
        """Whether a note-off is a return: only if its note-on was."""
        sound, key = _sound(end), (end.channel, end.pitch)
        if sound not in self._out or key not in self._down:
            return False
        self._pop(sound)
        self._down[key] -= 1
        if not self._down[key]:
            del self._down[key]
        return True

    def _takes_value(self, message: ChannelMessage, now: Seconds) -> bool:
        """Whether a controller's value is a return.

        Without proof of feedback, only the value sent last counts as one, since dropping it changes
        nothing. An older value may be the player's, and must reach the receiver.
        """
        number = message.data[0] if message.status == CONTROL_CHANGE else None
        changes = self._values[_controller(message)] != message or number in _COUNTED
        if changes:
            self._echoes += 1
            is_own = self._in_a_row >= PROOF or self._echoes > ECHOES
        else:
            is_own = self._believes(message, message, now)
        if is_own or changes:
            self._pop(message)
        return is_own

    def _believes(self, sound: _Sound, message: Message, now: Seconds) -> bool:
        """Whether a message that has just come in may be feedback."""
        newest = self._out[sound][-1]
        is_quick = newest.message == message and now - newest.time <= AT_ONCE
        return self._in_a_row >= PROOF or (is_quick and self._doubt < DOUBT)

    def _weigh(self, sent: _Sent, came: NoteOn, now: Seconds) -> None:
        """Count a note that came back, or that the player happened to strike too."""
        delay = now - sent.time
        is_alike = came == sent.message and abs(delay - self._delay) < ABOUT
        if sent.sound != self._newest or not is_alike:  # a repeated key proves nothing
            self._in_a_row = self._in_a_row + 1 if is_alike else 1
        self._delay, self._newest = delay, sent.sound
        if self._in_a_row >= PROOF:
            self._doubt = 0

    def _pop(self, sound: _Sound) -> _Sent:
        """Take the oldest message of this kind that hasn't come back yet."""
        out = self._out[sound]
        sent = out.popleft()
        sent.is_back = True
        if not out:
            del self._out[sound]
        return sent

    def _forget(self, now: Seconds) -> None:
        """Drop messages that were sent too long ago to come back."""
        while self._fresh and now - self._fresh[0].time > AT_ONCE:
            self._doubt += not self._fresh.popleft().is_back
        while self._sent and now - self._sent[0].time > LATEST:
            sent = self._sent.popleft()
            if sent.is_back:
                continue
            self._pop(sent.sound)
            if isinstance(sent.message, NoteOn):
                self._in_a_row = 0
            elif isinstance(sent.message, ChannelMessage):
                self._echoes = 0
            elif isinstance(sent.message, NoteOff):  # the return's own won't come any more
                self._down.pop((sent.message.channel, sent.message.pitch), None)


def _sound(message: NoteOn | NoteOff | ChannelMessage) -> _Sound:
    """What a message and its return have in common: for a note, channel and pitch."""
    if isinstance(message, ChannelMessage):
        return message
    return (type(message), message.channel, message.pitch)


def _controller(message: ChannelMessage) -> _Controller:
    """The controller that a message sets."""
    has_number = message.status in (CONTROL_CHANGE, KEY_PRESSURE)
    return message.status, message.channel, message.data[0] if has_number else None
