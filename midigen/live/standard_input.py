"""Standard input, for playing and typing: a terminal or a pipe.

`TypedLine` makes lines from bytes, and does no I/O. `Typist` is the thread that reads the bytes:
key by key where the system can (termios), else in lines that the terminal has edited.
"""

import atexit
import codecs
import contextlib
import io
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

if sys.platform != "win32":
    import select
    import termios

MAX_LINE = 200  # characters of a line; more are ignored

_TOKEN = re.compile(
    # Arrows and function keys; `ESC [ [ A` is F1 on Linux's own console.
    r"(?P<sequence>\x1b(?:\[\[?[0-?]*[ -/]*[@-Z\\-~]|O[ -~]))"
    r"|(?P<begun>\x1b(?:\[\[?[0-?]*[ -/]*|O)?)\Z"
    r"|(?P<character>.)",
    re.DOTALL,
)
_ENTER, _BACKSPACE, _CONTROL_U = "\r\n", "\x7f\x08", "\x15"
_AWAY = 0.5  # seconds between checks for the foreground


def raw() -> io.FileIO:
    """Standard input without a buffer, whose lock a late read could hold when the process ends."""
    return io.FileIO(sys.stdin.fileno(), closefd=False)


def lines(stream: io.RawIOBase) -> Iterator[str]:
    """The lines as they come, without their ends, until the input ends or hangs up."""
    with contextlib.suppress(OSError):  # it hung up
        while line := stream.readline():
            yield line.decode(errors="replace").strip("\r\n")


def is_in_front(terminal: int) -> bool:
    """Whether this process is in the terminal's foreground; True without job control.

    `terminal` is a file descriptor. In the background a read would stop the whole process.
    """
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # another terminal than the one that controls the process, or none
        return True


class TypedLine:
    """A line that is being typed, from the bytes of a terminal's keyboard in any pieces."""

    def __init__(self) -> None:
        self.text = ""  # what has been typed of it so far
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._begun = ""  # the beginning of an escape sequence

    def feed(self, data: bytes) -> list[str]:
        """The lines that these bytes complete, without blank ones."""
        ended: list[str] = []
        for token in _TOKEN.finditer(self._begun + self._decoder.decode(data)):
            self._begun = token["begun"] or ""
            if key := token["character"]:
                self._press(key, ended)
        return ended

    def _press(self, key: str, ended: list[str]) -> None:
        if key in _ENTER:
            if self.text.strip():
                ended.append(self.text.strip())
            self.text = ""
        elif key in _BACKSPACE:
            self.text = self.text[:-1]
        elif key == _CONTROL_U:
            self.text = ""
        elif key.isprintable():
            self.text = (self.text + key)[:MAX_LINE]


class Typist:
    """Reads a terminal on a thread of its own, and calls `typed` with each line.

    `terminal` is a file descriptor. Ctrl-C still interrupts. `stop` restores the terminal's mode,
    and so does the end of the process, unless it is killed.
    """

    def __init__(self, typed: Callable[[str], None], terminal: int) -> None:
        self._typed = typed
        self._terminal = terminal
        self._line = TypedLine()
        self._closing = threading.Event()
        # If it can't be woken, it keeps waiting for a line that never comes.
        self._thread = threading.Thread(target=self._read, name="typing", daemon=True)
        self._mode: list[Any] | None = None  # of the terminal, before
        self._wake: int | None = None  # the end of a pipe; closing it ends the wait for a key
        self._woken: int | None = None

    @property
    def text(self) -> str:
        """What has been typed of the line so far."""
        return self._line.text

    def start(self) -> None:
        """Begin to read, if this process is in the terminal's foreground; keys without an echo."""
        if sys.platform != "win32":
            if not is_in_front(self._terminal):
                return
            with contextlib.suppress(termios.error):
                former, mode = (termios.tcgetattr(self._terminal) for _ in range(2))
                mode[0] &= ~termios.IXON  # a Ctrl-S by mistake must not freeze the display
                mode[3] &= ~(termios.ICANON | termios.ECHO)
                mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
                termios.tcsetattr(self._terminal, termios.TCSANOW, mode)
                self._mode = former
                atexit.register(self.restore)
            self._woken, self._wake = os.pipe()
        self._thread.start()

    def stop(self) -> None:
        """Stop reading, and restore the terminal's mode. May be called twice."""
        self._closing.set()
        if self._wake is not None:
            os.close(self._wake)
            self._wake = None
            if threading.current_thread() is not self._thread:
                self._thread.join(timeout=1.0)
        self.restore()
        self._mode = None
        atexit.unregister(self.restore)

    def restore(self) -> None:
        """Restore the terminal's mode at once, unless the shell has set its own."""
        # A process in the background that changed it would be stopped.
        if sys.platform != "win32" and self._mode and is_in_front(self._terminal):
            with contextlib.suppress(termios.error):  # TCSANOW waits for no output
                termios.tcsetattr(self._terminal, termios.TCSANOW, self._mode)

    def _read(self) -> None:
        try:
            with contextlib.suppress(OSError):  # it hung up
                while self._wait() and (data := os.read(self._terminal, 1024)):
                    for line in self._line.feed(data):
                        self._typed(line)
        finally:
            if self._woken is not None:
                os.close(self._woken)

    def _wait(self) -> bool:
        """Wait for a key; return False at the end."""
        if sys.platform != "win32" and self._woken is not None:
            select.select([self._terminal, self._woken], [], [])
            # In the background a read would stop the whole process (SIGTTIN).
            while not self._closing.is_set() and not is_in_front(self._terminal):
                self._closing.wait(_AWAY)
        return not self._closing.is_set()
