"""The machine's own notes, where a cable or a DAW brings them back to its input.

What comes in soon after the same was sent is taken for its return, one for one. Where
notes aren't returned there is no such cable, and what looks like a return is the player's.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from midigen.notes import Channel, ChannelMessage, Message, NoteOff, NoteOn, Pitch, Seconds

RETURN: Seconds = 0.1
"""What was sent is back by now: some buffers of a DAW, and less than a quick player's step."""

DOUBT = 3
"""So many notes that didn't come back in a row, and there is no cable."""

_Sound: TypeAlias = tuple[type, Channel, Pitch] | ChannelMessage


@dataclass(eq=False, slots=True)
class _Sent:
    sound: _Sound
    time: Seconds
    is_back: bool = False


class Feedback:
    """Tells what was sent from what is played. Times may not go back."""

    def __init__(self) -> None:
        self.returned = 0
        """Messages that came back."""
        self._sent: deque[_Sent] = deque()  # lately, oldest first
        self._out: dict[_Sound, deque[_Sent]] = {}  # of them, what may still come back
        self._down: dict[tuple[Channel, Pitch], int] = {}  # returned notes that haven't ended
        self._doubt = 0

    def send(self, message: Message, now: Seconds) -> None:
        """Something is sent."""
        sound = _sound(message)
        if sound is None:
            return
        self._forget(now)
        sent = _Sent(sound, now)
        self._sent.append(sent)
        self._out.setdefault(sound, deque()).append(sent)

    def is_own(self, message: Message, now: Seconds) -> bool:
        """Whether what came in is what was sent, come back."""
        sound = _sound(message)
        if sound is None:
            return False
        self._forget(now)
        if sound not in self._out:
            return False
        if isinstance(message, NoteOff):
            is_own = self._ends((message.channel, message.pitch))
        else:
            is_own = self._doubt < DOUBT
        if isinstance(message, NoteOn):
            self._doubt = max(0, self._doubt - 2)
            if is_own:
                key = (message.channel, message.pitch)
                self._down[key] = self._down.get(key, 0) + 1
        if is_own:
            self.returned += 1
            self._pop(sound).is_back = True
        return is_own

    def _ends(self, key: tuple[Channel, Pitch]) -> bool:
        """A note-off is a return where its note-on was: else the player's key would hang."""
        count = self._down.pop(key, 0)
        if count > 1:
            self._down[key] = count - 1
        return count > 0

    def _pop(self, sound: _Sound) -> _Sent:
        """The oldest of what may still come back."""
        out = self._out[sound]
        sent = out.popleft()
        if not out:
            del self._out[sound]
        return sent

    def _forget(self, now: Seconds) -> None:
        """What was sent too long ago doesn't come back any more."""
        while self._sent and now - self._sent[0].time > RETURN:
            sent = self._sent.popleft()
            if sent.is_back:
                continue
            self._pop(sent.sound)
            if isinstance(sent.sound, tuple) and sent.sound[0] is NoteOn:
                self._doubt = min(self._doubt + 1, DOUBT + 1)


def _sound(message: Message) -> _Sound | None:
    """What tells a message from others: of a note, its channel and pitch."""
    match message:
        case NoteOn() | NoteOff():
            return (type(message), message.channel, message.pitch)
        case ChannelMessage():
            return message
        case _:
            return None
