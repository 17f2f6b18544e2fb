"""What can be wrong with the knobs and scenes of a configuration."""

from collections.abc import Mapping, Sequence

from midigen.settings.controls import CONTROLS, Control, is_toggle, number_of, why_not
from midigen.settings.kinds import AnswerLength, Choice, Flag, Number
from midigen.settings.knobs_and_scenes import Knob, Scene
from midigen.settings.table import Settings


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
        if other.sources == knob.sources and _overlap(other, knob):
            return {f"{key}.{kind}": f"{kind} {number} sets {other.name} already"}
    if knob.name not in CONTROLS:
        return {f"{key}.name": why_not(knob.name, "") or "a control needs a name"}
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
    """What is wrong with the ends of a knob's range; None if nothing is."""
    if knob.low is None and knob.high is None:
        return None
    kind = CONTROLS[knob.name].kind
    number = number_of(kind)
    if kind is None or number is None or knob.value is not None:
        return "low and high are the ends of a knob that sets a number"
    if _is_within(knob, number):
        return None
    return f"low and high must be two numbers in {knob.name}'s range: {kind.expected}"


def _why_not_set(name: str, value: str | float) -> str | None:
    """What is wrong with a value that a configuration sets: it can't be left out there."""
    if is_toggle(Control(name, value)):
        return f"{name} is {Flag().expected}, not {value!r}"
    return why_not(name, value)


def _overlap(one: Knob, other: Knob) -> bool:
    return "all" in (one.channel, other.channel) or one.channel == other.channel


def _is_within(knob: Knob, number: Number) -> bool:
    low = number.low if knob.low is None else knob.low
    high = number.high if knob.high is None else knob.high
    return low != high and all(number.low <= end <= number.high for end in (low, high))
