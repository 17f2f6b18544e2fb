"""What the player holds down, and since when: keys and sustain pedals."""

from typing import TypeAlias

from midigen.midi.messages import Channel, Pitch, Seconds

StruckKey: TypeAlias = tuple[Channel, Pitch]
"""One of the player's keys."""


class Held:
    """The keys and pedals that are down."""

    def __init__(self) -> None:
        self.keys: dict[StruckKey, Seconds] = {}
        """When each key that is down was struck."""
        self.pedals: dict[Channel, Seconds] = {}
        """When each pedal that is down was pressed."""

    def __bool__(self) -> bool:
        """Whether anything is down."""
        return bool(self.keys or self.pedals)

    @property
    def newest(self) -> Seconds | None:
        """When the newest key or pedal went down; None if nothing is down."""
        return max([*self.keys.values(), *self.pedals.values()], default=None)

    @property
    def pitches(self) -> list[Pitch]:
        """The keys that are down, in the order in which they were struck."""
        return [pitch for _, pitch in self.keys]

    def on(self, channel: Channel) -> list[StruckKey]:
        """The keys of a channel that are down."""
        return [key for key in self.keys if key[0] == channel]
