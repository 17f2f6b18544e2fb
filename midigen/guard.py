"""A process beside midigen that ends it at a second Ctrl-C, whatever holds it up.

A signal's handler runs once the main thread comes back to Python. It doesn't while that
thread waits in a library, or while another one keeps the interpreter in a library, as
python-rtmidi does while it sends. But Python writes the number of each signal to a pipe as
it comes (`signal.set_wakeup_fd`), and the guard reads that. It also gives the terminal back
as it was.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

if sys.platform != "win32":
    import termios

GRACE = 1.5
"""Seconds that midigen gets to end by itself after the second Ctrl-C, its notes first."""

_SIGNALS, _TERMINAL = 0, 1  # the guard's file descriptors


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Meanwhile a second Ctrl-C ends this process. The main thread must enter and leave it.

    Where there are no signals (Windows), it does nothing.
    """
    if os.name != "posix":
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(os.getpid())],
        stdin=reading,
        stdout=sys.__stdin__ if _is_terminal() else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # the terminal's Ctrl-C isn't for it
    )
    os.close(reading)
    former = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        os.close(writing)  # which ends the guard
        guard.wait()


def _is_terminal() -> bool:
    """Whether there is a terminal that midigen may have in another mode."""
    try:
        return sys.__stdin__ is not None and sys.__stdin__.isatty()
    except ValueError:  # closed
        return False


def _guard(process: int) -> None:
    """Wait for the second Ctrl-C, or for the end of the process that is guarded."""
    restore = _keep_mode(_TERMINAL)
    interrupts = 0
    while interrupts < 2:  # noqa: PLR2004  the first is a normal end
        numbers = os.read(_SIGNALS, 64)
        if not numbers:
            return
        interrupts += numbers.count(signal.SIGINT)
    end = time.perf_counter() + GRACE
    while (wait := end - time.perf_counter()) > 0:
        if select.select([_SIGNALS], [], [], wait)[0] and not os.read(_SIGNALS, 64):
            return
    os.kill(process, signal.SIGKILL)
    restore()


def _keep_mode(terminal: int) -> Callable[[], None]:
    """What gives a terminal back as it is now."""
    try:
        before = termios.tcgetattr(terminal)
    except termios.error:  # it is none
        return lambda: None
    return lambda: termios.tcsetattr(terminal, termios.TCSANOW, before)


if __name__ == "__main__":
    _guard(int(sys.argv[1]))
