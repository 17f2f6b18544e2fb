"""What the worker takes from its queue: whatever came in, and when."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from midigen.instrument.events import Cue, Notice
from midigen.midi.messages import Seconds


@dataclass(frozen=True, slots=True)
class Quit:
    """There is nothing more to come: stop."""


class Arrival(NamedTuple):
    """Something came in: when, and the bytes or whatever `events` makes events of.

    `reply` takes what the performer says of it, on the worker's thread.
    """

    time: Seconds
    events: Callable[[Any], Iterable[Cue | Quit]]
    data: Any
    reply: Callable[[list[Notice]], None] | None = None


Enqueue: TypeAlias = Callable[[Arrival], None]
