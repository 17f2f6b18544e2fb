"""The controls: what can be changed while midigen plays.

However it comes (from a knob, by OSC, as a typed line), a change is a `Control`, a name and a
value, and is read here. Most controls set a setting and take its range and unit. The others are
pressed.
"""

import difflib
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from midigen.settings.kinds import AnswerLength, Flag, Kind, Number, Text, did_you_mean
from midigen.settings.table import spec_of


@dataclass(frozen=True, slots=True)
class Control:
    """A control is set, such as `Control("temperature", 0.8)`, or pressed, such as `again`.

    A value that is text is read as people write it. A control that is pressed has none.
    """

    name: str
    value: str | float = ""
    is_moving: bool = field(default=False, compare=False)
    """It comes from a knob or a fader, so many more may follow at once."""


@dataclass(frozen=True)
class Spec:
    """A control: the `key` of the setting that it sets, or None if it is pressed."""

    name: str
    key: str | None
    meaning: str
    kind: Kind | None

    @property
    def line(self) -> str:
        """What its value must be, or what pressing it does."""
        if self.key is None or self.kind is None:
            return self.meaning
        alone = "; without a value it toggles" if isinstance(self.kind, Flag) else ""
        return f"{self.kind.expected}{alone}"


def _sets(name: str, key: str) -> Spec:
    spec = spec_of(key)
    return Spec(name, key, spec["meaning"], spec["kind"])


def _press(name: str, meaning: str) -> Spec:
    return Spec(name, None, meaning, None)


CONTROLS = {
    spec.name: spec
    for spec in (
        _sets("mode", "mode"),
        _sets("key", "key"),
        _sets("temperature", "sampling.temperature"),
        _sets("top-p", "sampling.top_p"),
        _sets("memory", "memory.amount"),
        _sets("tempo", "tempo.bpm"),
        _sets("subdivision", "rhythm.subdivision"),
        _sets("gate", "rhythm.gate"),
        _sets("density", "rhythm.density"),
        _sets("length", "response.length"),
        _sets("velocity", "touch.scale"),
        _sets("hold", "response.hold"),
        _sets("mute", "output.mute"),
        _press(
            "turn", "gives the turn to midigen; while it answers (call-response), takes it back"
        ),
        _press("again", "another answer to the same phrase"),
        _press("forget", "empties the window and the memory"),
        _press("panic", "silences everything, on its channel of the synth too"),
        _press("keep", "writes the last minutes to a MIDI file"),
        Spec("scene", None, "recalls a scene at the next beat", Text("a scene's name")),
    )
}


def is_release(control: Control) -> bool:
    """Whether this is the release of a button. OSC's buttons send 1, and then 0."""
    spec = CONTROLS.get(control.name)
    return spec is not None and spec.kind is None and control.value == 0


def read(control: Control) -> Any:
    """The value that a control sets, as its kind reads it. None if it is pressed or toggled.

    Raises ValueError, whose text says what is wrong.
    """
    spec = CONTROLS.get(control.name)
    if spec is None:
        raise ValueError(unknown(control.name, CONTROLS))
    if spec.kind is None or is_toggle(control):
        return None
    for value in _readings(control.value, spec.kind):
        try:
            return spec.kind.read(value)
        except ValueError:
            continue
    hint = did_you_mean(spec.kind, control.value)
    raise ValueError(f"{control.name} is {spec.kind.expected}, not {control.value!r}{hint}")


def is_toggle(control: Control) -> bool:
    """Whether a control toggles its setting: it is a switch that comes without a value, `:mute`."""
    spec = CONTROLS.get(control.name)
    return spec is not None and isinstance(spec.kind, Flag) and control.value == ""


def _readings(value: str | float, kind: Kind) -> list[object]:
    """What a value may mean, in the order to try: text is also read as TOML, a number as on/off."""
    if isinstance(kind, Flag) and not isinstance(value, bool):
        words = {"on": True, "off": False, "true": True, "false": False}
        return [words.get(value) if isinstance(value, str) else value >= 0.5]  # noqa: PLR2004  half
    if isinstance(value, float) and value.is_integer():
        return [value, int(value)]
    if not isinstance(value, str):
        return [value]
    try:
        return [value, tomllib.loads(f"value = {value}")["value"]]
    except (ValueError, RecursionError):  # not TOML
        return [value]


def table() -> list[str]:
    """A line for each control: what its value must be, or what pressing it does."""
    return [f"{spec.name:12} {spec.line}" for spec in CONTROLS.values()]


def unknown(name: str, known: Collection[str]) -> str:
    """The message for a name that isn't among the known ones."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    return f"no control {name!r}: {hint}"


def why_not(name: str, value: str | float) -> str | None:
    """What is wrong with a value for a control; None if nothing is."""
    try:
        read(Control(name, value))
    except ValueError as exc:
        return str(exc)
    return None


def number_of(kind: Kind | None) -> Number | None:
    """The range of a kind that takes numbers; None for other kinds."""
    if isinstance(kind, AnswerLength):
        return kind.notes
    return kind if isinstance(kind, Number) else None
