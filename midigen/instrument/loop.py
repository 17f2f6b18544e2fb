"""The generation loop: plays a run step by step, and draws a letter for each step."""

import math
from dataclasses import dataclass

import numpy as np

from midigen.instrument.answer import Run
from midigen.instrument.hearing import Hearing
from midigen.instrument.improviser import Improviser
from midigen.instrument.panel import Panel
from midigen.instrument.pulse import Pulse
from midigen.instrument.voice import Voice
from midigen.midi.messages import Beats, Seconds, Velocity

RING: Beats = 1.0  # the last note of an answer sounds this long at least
SOON: Seconds = 0.010  # a step that is due this soon needs its prediction urgently


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
