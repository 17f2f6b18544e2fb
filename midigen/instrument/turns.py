"""The player's phrase, what is held down, and whose turn it is.

The turn is the player's while keys or a pedal are held, and for a pause after that. With
`turn.silence` at `auto`, the pause is a little longer than the player's latest steps. So a rest
inside a phrase doesn't end it, and a quick player doesn't have to wait.
"""

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from midigen.instrument.events import EndOfAnswer, Output
from midigen.instrument.panel import Panel
from midigen.midi.messages import Channel, Pitch, Seconds, Velocity

KEPT = 256  # how many steps of a phrase are kept: the newest ones
RECENT = 8  # how many of the newest steps set the length of the pause
PAUSE = 1.5  # the pause, as a multiple of the phrase's longer steps
UNKNOWN: Seconds = 1.0  # the pause as long as no step was heard

StruckKey: TypeAlias = tuple[Channel, Pitch]
"""One of the player's keys."""


@dataclass(slots=True)
class Played:
    """A step of the melody; `end` is None while its key is down."""

    pitch: Pitch
    velocity: Velocity
    onset: Seconds
    end: Seconds | None = None


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
    def pitch_classes(self) -> tuple[int, ...]:
        """Its notes, in whatever octave: two phrases that have the same are the same call."""
        return tuple(step.pitch % 12 for step in self.steps)

    @property
    def velocities(self) -> list[Velocity]:
        """How hard each step was struck."""
        return [step.velocity for step in self.steps]


class Turns:
    """When the player's phrase is over, and when midigen's answer is."""

    def __init__(self, panel: Panel, outbox: list[Output]) -> None:
        self.keys: dict[StruckKey, Seconds] = {}
        """The keys that are down, in the order in which they were struck, and when that was."""
        self.pedals: dict[Channel, Seconds] = {}
        """The pedals that are down, and when they were pressed."""
        self.is_answering = False
        """Whether an `EndOfAnswer` is still due."""
        self.answer_ends: Seconds | None = None
        """When it is due; None if that isn't known yet."""
        self._panel = panel
        self._outbox = outbox
        self._steps: deque[Seconds] = deque(maxlen=RECENT)
        self._newest: Seconds | None = None  # the onset of the phrase's newest step
        self._silent_since: Seconds | None = None

    @property
    def silence(self) -> Seconds:
        """How long a pause must be to end the phrase."""
        turn = self._panel.settings.turn
        if turn.silence != "auto":
            return float(turn.silence)
        steps = sorted(self._steps)
        longer = steps[3 * len(steps) // 4] * PAUSE if steps else UNKNOWN
        return min(max(longer, turn.min), turn.max)

    @property
    def lead(self) -> Seconds:
        """How early a turn must be decided, if a negative offset makes answers early."""
        return max(0.0, -self._panel.offset)

    @property
    def next_time(self) -> Seconds | None:
        """When the phrase ends, if nothing more is played; None while something is held."""
        if self._silent_since is None:
            return None
        return self._silent_since + max(self.silence, self.lead) - self.lead

    @property
    def is_held(self) -> bool:
        """Whether a key or pedal is down."""
        return bool(self.keys or self.pedals)

    @property
    def held_since(self) -> Seconds | None:
        """Since when held keys or pedals have kept the phrase from ending; None if none do."""
        if self._newest is None:
            return None
        return max([*self.keys.values(), *self.pedals.values()], default=None)

    def step(self, now: Seconds) -> None:
        """A step of the melody begins."""
        if self._newest is not None:
            self._steps.append(now - self._newest)
        self._newest = now

    def press(self, key: StruckKey, now: Seconds) -> None:
        """A key goes down. If it is struck again without a note-off, its time is the new one."""
        self.keys[key] = now
        self._silent_since = None

    def release(self, key: StruckKey, now: Seconds) -> None:
        """A key that is down comes up."""
        self.keys.pop(key, None)
        self._listen(now)

    def pedal(self, channel: Channel, *, down: bool, now: Seconds) -> None:
        """The sustain pedal is pressed or released."""
        if down:
            self.pedals.setdefault(channel, now)
            self._silent_since = None
        elif self.pedals.pop(channel, None) is not None:
            self._listen(now)

    def give(self) -> None:
        """Give the turn to midigen: from now on an `EndOfAnswer` is due."""
        if self.answer_ends is not None:  # the previous answer's last note still sounds
            self.finish()
        self.begin()
        self.is_answering = True

    def finish(self) -> None:
        """The answer is over, if there was one."""
        if self.is_answering:
            self._outbox.append(EndOfAnswer())
        self.is_answering = False
        self.answer_ends = None

    def begin(self) -> None:
        """What is played next begins another phrase."""
        self._newest = None
        self._silent_since = None

    def _listen(self, now: Seconds) -> None:
        if not self.is_held and self._newest is not None:
            self._silent_since = now
