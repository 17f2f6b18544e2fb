"""The terminal while midigen plays: its status at the bottom, and notices scrolling above it.

`Display` is the thread that reads the newest status ten times a second and redraws it if it has
changed. Rich supplies the styles for this terminal and the width of text. Its own Live isn't used:
its redraw takes five times as long (1.1 ms instead of 0.2), during which no other thread of the
process can play a note, and after a resize it leaves fragments behind.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TextIO

from rich.console import Console

from midigen.app.console import HANGING
from midigen.app.sheet import Sheet, Terminal
from midigen.app.status_rows import ASCII_BLOCKS, BLOCKS, Row, rows
from midigen.app.wrapping import wrapped
from midigen.instrument.status import Status
from midigen.live.standard_input import Typist
from midigen.midi.messages import Seconds
from midigen.text import printable

INTERVAL: Seconds = 0.1
"""The time between two reads of the status."""

_KEPT = 500  # notices that wait for a stuck terminal


def is_worthwhile(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can be drawn on."""
    try:
        if not stream.isatty():
            return False
    except ValueError:  # closed
        return False
    return (
        os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
        and not Console(file=stream).legacy_windows  # it has no escape sequences
    )


class Display:
    """Shows the newest status and notices on a terminal, on a thread of its own.

    `latest` returns the newest status, or None if there is none yet. `typed` is called, on
    another thread, with each line that is typed on `keyboard` if that is a terminal too.
    If the terminal is slow, stuck or gone, nothing else waits for it.
    """

    def __init__(
        self,
        latest: Callable[[], Status | None],
        *,
        stream: TextIO | None = None,
        typed: Callable[[str], None] | None = None,
        keyboard: TextIO | None = None,
    ) -> None:
        """By default the stream is standard error and the keyboard is standard input."""
        self._latest = latest
        self._stream = sys.stderr if stream is None else stream
        self._typist = _typist(typed, sys.stdin if keyboard is None else keyboard)
        self._blocks = BLOCKS if _can_write(self._stream, BLOCKS) else ASCII_BLOCKS
        self._notices: deque[Row] = deque(maxlen=_KEPT)
        self._sheet = Sheet(self._stream)
        self._shown: object = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def start(self, headline: str) -> None:
        """Begin to draw, below a headline."""
        self._notices.extendleft(_lines(headline, "bold"))
        if self._typist is not None:
            self._typist.start()
        self._thread.start()

    def tell(self, line: str) -> None:
        """Show a line above the status. For any thread: it is only put into a queue."""
        self._notices.extend(_lines(line, ""))

    def release(self) -> None:
        """Restore the terminal's mode at once; drawing goes on until `stop`."""
        if self._typist is not None:
            self._typist.restore()

    def stop(self) -> None:
        """Show the last notices, remove the status and restore the terminal."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)
        if self._typist is not None:
            self._typist.stop()

    def _run(self) -> None:
        try:
            terminal = Terminal(self._stream)
        except OSError:
            return
        try:
            while not self._closing.is_set():
                self._draw(terminal)
                self._closing.wait(INTERVAL)
            size = terminal.size()
            terminal.write(self._sheet.frame(self._drain(size), (), size))
        except (OSError, ValueError):  # the terminal has gone
            pass
        finally:
            terminal.close()

    def _draw(self, terminal: Terminal) -> None:
        """Draw if anything has changed."""
        status = self._latest()
        line = None if self._typist is None else self._typist.text
        size = terminal.size()
        if (status, line, size) == self._shown and not self._notices:
            return
        self._shown = (status, line, size)
        drawn = rows(status, line, size, self._blocks)
        terminal.write(self._sheet.frame(self._drain(size), drawn, size))

    def _drain(self, size: os.terminal_size) -> list[Row]:
        notices = [self._notices.popleft() for _ in range(len(self._notices))]
        return [
            ((line, style),)
            for ((text, style),) in notices
            for line in wrapped(text, size.columns - 1, HANGING)
        ]


def _lines(text: str, style: str) -> list[Row]:
    return [((printable(line), style),) for line in text.splitlines()]


def _typist(typed: Callable[[str], None] | None, keyboard: TextIO) -> Typist | None:
    if typed is None:
        return None
    try:
        return Typist(typed, keyboard.fileno()) if keyboard.isatty() else None
    except (OSError, ValueError):  # closed, or in memory
        return None


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
