"""The ledger of sounding notes: every note that was begun is in it until it is ended.

Notes have holders: the player's keys (through thru) and the machine's notes. A
pitch that several hold ends with the last of them, and a pitch that is struck
while it sounds is ended first, so that what a receiver gets is always on, off,
on, off.
"""

from collections.abc import Hashable

from midigen.notes import Channel, ChannelMessage, Message, NoteOff, NoteOn, Pitch, Velocity

_CONTROL_CHANGE = 0xB0
_SUSTAIN = 64


class Ledger:
    """What sounds on one output channel, and who holds it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._holders: dict[Pitch, set[Hashable]] = {}
        self._sustain = False

    @property
    def sounding(self) -> frozenset[Pitch]:
        """The pitches that have been begun and not ended."""
        return frozenset(self._holders)

    def begin(self, pitch: Pitch, velocity: Velocity, holder: Hashable) -> list[Message]:
        """The messages that strike a note and make `holder` hold it."""
        messages: list[Message] = []
        if pitch in self._holders:
            messages.append(NoteOff(pitch, self._channel))
        self._holders.setdefault(pitch, set()).add(holder)
        messages.append(NoteOn(pitch, velocity, self._channel))
        return messages

    def end(self, pitch: Pitch, holder: Hashable) -> list[Message]:
        """The messages that make `holder` let go: none if it doesn't hold the pitch."""
        holders = self._holders.get(pitch)
        if holders is None or holder not in holders:
            return []
        holders.remove(holder)
        if holders:
            return []
        del self._holders[pitch]
        return [NoteOff(pitch, self._channel)]

    def pass_on(self, message: ChannelMessage) -> list[Message]:
        """The player's pedal, bend and the like, on the output channel."""
        if message.status == _CONTROL_CHANGE and message.data[0] == _SUSTAIN:
            self._sustain = message.data[1] >= 64  # noqa: PLR2004  half-way, as MIDI 1.0 has it
        return [ChannelMessage(message.status, message.data, self._channel)]

    def note_offs(self) -> list[Message]:
        """What would end everything that sounds, the pedal included."""
        offs: list[Message] = [NoteOff(pitch, self._channel) for pitch in sorted(self._holders)]
        if self._sustain:
            offs.append(ChannelMessage(_CONTROL_CHANGE, (_SUSTAIN, 0), self._channel))
        return offs

    def flush(self) -> list[Message]:
        """End everything that sounds, whoever holds it."""
        offs = self.note_offs()
        self._holders.clear()
        self._sustain = False
        return offs
