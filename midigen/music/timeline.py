"""Beats to times and back: when a beat falls, and which beat a time is."""

from dataclasses import dataclass

from midigen.midi.messages import Beats, Seconds


@dataclass(frozen=True, slots=True)
class Timeline:
    """A steady tempo of `bpm` quarter notes a minute, which reaches `beat` at `time`.

    All other beats are computed from that one, never by adding up.
    """

    beat: Beats
    time: Seconds
    bpm: float

    def time_of(self, beat: Beats) -> Seconds:
        """The time at which a beat falls."""
        return self.time + (beat - self.beat) * 60 / self.bpm

    def beat_at(self, time: Seconds) -> Beats:
        """The beat at a time."""
        return self.beat + (time - self.time) * self.bpm / 60

    def at_tempo(self, bpm: float, now: Seconds) -> "Timeline":
        """A timeline with another tempo from `now` on, where it continues this one."""
        return Timeline(self.beat_at(now), now, bpm)
