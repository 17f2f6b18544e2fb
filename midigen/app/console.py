"""Lines for the player, on any terminal and in any code page."""

import codecs
import contextlib
import io
import shutil
import sys
from typing import TextIO

HANGING = 2
"""How many columns the rest of a wrapped line is indented."""

_SHORT = 0xFFFF  # the largest code that fits into an escape of four digits


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
        from midigen.app.wrapping import wrapped

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
