"""When notes fall, how long they sound, and how hard they are struck.

A pattern places the steps of an answer, in beats from its beginning: `Steady` on the grid, with
its swing, `Mirror` in the rhythm of the phrase, `Learned` where the model has put them.
"""

import itertools
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import TypeAlias

from midigen.instrument.turns import Phrase
from midigen.midi.messages import Beats, Velocity
from midigen.music.timeline import Timeline
from midigen.prediction.steps import GAPS, USUAL

ROUNDING: Beats = 1e-6  # places closer than this count as equal, since sums of floats aren't exact

SIXTEENTHS: Beats = 1 / 4
TRIPLETS: Beats = 1 / 3

_FINEST = 1 / 32  # of a beat: faster notes stay where they were played
_SHORTEST: Beats = 0.03


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step falls and how long it sounds, in beats, and its velocity."""

    onset: Beats
    length: Beats
    velocity: Velocity


@dataclass(frozen=True, slots=True)
class Steady:
    """The steps of a grid, `subdivision` of them a beat.

    A note sounds for `gate` of its step, 0 to 1. `swing` is where the second of each pair of
    steps falls: 0.5 is straight, 2/3 is a triplet's. `velocities` are repeated.
    """

    subdivision: int
    gate: float
    swing: float
    velocities: Sequence[Velocity]

    def place(self, index: int) -> Place:
        """The place of a step, counted from 0."""
        onset = self._onset(index)
        length = (self._onset(index + 1) - onset) * self.gate
        return Place(onset, length, self.velocities[index % len(self.velocities)])

    def index_from(self, onset: Beats) -> int:
        """The first step at or after a place."""
        index = math.floor(onset * self.subdivision)
        while self._onset(index) < onset - ROUNDING:
            index += 1
        return index

    def _onset(self, index: int) -> Beats:
        pair, second = divmod(index, 2)
        return (2 * pair + second * 2 * self.swing) / self.subdivision


@dataclass(frozen=True, slots=True)
class Mirror:
    """The onsets, lengths and velocities of a phrase, repeated every `period` beats.

    `begins` is where in a beat the first step was played, 0 to 1.
    """

    onsets: Sequence[Beats]
    lengths: Sequence[Beats]
    velocities: Sequence[Velocity]
    period: Beats
    begins: Beats = 0.0

    def place(self, index: int) -> Place:
        """The place of a step, counted from 0."""
        rounds, step = divmod(index, len(self.onsets))
        onset = rounds * self.period + self.onsets[step]
        return Place(onset, self.lengths[step], self.velocities[step])

    def index_from(self, onset: Beats) -> int:
        """The first step at or after a place."""
        rounds, rest = divmod(onset, self.period)
        return int(rounds) * len(self.onsets) + bisect_left(self.onsets, rest - ROUNDING)


@dataclass(slots=True)
class Learned:
    """The model's own rhythm. Its onsets are added one by one, as they are drawn.

    A beat of the model lasts `unit` beats. `velocities` are repeated.
    """

    velocities: Sequence[Velocity]
    unit: Beats
    onsets: list[Beats] = field(default_factory=lambda: [0.0])

    def place(self, index: int) -> Place:
        """The place of a step, counted from 0. Those to come are expected in usual steps."""
        known = min(index, len(self.onsets) - 1)
        onset = self.onsets[known] + (index - known) * self._usual
        return Place(onset, self._usual, self.velocities[index % len(self.velocities)])

    def index_from(self, onset: Beats) -> int:
        """The first step at or after a place, which may be expected only."""
        index = bisect_left(self.onsets, onset - ROUNDING)
        if index < len(self.onsets):
            return index
        return index - 1 + math.ceil((onset - ROUNDING - self.onsets[-1]) / self._usual)

    @property
    def longest(self) -> Beats:
        """The longest time to the next step that may be drawn."""
        return GAPS[-1] * self.unit

    @property
    def _usual(self) -> Beats:
        return USUAL * self.unit

    def add(self, gap: Beats) -> None:
        """Add a step, so many of the model's beats after the last one."""
        self.onsets.append(self.onsets[-1] + gap * self.unit)


Pattern: TypeAlias = Steady | Mirror | Learned
"""A rhythm."""


def mirror(phrase: Phrase, timeline: Timeline, *, aligned: bool) -> Mirror:
    """The rhythm of a phrase of one or more steps, by the beat as it is known now.

    A step lasts until its key comes up, or until the next step. The last step lasts as long as
    the phrase's median step; then the rhythm begins again. With `aligned` the onsets are moved to
    sixteenths, or to triplets if they fit better, and the rhythm takes a whole number of beats.
    """
    beats = [timeline.beat_at(step.onset) for step in phrase.steps]
    held = [
        math.inf if step.end is None else (step.end - step.onset) * timeline.bpm / 60
        for step in phrase.steps
    ]
    beats = _aligned(beats) if aligned else beats
    placed = [*itertools.accumulate(beats, lambda before, beat: max(beat, before + _SHORTEST))]
    gaps = [later - earlier for earlier, later in itertools.pairwise(placed)]
    usual = median(gaps) if gaps else 1.0
    if math.isfinite(held[-1]):
        usual = max(usual, held[-1])
    length = placed[-1] - placed[0] + usual
    period = max(1.0, math.ceil(length - ROUNDING)) if aligned else length
    gaps.append(period - (placed[-1] - placed[0]))
    lengths = [max(_SHORTEST, min(gap, sounds)) for gap, sounds in zip(gaps, held, strict=True)]
    onsets = [place - placed[0] for place in placed]
    return Mirror(onsets, lengths, phrase.velocities, period, begins=placed[0] % 1)


def is_on_grid(beat: Beats) -> bool:
    """Whether a place is on a sixteenth or a triplet."""
    return min(_distance([beat], step) for step in (SIXTEENTHS, TRIPLETS)) < ROUNDING


def contour(velocities: Sequence[Velocity], steps: int) -> list[Velocity]:
    """The velocities of a phrase, stretched or squeezed to so many steps."""
    if min(steps, len(velocities)) == 1:
        return [round(sum(velocities) / len(velocities))] * steps
    stretch = (len(velocities) - 1) / (steps - 1)
    return [round(_between(velocities, step * stretch)) for step in range(steps)]


def _between(values: Sequence[float], place: float) -> float:
    left = min(int(place), len(values) - 2)
    return values[left] + (values[left + 1] - values[left]) * (place - left)


def _aligned(beats: Sequence[Beats]) -> list[Beats]:
    """The places of the coarsest grid on which each beat has one of its own."""
    step = min((SIXTEENTHS, TRIPLETS), key=lambda step: _distance(beats, step))
    while step > _FINEST:
        placed = [round(beat / step) * step for beat in beats]
        if len(set(placed)) == len(placed):
            return placed
        step /= 2
    return list(beats)


def _distance(beats: Sequence[Beats], step: Beats) -> float:
    """The mean distance of beats from the places of a grid."""
    return sum(abs(beat / step - round(beat / step)) * step for beat in beats) / len(beats)
