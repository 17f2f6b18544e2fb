"""Lines for the player, wrapped between words, on any terminal and in any code page."""

import codecs
import contextlib
import io
import re
import shutil
import sys
from typing import TextIO

HANGING = 2
"""How many columns the rest of a wrapped line is indented."""

_SHORT = 0xFFFF  # the largest code that fits into an escape of four digits
_WORD = re.compile(r"\s*\S+")
_DEEPEST = 3  # an indent takes at most one third of the columns


def tell(line: str) -> None:
    """Print a line for the player on stderr; stdout is for a command's result."""
    with contextlib.suppress(OSError):  # the terminal was closed; the music goes on
        write(f"midigen: {line}", sys.stderr)


def show(line: str, indent: int = HANGING) -> None:
    """Print a line of a command's result. If it is wrapped, the rest is indented."""
    write(line, sys.stdout, indent)


def write(line: str, stream: TextIO | None, indent: int = HANGING) -> None:
    """Write a line to a stream; a terminal gets it wrapped between words."""
    if stream is not None and stream.isatty():
        line = "\n".join(wrapped(line, shutil.get_terminal_size().columns - 1, indent))
    print(line, file=stream, flush=True)


def write_anywhere() -> None:
    """Make stdout and stderr accept any text: characters outside their code page are escaped."""
    codecs.register_error("escape", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="escape")


def _escape(exc: UnicodeError) -> tuple[str, int]:
    """Escapes, as in TOML and JSON, for characters that can't be encoded."""
    assert isinstance(exc, UnicodeEncodeError)
    characters = map(ord, exc.object[exc.start : exc.end])
    escapes = (f"\\u{each:04x}" if each <= _SHORT else f"\\U{each:08x}" for each in characters)
    return "".join(escapes), exc.end


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """The lines of a text, wrapped at `width` columns; only a single word may be wider.

    The rest of a wrapped line is indented like its beginning, and by `indent` columns more.
    """
    lines: list[str] = []
    for paragraph in text.splitlines():
        begun = len(paragraph) - len(paragraph.lstrip()) + indent
        margin = " " * min(begun, width // _DEEPEST)
        line = ""
        for word in _WORD.findall(paragraph):
            if line.strip() and _columns(line + word) > width:
                lines.append(line)
                line = margin + word.lstrip()
            else:
                line += word
        lines.append(line)
    return lines


def _columns(text: str) -> int:
    if text.isascii() and text.isprintable():
        return len(text)
    from rich.cells import cell_len  # takes a while, and is hardly ever needed

    return cell_len(text)
