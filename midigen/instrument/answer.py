"""Runs of notes: the length, rhythm and place of an answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from midigen.instrument.pulse import Pulse
from midigen.instrument.rhythm import (
    ROUNDING,
    Learned,
    Mirror,
    Pattern,
    Place,
    Steady,
    contour,
    mirror,
)
from midigen.instrument.step_grid import next_step
from midigen.instrument.turns import Phrase
from midigen.midi.messages import Beats, Seconds, Velocity
from midigen.prediction.steps import USUAL
from midigen.settings.choices import Quantize, RhythmSource
from midigen.settings.kinds import InBeats
from midigen.settings.sections import Response, Rhythm
from midigen.settings.table import Settings

DEFAULT_VELOCITY: Velocity = 80
"""The velocity of midigen's notes before the player has played anything."""

_STRAIGHT = 0.5  # swing: none
_APART = 2 * ROUNDING  # between a step that was played and the next one


@dataclass(slots=True)
class Run:
    """Steps of a pattern, counted from the beat `origin`; `index` is the next one.

    A run is over after `remaining` steps, or at the beat `until` after its origin. If both are
    None, it never is.
    """

    pattern: Pattern
    origin: Beats
    index: int = 0
    remaining: int | None = None
    until: Beats | None = None
    is_first: bool = True

    @property
    def place(self) -> Place:
        """Where the next step falls, from the origin."""
        return self.pattern.place(self.index)

    @property
    def is_placed(self) -> bool:
        """Whether that is known, and not only expected."""
        return not isinstance(self.pattern, Learned) or self.index < len(self.pattern.onsets)

    @property
    def left(self) -> int | None:
        """How many steps there still are; None if there is no end."""
        if self.until is None:
            return self.remaining
        left = self.pattern.index_from(self.until) - self.index
        return left if self.remaining is None else min(left, self.remaining)

    @property
    def is_over(self) -> bool:
        """Whether there is no next step."""
        return self.left is not None and self.left <= 0

    def step(self) -> Place:
        """Take the next step."""
        place = self.place
        self.index += 1
        self.is_first = False
        if self.remaining is not None:
            self.remaining -= 1
        return place

    def change_grid(self, rhythm: Rhythm, passed: Beats) -> None:
        """Change to another grid, `passed` beats after the origin, if the pattern is a grid.

        The velocities stay where they were in time.
        """
        former = self.pattern
        if not isinstance(former, Steady):
            return
        steps = math.ceil(len(former.velocities) * rhythm.subdivision / former.subdivision)
        velocities = [
            former.place(step * former.subdivision // rhythm.subdivision).velocity
            for step in range(steps)
        ]
        self.pattern = _steady(rhythm, velocities)
        if rhythm.subdivision != former.subdivision:
            free = 0.0 if self.is_first else former.place(self.index - 1).onset + _APART
            self.index = self.pattern.index_from(max(passed, free))


def answer(
    settings: Settings, phrase: Phrase, pulse: Pulse, turn: Seconds, unit: Beats | None = None
) -> Run:
    """The answer to a phrase that is over at `turn`.

    If the rhythm is the model's own, `unit` is how long a beat of it is, in beats of the timeline.
    """
    notes = count(settings.response, phrase)
    length = settings.response.length
    until = length.beats if isinstance(length, InBeats) else None
    aligned = pulse.is_shared or settings.turn.quantize is not Quantize.OFF
    pattern = (
        mirror(phrase, pulse.timeline, aligned=aligned)
        if _mirrors(settings, unit)
        else _own_pattern(settings, phrase, notes, unit)
    )
    origin = _place(settings, phrase, pulse, turn, pattern)
    return Run(pattern, origin, remaining=notes, until=until)


def solo(
    settings: Settings, phrase: Phrase, pulse: Pulse, start: Seconds, unit: Beats | None = None
) -> Run:
    """An endless run from `start`, on the grid or in the rhythm of a finished phrase.

    For `unit` see `answer`.
    """
    if _mirrors(settings, unit) and phrase.over:
        return Run(mirror(phrase, pulse.timeline, aligned=True), pulse.next_place(start, 1.0))
    pattern = _own_pattern(settings, phrase, None, unit)
    if isinstance(pattern, Learned):
        is_shared = pulse.is_shared
        at = pulse.next_place(start, 1.0) if is_shared else _on_own_steps(phrase, pulse, start)
        return Run(pattern, at)
    beat = pulse.timeline.beat_at(start)
    origin = beat // settings.tempo.bar * settings.tempo.bar
    return Run(pattern, origin, pattern.index_from(beat - origin))


def count(response: Response, phrase: Phrase) -> int | None:
    """How many notes answer a phrase; None if the answer is endless."""
    match response.length:
        case "match":
            return min(phrase.count, response.max)
        case int():
            return min(response.length, response.max)
        case InBeats():
            return response.max
    return None


def _mirrors(settings: Settings, unit: Beats | None) -> bool:
    return unit is None and settings.rhythm.source is not RhythmSource.STEADY


def _own_pattern(
    settings: Settings, phrase: Phrase, notes: int | None, unit: Beats | None
) -> Steady | Learned:
    """The rhythm of the grid, or the model's own, with the velocities of a phrase."""
    rhythm, length = settings.rhythm, settings.response.length
    velocities: Sequence[Velocity] = phrase.velocities or [DEFAULT_VELOCITY]
    if isinstance(length, InBeats):
        notes = math.ceil(length.beats / (USUAL * unit if unit else 1 / rhythm.subdivision))
    if notes is not None:
        velocities = contour(velocities, notes)
    return Learned(velocities, unit) if unit else _steady(rhythm, velocities)


def _steady(rhythm: Rhythm, velocities: Sequence[Velocity]) -> Steady:
    return Steady(rhythm.subdivision, rhythm.gate, rhythm.swing, velocities)


def _place(
    settings: Settings, phrase: Phrase, pulse: Pulse, turn: Seconds, pattern: Pattern
) -> Beats:
    """Where an answer begins: as soon after the turn as `turn.quantize` and the beat allow.

    Where nobody shares the beat, the player's own steps take its place.
    """
    match settings.turn.quantize:
        case Quantize.BEAT:
            return pulse.next_place(turn, 1.0)
        case Quantize.BAR:
            return pulse.next_place(turn, float(settings.tempo.bar))
    if not pulse.is_shared:
        return _on_own_steps(phrase, pulse, turn)
    if isinstance(pattern, Mirror):
        return pulse.next_place(turn, 1.0, part=pattern.begins)
    pair = 2 if settings.rhythm.swing > _STRAIGHT else 1
    return pulse.next_place(turn, pair / settings.rhythm.subdivision)


def _on_own_steps(phrase: Phrase, pulse: Pulse, time: Seconds) -> Beats:
    """The first of the player's own steps from a time."""
    return pulse.timeline.beat_at(next_step([step.onset for step in phrase.steps], time))
