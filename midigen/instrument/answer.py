"""Runs of notes: the length, rhythm and place of an answer, and the loop that plays it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from midigen.instrument.hearing import Hearing
from midigen.instrument.improviser import Improviser
from midigen.instrument.panel import Panel
from midigen.instrument.pulse import Pulse
from midigen.instrument.rhythm import ROUNDING, Mirror, Pattern, Place, Steady, contour, mirror
from midigen.instrument.step_grid import next_step
from midigen.instrument.turns import Phrase
from midigen.instrument.voice import Voice
from midigen.midi.messages import Beats, Seconds, Velocity
from midigen.settings.choices import Quantize, RhythmSource
from midigen.settings.kinds import InBeats
from midigen.settings.sections import Response, Rhythm
from midigen.settings.table import Settings

DEFAULT_VELOCITY: Velocity = 80
"""The velocity of midigen's notes before the player has played anything."""

RING: Beats = 1.0  # the last note of an answer sounds this long at least
SOON: Seconds = 0.010  # a step that is due this soon needs its prediction urgently

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
    origin = _place(settings, phrase, pulse, turn, pattern)
    return Run(pattern, origin, remaining=notes, until=until)


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
        start = next_step([step.onset for step in phrase.steps], turn)
        return pulse.timeline.beat_at(start)
    if isinstance(pattern, Mirror):
        return pulse.next_place(turn, 1.0, part=pattern.begins)
    pair = 2 if settings.rhythm.swing > _STRAIGHT else 1
    return pulse.next_place(turn, pair / settings.rhythm.subdivision)


@dataclass(slots=True)
class Loop:
    """Plays a run. `rng` draws which steps are rests."""

    panel: Panel
    pulse: Pulse
    hearing: Hearing
    improviser: Improviser
    voice: Voice
    rng: np.random.Generator
    run: Run | None = None
    """The run that is played; None if none is."""
    stepped_at: Seconds = -math.inf
    """When the latest step of any run was due."""

    @property
    def next_time(self) -> Seconds | None:
        """When the next step is due; None while its letter isn't known."""
        return self._due if self.run is not None and self.improviser.can_play else None

    @property
    def is_waiting(self) -> bool:
        """Whether a step is due soon whose letter isn't known."""
        if self.run is None or self.improviser.can_play:
            return False
        return self._due <= self.voice.now + SOON

    @property
    def _due(self) -> Seconds:
        assert self.run is not None
        place = self.run.origin + self.run.place.onset
        return self.pulse.timeline.time_of(place) + self.panel.offset

    def move(self, beats: Beats) -> None:
        """The count of beats has jumped, but the beat goes on: move the run with it."""
        if self.run is not None:
            self.run.origin += beats

    def change_grid(self, now: Seconds) -> None:
        """Go on with the grid that is set."""
        if self.run is not None:
            passed = self.pulse.timeline.beat_at(now - self.panel.offset) - self.run.origin
            self.run.change_grid(self.panel.settings.rhythm, passed)

    def step(self, due: Seconds, now: Seconds) -> Seconds:
        """Play the next step, or skip it as a rest or as too late. Returns when its note ends.

        After its last step the run is over.
        """
        run = self.run
        assert run is not None
        is_first, place, density = run.is_first, run.step(), self.panel.settings.rhythm.density
        self.stepped_at = due
        ends = run.is_over and not self.panel.settings.response.hold
        length = self.pulse.seconds(max(place.length, RING) if ends else place.length)
        gap = self.pulse.seconds(run.place.onset - place.onset)
        if now - due > gap / 2:  # nearer to the next step: playing it now would make a burst
            self.voice.dropped += 1
        elif is_first or density >= 1 or self.rng.random() < density:  # else it is a rest
            self._play(place.velocity, due + length)
        if ends:
            self.run = None
        return due + length

    def _play(self, velocity: Velocity, end: Seconds) -> None:
        """Draw the next letter, add it to the window, and play it unless muted."""
        key, voice = self.hearing.key, self.voice
        degree = self.improviser.play(key.tonic)
        if degree is None:
            return
        voice.near = voice.place(degree, key, voice.near)
        if not self.panel.settings.output.mute:
            voice.end_at(voice.strike(voice.near, velocity, key), end)
