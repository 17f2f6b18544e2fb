"""The whole table of settings.

Every setting has its `Kind`, which reads and checks values. `config` fills the table from TOML, and
writes it as the commented config.toml. So a new setting is one new field of a section, in
`sections`; if it may change while midigen plays, `controls` names it too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from midigen.music.keys import C_MAJOR, Key
from midigen.music.melody import Chromatic
from midigen.settings import sections
from midigen.settings.choices import Api, Mode, TempoSource
from midigen.settings.kinds import KeyName, Text, choice, setting, switch, tables
from midigen.settings.sections import KNOB_EXAMPLE, SCENE_EXAMPLE, Knob, Scene


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
    ports: sections.Ports = field(default_factory=sections.Ports)
    input: sections.Input = field(default_factory=sections.Input)
    output: sections.OutputSettings = field(default_factory=sections.OutputSettings)
    range: sections.Range = field(default_factory=sections.Range)
    tempo: sections.Tempo = field(default_factory=sections.Tempo)
    clock: sections.ClockSending = field(default_factory=sections.ClockSending)
    rhythm: sections.Rhythm = field(default_factory=sections.Rhythm)
    turn: sections.Turn = field(default_factory=sections.Turn)
    response: sections.Response = field(default_factory=sections.Response)
    touch: sections.Touch = field(default_factory=sections.Touch)
    duet: sections.DuetSettings = field(default_factory=sections.DuetSettings)
    memory: sections.MemorySettings = field(default_factory=sections.MemorySettings)
    sampling: sections.Sampling = field(default_factory=sections.Sampling)
    osc: sections.Osc = field(default_factory=sections.Osc)
    record: sections.Record = field(default_factory=sections.Record)
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
        if self.range.high < (lowest := self.range.low + 11):
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
