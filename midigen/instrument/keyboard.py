"""Handles the player's keys and pedals."""

from operator import itemgetter

from midigen.instrument.events import Notice
from midigen.instrument.mode import Parts, Struck
from midigen.instrument.modes import Modes
from midigen.instrument.thru import Thru
from midigen.instrument.turns import Played, StruckKey
from midigen.midi.messages import (
    CONTROL_CHANGE,
    ENDS_NOTES,
    HALF,
    KEY_PRESSURE,
    RESET_CONTROLLERS,
    SUSTAIN,
    ChannelMessage,
    NoteOn,
    Seconds,
    Velocity,
)
from midigen.music.melody import Step


class Keyboard:
    """Hears keys and pedals, passes them to thru if that is on, and to the mode in force."""

    def __init__(self, parts: Parts, modes: Modes) -> None:
        self._parts = parts
        self._modes = modes
        self._thru = Thru(parts.ledger, parts.turns.held, parts.outbox)

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
        parts.silence.clear()
        if parts.panel.settings.thru:
            self._thru.strike(note, now)
        step = parts.hearing.hear(note.pitch, now)
        if step is None:
            return
        if mode.answers_phrases:  # the answer may begin with the letter that ended the last one
            parts.improviser.begin_line()
        is_foreseen = self._take(step, note.velocity, now)
        if not step.replaces:
            mode.key(Struck(key, note.velocity, step.degree, now, is_foreseen))
            parts.pulse.hear_onset(now)

    def release(self, key: StruckKey, now: Seconds) -> None:
        """A key comes up."""
        parts = self._parts
        if key not in parts.turns.held.keys:
            return
        parts.phrase.release(key[1], now)
        parts.turns.release(key, now)
        if (found := parts.hearing.release(key[1], now)) is not None:
            parts.outbox.append(Notice(f"key {found}"))  # sounding notes keep their pitches
        self._thru.release(key)
        self._see_what_is_held()
        self._modes.current.release(key, now)

    def release_all(self, now: Seconds) -> None:
        """All keys come up, and the pedals."""
        for key in sorted(self._parts.turns.held.keys, key=itemgetter(0)):
            self.release(key, now)
        self._parts.turns.clear()
        self._see_what_is_held()

    def hear(self, message: ChannelMessage, now: Seconds) -> None:
        """A pedal, bend or other controller."""
        parts = self._parts
        if not parts.hearing.listens_on(message.channel):
            return
        if message.status == CONTROL_CHANGE:
            number, value = message.data
            if number in ENDS_NOTES:
                for key in [*parts.turns.held.keys]:
                    if key[0] == message.channel:
                        self.release(key, now)
            if number in (SUSTAIN, RESET_CONTROLLERS):
                down = number == SUSTAIN and value >= HALF
                parts.turns.pedal(message.channel, down=down, now=now)
                self._see_what_is_held()
        if parts.panel.settings.thru and (
            message.status != KEY_PRESSURE or parts.hearing.is_in_range(message.data[0])
        ):
            self._thru.pass_on(message)

    def _take(self, step: Step, velocity: Velocity, now: Seconds) -> bool:
        """Add a step of the melody. Returns whether the answer to it is already known."""
        parts = self._parts
        if parts.phrase.over:
            parts.phrase.begin()
        replaces = step.replaces and bool(parts.phrase.steps)
        parts.phrase.add(Played(step.pitch, velocity, now), replaces=replaces)
        if not replaces:
            parts.turns.step(now)
        parts.voice.near = step.pitch
        parts.voice.middle = parts.phrase.middle
        return parts.improviser.hear(step.degree, replaces=step.replaces)

    def _see_what_is_held(self) -> None:
        if not self._parts.turns.held:
            self._parts.silence.nothing_is_held()
