"""Thru: passes the player's notes and controllers on to the output.

`Keyboard` asks whether thru is on; what to pass on is decided here. The output has one channel,
which midigen's own notes share. So thru leaves out messages that would end midigen's notes, and
per-note bends (MPE: MIDI Polyphonic Expression 1.0, in which every note has its own channel).
"""

from midigen.instrument.events import Notice, Output
from midigen.instrument.ledger import Ledger
from midigen.instrument.turns import Held, StruckKey
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
    NoteOn,
    Pitch,
    Seconds,
)
from midigen.music.melody import CHORD

_BRIGHTNESS = 74  # MPE's third dimension, beside bend and pressure
_NEUTRAL: dict[tuple[int, ...], ChannelMessage] = {
    (PITCH_BEND,): ChannelMessage(PITCH_BEND, (0, 64)),
    (CHANNEL_PRESSURE,): ChannelMessage(CHANNEL_PRESSURE, (0,)),
    (CONTROL_CHANGE, _BRIGHTNESS): ChannelMessage(CONTROL_CHANGE, (_BRIGHTNESS, 64)),
}
"""The messages that shape a note in MPE, each with its neutral value."""

_MASTERS = (1, 16)  # master channels, for messages to a whole MPE zone
_MPE_CONFIGURATION = 6  # the registered parameter for the number of channels in a zone

_SAID = (
    "this keyboard sends MPE, and thru has one channel: it passes on your notes without their own "
    "bends and pressure (for those, connect the keyboard to the synth directly)"
)


class Thru:
    """Passes messages on to a ledger's channel."""

    def __init__(self, ledger: Ledger, held: Held, outbox: list[Output]) -> None:
        self._ledger = ledger
        self._held = held
        self._outbox = outbox
        self._parameters: dict[Channel, dict[int, int]] = {}  # the number's halves
        self._shaped: set[Channel] = set()  # channels that have carried bends or pressure
        self._unrested: set[tuple[int, ...]] = set()
        """Shapes that were passed on and aren't neutral."""
        self._is_mpe = False
        self._told = False

    def strike(self, note: NoteOn, now: Seconds) -> None:
        """Pass on a note-on. A note that a layered keyboard sends twice is struck once."""
        key = (note.channel, note.pitch)
        is_layer = any(
            pitch == note.pitch and channel != note.channel and now - since <= CHORD
            for (channel, pitch), since in self._held.keys.items()
        )
        self._look_for_mpe()
        if is_layer:
            self._ledger.share(note.pitch, key)
        else:
            self._outbox += self._ledger.begin(note.pitch, note.velocity, key)

    def release(self, key: StruckKey) -> None:
        """Pass on a note-off, if its note-on was passed on."""
        self._outbox += self._ledger.end(key[1], key)

    def pass_on(self, message: ChannelMessage) -> None:
        """Pass on a pedal, bend or other controller."""
        if message.status == CONTROL_CHANGE and message.data[0] in ENDS_NOTES:
            return  # the note-offs of the player's keys are enough
        if self._configures_mpe(message):
            if self._is_mpe:
                self._say_mpe()
            return
        shape = (message.status, *message.data[: message.status == CONTROL_CHANGE])
        if shape in _NEUTRAL and message.channel not in _MASTERS:
            self._shaped.add(message.channel)
            self._look_for_mpe()
            if self._is_mpe:
                return
            at_rest = message.data == _NEUTRAL[shape].data
            (self._unrested.discard if at_rest else self._unrested.add)(shape)
        self._outbox += self._ledger.pass_on(message)

    def _configures_mpe(self, message: ChannelMessage) -> bool:
        """Whether a message configures MPE; such messages aren't for the synth."""
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

    def _look_for_mpe(self) -> None:
        """Detect MPE by its keys: each on its own channel, with bends or pressure there.

        The keyboard may have configured MPE before midigen listened.
        """
        pitches: dict[Channel, Pitch] = {
            channel: pitch for channel, pitch in self._held.keys if channel not in _MASTERS
        }
        are_apart = len(set(pitches.values())) > 1
        if are_apart and not self._is_mpe and not self._shaped.isdisjoint(pitches):
            self._is_mpe = True
            self._say_mpe()

    def _say_mpe(self) -> None:
        """Reset bends and pressure at the receiver, and tell the player once."""
        for shape in sorted(self._unrested):
            self._outbox += self._ledger.pass_on(_NEUTRAL[shape])
        self._unrested.clear()
        if not self._told:
            self._told = True
            self._outbox.append(Notice(_SAID))
