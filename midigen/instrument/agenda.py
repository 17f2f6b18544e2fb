"""What is to be done at which time, the soonest first."""

import heapq
from typing import Generic, TypeVar

from midigen.midi.messages import Seconds

Action = TypeVar("Action")


class Agenda(Generic[Action]):
    """Actions with their times; those of one time come in the order they were planned."""

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
        """Do something at a time."""
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, action))

    def pop(self) -> Action:
        """Take the soonest action."""
        return heapq.heappop(self._heap)[2]

    def clear(self) -> None:
        """Do nothing of it."""
        self._heap.clear()
