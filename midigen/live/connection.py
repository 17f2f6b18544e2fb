"""The interface between the worker and whatever it plays through."""

from collections.abc import Sequence
from typing import Protocol

from midigen.instrument.events import Output
from midigen.live.arrivals import Enqueue
from midigen.midi.messages import Channel, Seconds


class Connection(Protocol):
    """What the worker plays through: live ports, or the terminal."""

    @property
    def listening(self) -> Sequence[str]:
        """The names of the inputs that are open."""

    @property
    def playing(self) -> Sequence[str]:
        """The names of the outputs that are open."""

    @property
    def missing(self) -> Sequence[str]:
        """The names of the ports that aren't there yet, or any more."""

    @property
    def trouble(self) -> str:
        """What keeps everything from being heard or played, or nothing."""

    @property
    def dropped(self) -> int:
        """Messages that came in too fast, and note-ons that couldn't be sent."""

    @property
    def returned(self) -> int:
        """Messages of its own that came back to its input."""

    @property
    def latency(self) -> Seconds:
        """How long a message takes on average after it was sent."""

    def open(self, enqueue: Enqueue) -> None:
        """Open everything; arrivals go to `enqueue` from any thread. Raises PortError."""

    def adjust(self, *, hears_clock: bool, channel: Channel) -> None:
        """Say whether MIDI clock is let in, and on which channel midigen plays, from now on.

        For any thread.
        """

    def send(self, output: Output) -> bool:
        """Send one message; return whether it went out. Called by the worker: may not wait."""

    def release_held(self) -> int:
        """Release the keys and pedals that the player holds; return how many.

        Their note-offs may have been lost.
        """

    def check(self) -> list[str]:
        """Look after what is open; return what has changed, in lines. Called on another thread.

        Raises PortError if it can't go on.
        """

    def close(self) -> None:
        """Close everything, inputs first. Nothing is enqueued afterwards."""
