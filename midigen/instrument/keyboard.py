"""Handles the player's keys and pedals, and passes them on (thru)."""

from operator import itemgetter

from midigen.instrument.events import Notice
from midigen.instrument.mode import Parts, Struck
from midigen.instrument.modes import Modes
from midigen.instrument.turns import Played, StruckKey
from midigen.midi import messages as midi
from midigen.midi.messages import Channel, ChannelMessage, NoteOn, Pitch, Seconds, Velocity
from midigen.music.melody import CHORD, Step

_BRIGHTNESS = 74  # MPE's third dimension, beside bend and pressure
_NEUTRAL: dict[tuple[int, ...], ChannelMessage] = {
    (midi.PITCH_BEND,): ChannelMessage(midi.PITCH_BEND, (0, 64)),
    (midi.CHANNEL_PRESSURE,): ChannelMessage(midi.CHANNEL_PRESSURE, (0,)),
    (midi.CONTROL_CHANGE, _BRIGHTNESS): ChannelMessage(midi.CONTROL_CHANGE, (_BRIGHTNESS, 64)),
}
"""The messages that shape a note in MPE, each with its neutral value."""

_MASTERS = (1, 16)  # master channels, for messages to a whole MPE zone
_MPE_CONFIGURATION = 6  # the registered parameter for the number of channels in a zone

_SAID = (
    "this keyboard sends MPE, and thru has one channel: it passes on your notes without their own "
    "bends and pressure (for those, connect the keyboard to the synth directly)"
)


class Thru:
    """Passes the player's notes and controllers on to the output. `Keyboard` asks if it is on.

    The output has one channel, which midigen's own notes share. So thru leaves out messages that
    would end midigen's notes, and per-note bends (MPE: MIDI Polyphonic Expression 1.0, in which
    every note has its own channel).
    """

    def __init__(self, parts: Parts) -> None:
        self._ledger = parts.ledger
        self._keys = parts.turns.keys
        self._outbox = parts.outbox
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
            for (channel, pitch), since in self._keys.items()
        )
        self._look_for_mpe()
        if is_layer and self._ledger.is_held(note.pitch):  # no change of mode has ended it
            self._ledger.share(note.pitch, key)
        else:
            self._outbox += self._ledger.begin(note.pitch, note.velocity, key)

    def pass_on(self, message: ChannelMessage) -> None:
        """Pass on a pedal, bend or other controller."""
        if message.status == midi.CONTROL_CHANGE and message.data[0] in midi.ENDS_NOTES:
            return  # the note-offs of the player's keys are enough
        if self._configures_mpe(message):
            if self._is_mpe:
                self._say_mpe()
            return
        shape = (message.status, *message.data[: message.status == midi.CONTROL_CHANGE])
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
        if message.status != midi.CONTROL_CHANGE:
            return False
        number, value = message.data
        selected = self._parameters.setdefault(message.channel, {})
        if number in midi.PARAMETER:
            selected[number] = value
        elif number in midi.UNREGISTERED:
            selected.clear()
        fine, coarse = midi.PARAMETER
        if selected.get(coarse) != 0 or selected.get(fine) != _MPE_CONFIGURATION:
            return False
        if number == midi.DATA_ENTRY and message.channel in _MASTERS:
            self._is_mpe = value > 0
        return number in (fine, midi.DATA_ENTRY)

    def _look_for_mpe(self) -> None:
        """Detect MPE by its keys: each on its own channel, with bends or pressure there.

        The keyboard may have configured MPE before midigen listened.
        """
        pitches: dict[Channel, Pitch] = {
            channel: pitch for channel, pitch in self._keys if channel not in _MASTERS
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


class Keyboard:
    """Hears keys and pedals, passes them to thru if that is on, and to the mode in force."""

    def __init__(self, parts: Parts, modes: Modes) -> None:
        self._parts = parts
        self._modes = modes
        self._thru = Thru(parts)

    def strike(self, note: NoteOn, now: Seconds) -> None:
        """A key goes down."""
        parts, mode = self._parts, self._modes.current
        if not parts.hearing.listens_to(note):
            line = parts.hearing.why_unheard(note)
            parts.silence.explain_once(line, lasting=not parts.hearing.melody)
            return
        key = note.channel, note.pitch
        mode.make_way()
        parts.turns.press(key, now)
        parts.silence.line = ""
        if parts.panel.settings.thru:
            self._thru.strike(note, now)
        step = parts.hearing.hear(note.pitch, now)
        if step is None:
            return
        if mode.answers_phrases:  # the answer may begin with the letter that ended the last one
            parts.improviser.drawing.letters.begin_line()
        is_foreseen = self._take(step, note.velocity, now)
        if not step.replaces:
            mode.key(Struck(key, note.velocity, step.degree, now, is_foreseen))
            parts.pulse.hear_onset(now)

    def release(self, key: StruckKey, now: Seconds) -> None:
        """A key comes up."""
        parts = self._parts
        if key not in parts.turns.keys:
            return
        parts.phrase.release(key[1], now)
        parts.turns.release(key, now)
        if (found := parts.hearing.release(key[1], now)) is not None:
            parts.outbox.append(Notice(f"key {found}"))  # sounding notes keep their pitches
        parts.outbox += parts.ledger.end(key[1], key)  # if thru has passed its note-on on
        self._see_what_is_held()
        self._modes.current.release(key, now)

    def release_all(self, now: Seconds) -> None:
        """All keys come up, and the pedals."""
        turns = self._parts.turns
        for key in sorted(turns.keys, key=itemgetter(0)):
            self.release(key, now)
        turns.pedals.clear()
        turns.begin()
        self._see_what_is_held()

    def hear(self, message: ChannelMessage, now: Seconds) -> None:
        """A pedal, bend or other controller."""
        parts = self._parts
        if not parts.hearing.listens_on(message.channel):
            return
        if message.status == midi.CONTROL_CHANGE:
            number, value = message.data
            if number in midi.ENDS_NOTES:
                for key in [*parts.turns.keys]:
                    if key[0] == message.channel:
                        self.release(key, now)
            if number in (midi.SUSTAIN, midi.RESET_CONTROLLERS):
                down = number == midi.SUSTAIN and value >= midi.HALF
                parts.turns.pedal(message.channel, down=down, now=now)
                self._see_what_is_held()
        if parts.panel.settings.thru and (
            message.status != midi.KEY_PRESSURE or parts.hearing.is_in_range(message.data[0])
        ):
            self._thru.pass_on(message)

    def _take(self, step: Step, velocity: Velocity, now: Seconds) -> bool:
        """Add a step of the melody. Returns whether the answer to it is already known."""
        parts = self._parts
        if parts.phrase.over:
            parts.phrase.begin()
        begins = not parts.phrase.steps
        replaces, note = step.replaces and not begins, Played(step.pitch, velocity, now)
        parts.phrase.add(note, replaces=replaces)
        if not replaces:
            parts.turns.step(now)
        parts.voice.near = step.pitch
        parts.voice.middle = parts.phrase.middle
        if step.replaces:
            heard = parts.pace.replace(step.degree, note)
        else:
            heard = parts.pace.hear(step.degree, note, begins_phrase=begins)
        return parts.improviser.hear(heard, replaces=step.replaces)

    def _see_what_is_held(self) -> None:
        if not self._parts.turns.is_held:
            self._parts.silence.nothing_is_held()
