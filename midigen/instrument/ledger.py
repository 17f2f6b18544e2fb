"""The ledger of sounding notes: every note that was begun is in it until it is ended.

Notes have holders: the player's keys (through thru) and the machine's notes. A
pitch that several hold ends with the last of them, and a pitch that is struck
while it sounds is ended first, so that what a receiver gets is always on, off,
on, off. The sustain pedal holds too: where it is passed on, a note that was ended
under it sounds until it is lifted.
"""

from collections.abc import Hashable

from midigen.midi.messages import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTROL_CHANGE,
    HALF,
    RESET_CONTROLLERS,
    SUSTAIN,
    Channel,
    ChannelMessage,
    Message,
    NoteOff,
    NoteOn,
    Pitch,
    Velocity,
)


class Ledger:
    """What sounds on one output channel, and who holds it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        """May be changed while nothing sounds."""
        self._holders: dict[Pitch, set[Hashable]] = {}
        self._sustain = False
        self._sustained: set[Pitch] = set()  # ended, but under the pedal

    @property
    def sounding(self) -> frozenset[Pitch]:
        """The pitches that have been begun and not ended, by the pedal either."""
        return frozenset(self._holders) | self._sustained

    def begin(self, pitch: Pitch, velocity: Velocity, holder: Hashable) -> list[Message]:
        """The messages that strike a note and make `holder` hold it."""
        messages: list[Message] = []
        if pitch in self._holders:
            messages.append(NoteOff(pitch, self.channel))
        self._holders.setdefault(pitch, set()).add(holder)
        messages.append(NoteOn(pitch, velocity, self.channel))
        self._sustained.discard(pitch)
        return messages

    def share(self, pitch: Pitch, holder: Hashable) -> None:
        """Make `holder` hold a note too that sounds."""
        self._holders[pitch].add(holder)

    def end(self, pitch: Pitch, holder: Hashable) -> list[Message]:
        """The messages that make `holder` let go: none if it doesn't hold the pitch."""
        holders = self._holders.get(pitch)
        if holders is None or holder not in holders:
            return []
        holders.remove(holder)
        if holders:
            return []
        del self._holders[pitch]
        if self._sustain:
            self._sustained.add(pitch)
        return [NoteOff(pitch, self.channel)]

    def pass_on(self, message: ChannelMessage) -> list[Message]:
        """The player's pedal, bend and the like, on the output channel."""
        if message.status == CONTROL_CHANGE and message.data[0] == SUSTAIN:
            self._sustain = message.data[1] >= HALF
        if message.status == CONTROL_CHANGE and message.data[0] == RESET_CONTROLLERS:
            self._sustain = False
        if not self._sustain:
            self._sustained.clear()
        return [ChannelMessage(message.status, message.data, self.channel)]

    def note_offs(self) -> list[Message]:
        """What would end everything that sounds, the pedal included."""
        offs: list[Message] = [NoteOff(pitch, self.channel) for pitch in sorted(self._holders)]
        if self._sustain:
            offs.append(ChannelMessage(CONTROL_CHANGE, (SUSTAIN, 0), self.channel))
        return offs

    def flush(self) -> list[Message]:
        """End everything that sounds, whoever holds it."""
        offs = self.note_offs()
        self._holders.clear()
        self._sustained.clear()
        self._sustain = False
        return offs


def silencing(channel: Channel) -> list[Message]:
    """What tells a receiver to end whatever it sounds on a channel."""
    numbers = (SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF)
    return [ChannelMessage(CONTROL_CHANGE, (each, 0), channel) for each in numbers]
