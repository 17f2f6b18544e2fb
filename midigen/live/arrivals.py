"""The items in the worker's queue: what arrived, and when."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from midigen.instrument.events import Cue, Notice
from midigen.midi.messages import Seconds


@dataclass(frozen=True, slots=True)
class Quit:
    """Nothing more will arrive: stop."""


class Arrival(NamedTuple):
    """Something that arrived, and when; `events` turns `data` into events.

    `reply` gets the performer's notices. Both are called on the worker's thread.
    """

    time: Seconds
    events: Callable[[Any], Iterable[Cue | Quit]]
    data: Any
    reply: Callable[[list[Notice]], None] | None = None


Enqueue: TypeAlias = Callable[[Arrival], None]
