"""The sections of the settings (connections, then playing), and their lists, knobs and scenes."""

from dataclasses import dataclass

from midigen.midi.messages import Channel, Pitch, Seconds
from midigen.settings.choices import Api, Quantize, RhythmSource, TempoSource
from midigen.settings.kinds import (
    PITCH,
    AnswerLength,
    AnyOf,
    Assignments,
    InBeats,
    Interval,
    Names,
    Number,
    Text,
    Transposition,
    choice,
    real,
    setting,
    switch,
)

_PORT_NAMES = Names(
    "a list of port names or unique parts of them; add #2 for the second port that matches"
)
_SECONDS = real(0.05, 10, "seconds")


@dataclass(frozen=True)
class Ports:
    """Where notes come from and go to."""

    api: Api = choice(
        Api.AUTO,
        "the MIDI system; auto takes ALSA, CoreMIDI or WinMM, or else JACK if its server runs",
    )
    input: tuple[str, ...] = setting((), _PORT_NAMES, "existing ports to listen to as well")
    output: tuple[str, ...] = setting((), _PORT_NAMES, "existing ports to play to as well")
    in_client: str = setting("midigen-in", Text("a name"), "client name of the virtual input")
    in_port: str = setting("midigen in", Text("a name"), "port name of the virtual input")
    out_client: str = setting("midigen-out", Text("a name"), "client name of the virtual output")
    out_port: str = setting("midigen out", Text("a name"), "port name of the virtual output")


@dataclass(frozen=True)
class Input:
    """What midigen listens to. Everything else is neither heard nor passed on."""

    channel: Channel | str = setting(
        "all",
        Number(1, 16, "MIDI channel", word="all"),
        "the channel to listen to; all is every channel but 10, the drums",
    )
    low: Pitch = setting(0, PITCH, "the lowest key to listen to")
    high: Pitch = setting(127, PITCH, "the highest key to listen to")


@dataclass(frozen=True)
class OutputSettings:
    """Where and when midigen plays."""

    channel: Channel = setting(1, Number(1, 16, "MIDI channel"), "the channel to play on")
    offset_ms: float = setting(
        0.0,
        real(-500, 500, "milliseconds"),
        "play this much later, or earlier if negative (which ends phrases that much sooner, and"
        " can't hurry answers that come at once)",
    )
    mute: bool = switch("play no notes of its own, until this is false again")


@dataclass(frozen=True)
class ClockSending:
    """MIDI clock for other devices, on every output."""

    send: bool = switch("send MIDI clock, with start and stop")


@dataclass(frozen=True)
class Osc:
    """Open Sound Control: /midigen/CONTROL VALUE sets a control while midigen plays."""

    port: int | str = setting(
        "off", Number(1, 65535, "UDP port", word="off"), "the port to listen on"
    )
    host: str = setting(
        "127.0.0.1",
        Text("an address of this machine"),
        "the address to listen on; 127.0.0.1 only hears programs on this machine",
    )


@dataclass(frozen=True)
class Record:
    """What is recorded of a session, as MIDI files."""

    path: str = setting("off", Text('"off" or a folder'), "the folder to record every session in")
    keep: int = setting(
        5,
        Number(1, 60, "minutes"),
        "how much `keep` and `run --keep` save, in the folder above, or else in recordings",
    )


@dataclass(frozen=True)
class Range:
    """The octaves that midigen plays in."""

    low: Pitch = setting(36, PITCH, "the lowest pitch to play")
    high: Pitch = setting(96, PITCH, "the highest pitch to play, at least 11 above range.low")


@dataclass(frozen=True)
class Tempo:
    """Where the beat comes from, and how fast it is."""

    source: TempoSource = choice(
        TempoSource.INTERNAL,
        "internal: bpm below; clock: MIDI clock on the input; follow: the tempo you play in",
    )
    bpm: float = setting(
        120.0, real(20, 400, "beats per minute"), "the tempo; clock and follow begin with it"
    )
    bar: int = setting(4, Number(1, 16, "beats"), "how many beats a bar has")


@dataclass(frozen=True)
class Rhythm:
    """When midigen's notes begin and how long they sound."""

    source: RhythmSource = choice(
        RhythmSource.MIRROR,
        "mirror: the rhythm and note lengths of your phrase; steady: the grid below",
    )
    subdivision: int = setting(2, Number(1, 8, "steps per beat"), "steady: how many notes a beat")
    gate: float = setting(
        0.8, real(0.05, 1, "part of a step"), "steady: how much of its step a note sounds"
    )
    swing: float = setting(
        0.5,
        real(0.5, 0.75, "part of two steps"),
        "steady: where the second of two steps falls; 0.5 is straight, 0.67 swings in triplets",
    )
    density: float = setting(
        1.0,
        real(0, 1),
        "how likely a step is a note rather than a rest; an answer always begins with a note",
    )


@dataclass(frozen=True)
class Turn:
    """When a phrase is over, and when the answer begins."""

    silence: Seconds | str = setting(
        "auto",
        real(0.05, 10, "seconds", word="auto"),
        "a phrase ends once keys and pedal have been up this long; auto goes by your own pace",
    )
    min: Seconds = setting(0.35, _SECONDS, "auto: no shorter than this")
    max: Seconds = setting(2.0, _SECONDS, "auto: no longer than this, at least turn.min")
    quantize: Quantize = choice(
        Quantize.OFF,
        "where an answer may begin: on a beat, on a bar, or off, on your own steps (with MIDI"
        " clock: on a step of the grid, or on a sixteenth if it mirrors your rhythm)",
    )


@dataclass(frozen=True)
class Response:
    """How long an answer is, and where it is played."""

    length: int | str | InBeats = setting(
        "match", AnswerLength(), "match: as many notes as you played; endless: until you play again"
    )
    max: int = setting(32, Number(1, 1000, "notes"), "the longest answer that isn't endless")
    hold: bool = switch(
        "keep the answer going, past its length and while you play, until this is false again"
    )
    transpose: Transposition = setting(
        Transposition(), Interval(), "how much higher or lower to play"
    )


@dataclass(frozen=True)
class Touch:
    """How hard midigen plays. It follows the dynamics of your phrase."""

    variation: int = setting(
        4, Number(0, 40, "velocity"), "how much louder or softer each note may be by chance"
    )
    scale: float = setting(1.0, real(0, 2, "times your velocity"), "how loud to play, beside you")


@dataclass(frozen=True)
class DuetSettings:
    """How midigen answers in duet mode."""

    quantize: bool = switch("answer on the next step of the grid, not at once")


@dataclass(frozen=True)
class MemorySettings:
    """How much midigen makes of what was played tonight."""

    amount: float = setting(
        1.0,
        real(0, 1),
        "0 relies on the model alone, 1 adds as much of tonight's playing as proved best",
    )


@dataclass(frozen=True)
class Sampling:
    """How a note is chosen from the model's probabilities."""

    temperature: float = setting(
        1.0,
        real(0, 5),
        "0 always takes the likeliest note, 1 follows the probabilities, more is wilder",
    )
    top_p: float = setting(
        0.95,
        real(0.01, 1, "part of the probability"),
        "choose among the likeliest notes only, those that together make up this much",
    )
    max_repeat: int | str = setting(
        4, Number(1, 100, "notes", word="off"), "how often the same note may come in a row"
    )
    seed: int | str = setting(
        "random", Number(0, 2**32 - 1, "", word="random"), "a number makes a performance repeatable"
    )

    @property
    def most_repeats(self) -> int | None:
        """`max_repeat` as a number, or None for no limit."""
        return None if self.max_repeat == "off" else int(self.max_repeat)


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
