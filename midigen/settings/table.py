"""Every setting there is: one table of names, defaults, ranges, units and what they mean.

Each field below carries its `Kind`, which reads and checks a value and says in
words what it expects. `config` fills the table from TOML and writes it out as
the commented config.toml, so nothing about a setting stands anywhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from midigen.midi.messages import Channel, Pitch, Seconds
from midigen.music.keys import C_MAJOR, Key
from midigen.music.melody import Chromatic
from midigen.settings.kinds import (
    AnswerLength,
    AnyOf,
    Assignments,
    Choice,
    Flag,
    InBeats,
    Interval,
    KeyName,
    Kind,
    Names,
    Number,
    Text,
    Transposition,
)


def _setting(default: Any, kind: Kind, meaning: str) -> Any:
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


def _section(section: type) -> Any:
    return field(default_factory=section)


def _tables(entry: type, example: str) -> Any:
    """A list of tables, `[[name]]` in TOML, each with the fields of `entry`."""
    return field(default=(), metadata={"entry": entry, "example": example})


def spec_of(key: str) -> Mapping[str, Any]:
    """What the table says of a setting such as `"tempo.bpm"`: its `kind` and its `meaning`."""
    section, _, name = key.rpartition(".")
    owner: Any = getattr(Settings(), section) if section else Settings()
    return next(entry.metadata for entry in fields(owner) if entry.name == name)


class Mode(StrEnum):
    """What the machine does with what it hears."""

    CALL_RESPONSE = "call-response"
    DUET = "duet"
    SOLO = "solo"


class TempoSource(StrEnum):
    """Who sets the tempo."""

    INTERNAL = "internal"
    CLOCK = "clock"
    FOLLOW = "follow"


class RhythmSource(StrEnum):
    """Whose rhythm the machine's notes have."""

    MIRROR = "mirror"
    STEADY = "steady"


class Quantize(StrEnum):
    """Where an answer may begin."""

    OFF = "off"
    BEAT = "beat"
    BAR = "bar"


class Api(StrEnum):
    """The MIDI systems, and the terminal that stands in where there is none."""

    AUTO = "auto"
    ALSA = "alsa"
    JACK = "jack"
    COREMIDI = "coremidi"
    WINMM = "winmm"
    TERMINAL = "terminal"


_PITCH = Number(0, 127, "MIDI pitch; 60 is middle C")


@dataclass(frozen=True)
class Ports:
    """Where the notes come from and go to."""

    api: Api = _setting(
        Api.AUTO,
        Choice(Api),
        "the MIDI system; auto takes ALSA, CoreMIDI or WinMM, else JACK where its server runs",
    )
    input: tuple[str, ...] = _setting(
        (),
        Names("a list of port names or unique parts of them; with #2 the second that fits"),
        "existing ports to listen to as well",
    )
    output: tuple[str, ...] = _setting(
        (),
        Names("a list of port names or unique parts of them; with #2 the second that fits"),
        "existing ports to play to as well",
    )
    in_client: str = _setting("midigen-in", Text("a name"), "client name of the virtual input")
    in_port: str = _setting("midigen in", Text("a name"), "port name of the virtual input")
    out_client: str = _setting("midigen-out", Text("a name"), "client name of the virtual output")
    out_port: str = _setting("midigen out", Text("a name"), "port name of the virtual output")


@dataclass(frozen=True)
class Input:
    """What it listens to; anything else isn't heard and isn't passed on."""

    channel: Channel | str = _setting(
        "all",
        Number(1, 16, "MIDI channel", word="all"),
        "the channel it listens to; all: every one but 10, which has drums",
    )
    low: Pitch = _setting(0, _PITCH, "the lowest key it listens to")
    high: Pitch = _setting(127, _PITCH, "the highest key it listens to")


@dataclass(frozen=True)
class Output:
    """Where and when it plays."""

    channel: Channel = _setting(1, Number(1, 16, "MIDI channel"), "the channel it plays on")
    offset_ms: float = _setting(
        0.0,
        Number(-500, 500, "milliseconds", whole=False),
        "plays this much later, or earlier if negative (which changes no answer that is given at"
        " once, and a phrase must be over so much sooner)",
    )
    mute: bool = _setting(False, Flag(), "plays nothing of its own, until it is false again")


@dataclass(frozen=True)
class Range:
    """The octaves it plays in."""

    low: Pitch = _setting(36, _PITCH, "the lowest pitch it plays")
    high: Pitch = _setting(96, _PITCH, "the highest pitch it plays, at least 11 above range.low")


@dataclass(frozen=True)
class Tempo:
    """Where the beat comes from, and how fast it is."""

    source: TempoSource = _setting(
        TempoSource.INTERNAL,
        Choice(TempoSource),
        "internal: bpm; clock: MIDI clock on the input; follow: the tempo that you play in",
    )
    bpm: float = _setting(
        120.0,
        Number(20, 400, "beats per minute", whole=False),
        "the tempo; with clock and follow, until they say another",
    )
    bar: int = _setting(4, Number(1, 16, "beats"), "how many beats a bar has")


@dataclass(frozen=True)
class ClockSending:
    """MIDI clock for others, on every output."""

    send: bool = _setting(False, Flag(), "send MIDI clock, with start and stop")


@dataclass(frozen=True)
class Rhythm:
    """When its notes fall and how long they sound."""

    source: RhythmSource = _setting(
        RhythmSource.MIRROR,
        Choice(RhythmSource),
        "mirror: the rhythm and lengths of your phrase; steady: the grid below",
    )
    subdivision: int = _setting(2, Number(1, 8, "steps per beat"), "steady: how many notes a beat")
    gate: float = _setting(
        0.8,
        Number(0.05, 1, "part of a step", whole=False),
        "steady: how much of its step a note sounds",
    )
    swing: float = _setting(
        0.5,
        Number(0.5, 0.75, "part of two steps", whole=False),
        "steady: where the second of two steps falls; 0.5 is straight, 0.67 swings in triplets",
    )
    density: float = _setting(
        1.0,
        Number(0, 1, "", whole=False),
        "how likely a step is played and not a rest; the first of an answer always is",
    )


@dataclass(frozen=True)
class Turn:
    """When a phrase is over, and when the answer begins."""

    silence: Seconds | str = _setting(
        "auto",
        Number(0.05, 10, "seconds", whole=False, word="auto"),
        "a phrase ends when keys and pedal have been up this long; auto: longer than your steps",
    )
    min: Seconds = _setting(
        0.35, Number(0.05, 10, "seconds", whole=False), "auto: no shorter than this"
    )
    max: Seconds = _setting(
        2.0,
        Number(0.05, 10, "seconds", whole=False),
        "auto: no longer than this, at least turn.min",
    )
    quantize: Quantize = _setting(
        Quantize.OFF,
        Choice(Quantize),
        "where an answer may begin: anywhere (with a clock: on a step of the grid, or mirrored on"
        " a sixteenth), on a beat or a bar",
    )


@dataclass(frozen=True)
class Response:
    """How long an answer is, and where it is played."""

    length: int | str | InBeats = _setting(
        "match", AnswerLength(), "match: as many notes as you; endless: until you play"
    )
    max: int = _setting(32, Number(1, 1000, "notes"), "the longest answer of those that end")
    hold: bool = _setting(
        False, Flag(), "an answer goes on, past its length and while you play, until it is false"
    )
    transpose: Transposition = _setting(
        Transposition(), Interval(), "plays its notes higher or lower"
    )


@dataclass(frozen=True)
class Touch:
    """How hard it plays. It follows your phrase's own louder and softer."""

    variation: int = _setting(
        4, Number(0, 40, "velocity"), "how much louder or softer a note is by chance, at the most"
    )
    scale: float = _setting(
        1.0, Number(0, 2, "times your velocity", whole=False), "louder or softer than you"
    )


@dataclass(frozen=True)
class Duet:
    """How the duet mode answers."""

    quantize: bool = _setting(False, Flag(), "answer on the next step of the grid, not at once")


@dataclass(frozen=True)
class Memory:
    """What it makes of what was played tonight."""

    amount: float = _setting(
        1.0,
        Number(0, 1, "", whole=False),
        "0 plays by the model alone, 1 as much by what was played tonight as proved best",
    )


@dataclass(frozen=True)
class Sampling:
    """How a note is chosen from the model's probabilities."""

    temperature: float = _setting(
        1.0,
        Number(0, 5, "", whole=False),
        "0 always takes the likeliest note, 1 draws by the probabilities, more is wilder",
    )
    top_p: float = _setting(
        0.95,
        Number(0.01, 1, "part of the probability", whole=False),
        "draws from the likeliest notes only, as many as make up this much together",
    )
    max_repeat: int | str = _setting(
        4,
        Number(1, 100, "notes", word="off"),
        "plays the same note this often in a row at the most",
    )
    seed: int | str = _setting(
        "random",
        Number(0, 2**32 - 1, "", word="random"),
        "a number makes a performance repeatable",
    )

    @property
    def most_repeats(self) -> int | None:
        """`max_repeat` as a number; None is without a limit."""
        return None if self.max_repeat == "off" else int(self.max_repeat)


@dataclass(frozen=True)
class Osc:
    """Open Sound Control: /midigen/CONTROL VALUE sets a control while it plays."""

    port: int | str = _setting(
        "off", Number(1, 65535, "UDP port", word="off"), "the port to listen on"
    )
    host: str = _setting(
        "127.0.0.1",
        Text("an address of this machine"),
        "the address to listen on; 127.0.0.1 hears this machine alone",
    )


@dataclass(frozen=True)
class Record:
    """What is written down of a session, as MIDI files."""

    path: str = _setting(
        "off", Text('"off" or a folder'), "the folder that every session is recorded in"
    )
    keep: int = _setting(
        5,
        Number(1, 60, "minutes"),
        "how much the control keep, and run --keep, write: into path, or else into recordings",
    )


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


@dataclass(frozen=True)
class Knob:
    """What on your keyboard sets which control."""

    name: str = _setting("", Text("a control's name"), "the control")
    cc: int | None = _setting(None, Number(0, 127, "controller"), "a knob, fader, button or pedal")
    program: int | None = _setting(None, Number(0, 127, "program, from 0"), "a program change")
    note: int | None = _setting(None, Number(0, 127, "MIDI pitch; 60 is middle C"), "a key or pad")
    channel: Channel | str = _setting(
        "all", Number(1, 16, "MIDI channel", word="all"), "the channel it comes on"
    )
    low: float | None = _setting(
        None, Number(-1e4, 1e4, "in the control's unit", whole=False), "the value of a knob at 0"
    )
    high: float | None = _setting(
        None, Number(-1e4, 1e4, "in the control's unit", whole=False), "its value at 127"
    )
    value: str | float | None = _setting(
        None, AnyOf("a value of the control"), "what pressing it sets the control to"
    )

    @property
    def sources(self) -> dict[str, int]:
        """What of cc, program and note is given, with its number."""
        numbers = {"cc": self.cc, "program": self.program, "note": self.note}
        return {kind: number for kind, number in numbers.items() if number is not None}


@dataclass(frozen=True)
class Scene:
    """Controls and a model that are recalled together, at the next beat."""

    name: str = _setting("", Text("a name"), "what it is called")
    model: str = _setting("", Text("a name or a path"), "the model; none keeps the one that plays")
    set: tuple[tuple[str, str | float], ...] = _setting(
        (), Assignments("controls and their values"), "controls and their values"
    )


@dataclass(frozen=True)
class Settings:
    """The whole configuration. The defaults are those of config.toml."""

    mode: Mode = _setting(
        Mode.CALL_RESPONSE,
        Choice(Mode),
        "answer your phrases, answer every note, or play on alone",
    )
    model: str = _setting(
        "songs", Text("a name or a path"), "a model under models/, or the path of an .onnx file"
    )
    key: Key = _setting(
        C_MAJOR,
        KeyName(),
        "what the seven notes stand for; auto: the key that it hears",
    )
    chromatic: Chromatic = _setting(
        Chromatic.FOLLOW,
        Choice(Chromatic),
        "notes outside the key: follow the melody's direction to the next one in it, or ignore",
    )
    thru: bool = _setting(False, Flag(), "pass what you play on to the output as well")
    ports: Ports = _section(Ports)
    input: Input = _section(Input)
    output: Output = _section(Output)
    range: Range = _section(Range)
    tempo: Tempo = _section(Tempo)
    clock: ClockSending = _section(ClockSending)
    rhythm: Rhythm = _section(Rhythm)
    turn: Turn = _section(Turn)
    response: Response = _section(Response)
    touch: Touch = _section(Touch)
    duet: Duet = _section(Duet)
    memory: Memory = _section(Memory)
    sampling: Sampling = _section(Sampling)
    osc: Osc = _section(Osc)
    record: Record = _section(Record)
    control: tuple[Knob, ...] = _tables(Knob, KNOB_EXAMPLE)
    scene: tuple[Scene, ...] = _tables(Scene, SCENE_EXAMPLE)

    @property
    def scene_models(self) -> set[str]:
        """The models that scenes play with."""
        return {scene.model for scene in self.scene if scene.model}

    @property
    def hears_clock(self) -> bool:
        """Whether MIDI clock on the input is of any use."""
        return self.tempo.source is TempoSource.CLOCK

    def at(self, key: str) -> Any:
        """The value of a setting such as `"tempo.bpm"`."""
        section, _, name = key.rpartition(".")
        return getattr(getattr(self, section) if section else self, name)

    def changed(self, key: str, value: Any) -> "Settings":
        """These settings with another value of one, as its kind has read it."""
        section, _, name = key.rpartition(".")
        if not section:
            return replace(self, **{name: value})
        return replace(self, **{section: replace(getattr(self, section), **{name: value})})

    def contradictions(self) -> Mapping[str, str]:
        """What can't be together: a key and what it should be, for each."""
        problems: dict[str, str] = {}
        if self.input.high < self.input.low:
            problems["input.high"] = f"at least input.low, {self.input.low}"
        if self.range.high < self.range.low + 11:
            lowest = self.range.low + 11
            problems["range.high"] = (
                f"at least {lowest} ({self.key.pitch_name(lowest)}), 11 above range.low,"
                " so that every note of the key is in the range"
            )
        if self.turn.max < self.turn.min:
            problems["turn.max"] = f"at least turn.min, {self.turn.min:g}"
        if self.ports.out_client == self.ports.in_client:
            problems["ports.out_client"] = "another name than ports.in_client"
        if self.ports.api is Api.TERMINAL and (self.ports.input or self.ports.output):
            problems["ports.api"] = "another system: the terminal has no named ports"
        return problems
