"""The settings in force, as controls have set them, and the knobs that set controls.

Knobs, pads and pedals of the player's keyboard use soft takeover: if a scene or OSC has changed a
control, its knob does nothing until it passes the control's value.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from midigen.instrument.events import Event, Notice, Output
from midigen.midi import messages as midi
from midigen.midi.messages import ChannelMessage, Message, NoteOff, NoteOn, Seconds
from midigen.settings import controls
from midigen.settings.controls import CONTROLS, Control, number_of
from midigen.settings.kinds import Choice, Flag, Number
from midigen.settings.sections import Knob
from midigen.settings.table import Settings

SETTLING: Seconds = 0.4  # a moved knob or fader is reported once it has rested for so long

_HIGHEST = 127
_CLOSE = 2.5 / _HIGHEST  # a knob this close to its control's value takes over at once

Address: TypeAlias = tuple[str, int, int]
"""A knob's kind (`note`, `cc`, `program`), its number and its channel."""


@dataclass(slots=True)
class _Turned:
    """A configured knob, and what it sent last: its position, or on and off."""

    knob: Knob
    part: float | None = None
    on: bool = False
    level: int = 0
    set: Any = None  # the value that it gave its control

    def press(self, level: int) -> Control | None:
        """Press once as it goes down. Some switches send only that, the same value each time."""
        knob = self.knob
        pressed = level >= midi.HALF if knob.cc is not None else level > 0
        begins = pressed and (knob.cc is None or not self.on or level == self.level)
        self.on, self.level = pressed, level
        return Control(knob.name, "" if knob.value is None else knob.value) if begins else None

    def switch(self, level: int, current: Any) -> Control | None:
        """A pedal or button is on while it is down; a key or program change toggles."""
        if self.knob.cc is None:
            return Control(self.knob.name, not current) if level else None
        on = level >= midi.HALF
        changes, self.on = on != self.on, on
        return Control(self.knob.name, on) if changes else None

    def slide(self, part: float, number: Number, current: Any) -> Control | None:
        """Set the control, once the knob has passed its value."""
        knob = self.knob
        limits = replace(
            number,
            low=number.low if knob.low is None else knob.low,
            high=number.high if knob.high is None else knob.high,
        )
        before, self.part = self.part, part
        at = limits.part(current) if isinstance(current, int | float) else None
        if at is not None and current != self.set:
            passed = before is not None and min(before, part) <= at <= max(before, part)
            if not passed and abs(part - at) > _CLOSE and 0 <= at <= 1:
                self.set = None
                return None
        self.set = limits.at(part)
        return None if self.set == current else Control(knob.name, self.set)


class Knobs:
    """The configured knobs."""

    def __init__(self, knobs: Iterable[Knob]) -> None:
        self._knobs: dict[Address, _Turned] = {}
        for knob in knobs:
            turned = _Turned(knob)
            ((kind, number),) = knob.sources.items()
            for channel in range(1, 17) if knob.channel == "all" else [int(knob.channel)]:
                self._knobs[kind, number, channel] = turned

    def takes(self, message: Message) -> bool:
        """Whether a message comes from a configured knob, and so isn't played or passed on."""
        return bool(self._knobs) and sent_by_knob(message)[0] in self._knobs

    def turn(self, message: Message, current: Callable[[str], Any]) -> Control | None:
        """The control that a knob's message sets, if any. `current` gives a control's value."""
        address, level = sent_by_knob(message)
        turned = self._knobs[address]
        name, kind = turned.knob.name, CONTROLS[turned.knob.name].kind
        if turned.knob.value is not None or kind is None:
            return turned.press(level)
        if isinstance(kind, Flag):
            return turned.switch(level, current(name))
        if isinstance(kind, Choice):
            words = list(kind.words)
            word = words[level * len(words) // (_HIGHEST + 1)]
            return None if word == current(name) else Control(name, word)
        number = number_of(kind)
        assert number is not None  # checked with the configuration
        return turned.slide(level / _HIGHEST, number, current(name))


def sent_by_knob(message: Event) -> tuple[Address, int]:
    """Which knob sends a message, and how far it is turned or how hard it is struck, 0 to 127.

    The kind is empty if no knob does.
    """
    match message:
        case NoteOn():
            return ("note", message.pitch, message.channel), message.velocity
        case NoteOff():
            return ("note", message.pitch, message.channel), 0
        case ChannelMessage(status=midi.CONTROL_CHANGE):
            return ("cc", message.data[0], message.channel), message.data[1]
        case ChannelMessage(status=midi.PROGRAM_CHANGE):
            return ("program", message.data[0], message.channel), _HIGHEST
    return ("", 0, 0), 0


class Panel:
    """The present value of every setting and control. Other modules read it here each time."""

    def __init__(self, settings: Settings, outbox: list[Output]) -> None:
        self._outbox = outbox
        self.load(settings)

    def load(self, settings: Settings) -> None:
        """Replace the settings and the knobs."""
        self.settings = settings
        self.knobs = Knobs(settings.control)
        self.next_time: Seconds | None = None
        """When `tell` is to be called."""
        self._turned: set[str] = set()  # controls whose knobs may still move
        self._refused: dict[str, Seconds] = {}  # and when each knob rests

    @property
    def offset(self) -> Seconds:
        """How much later midigen plays, or earlier if negative."""
        return self.settings.output.offset_ms / 1000

    def __getitem__(self, name: str) -> Any:
        """The value of a control; None if it is one to press."""
        key = CONTROLS[name].key
        return None if key is None else self.settings.at(key)

    def changed(self, name: str, value: Any) -> Settings:
        """The settings with a control at another value. Raises KeyError if it sets none."""
        key = CONTROLS[name].key
        if key is None:
            raise KeyError(name)
        return self.settings.changed(key, value)

    def wanted(self, control: Control) -> Any:
        """The value that a control is set to; None if it is one to press. Raises ValueError."""
        value = controls.read(control)
        return not self[control.name] if controls.is_toggle(control) else value

    def tell_of(self, control: Control, now: Seconds) -> None:
        """Report a control's value: at once, or for a moving knob when it has come to rest."""
        if control.is_moving and isinstance(self[control.name], int | float):
            self._turned.add(control.name)
            self.next_time = now + SETTLING
        else:
            self._outbox.append(Notice(self.line(control.name)))

    def refuse(self, control: Control, why: str, now: Seconds) -> None:
        """Report why a control can't be set; for a moving knob only once, until it rests."""
        if control.is_moving:
            self._refused = {each: until for each, until in self._refused.items() if now < until}
            is_told = control.name in self._refused
            self._refused[control.name] = now + SETTLING
            if is_told:
                return
        self._outbox.append(Notice(why, is_refusal=True))

    def tell(self) -> None:
        """Report the values at which the knobs have come to rest."""
        self._outbox += [Notice(self.line(name)) for name in sorted(self._turned)]
        self.rest()

    def rest(self) -> None:
        """Drop the pending reports."""
        self._turned.clear()
        self.next_time = None

    def line(self, name: str) -> str:
        """A control's value, for display."""
        value = self[name]
        if isinstance(value, bool):
            return f"{name} {'on' if value else 'off'}"
        return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
