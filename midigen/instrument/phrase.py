"""What the player has played since the last turn: its steps, their rhythm and their touch."""

from dataclasses import dataclass

from midigen.midi.messages import Pitch, Seconds, Velocity


@dataclass(slots=True)
class Played:
    """A step of the melody; `end` is None while its key is down."""

    pitch: Pitch
    velocity: Velocity
    onset: Seconds
    end: Seconds | None = None


LONGEST = 256
"""The steps of a phrase that are known; of a longer one the newest."""


class Phrase:
    """Steps of a melody, in the order of their onsets."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """What comes next is another phrase."""
        self.steps: list[Played] = []
        self.count = 0
        """How many steps it had, those that aren't known any more too."""
        self.over = False
        """Whether the player has given the turn away; the next step begins another phrase."""
        self._pitches = 0  # the sum of them

    def add(self, step: Played, *, replaces: bool = False) -> None:
        """Another step; one that `replaces` (a chord's higher note) keeps the onset it had."""
        if replaces and self.steps:
            former = self.steps.pop()
            step.onset = former.onset
            self._pitches -= former.pitch
        else:
            self.count += 1
            if len(self.steps) == LONGEST:
                self._pitches -= self.steps.pop(0).pitch
        self.steps.append(step)
        self._pitches += step.pitch

    def release(self, pitch: Pitch, now: Seconds) -> None:
        """A key comes up."""
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
