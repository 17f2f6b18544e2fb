"""The guard by itself: a process that keeps the interpreter is ended at the second Ctrl-C."""

import os
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.jack import TIMEOUT, wait_until
from tests.terminals import open_pty, read_until

STUCK = """
import ctypes, signal, tty
from midigen.live.guard import guarded
signal.signal(signal.SIGINT, lambda *_: None)  # it may come just before the process is stuck
library, lock = ctypes.PyDLL(None), ctypes.create_string_buffer(64)
with guarded():
    tty.setcbreak(0)  # before the guard has started
    print("stuck", flush=True)
    for _ in range(2):
        library.pthread_mutex_lock(lock)  # for ever, and keeps the interpreter
"""

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stuck(terminal: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A guarded process with a terminal of its own, which never comes back to Python."""
    process = subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-c", STUCK],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def signals_of(process: int, kind: str) -> int:
    """The mask of a process's signals: `SigIgn` are ignored, `ShdPnd` wait."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (mask,) = (line.split()[1] for line in lines if line.startswith(kind))
    return int(mask, 16)


def guard_of(process: int) -> int:
    """The guard of a process, once it is ready."""
    guard = int(Path(f"/proc/{process}/task/{process}/children").read_text())
    wanted = sum(1 << number - 1 for number in SIGNALS)
    wait_until(lambda: signals_of(guard, "SigIgn") & wanted == wanted, "the guard")
    return guard


def interrupt_twice(process: "subprocess.Popen[bytes]") -> None:
    """Send each signal separately: two at once count as one."""
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        wait_until(lambda: not signals_of(process.pid, "ShdPnd"), "the signal")


def test_the_terminal_is_given_back_as_it_was_before_it_was_taken() -> None:
    """The guard starts slowly, but doesn't take the changed mode for the original one."""
    with open_pty() as (person, terminal):
        before = termios.tcgetattr(terminal)
        with stuck(terminal) as process:
            read_until(person, "stuck")
            assert termios.tcgetattr(terminal) != before
            interrupt_twice(process)
            assert process.wait(timeout=TIMEOUT) == -signal.SIGKILL
            assert termios.tcgetattr(terminal) == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_to_all_processes_leaves_the_guard(number: signal.Signals) -> None:
    """As systemd and `pkill -f` send it."""
    with open_pty() as (person, terminal), stuck(terminal) as process:
        read_until(person, "stuck")
        os.kill(guard_of(process.pid), number)
        interrupt_twice(process)
        assert process.wait(timeout=TIMEOUT) == -signal.SIGKILL
