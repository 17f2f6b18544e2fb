"""The whole table of settings.

Every setting has its `Kind`, which reads and checks values. `config` fills the table from TOML, and
writes it as the commented config.toml. So a new setting is one new field of a section, in
`playing` or `connections`; if it may change while midigen plays, `controls` names it too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from midigen.music.keys import C_MAJOR, Key
from midigen.music.melody import Chromatic
from midigen.settings import playing
from midigen.settings.choices import Api, Mode, TempoSource
from midigen.settings.connections import ClockSending, Input, Osc, OutputSettings, Ports, Record
from midigen.settings.kinds import KeyName, Text, choice, section, setting, switch, tables
from midigen.settings.knobs_and_scenes import KNOB_EXAMPLE, SCENE_EXAMPLE, Knob, Scene


@dataclass(frozen=True)
class Settings:
    """The whole configuration. The defaults are those of config.toml."""

    mode: Mode = choice(
        Mode.CALL_RESPONSE, "answer your phrases, answer every note, or play on alone"
    )
    model: str = setting(
        "songs", Text("a name or a path"), "a model in models/, or the path of an .onnx file"
    )
    key: Key = setting(
        C_MAJOR, KeyName(), "the key that you and midigen play in; auto finds it by ear"
    )
    chromatic: Chromatic = choice(
        Chromatic.FOLLOW,
        "notes outside the key: move them to the next one in it, the way the melody is going, or"
        " ignore them",
    )
    thru: bool = switch("pass what you play on to the output as well")
    ports: Ports = section(Ports)
    input: Input = section(Input)
    output: OutputSettings = section(OutputSettings)
    range: playing.Range = section(playing.Range)
    tempo: playing.Tempo = section(playing.Tempo)
    clock: ClockSending = section(ClockSending)
    rhythm: playing.Rhythm = section(playing.Rhythm)
    turn: playing.Turn = section(playing.Turn)
    response: playing.Response = section(playing.Response)
    touch: playing.Touch = section(playing.Touch)
    duet: playing.DuetSettings = section(playing.DuetSettings)
    memory: playing.MemorySettings = section(playing.MemorySettings)
    sampling: playing.Sampling = section(playing.Sampling)
    osc: Osc = section(Osc)
    record: Record = section(Record)
    control: tuple[Knob, ...] = tables(Knob, KNOB_EXAMPLE)
    scene: tuple[Scene, ...] = tables(Scene, SCENE_EXAMPLE)

    @property
    def scene_models(self) -> set[str]:
        """The models that scenes name."""
        return {scene.model for scene in self.scene if scene.model}

    @property
    def hears_clock(self) -> bool:
        """Whether MIDI clock on the input is used."""
        return self.tempo.source is TempoSource.CLOCK

    def at(self, key: str) -> Any:
        """The value of a setting such as `"tempo.bpm"`."""
        part, _, name = key.rpartition(".")
        return getattr(getattr(self, part) if part else self, name)

    def changed(self, key: str, value: Any) -> "Settings":
        """A copy with another value for one setting, which its kind has read."""
        part, _, name = key.rpartition(".")
        if part:
            name, value = part, replace(getattr(self, part), **{name: value})
        return replace(self, **{name: value})

    def contradictions(self) -> Mapping[str, str]:
        """Settings that exclude each other: for each, its key and what it should be."""
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


def _specs() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for entry in fields(Settings):
        if "kind" in entry.metadata:
            yield entry.name, entry.metadata
        elif "entry" not in entry.metadata:
            of: Any = entry.default_factory
            yield from ((f"{entry.name}.{inner.name}", inner.metadata) for inner in fields(of))


SPECS = dict(_specs())
"""The `kind` and the `meaning` of each setting, by keys such as `"tempo.bpm"`."""

LISTS: Mapping[str, type] = {"control": Knob, "scene": Scene}
"""The settings that are lists of tables, and what is in each table."""
