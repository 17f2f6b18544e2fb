"""Sections about how midigen plays: its range, time, turns, answers, touch and taste."""

from dataclasses import dataclass

from midigen.midi.messages import Pitch, Seconds
from midigen.settings.choices import Quantize, RhythmSource, TempoSource
from midigen.settings.kinds import (
    PITCH,
    AnswerLength,
    InBeats,
    Interval,
    Number,
    Transposition,
    choice,
    real,
    setting,
    switch,
)

_SECONDS = real(0.05, 10, "seconds")


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
        "mirror: the rhythm and note lengths of your phrase; steady: the grid below; learned: what"
        " the model makes of your rhythm",
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
