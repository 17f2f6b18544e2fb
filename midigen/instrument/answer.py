"""An answer before it is played: its length, its rhythm, and where it begins."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from midigen.instrument.phrase import Phrase
from midigen.instrument.pulse import Pulse
from midigen.instrument.rhythm import ROUNDING, Mirror, Pattern, Place, Steady, contour, mirror
from midigen.midi.messages import Beats, Seconds, Velocity
from midigen.settings.choices import Quantize, RhythmSource
from midigen.settings.kinds import InBeats
from midigen.settings.playing import Response, Rhythm
from midigen.settings.table import Settings

DEFAULT_VELOCITY: Velocity = 80
"""How loud it plays before anything was played to it."""

_STRAIGHT = 0.5  # a swing that is none
_APART = 2 * ROUNDING  # from a step that was played to the next that may be


@dataclass(slots=True)
class Run:
    """The generation loop: a pattern's steps from `origin` on, `index` the next.

    It ends after `remaining` steps, or with the last that begins before `until` (None: it
    doesn't).
    """

    pattern: Pattern
    origin: Beats
    index: int = 0
    remaining: int | None = None
    until: Beats | None = None
    is_first: bool = True

    @property
    def place(self) -> Place:
        """The next step, from the origin."""
        return self.pattern.place(self.index)

    @property
    def is_over(self) -> bool:
        """Whether the step that comes next isn't part of it any more."""
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
        """Go on with another grid, `passed` beats from the origin, if it is on one.

        It is as loud at each place as it would have been.
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
    """The answer to a phrase whose turn is over at `turn`."""
    notes = count(settings.response, phrase)
    length = settings.response.length
    until = length.beats if isinstance(length, InBeats) else None
    aligned = pulse.is_shared or settings.turn.quantize is not Quantize.OFF
    pattern = _pattern(settings, phrase, pulse, notes, aligned=aligned)
    return Run(pattern, _place(settings, pulse, turn, pattern), remaining=notes, until=until)


def solo(settings: Settings, phrase: Phrase, pulse: Pulse, start: Seconds) -> Run:
    """Playing on and on, from `start`: steps of the grid, or the rhythm of a finished phrase."""
    pattern = _pattern(settings, phrase, pulse, None, aligned=True)
    if isinstance(pattern, Mirror):
        return Run(pattern, pulse.next_place(start, 1.0))
    beat = pulse.timeline.beat_at(start)
    origin = beat // pulse.bar * pulse.bar
    return Run(pattern, origin, pattern.index_from(beat - origin))


def count(response: Response, phrase: Phrase) -> int | None:
    """How many notes answer a phrase; None is without an end."""
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
    """Where an answer begins: as soon after the turn as it may."""
    match settings.turn.quantize:
        case Quantize.BEAT:
            return pulse.next_place(turn, 1.0)
        case Quantize.BAR:
            return pulse.next_place(turn, float(pulse.bar))
    if not pulse.is_shared:
        return pulse.timeline.beat_at(turn)
    if isinstance(pattern, Mirror):
        return pulse.next_place(turn, 1.0, part=pattern.begins)
    pair = 2 if settings.rhythm.swing > _STRAIGHT else 1
    return pulse.next_place(turn, pair / settings.rhythm.subdivision)
