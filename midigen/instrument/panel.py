"""The settings as the controls have set them, and the knobs that turn them."""

from typing import Any

from midigen.instrument.events import Notice
from midigen.instrument.knobs import Knobs
from midigen.midi.messages import Message, Seconds
from midigen.settings import controls
from midigen.settings.controls import Control
from midigen.settings.table import Settings

SETTLING: Seconds = 0.4
"""A knob or fader that was moved is told about when it has rested for so long."""


class Panel:
    """What every control stands at."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        """The settings in force."""
        self.tell_at: Seconds | None = None
        """When `told` is to be called."""
        self._knobs = Knobs(settings.control)
        self._turned: set[str] = set()  # controls whose knobs may still be moving
        self._refused: dict[str, Seconds] = {}  # those that can't be set, and until when they move

    def __getitem__(self, name: str) -> Any:
        """What a control stands at; None for one that is pressed."""
        key = controls.CONTROLS[name].key
        return None if key is None else self.settings.at(key)

    def __setitem__(self, name: str, value: Any) -> None:
        """Set a control to a value as its setting has it. Raises KeyError if it has none."""
        key = controls.CONTROLS[name].key
        if key is None:
            raise KeyError(name)
        self.settings = self.settings.changed(key, value)

    def wanted(self, control: Control) -> Any:
        """The value that a control asks for; None for one that is pressed. Raises ValueError."""
        value = controls.read(control)
        return not self[control.name] if controls.is_toggle(control) else value

    def takes(self, message: Message) -> bool:
        """Whether a message is a knob's, and nothing to play or to pass on."""
        return self._knobs.takes(message)

    def turn(self, message: Message) -> Control | None:
        """The control that a knob's message asks for, if any."""
        return self._knobs.turn(message, self.__getitem__)

    def tell_later(self, name: str, now: Seconds) -> None:
        """A control moves, and may move on: say where it is when it rests."""
        self._turned.add(name)
        self.tell_at = now + SETTLING

    def tells_refusal(self, name: str, now: Seconds) -> bool:
        """Whether to say why a control can't be moved: once, until its knob has rested."""
        self._refused = {each: until for each, until in self._refused.items() if now < until}
        is_new = name not in self._refused
        self._refused[name] = now + SETTLING
        return is_new

    def told(self) -> list[Notice]:
        """Where the knobs have come to rest."""
        lines = [Notice(self.line(name)) for name in sorted(self._turned)]
        self._turned.clear()
        self.tell_at = None
        return lines

    def line(self, name: str) -> str:
        """What a control stands at, for people."""
        value = self[name]
        if isinstance(value, bool):
            return f"{name} {'on' if value else 'off'}"
        return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
