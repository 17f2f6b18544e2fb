"""The ledger of sounding notes: every note is in it from its note-on to its note-off.

It is what guarantees a note-off for each note-on: `flush` ends all that it still has.

Notes have holders: the player's keys (through thru) and midigen's own notes. A pitch with several
holders ends with the last of them. A pitch that is struck while it sounds is ended first, so that
the receiver always gets on, off, on, off. A sustain pedal that thru passed on holds notes too:
after its note-off, a note sounds on until the pedal is lifted.
"""

from collections.abc import Hashable

from midigen.midi import messages as midi
from midigen.midi.messages import Channel, ChannelMessage, Message, NoteOff, NoteOn, Pitch, Velocity


class Ledger:
    """What sounds on one output channel, and who holds it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        """May change only while nothing sounds."""
        self._holders: dict[Pitch, set[Hashable]] = {}
        self._sustain = False
        self._sustained: set[Pitch] = set()  # ended, but held by the pedal

    @property
    def sounding(self) -> frozenset[Pitch]:
        """The pitches that sound, those held by the pedal too."""
        return frozenset(self._holders) | self._sustained

    def begin(self, pitch: Pitch, velocity: Velocity, holder: Hashable) -> list[Message]:
        """Strike a pitch for a holder. Returns the messages to send."""
        messages: list[Message] = []
        if pitch in self._holders:
            messages.append(NoteOff(pitch, self.channel))
        self._holders.setdefault(pitch, set()).add(holder)
        messages.append(NoteOn(pitch, velocity, self.channel))
        self._sustained.discard(pitch)
        return messages

    def is_held(self, pitch: Pitch) -> bool:
        """Whether a pitch has a holder."""
        return pitch in self._holders

    def share(self, pitch: Pitch, holder: Hashable) -> None:
        """Give a pitch that is held another holder."""
        self._holders[pitch].add(holder)

    def end(self, pitch: Pitch, holder: Hashable) -> list[Message]:
        """Take a holder from a pitch. Returns the note-off if it was the last."""
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
        """Pass on the player's controller or bend. Returns it on the output channel."""
        if message.status == midi.CONTROL_CHANGE and message.data[0] == midi.SUSTAIN:
            self._sustain = message.data[1] >= midi.HALF
        if message.status == midi.CONTROL_CHANGE and message.data[0] == midi.RESET_CONTROLLERS:
            self._sustain = False
        if not self._sustain:
            self._sustained.clear()
        return [ChannelMessage(message.status, message.data, self.channel)]

    def note_offs(self) -> list[Message]:
        """The messages that would end all that sounds, the pedal included. Changes nothing."""
        offs: list[Message] = [NoteOff(pitch, self.channel) for pitch in sorted(self._holders)]
        if self._sustain:
            offs.append(ChannelMessage(midi.CONTROL_CHANGE, (midi.SUSTAIN, 0), self.channel))
        return offs

    def flush(self) -> list[Message]:
        """End all that sounds, whoever holds it. Returns the messages to send."""
        offs = self.note_offs()
        self._holders.clear()
        self._sustained.clear()
        self._sustain = False
        return offs


def silencing(channel: Channel) -> list[Message]:
    """The messages that tell a receiver to silence a channel."""
    numbers = (midi.SUSTAIN, midi.ALL_SOUND_OFF, midi.ALL_NOTES_OFF)
    return [ChannelMessage(midi.CONTROL_CHANGE, (each, 0), channel) for each in numbers]
