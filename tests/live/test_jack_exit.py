"""A second Ctrl-C ends midigen, whatever it hangs in, and leaves the terminal as it was."""

import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable

import pytest

from midigen.errors import ExitCode
from tests.jack import MIDIGEN, TIMEOUT, JackServer, wait_until
from tests.terminals import open_pty, read_until

STUCK = """
import ctypes, sys
from midigen.live import midi_system
from midigen.live import clients
from midigen.app.cli import main

library = (ctypes.PyDLL if {keeps!r} else ctypes.CDLL)(None)  # which keeps the interpreter

def hang():
    print("stuck", file=sys.stderr, flush=True)
    lock = ctypes.create_string_buffer(64)  # a mutex, not taken yet
    library.pthread_mutex_lock(lock)
    library.pthread_mutex_lock(lock)

class Stuck:
    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    def {call}(self, *arguments, **options):
        if {when}:
            hang()
        return self._client.{call}(*arguments, **options)

new_output = clients.Clients._new_output
clients.Clients._new_output = lambda self, name: Stuck(new_output(self, name))
sys.exit(main(["run", "--ports", "jack", "--mode", "solo", *{more!r}]))
"""

SENDING = ("send_message", "arguments[0][0] == 0x90")
"""It hangs in the worker's first note-on, with the lock that sending needs."""
OPENING = ("open_virtual_port", "True")
"""It hangs in the main thread, before it plays."""


def start(
    call: str, when: str, *, keeps: bool, terminal: int, more: tuple[str, ...] = ()
) -> "subprocess.Popen[bytes]":
    """`midigen run` whose output hangs in a call, with a terminal to itself."""
    program = STUCK.format(call=call, when=when, keeps=keeps, more=more)
    return subprocess.Popen(
        ["setsid", "--ctty", sys.executable, "-c", program],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color"},
    )


@pytest.mark.parametrize(
    ("hanging", "keeps", "typed"),
    [
        (SENDING, False, False),
        (SENDING, False, True),
        (SENDING, True, True),
        (OPENING, False, False),
    ],
)
def test_a_second_ctrl_c_ends_what_hangs(
    new_jack: Callable[..., JackServer],
    monkeypatch: pytest.MonkeyPatch,
    hanging: tuple[str, str],
    keeps: bool,
    typed: bool,
) -> None:
    """By a signal, and by the key, which reaches every process in the terminal's foreground."""
    server = new_jack(waits=False)  # else it waits for a client that is killed
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    with open_pty() as (person, terminal):
        before = termios.tcgetattr(terminal)
        process = start(*hanging, keeps=keeps, terminal=terminal)

        def interrupt() -> None:
            if typed:
                os.write(person, b"\x03")
            else:
                process.send_signal(signal.SIGINT)

        try:
            read_until(person, "stuck")
            interrupt()
            time.sleep(0.3)  # or the system takes the two for one
            interrupt()
            code = process.wait(timeout=TIMEOUT)
            can_act = hanging is SENDING and not keeps
            assert code == (ExitCode.FORCED if can_act else -signal.SIGKILL)
            wait_until(lambda: termios.tcgetattr(terminal) == before, "the terminal's mode")
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("gap", [0.05, 0.1, 0.15, 0.2])
def test_two_ctrl_c_in_quick_succession_crash_nothing(
    new_jack: Callable[..., JackServer], monkeypatch: pytest.MonkeyPatch, gap: float
) -> None:
    """The second Ctrl-C comes while it ends by itself, or while its ports are being closed."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", new_jack().name)
    running = subprocess.Popen(
        [*MIDIGEN, "--mode", "solo"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with running as process:
        assert process.stderr
        assert any("Ctrl-C stops" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
        time.sleep(gap)
        process.send_signal(signal.SIGINT)
        # When midigen is through with it, a Ctrl-C ends the interpreter by default.
        assert process.wait(TIMEOUT) in (ExitCode.OK, ExitCode.FORCED, -signal.SIGINT)
