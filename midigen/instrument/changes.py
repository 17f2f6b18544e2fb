"""Changes while midigen plays: by controls and knobs, by scenes, by a reload.

Wherever a change comes from, it first replaces the settings in force. Then `_take_effect` applies
it to what sounds and what is planned.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from midigen.errors import ModelError
from midigen.instrument.events import EndOfAnswer, Keep, Notice, Reload, TempoChange
from midigen.instrument.keyboard import Keyboard
from midigen.instrument.ledger import silencing
from midigen.instrument.mode import Parts
from midigen.instrument.modes import Modes
from midigen.instrument.voice import MIDDLE_C
from midigen.midi.messages import Message, Seconds
from midigen.settings import controls
from midigen.settings.controls import Control

_HEARING = {"chromatic", "input.channel", "input.low", "input.high"}
_SAMPLING = {"sampling.temperature", "sampling.top_p", "sampling.max_repeat"}


class Changes:
    """Carries out changes."""

    def __init__(self, parts: Parts, modes: Modes, keyboard: Keyboard) -> None:
        self._parts = parts
        self._modes = modes
        self._keyboard = keyboard
        self._presses: dict[str, Callable[[Seconds], None]] = {
            "turn": self._pass_turn,
            "again": self._answer_again,
            "forget": self._forget,
            "panic": self._panic,
            "keep": lambda _: parts.outbox.append(Keep()),
        }
        hearing, voice, pulse = parts.hearing, parts.voice, parts.pulse
        self._effects: tuple[tuple[set[str], Callable[[Seconds], None]], ...] = (
            ({"key"}, lambda _: hearing.tune(parts.panel.settings.key)),
            (_HEARING, lambda _: hearing.begin()),
            (_SAMPLING, lambda _: parts.improviser.redraw()),
            ({"memory.amount"}, lambda _: parts.improviser.reconsider()),
            ({"touch.variation"}, lambda _: voice.forget_touch()),
            ({"output.channel"}, lambda _: voice.move_to_channel()),
            ({"output.mute"}, lambda _: self._mute()),
            ({"tempo.bpm"}, lambda now: pulse.set_bpm(parts.panel.settings.tempo.bpm, now)),
            ({"rhythm.subdivision", "rhythm.gate"}, parts.loop.change_grid),
            ({"mode"}, self._begin_mode),
        )

    # --- controls

    def set(self, control: Control, now: Seconds) -> None:
        """Set or press a control, or say why that isn't possible."""
        panel = self._parts.panel
        if controls.is_release(control):
            return
        try:
            value = panel.wanted(control)
        except ValueError as exc:
            panel.refuse(control, str(exc), now)
            return
        if press := self._presses.get(control.name):
            press(now)
        elif control.name == "scene":
            try:
                self._parts.scenes.call(value, now)
            except (ValueError, ModelError) as exc:
                self._refuse(str(exc))
        elif control.name == "tempo" and self._parts.pulse.is_led:
            panel.refuse(control, "the clock sets the tempo", now)
        else:
            self._set({control.name: value}, now)
            panel.tell_of(control, now)

    def turn(self, message: Message, now: Seconds) -> None:
        """Handle a message of a knob, pad or pedal that sets a control."""
        panel = self._parts.panel
        control = panel.knobs.turn(message, panel.__getitem__)
        if control is not None:
            self.set(replace(control, is_moving=True), now)

    def _set(self, values: dict[str, Any], now: Seconds) -> None:
        """Set the settings of some controls."""
        if "mode" in values:
            self.silence()
        panel = self._parts.panel
        for name, value in values.items():
            panel.settings = panel.changed(name, value)
        self._take_effect({str(controls.CONTROLS[name].key) for name in values}, now)

    # --- controls that are pressed

    def pass_turn(self, now: Seconds) -> bool:
        """Give midigen the turn, if there is a phrase to answer; return whether there is."""
        phrase = self._parts.phrase
        if not phrase.steps or phrase.over:
            return False
        self.take_turn(now)
        return True

    def take_turn(self, now: Seconds) -> None:
        """The player's phrase is over: the turn is midigen's."""
        self._parts.turns.give()
        self._parts.phrase.over = True
        self._modes.current.turn(now + self._parts.turns.lead)

    def end_phrase(self, now: Seconds) -> None:
        """The player ends the phrase. If there is none, the answer counts as over."""
        if not self.pass_turn(now) and not self._parts.turns.is_answering:
            self._parts.outbox.append(EndOfAnswer())

    def _pass_turn(self, now: Seconds) -> None:
        mode = self._modes.current
        if mode.answers_phrases and self._parts.turns.is_answering:
            mode.stop()
        else:
            self.pass_turn(now)

    def _answer_again(self, now: Seconds) -> None:
        if not self._modes.current.answers_phrases or not self._parts.phrase.over:
            self._refuse("again: there is no answer to repeat")
            return
        self._modes.current.stop()
        self._parts.improviser.rewind()
        self._parts.pace.rewind()
        self.take_turn(now)

    def _forget(self, now: Seconds) -> None:
        self._modes.current.stop()
        self._parts.improviser.forget()
        self._parts.pace.forget()
        self._parts.voice.near, self._parts.voice.middle = MIDDLE_C, None
        self._parts.outbox.append(Notice("forgotten: window and memory are empty"))
        self._modes.current.enter(now)

    def _panic(self, now: Seconds) -> None:
        self._keyboard.release_all(now)  # so that a lost note-off doesn't block the next answer
        self.silence()
        self._parts.outbox += silencing(self._parts.ledger.channel)
        self._parts.silence.explain_panic(self._parts.panel.settings.mode)

    def _refuse(self, why: str) -> None:
        self._parts.outbox.append(Notice(why, is_refusal=True))

    # --- scenes

    def enter_scene(self, due: Seconds, now: Seconds) -> None:
        """Enter the scene that is due. It counts from its beat, even if this call is late."""
        try:
            entered = self._parts.scenes.enter(now)
        except ModelError as exc:
            self._parts.outbox.append(Notice(str(exc)))
            return
        if entered is None:
            return
        scene, model = entered
        if model is not None:
            self._parts.improviser.use(model)
        wanted = {name: controls.read(Control(name, value)) for name, value in scene.set}
        if self._parts.pulse.is_led:
            wanted.pop("tempo", None)
        panel = self._parts.panel
        self._set({name: value for name, value in wanted.items() if value != panel[name]}, due)
        self._parts.outbox.append(Notice(f"scene {scene.name}"))
        if self._parts.improviser.missing:
            self._modes.current.stop()

    # --- reload

    def reload(self, reload: Reload, now: Seconds) -> None:
        """Play on with other settings. Window, memory and, if possible, the beat stay."""
        panel, pulse, before = self._parts.panel, self._parts.pulse, self._parts.panel.settings
        settings = reload.settings
        if pulse.is_locked and settings.tempo.source is before.tempo.source:
            # A clock or a player goes on setting the tempo, whatever the configuration says.
            settings = settings.changed("tempo.bpm", before.tempo.bpm)
        begins_anew = (settings.clock, settings.tempo) != (before.clock, before.tempo)
        self._keyboard.release_all(now)
        self.silence()
        if begins_anew:
            pulse.stop()
        panel.load(settings)
        if begins_anew:
            self._parts.outbox.append(TempoChange(settings.tempo.bpm))
            pulse.start(now)
        self._parts.scenes.begin(reload.models or self._parts.scenes.models)
        self._parts.loop.stepped_at = -math.inf  # the grid may have changed
        keys = set().union(*(keys for keys, _ in self._effects)) - {"tempo.bpm"}
        changed = {key for key in keys if before.at(key) != settings.at(key)} | {"mode"}
        self._take_effect(changed | _HEARING if "key" in changed else changed, now)
        if reload.predictor is not None:
            self._parts.improviser.use(reload.predictor)
        self._parts.outbox.append(Notice("the configuration was reloaded"))

    # --- effects

    def silence(self) -> None:
        """End all that sounds, whoever holds it, and drop what was planned."""
        self._parts.turns.begin()
        self._parts.voice.flush()
        self._modes.current.stop()

    def _take_effect(self, keys: Collection[str], now: Seconds) -> None:
        """Apply the settings of these keys, which are in force by now."""
        for changed, effect in self._effects:
            if not changed.isdisjoint(keys):
                effect(now)

    def _mute(self) -> None:
        if self._parts.panel.settings.output.mute:
            self._parts.voice.end_all()

    def _begin_mode(self, now: Seconds) -> None:
        self._parts.phrase.begin()
        self._parts.turns.begin()
        self._modes.current.enter(now)
