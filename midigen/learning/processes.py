"""Spreads work over all processors."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_BATCH = 16  # items that a process is given at once
_MOST_PROCESSES = 61  # Windows can't wait for more


def spread(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """What the work makes of each item, in the order of the items.

    All processors work, a batch at a time, so that there may be any number of items.
    """
    processes = min(os.cpu_count() or 1, len(items) // _BATCH, _MOST_PROCESSES)
    if processes <= 1:
        yield from map(work, items)
        return
    # Spawned, because forking a process with threads (TensorFlow's) may hang. Ctrl-C is left to
    # the parent, which ends the others, so that they don't each print a traceback.
    with ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as pool:
        at_once = processes * _BATCH * 4
        for start in range(0, len(items), at_once):
            yield from pool.map(work, items[start : start + at_once], chunksize=_BATCH)
