"""Every setting there is: one table of names, defaults, ranges, units and what they mean.

Each field below carries its `Kind`, which reads and checks a value and says in
words what it expects. `config` fills the table from TOML and writes it out as
the commented config.toml, so nothing about a setting stands anywhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np

from midigen.melody import Chromatic
from midigen.notes import Channel, Pitch, Seconds, pitch_name
from midigen.sampling import Sampler
from midigen.vocabulary import AUTO, MODE_NAMES, Key


class Kind(Protocol):
    """How one sort of setting is read and described."""

    @property
    def expected(self) -> str:
        """What a value must be, in words."""

    def read(self, value: object) -> Any:
        """The value as the program uses it. Raises ValueError if it isn't as expected."""


@dataclass(frozen=True)
class Number:
    """A number in a range; `word`, if given, is a word that may stand instead."""

    low: float
    high: float
    unit: str
    whole: bool = True
    word: str = ""

    @property
    def expected(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        word = f'"{self.word}" or ' if self.word else ""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{word}{kind} {self.low} to {self.high}{unit}"

    def read(self, value: object) -> Any:
        if self.word and value == self.word:
            return value
        kinds = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds):
            raise ValueError
        if not self.low <= value <= self.high:  # NaN fails here too
            raise ValueError
        return value if self.whole else float(value)


@dataclass(frozen=True)
class Flag:
    """On or off."""

    expected: str = "true or false"

    def read(self, value: object) -> Any:
        if not isinstance(value, bool):
            raise ValueError
        return value


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: type[StrEnum]

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(f'"{word}"' for word in self.words)

    def read(self, value: object) -> Any:
        return self.words(str(value))


@dataclass(frozen=True)
class Text:
    """Some text that isn't empty."""

    expected: str

    def read(self, value: object) -> Any:
        if not isinstance(value, str) or not value.strip():
            raise ValueError
        return value


@dataclass(frozen=True)
class Names:
    """A list of names, perhaps empty."""

    expected: str

    def read(self, value: object) -> Any:
        if not isinstance(value, list):
            raise ValueError
        return tuple(Text("").read(name) for name in value)


@dataclass(frozen=True)
class KeyName:
    """The name of a key, or `auto`."""

    expected: str = '"auto" or a tonic and a mode, such as "G major": ' + ", ".join(MODE_NAMES)

    def read(self, value: object) -> Any:
        if not isinstance(value, str):
            raise ValueError
        return AUTO if value == AUTO.name else Key.named(value)


def _setting(default: Any, kind: Kind, meaning: str) -> Any:
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


def _section(section: type) -> Any:
    return field(default_factory=section)


class Mode(StrEnum):
    """What the machine does with what it hears."""

    CALL_RESPONSE = "call-response"
    DUET = "duet"
    SOLO = "solo"


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
        Names("a list of port names or unique parts of them"),
        "existing ports to listen to as well",
    )
    output: tuple[str, ...] = _setting(
        (),
        Names("a list of port names or unique parts of them"),
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
        "all", Number(1, 16, "MIDI channel", word="all"), "the channel it listens to"
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
        "plays this much later, or earlier if negative (an answer at once can't be earlier)",
    )


@dataclass(frozen=True)
class Range:
    """The octaves it plays in."""

    low: Pitch = _setting(36, _PITCH, "the lowest pitch it plays")
    high: Pitch = _setting(96, _PITCH, "the highest pitch it plays, at least 11 above range.low")


@dataclass(frozen=True)
class Tempo:
    """How fast."""

    bpm: float = _setting(120.0, Number(20, 400, "beats per minute", whole=False), "the tempo")


@dataclass(frozen=True)
class Rhythm:
    """The grid that it plays on."""

    subdivision: int = _setting(2, Number(1, 8, "steps per beat"), "how many notes it plays a beat")
    gate: float = _setting(
        0.8, Number(0.05, 1, "part of a step", whole=False), "how much of its step a note sounds"
    )


@dataclass(frozen=True)
class Turn:
    """When a phrase is over."""

    silence: Seconds = _setting(
        1.0,
        Number(0.05, 10, "seconds", whole=False),
        "a phrase ends when all keys have been up this long",
    )


@dataclass(frozen=True)
class Response:
    """How long an answer is."""

    length: int | str = _setting(
        "match", Number(1, 1000, "notes", word="match"), "notes in an answer; match: as many as you"
    )
    max: int = _setting(32, Number(1, 1000, "notes"), "the longest answer")


@dataclass(frozen=True)
class Duet:
    """How the duet mode answers."""

    quantize: bool = _setting(False, Flag(), "answer on the next step of the grid, not at once")


MEMORY_AMOUNT = Number(0, 1, "", whole=False)


@dataclass(frozen=True)
class Memory:
    """What it makes of what was played tonight."""

    amount: float = _setting(
        1.0,
        MEMORY_AMOUNT,
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

    def sampler(self, rng: np.random.Generator) -> Sampler:
        """What draws the notes by these settings."""
        return Sampler(
            rng,
            temperature=self.temperature,
            top_p=self.top_p,
            max_repeat=None if self.max_repeat == "off" else int(self.max_repeat),
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
        Key("C major", 0),
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
    rhythm: Rhythm = _section(Rhythm)
    turn: Turn = _section(Turn)
    response: Response = _section(Response)
    duet: Duet = _section(Duet)
    memory: Memory = _section(Memory)
    sampling: Sampling = _section(Sampling)

    def contradictions(self) -> Mapping[str, str]:
        """What can't be together: a key and what it should be, for each."""
        problems: dict[str, str] = {}
        if self.input.high < self.input.low:
            problems["input.high"] = f"at least input.low, {self.input.low}"
        if self.range.high < self.range.low + 11:
            lowest = self.range.low + 11
            problems["range.high"] = (
                f"at least {lowest} ({pitch_name(lowest)}), 11 above range.low,"
                " so that every note of the key is in the range"
            )
        if self.ports.out_client == self.ports.in_client:
            problems["ports.out_client"] = "another name than ports.in_client"
        if self.ports.api is Api.TERMINAL and (self.ports.input or self.ports.output):
            problems["ports.api"] = "another system: the terminal has no named ports"
        return problems
