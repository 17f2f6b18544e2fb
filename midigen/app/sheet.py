"""The rows at the bottom of a terminal: the text that replaces them, and the writing of it."""

import os
from collections.abc import Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style

from midigen.app.status_rows import Row

_UNKNOWN_SIZE = os.terminal_size((80, 24))


class Sheet:
    """The rows that are at the bottom of a screen, and the text that replaces them.

    The cursor stays at the end of the last row, where a typed line continues.
    """

    def __init__(self, stream: TextIO) -> None:
        """The stream is used only to find out its colours; nothing is written to it."""
        console = Console(file=stream, force_terminal=True)
        self._colours = COLOR_SYSTEMS.get(console.color_system or "")
        self._no_colour = console.no_color
        self._styles: dict[str, Style] = {}
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
        if drawn:
            parts.append("\x1b[J")
        parts.append("\x1b[?25h")
        self._widths = [sum(cell_len(text) for text, _ in row) for row in drawn]
        self._size = size
        return "".join(parts)

    def _to_the_top(self, columns: int) -> str:
        """Move from the last row to the first. A terminal that got narrower has wrapped them."""
        lines = sum(max(1, -(-width // columns)) for width in self._widths)
        return f"\x1b[{lines - 1}A" if lines > 1 else ""

    def _written(self, row: Row) -> str:
        return "".join(
            self._style(style).render(text, color_system=self._colours) for text, style in row
        )

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = Style.parse(name)
            style = self._styles[name] = style.without_color if self._no_colour else style
        return style


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
