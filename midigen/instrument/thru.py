"""Thru: what of the player's goes on to the output, and what would do harm there.

Everything shares one channel there, with midigen's own notes too. So nothing is passed on
that ends notes which aren't the player's, and nothing that bends each note by itself (MPE:
MIDI Polyphonic Expression 1.0, in which every note has a channel of its own).
"""

from midigen.instrument.events import Notice, Output
from midigen.instrument.ledger import Ledger
from midigen.instrument.turns import StruckKey
from midigen.midi.messages import (
    CHANNEL_PRESSURE,
    CONTROL_CHANGE,
    DATA_ENTRY,
    ENDS_NOTES,
    PARAMETER,
    PITCH_BEND,
    UNREGISTERED,
    Channel,
    ChannelMessage,
    Message,
    NoteOn,
    Pitch,
    Seconds,
)
from midigen.music.melody import CHORD

_BRIGHTNESS = 74  # the third dimension of MPE's, beside bend and pressure
_NEUTRAL: dict[tuple[int, ...], ChannelMessage] = {
    (PITCH_BEND,): ChannelMessage(PITCH_BEND, (0, 64)),
    (CHANNEL_PRESSURE,): ChannelMessage(CHANNEL_PRESSURE, (0,)),
    (CONTROL_CHANGE, _BRIGHTNESS): ChannelMessage(CONTROL_CHANGE, (_BRIGHTNESS, 64)),
}
"""What a note of MPE's is shaped by, as it is at rest."""

_MASTERS = (1, 16)  # what a zone of MPE's has in common is on one of these
_MPE_CONFIGURATION = 6  # the registered parameter that says how many channels a zone has

_SAID = (
    "this keyboard sends MPE, and thru has one channel: your notes are passed on without their "
    "own bends and pressure (for those, connect it to the synth directly)"
)


class Thru:
    """Passes on to a ledger's channel. Times may not go back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._held: dict[StruckKey, Seconds] = {}  # since when
        self._parameters: dict[Channel, dict[int, int]] = {}  # the number's halves
        self._shaped: set[Channel] = set()  # channels whose notes may be shaped one by one
        self._unrested: set[tuple[int, ...]] = set()  # shapes that the receiver was sent
        self._is_mpe = False
        self._told = False

    def strike(self, note: NoteOn, now: Seconds) -> list[Output]:
        """A key goes down. One that a layered keyboard sends on two channels is struck once."""
        key = (note.channel, note.pitch)
        is_layer = any(
            pitch == note.pitch and channel != note.channel and now - since <= CHORD
            for (channel, pitch), since in self._held.items()
        )
        self._held[key] = now
        found = self._look_for_mpe()
        if is_layer:
            self._ledger.share(note.pitch, key)
            return found
        return [*found, *self._ledger.begin(note.pitch, note.velocity, key)]

    def release(self, key: StruckKey) -> list[Message]:
        """A key comes up, whether it was passed on or not."""
        self._held.pop(key, None)
        return self._ledger.end(key[1], key)

    def pass_on(self, message: ChannelMessage) -> list[Output]:
        """A pedal, a bend or the like."""
        if message.status == CONTROL_CHANGE and message.data[0] in ENDS_NOTES:
            return []  # whoever sent it has keys of its own, and their note-offs are enough
        if self._configures_mpe(message):
            return self._say_mpe() if self._is_mpe else []
        shape = _shape(message)
        if shape is None or message.channel in _MASTERS:
            return [*self._ledger.pass_on(message)]
        self._shaped.add(message.channel)
        found = self._look_for_mpe()
        if self._is_mpe:
            return found
        at_rest = message.data == _NEUTRAL[shape].data
        (self._unrested.discard if at_rest else self._unrested.add)(shape)
        return [*self._ledger.pass_on(message)]

    def _configures_mpe(self, message: ChannelMessage) -> bool:
        """Whether a message is part of MPE's own configuration, which is meant for no synth."""
        if message.status != CONTROL_CHANGE:
            return False
        number, value = message.data
        selected = self._parameters.setdefault(message.channel, {})
        if number in PARAMETER:
            selected[number] = value
        elif number in UNREGISTERED:
            selected.clear()
        fine, coarse = PARAMETER
        if selected.get(coarse) != 0 or selected.get(fine) != _MPE_CONFIGURATION:
            return False
        if number == DATA_ENTRY and message.channel in _MASTERS:
            self._is_mpe = value > 0
        return number in (fine, DATA_ENTRY)

    def _look_for_mpe(self) -> list[Output]:
        """A keyboard may have said so before midigen listened: its notes show it.

        They are held on channels of their own, and shaped there.
        """
        pitches: dict[Channel, Pitch] = {
            channel: pitch for channel, pitch in self._held if channel not in _MASTERS
        }
        are_apart = len(set(pitches.values())) > 1
        if self._is_mpe or not are_apart or self._shaped.isdisjoint(pitches):
            return []
        self._is_mpe = True
        return self._say_mpe()

    def _say_mpe(self) -> list[Output]:
        """Leave the receiver with its notes unbent, and say so once."""
        rest: list[Output] = []
        for shape in sorted(self._unrested):
            rest += self._ledger.pass_on(_NEUTRAL[shape])
        self._unrested.clear()
        if self._told:
            return rest
        self._told = True
        return [*rest, Notice(_SAID)]


def _shape(message: ChannelMessage) -> tuple[int, ...] | None:
    """Which of the things that shape a note a message sets, if any."""
    shape = (message.status, *message.data[: message.status == CONTROL_CHANGE])
    return shape if shape in _NEUTRAL else None
