"""The controls: what can be changed while midigen plays.

However it comes (from a knob, by OSC, as a typed line), a change is a `Control`, a name and a
value, and is read here. Most controls set a setting and take its range and unit. The others are
pressed.
"""

import difflib
import tomllib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from midigen.settings.kinds import AnswerLength, Choice, Flag, Kind, Number, Text, did_you_mean
from midigen.settings.sections import Knob, Scene
from midigen.settings.table import SPECS, Settings


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


_SET = {
    "mode": "mode",
    "key": "key",
    "temperature": "sampling.temperature",
    "top-p": "sampling.top_p",
    "memory": "memory.amount",
    "tempo": "tempo.bpm",
    "subdivision": "rhythm.subdivision",
    "gate": "rhythm.gate",
    "density": "rhythm.density",
    "length": "response.length",
    "velocity": "touch.scale",
    "hold": "response.hold",
    "mute": "output.mute",
}
"""The controls that set a setting."""

_PRESSED = {
    "turn": "gives the turn to midigen; while it answers (call-response), takes it back",
    "again": "another answer to the same phrase",
    "forget": "empties the window and the memory",
    "panic": "silences everything, on its channel of the synth too",
    "keep": "writes the last minutes to a MIDI file",
}

CONTROLS = {
    **{name: Spec(name, key, **SPECS[key]) for name, key in _SET.items()},
    **{name: Spec(name, None, meaning, None) for name, meaning in _PRESSED.items()},
    "scene": Spec("scene", None, "recalls a scene at the next beat", Text("a scene's name")),
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
        with suppress(ValueError):
            return spec.kind.read(value)
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


# --- the knobs and scenes of a configuration


def problems(settings: Settings) -> Mapping[str, str]:
    """What is wrong with the knobs and scenes of a configuration: keys, and why, for each."""
    found: dict[str, str] = {}
    for place, scene in enumerate(settings.scene, start=1):
        found |= _scene_problems(f"scene.{place}", scene, settings.scene[: place - 1])
    for place, knob in enumerate(settings.control, start=1):
        found |= _knob_problems(f"control.{place}", knob, settings, settings.control[: place - 1])
    return found


def _scene_problems(key: str, scene: Scene, before: Sequence[Scene]) -> dict[str, str]:
    found: dict[str, str] = {}
    if not scene.name:
        found[f"{key}.name"] = "a scene needs a name"
    elif any(other.name == scene.name for other in before):
        found[f"{key}.name"] = f"another scene is called {scene.name!r} too"
    for name, value in scene.set:
        spec = CONTROLS.get(name)
        if spec is not None and spec.key is None:
            found[f"{key}.set.{name}"] = "a scene can't press a control, only set one"
        elif why := _why_not_set(name, value):
            found[f"{key}.set.{name}"] = why
    return found


def _knob_problems(
    key: str, knob: Knob, settings: Settings, before: Sequence[Knob]
) -> dict[str, str]:
    if len(knob.sources) != 1:
        return {key: "needs one of cc, program and note"}
    ((kind, number),) = knob.sources.items()
    for other in before:
        overlap = other.channel == knob.channel or "all" in (other.channel, knob.channel)
        if other.sources == knob.sources and overlap:
            return {f"{key}.{kind}": f"{kind} {number} sets {other.name} already"}
    if knob.name not in CONTROLS:
        return {f"{key}.name": unknown(knob.name, CONTROLS)}
    if why := wrong_value(knob, settings):
        return {f"{key}.value": why}
    return {key: why} if (why := _wrong_range(knob)) else {}


def wrong_value(knob: Knob, settings: Settings) -> str | None:
    """What is wrong with the value that a knob sets its control to; None if nothing is."""
    kind = CONTROLS[knob.name].kind
    scenes = [scene.name for scene in settings.scene]
    if knob.name == "scene":
        is_one = knob.value in scenes
        return None if is_one else f"must be a scene's name, one of {', '.join(scenes) or 'none'}"
    if kind is None:
        return None if knob.value is None else f"{knob.name} is pressed: it takes no value"
    if knob.value is not None:
        return _why_not_set(knob.name, knob.value)
    slides = knob.cc is not None and isinstance(kind, Number | AnswerLength | Choice)
    return None if slides or isinstance(kind, Flag) else f"must say what it sets {knob.name} to"


def _wrong_range(knob: Knob) -> str | None:
    if knob.low is None and knob.high is None:
        return None
    kind = CONTROLS[knob.name].kind
    number = number_of(kind)
    if kind is None or number is None or knob.value is not None:
        return "low and high are the ends of a knob that sets a number"
    low = number.low if knob.low is None else knob.low
    high = number.high if knob.high is None else knob.high
    if low != high and all(number.low <= end <= number.high for end in (low, high)):
        return None
    return f"low and high must be two numbers in {knob.name}'s range: {kind.expected}"


def _why_not_set(name: str, value: str | float) -> str | None:
    """What is wrong with a value that a configuration sets: it can't be left out there."""
    if is_toggle(Control(name, value)):
        return f"{name} is {Flag().expected}, not {value!r}"
    return why_not(name, value)
