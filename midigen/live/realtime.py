"""Settings of the operating system and the interpreter that keep notes from waiting.

With real-time priority (SCHED_FIFO, on Linux, where it is allowed) a thread runs as soon as it
has something to do, however busy the processors are.
"""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator

from midigen.midi.messages import Seconds

PRIORITY = 4
"""Lower than what JACK's clients have by default (5), since sound is more urgent than notes."""

BESIDE = PRIORITY - 1
"""The priority of threads that must not wait long, but may never delay the worker."""

SWITCH_INTERVAL: Seconds = 0.0001
"""How long a thread may keep the interpreter while another one waits for it.

With the interpreter's default of 5 ms, a note was 11 ms late at p99 while another thread computed;
with this value, 0.7 ms. If no other thread computes, it makes no difference
(`benchmarks.interpreter`).
"""


def switch_interval(processors: int) -> Seconds:
    """`SWITCH_INTERVAL`; but on a single processor the interpreter's default.

    There, real-time threads that switch so often would leave no time to other programs.
    """
    return SWITCH_INTERVAL if processors > 1 else sys.getswitchinterval()


def raise_priority(priority: int = PRIORITY) -> str:
    """Ask for real-time priority, unless this thread has it; return what it has then, in words."""
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
    """Here only the daemon collects garbage, and no thread keeps the interpreter for long."""
    interval = sys.getswitchinterval()
    may_run_on = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()  # Linux
    sys.setswitchinterval(switch_interval(len(may_run_on) or os.cpu_count() or 1))
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
        sys.setswitchinterval(interval)
