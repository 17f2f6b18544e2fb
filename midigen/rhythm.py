"""When the next note falls and how long it sounds."""

import math
from dataclasses import dataclass

from midigen.notes import Seconds

ROUNDING: Seconds = 1e-9
"""A time this little before a step is on the step: sums of floats aren't exact."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Evenly spaced steps: step k is at `origin + k * step`, never a sum of steps."""

    origin: Seconds
    step: Seconds

    def time(self, index: int) -> Seconds:
        """When a step falls."""
        return self.origin + index * self.step

    def index_from(self, time: Seconds) -> int:
        """The first step that is not before a time."""
        return math.ceil((time - self.origin - ROUNDING) / self.step)


def step_length(bpm: float, subdivision: int) -> Seconds:
    """How long a step is at `bpm` beats a minute, `subdivision` steps a beat."""
    return 60 / bpm / subdivision
