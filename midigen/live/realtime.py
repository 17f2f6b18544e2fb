"""What the operating system and the interpreter are asked for, so that playing doesn't wait.

Real-time priority (SCHED_FIFO, on Linux, where it is allowed): a thread that has it runs
as soon as it has something to do, whatever else the processors are busy with.
"""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator

from midigen.midi.messages import Seconds

PRIORITY = 4
"""Below what JACK's clients get by default (5): the sound goes before the notes."""

BESIDE = PRIORITY - 1
"""For what must not wait long, and never hold up the thread that plays."""

SWITCH_INTERVAL: Seconds = 0.0001
"""How long a thread may keep the interpreter while another one waits for it.

By the interpreter's own 5 ms, a key was late by 11 ms at p99 while another thread computed,
by this 0.7 ms; where none does, it makes no difference (`benchmarks.interpreter`).
"""


def switch_interval(processors: int) -> Seconds:
    """How long a thread may keep the interpreter while another one waits for it.

    On one processor threads that hand it to and fro so often, with real-time priority, leave
    nothing to the other programs: there it stays as it is.
    """
    return SWITCH_INTERVAL if processors > 1 else sys.getswitchinterval()


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows


def raise_priority(priority: int = PRIORITY) -> str:
    """Ask for real-time priority for the thread that calls this; what it has then, in words.

    A thread that has it already keeps it as it is.
    """
    if not hasattr(os, "sched_setscheduler"):  # macOS and Windows
        return "the system's priority"
    try:
        if os.sched_getscheduler(0) in (os.SCHED_FIFO, os.SCHED_RR):
            return f"real-time priority {os.sched_getparam(0).sched_priority}"
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:  # most users may not, until an administrator lets them
        return "normal priority (midigen doctor says how to allow real-time)"
    return f"real-time priority {priority}"


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Meanwhile no garbage is collected but by `tidy`, and no thread keeps the interpreter long."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(switch_interval(_processors()))
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(interval)


def freeze() -> None:
    """All that will be needed is there: `tidy` needn't look at it."""
    gc.collect()
    gc.freeze()


def tidy() -> None:
    """Collect what has come since: next to nothing, as what is played holds no cycles."""
    gc.collect()
