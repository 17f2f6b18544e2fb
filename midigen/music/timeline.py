"""The beat's count against the clock: when a beat falls, and which beat a time is."""

from dataclasses import dataclass

from midigen.midi.messages import Beats, Seconds


@dataclass(frozen=True, slots=True)
class Timeline:
    """A steady tempo that has reached `beat` at `time`, in beats (quarter notes) per minute.

    Every place on it is computed from there, never by adding up.
    """

    beat: Beats
    time: Seconds
    bpm: float

    def time_of(self, beat: Beats) -> Seconds:
        """When a beat falls."""
        return self.time + (beat - self.beat) * 60 / self.bpm

    def beat_at(self, time: Seconds) -> Beats:
        """Which beat a time is."""
        return self.beat + (time - self.time) * self.bpm / 60

    def at_tempo(self, bpm: float, now: Seconds) -> "Timeline":
        """From `now` on another tempo, without a jump in the count."""
        return Timeline(self.beat_at(now), now, bpm)
