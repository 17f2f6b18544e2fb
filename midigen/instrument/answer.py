"""An answer before it is played: its length, its rhythm, and where it begins."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from midigen.instrument.pulse import Pulse
from midigen.instrument.rhythm import ROUNDING, Mirror, Pattern, Place, Steady, contour, mirror
from midigen.instrument.turns import Phrase
from midigen.midi.messages import Beats, Seconds, Velocity
from midigen.settings.choices import Quantize, RhythmSource
from midigen.settings.kinds import InBeats
from midigen.settings.playing import Response, Rhythm
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
    def is_over(self) -> bool:
        """Whether there is no next step."""
        if self.remaining is not None and self.remaining <= 0:
            return True
        return self.until is not None and self.place.onset >= self.until - ROUNDING

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


def answer(settings: Settings, phrase: Phrase, pulse: Pulse, turn: Seconds) -> Run:
    """The answer to a phrase that is over at `turn`."""
    notes = count(settings.response, phrase)
    length = settings.response.length
    until = length.beats if isinstance(length, InBeats) else None
    aligned = pulse.is_shared or settings.turn.quantize is not Quantize.OFF
    pattern = _pattern(settings, phrase, pulse, notes, aligned=aligned)
    return Run(pattern, _place(settings, pulse, turn, pattern), remaining=notes, until=until)


def solo(settings: Settings, phrase: Phrase, pulse: Pulse, start: Seconds) -> Run:
    """An endless run from `start`, on the grid or in the rhythm of a finished phrase."""
    pattern = _pattern(settings, phrase, pulse, None, aligned=True)
    if isinstance(pattern, Mirror):
        return Run(pattern, pulse.next_place(start, 1.0))
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


def _pattern(
    settings: Settings, phrase: Phrase, pulse: Pulse, notes: int | None, *, aligned: bool
) -> Pattern:
    rhythm, length = settings.rhythm, settings.response.length
    if rhythm.source is RhythmSource.MIRROR and phrase.over:
        return mirror(phrase, pulse.timeline, aligned=aligned)
    velocities: Sequence[Velocity] = phrase.velocities or [DEFAULT_VELOCITY]
    if isinstance(length, InBeats):
        notes = math.ceil(length.beats * rhythm.subdivision)
    return _steady(rhythm, velocities if notes is None else contour(velocities, notes))


def _steady(rhythm: Rhythm, velocities: Sequence[Velocity]) -> Steady:
    return Steady(rhythm.subdivision, rhythm.gate, rhythm.swing, velocities)


def _place(settings: Settings, pulse: Pulse, turn: Seconds, pattern: Pattern) -> Beats:
    """Where an answer begins: as soon after the turn as `turn.quantize` and the beat allow."""
    match settings.turn.quantize:
        case Quantize.BEAT:
            return pulse.next_place(turn, 1.0)
        case Quantize.BAR:
            return pulse.next_place(turn, float(settings.tempo.bar))
    if not pulse.is_shared:
        return pulse.timeline.beat_at(turn)
    if isinstance(pattern, Mirror):
        return pulse.next_place(turn, 1.0, part=pattern.begins)
    pair = 2 if settings.rhythm.swing > _STRAIGHT else 1
    return pulse.next_place(turn, pair / settings.rhythm.subdivision)
