"""What is between the worker and the ports or the terminal: their interface, and what arrives."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from midigen.instrument.events import Cue, Notice, Output
from midigen.midi.messages import Channel, Seconds


@dataclass(frozen=True, slots=True)
class Quit:
    """Nothing more will arrive: stop."""


class Arrival(NamedTuple):
    """An item in the worker's queue: what arrived, and when; `events` turns `data` into events.

    `reply` gets the performer's notices. Both are called on the worker's thread.
    """

    time: Seconds
    events: Callable[[Any], Iterable[Cue | Quit]]
    data: Any
    reply: Callable[[list[Notice]], None] | None = None


Enqueue: TypeAlias = Callable[[Arrival], None]


class Connection(Protocol):
    """Live ports, or the terminal, which has nothing to release or to check."""

    @property
    def listening(self) -> Sequence[str]:
        """The names of the inputs that are open."""

    @property
    def playing(self) -> Sequence[str]:
        """The names of the outputs that are open."""

    @property
    def missing(self) -> Sequence[str]:
        """The names of the ports that are missing."""

    @property
    def trouble(self) -> str:
        """What blocks all input and output; else empty."""

    @property
    def dropped(self) -> int:
        """How many messages came in too fast, and how many note-ons couldn't be sent."""

    @property
    def returned(self) -> int:
        """How many of its own messages came back to its input."""

    @property
    def latency(self) -> Seconds:
        """How long a message takes to arrive, on average."""

    def open(self, enqueue: Enqueue) -> None:
        """Open everything; arrivals go to `enqueue` from any thread. Raises PortError."""

    def adjust(self, *, hears_clock: bool, channel: Channel) -> None:
        """Set whether MIDI clock is let in, and the output channel. For any thread."""

    def send(self, output: Output) -> bool:
        """Send one message; return whether it went out. The worker calls it: may not block."""

    def release_held(self) -> int:
        """Release held keys and pedals, after note-offs may have been lost; return how many."""
        return 0

    def check(self) -> list[str]:
        """Check the ports, on another thread; return lines about changes. Raises PortError."""
        return []

    def close(self) -> None:
        """Close everything, inputs first. Nothing is enqueued afterwards."""
