"""Whose turn it is: the player's while keys or a pedal are held, and a pause after that.

With silence `auto` the pause is a little longer than the player's steps lately, so that
a rest inside a phrase isn't taken for its end and a quick player doesn't wait.
"""

from collections import deque
from typing import TypeAlias

from midigen.midi.messages import Channel, Pitch, Seconds
from midigen.settings.playing import Turn

StruckKey: TypeAlias = tuple[Channel, Pitch]
"""A key of the player's."""

RECENT = 8
"""The steps that say how long a pause is."""

PAUSE = 1.5
"""A phrase is over after so many of its longer steps."""

UNKNOWN: Seconds = 1.0
"""The pause before any step was heard."""


class Turns:
    """What the player holds, and when silence will have ended the phrase."""

    def __init__(self, settings: Turn) -> None:
        self.settings = settings
        """May be changed."""
        self._down: dict[StruckKey, Seconds] = {}  # since when
        self._pedals: dict[Channel, Seconds] = {}  # the same
        self._steps: deque[Seconds] = deque(maxlen=RECENT)
        self._newest: Seconds | None = None  # the onset of the phrase's newest step
        self._silent_since: Seconds | None = None

    def __contains__(self, key: StruckKey) -> bool:
        """Whether a key is down."""
        return key in self._down

    @property
    def silence(self) -> Seconds:
        """How long a pause ends the phrase."""
        settings = self.settings
        if settings.silence != "auto":
            return float(settings.silence)
        steps = sorted(self._steps)
        longer = steps[3 * len(steps) // 4] * PAUSE if steps else UNKNOWN
        return min(max(longer, settings.min), settings.max)

    @property
    def is_held(self) -> bool:
        """Whether a key or a pedal is down."""
        return bool(self._down or self._pedals)

    @property
    def held_since(self) -> Seconds | None:
        """Since when what is held has kept a phrase from ending: the newest of it. Or None."""
        if self._newest is None:
            return None
        return max([*self._down.values(), *self._pedals.values()], default=None)

    @property
    def held(self) -> list[Pitch]:
        """The keys that are down, in the order in which they were struck."""
        return [pitch for _, pitch in self._down]

    def end(self, lead: Seconds) -> Seconds | None:
        """When the phrase will be over if nothing more is played; None while it goes on.

        That is `lead` after the silence began at the earliest.
        """
        if self._silent_since is None:
            return None
        return self._silent_since + max(self.silence, lead)

    def keys(self, channel: Channel) -> list[StruckKey]:
        """The keys of a channel that are down."""
        return [key for key in self._down if key[0] == channel]

    def step(self, now: Seconds) -> None:
        """A step of the melody begins."""
        if self._newest is not None:
            self._steps.append(now - self._newest)
        self._newest = now

    def press(self, key: StruckKey, now: Seconds) -> None:
        """A key goes down."""
        self._down[key] = now
        self._silent_since = None

    def release(self, key: StruckKey, now: Seconds) -> None:
        """A key that is down comes up."""
        self._down.pop(key, None)
        self._listen(now)

    def pedal(self, channel: Channel, *, down: bool, now: Seconds) -> None:
        """The sustain pedal is pressed or let go."""
        if down:
            self._pedals.setdefault(channel, now)
            self._silent_since = None
        elif channel in self._pedals:
            del self._pedals[channel]
            self._listen(now)

    def give(self) -> None:
        """The turn goes to the machine: what comes next is another phrase."""
        self._newest = None
        self._silent_since = None

    def clear(self) -> None:
        """Nothing is held any more."""
        self._down.clear()
        self._pedals.clear()
        self.give()

    def _listen(self, now: Seconds) -> None:
        if not self.is_held and self._newest is not None:
            self._silent_since = now
