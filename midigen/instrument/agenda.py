"""Actions with their times, the soonest first."""

import heapq
from typing import Generic, TypeVar

from midigen.midi.messages import Seconds

Action = TypeVar("Action")


class Agenda(Generic[Action]):
    """A queue of actions. Those with the same time keep the order in which they were planned."""

    def __init__(self) -> None:
        self._heap: list[tuple[Seconds, int, Action]] = []
        self._count = 0

    @property
    def next_time(self) -> Seconds | None:
        """When the soonest action is due."""
        return self._heap[0][0] if self._heap else None

    @property
    def last_time(self) -> Seconds | None:
        """When the last action is due."""
        return max((time for time, _, _ in self._heap), default=None)

    def plan(self, time: Seconds, action: Action) -> None:
        """Plan an action for a time."""
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, action))

    def pop(self) -> Action:
        """Remove and return the soonest action."""
        return heapq.heappop(self._heap)[2]

    def clear(self) -> None:
        """Drop all actions."""
        self._heap.clear()
