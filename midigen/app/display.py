"""The terminal while midigen plays: its status at the bottom, and notices scrolling above it.

`Display` is the thread that reads the newest status ten times a second and redraws it if it has
changed. Rich supplies the styles for this terminal and the width of text. Its own Live isn't used:
its redraw takes five times as long (1.1 ms instead of 0.2), during which no other thread of the
process can play a note, and after a resize it leaves fragments behind.
"""

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style

from midigen.app.console import HANGING, wrapped
from midigen.app.status_rows import ASCII_BLOCKS, BLOCKS, Row, rows
from midigen.instrument.status import Status
from midigen.live.standard_input import Typist
from midigen.midi.messages import Seconds
from midigen.text import printable

INTERVAL: Seconds = 0.1
"""The time between two reads of the status."""

_UNKNOWN_SIZE = os.terminal_size((80, 24))
_KEPT = 500  # notices that wait for a stuck terminal


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
        with (
            contextlib.suppress(OSError, ValueError),  # when the terminal has gone
            contextlib.closing(Terminal(self._stream)) as terminal,
        ):
            while not self._closing.is_set():
                self._draw(terminal)
                self._closing.wait(INTERVAL)
            size = terminal.size()
            terminal.write(self._sheet.frame(self._drain(size), (), size))

    def _draw(self, terminal: "Terminal") -> None:
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


class Sheet:
    """The rows that are at the bottom of a screen, and the text that replaces them.

    The cursor stays at the end of the last row, where a typed line continues.
    """

    def __init__(self, stream: TextIO) -> None:
        """The stream is used only to find out its colours; nothing is written to it."""
        console = Console(file=stream, force_terminal=True)
        self._colours = COLOR_SYSTEMS.get(console.color_system or "")
        self._no_colour = console.no_color
        self._widths: list[int] = []  # of the present rows
        self._size: os.terminal_size | None = None

    def frame(self, notices: Sequence[Row], drawn: Sequence[Row], size: os.terminal_size) -> str:
        """The text that replaces the present rows by `drawn`, with the notices above them.

        Every row is written again, so that nothing remains of what other programs wrote.
        """
        parts = ["\x1b[?25l\r", self._to_the_top(size.columns)]
        if notices or not drawn or size != self._size:
            parts.append("\x1b[J")
        parts += [f"{self._written(notice)}\r\n" for notice in notices]
        parts.append("\r\n".join(f"{self._written(row)}\x1b[K" for row in drawn))
        parts.append("\x1b[J\x1b[?25h" if drawn else "\x1b[?25h")
        self._widths = [sum(cell_len(text) for text, _ in row) for row in drawn]
        self._size = size
        return "".join(parts)

    def _to_the_top(self, columns: int) -> str:
        """Move from the last row to the first. A terminal that got narrower has wrapped them."""
        lines = sum(max(1, -(-width // columns)) for width in self._widths)
        return f"\x1b[{lines - 1}A" if lines > 1 else ""

    def _written(self, row: Row) -> str:
        written = ""
        for text, name in row:
            style = Style.parse(name)  # which remembers them
            style = style.without_color if self._no_colour else style
            written += style.render(text, color_system=self._colours)
        return written


class Terminal:
    """A stream that is written through a file descriptor of its own.

    So a stuck write doesn't hold the stream's lock. And if the stream is closed, nothing is written
    to another file that gets its descriptor.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        try:
            self._file: int | None = os.dup(stream.fileno())
        except (OSError, ValueError):  # in memory, or closed: then `write` fails
            self._file = None

    def size(self) -> os.terminal_size:
        """Its columns and lines; 80 by 24 if they are unknown."""
        try:
            size = os.get_terminal_size(-1 if self._file is None else self._file)
        except OSError:
            return _UNKNOWN_SIZE
        return size if size.columns and size.lines else _UNKNOWN_SIZE

    def write(self, text: str) -> None:
        """Write all of a text. Raises OSError or ValueError if the terminal has gone."""
        if self._file is None:
            self._stream.write(text)
            self._stream.flush()
            return
        data = text.encode(self._encoding, "replace")
        while data:
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        """Close the descriptor, but not the stream."""
        if self._file is not None:
            os.close(self._file)
