"""Knobs, pads and pedals of the player's keyboard, and the controls that they set.

Knobs use soft takeover: if a scene or OSC has changed a control, its knob does nothing until it
passes the control's value.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from midigen.midi.messages import (
    CONTROL_CHANGE,
    HALF,
    PROGRAM_CHANGE,
    ChannelMessage,
    Message,
    NoteOff,
    NoteOn,
)
from midigen.settings.controls import CONTROLS, Control, number_of
from midigen.settings.kinds import Choice, Flag, Number
from midigen.settings.knobs_and_scenes import Knob

_HIGHEST = 127
_CLOSE = 2.5 / _HIGHEST  # a knob this close to its control's value takes over at once


@dataclass(slots=True)
class _State:
    """What a knob sent last: its position, or on and off."""

    part: float | None = None
    on: bool = False
    level: int = 0
    set: Any = None  # the value that it gave its control


class Knobs:
    """The configured knobs."""

    def __init__(self, knobs: Iterable[Knob]) -> None:
        self._knobs: dict[tuple[str, int, int], tuple[Knob, _State]] = {}
        for knob in knobs:
            state = _State()
            ((kind, number),) = knob.sources.items()
            for channel in range(1, 17) if knob.channel == "all" else [int(knob.channel)]:
                self._knobs[kind, number, channel] = (knob, state)

    def takes(self, message: Message) -> bool:
        """Whether a message comes from a configured knob, and so isn't played or passed on."""
        return bool(self._knobs) and _address(message) in self._knobs

    def turn(self, message: Message, current: Callable[[str], Any]) -> Control | None:
        """The control that a knob's message sets, if any. `current` gives a control's value."""
        knob, state = self._knobs[_address(message)]
        spec = CONTROLS[knob.name]
        level = _level(message)
        if knob.value is not None or spec.kind is None:
            return self._press(knob, state, level)
        if isinstance(spec.kind, Flag):
            return self._switch(knob, state, level, current, is_key=knob.cc is None)
        if isinstance(spec.kind, Choice):
            words = list(spec.kind.words)
            word = words[level * len(words) // (_HIGHEST + 1)]
            return None if word == current(knob.name) else Control(knob.name, word)
        number = number_of(spec.kind)
        assert number is not None  # checked with the configuration
        return self._slide(knob, state, level / _HIGHEST, number, current(knob.name))

    @staticmethod
    def _press(knob: Knob, state: _State, level: int) -> Control | None:
        """Press once as it goes down. Some switches send only that, the same value each time."""
        pressed = level >= HALF if knob.cc is not None else level > 0
        begins = pressed and (knob.cc is None or not state.on or level == state.level)
        state.on, state.level = pressed, level
        return Control(knob.name, "" if knob.value is None else knob.value) if begins else None

    @staticmethod
    def _switch(
        knob: Knob, state: _State, level: int, current: Callable[[str], Any], *, is_key: bool
    ) -> Control | None:
        """A pedal or button is on while it is down; a key or program change toggles."""
        if is_key:
            return Control(knob.name, not current(knob.name)) if level else None
        on = level >= HALF
        changes, state.on = on != state.on, on
        return Control(knob.name, on) if changes else None

    @staticmethod
    def _slide(
        knob: Knob, state: _State, part: float, number: Number, current: Any
    ) -> Control | None:
        limits = replace(
            number,
            low=number.low if knob.low is None else knob.low,
            high=number.high if knob.high is None else knob.high,
        )
        before, state.part = state.part, part
        at = limits.part(current) if isinstance(current, int | float) else None
        if at is not None and current != state.set:
            passed = before is not None and min(before, part) <= at <= max(before, part)
            if not passed and abs(part - at) > _CLOSE and 0 <= at <= 1:
                state.set = None
                return None
        state.set = limits.at(part)
        return None if state.set == current else Control(knob.name, state.set)


def _address(message: Message) -> tuple[str, int, int]:
    match message:
        case NoteOn() | NoteOff():
            return ("note", message.pitch, message.channel)
        case ChannelMessage(status=status) if status == CONTROL_CHANGE:
            return ("cc", message.data[0], message.channel)
        case ChannelMessage(status=status) if status == PROGRAM_CHANGE:
            return ("program", message.data[0], message.channel)
    return ("", 0, 0)


def _level(message: Message) -> int:
    """How far a knob is turned or how hard a key is struck, 0 to 127."""
    match message:
        case NoteOn():
            return message.velocity
        case ChannelMessage(status=status) if status == CONTROL_CHANGE:
            return message.data[1]
        case ChannelMessage():
            return _HIGHEST
    return 0
