"""A watchdog process that kills midigen after a second Ctrl-C, even if midigen hangs.

A signal handler runs only when the main thread is back in Python. It doesn't run while that thread
waits in a library, or while another thread holds the interpreter in a library, as python-rtmidi
does during a send. But Python writes each signal's number to a pipe at once
(`signal.set_wakeup_fd`), and the guard reads that pipe. It also restores the terminal's mode.
"""

import contextlib
import marshal
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

if sys.platform != "win32":
    import termios

GRACE = 1.5  # seconds that midigen has after the second Ctrl-C to send its note-offs and exit

_SIGNALS, _TERMINAL = 0, 1  # the guard's file descriptors


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Within this context a second Ctrl-C ends the process. For the main thread."""
    if os.name != "posix":  # Windows has no such signals
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    mode = _mode_of_terminal()  # before midigen changes it
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, str(os.getpid()), marshal.dumps(mode).hex()],
        stdin=reading,
        stdout=sys.__stdin__ if mode else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # the terminal's Ctrl-C isn't for it
    )
    os.close(reading)
    former = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        os.close(writing)  # this ends the guard
        guard.wait()


def _mode_of_terminal() -> list[Any] | None:
    """The mode of the terminal, if there is one and this process is in front there."""
    from midigen.live.standard_input import is_in_front  # noqa: PLC0415  the guard process loads no midigen

    try:
        if sys.__stdin__ is not None and is_in_front(terminal := sys.__stdin__.fileno()):
            return termios.tcgetattr(terminal)
    except (OSError, ValueError, termios.error):  # closed, or none
        pass
    return None


def _guard(process: int, mode: list[Any] | None) -> None:
    """Wait for the second Ctrl-C, or for the end of the guarded process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # by systemd, to all at once
        signal.signal(number, signal.SIG_IGN)
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
    if mode:
        with contextlib.suppress(termios.error):  # it hung up
            termios.tcsetattr(_TERMINAL, termios.TCSANOW, mode)  # then the shell may have its own
    os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    _guard(int(sys.argv[1]), marshal.loads(bytes.fromhex(sys.argv[2])))
