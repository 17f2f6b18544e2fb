"""What the player has played since the last turn: pitches, rhythm and velocities."""

from dataclasses import dataclass

from midigen.midi.messages import Pitch, Seconds, Velocity


@dataclass(slots=True)
class Played:
    """A step of the melody; `end` is None while its key is down."""

    pitch: Pitch
    velocity: Velocity
    onset: Seconds
    end: Seconds | None = None


KEPT = 256
"""How many steps of a phrase are kept: the newest ones."""


class Phrase:
    """Steps of a melody, in the order of their onsets."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Begin another phrase."""
        self.steps: list[Played] = []
        self.count = 0
        """How many steps it has, including those that are no longer kept."""
        self.over = False
        """Whether the turn has passed to midigen; the next step begins another phrase."""
        self._pitches = 0  # the sum of them

    def add(self, step: Played, *, replaces: bool = False) -> None:
        """Add a step. One that `replaces` the newest, as a chord's higher note, keeps its onset."""
        if replaces and self.steps:
            former = self.steps.pop()
            step.onset = former.onset
            self._pitches -= former.pitch
        else:
            self.count += 1
            if len(self.steps) == KEPT:
                self._pitches -= self.steps.pop(0).pitch
        self.steps.append(step)
        self._pitches += step.pitch

    def release(self, pitch: Pitch, now: Seconds) -> None:
        """End the newest step of this pitch: its key has come up."""
        for step in reversed(self.steps):
            if step.pitch == pitch and step.end is None:
                step.end = now
                return

    @property
    def middle(self) -> float | None:
        """The mean pitch of its steps; None if it has none."""
        return self._pitches / len(self.steps) if self.steps else None

    @property
    def velocities(self) -> list[Velocity]:
        """How hard each step was struck."""
        return [step.velocity for step in self.steps]
