"""The settings in force, as controls have set them, and the knobs that set controls."""

from typing import Any

from midigen.instrument.events import Notice, Output
from midigen.instrument.knobs import Knobs
from midigen.midi.messages import Message, Seconds
from midigen.settings import controls
from midigen.settings.controls import Control
from midigen.settings.table import Settings

SETTLING: Seconds = 0.4
"""A moved knob or fader is reported once it has rested for so long."""


class Panel:
    """The present value of every setting and control. Other modules read it here each time."""

    def __init__(self, settings: Settings, outbox: list[Output]) -> None:
        self.next_time: Seconds | None = None
        """When `tell` is to be called."""
        self._outbox = outbox
        self._turned: set[str] = set()  # controls whose knobs may still move
        self._refused: dict[str, Seconds] = {}  # and when each knob rests
        self.load(settings)

    def load(self, settings: Settings) -> None:
        """Replace the settings and the knobs."""
        self.settings = settings
        self._knobs = Knobs(settings.control)
        self._turned.clear()
        self._refused.clear()
        self.next_time = None

    @property
    def offset(self) -> Seconds:
        """How much later midigen plays, or earlier if negative."""
        return self.settings.output.offset_ms / 1000

    def __getitem__(self, name: str) -> Any:
        """The value of a control; None if it is one to press."""
        key = controls.CONTROLS[name].key
        return None if key is None else self.settings.at(key)

    def changed(self, name: str, value: Any) -> Settings:
        """The settings with a control at another value. Raises KeyError if it sets none."""
        key = controls.CONTROLS[name].key
        if key is None:
            raise KeyError(name)
        return self.settings.changed(key, value)

    def follow_tempo(self, bpm: float) -> None:
        """A clock or the player has set the tempo: update its control."""
        self.settings = self.settings.changed("tempo.bpm", bpm)

    def wanted(self, control: Control) -> Any:
        """The value that a control is set to; None if it is one to press. Raises ValueError."""
        value = controls.read(control)
        return not self[control.name] if controls.is_toggle(control) else value

    def takes(self, message: Message) -> bool:
        """Whether a message comes from a configured knob, and so isn't played or passed on."""
        return self._knobs.takes(message)

    def turn(self, message: Message) -> Control | None:
        """The control that a knob's message sets, if any."""
        return self._knobs.turn(message, self.__getitem__)

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
