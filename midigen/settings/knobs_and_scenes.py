"""The lists of a configuration: `[[control]]` entries, which map knobs, and `[[scene]]`s."""

from dataclasses import dataclass

from midigen.midi.messages import Channel
from midigen.settings.kinds import PITCH, AnyOf, Assignments, Number, Text, real, setting

KNOB_EXAMPLE = """\
[[control]]               # `midigen learn temperature` writes such an entry
name = "temperature"
cc = 21                   # a knob, fader, button or pedal; or: note = 36, or: program = 0
channel = "all"           # or 1 to 16
low = 0.5                 # what the knob sets at its lower end, and at its upper one;
high = 1.5                # without them the control's whole range
[[control]]
name = "scene"
program = 1               # programs count from 0
value = "verse"           # what pressing it sets the control to\
"""

SCENE_EXAMPLE = """\
[[scene]]                 # recalled by `:scene verse`, OSC, or a [[control]]
name = "verse"
model = "pop"             # without it, the model stays
set = { temperature = 0.7, mode = "duet", key = "A minor" }\
"""

_ANY_NUMBER = real(-1e4, 1e4, "in the control's unit")


@dataclass(frozen=True)
class Knob:
    """A knob, fader, button, pedal or pad of your keyboard, and the control that it sets."""

    name: str = setting("", Text("a control's name"), "the control")
    cc: int | None = setting(None, Number(0, 127, "controller"), "a knob, fader, button or pedal")
    program: int | None = setting(None, Number(0, 127, "program, from 0"), "a program change")
    note: int | None = setting(None, PITCH, "a key or pad")
    channel: Channel | str = setting(
        "all", Number(1, 16, "MIDI channel", word="all"), "the channel it comes on"
    )
    low: float | None = setting(None, _ANY_NUMBER, "the value of a knob at 0")
    high: float | None = setting(None, _ANY_NUMBER, "its value at 127")
    value: str | float | None = setting(
        None, AnyOf("a value of the control"), "what pressing it sets the control to"
    )

    @property
    def sources(self) -> dict[str, int]:
        """Which of cc, program and note are given, with their numbers."""
        numbers = {"cc": self.cc, "program": self.program, "note": self.note}
        return {kind: number for kind, number in numbers.items() if number is not None}


@dataclass(frozen=True)
class Scene:
    """Controls and a model that are recalled together, at the next beat."""

    name: str = setting("", Text("a name"), "what it is called")
    model: str = setting("", Text("a name or a path"), "the model; none keeps the one that plays")
    set: tuple[tuple[str, str | float], ...] = setting(
        (), Assignments("controls and their values"), "controls and their values"
    )
