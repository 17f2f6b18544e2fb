"""What commands print, and how they are typed: text is wrapped between words on any terminal.

Lines for the player suit any code page. `Parser` writes help and errors of the command line.
"""

import argparse
import codecs
import contextlib
import io
import re
import shutil
import sys
from typing import Any, NoReturn, TextIO

from midigen.errors import ExitCode

HANGING = 2
"""How many columns the rest of a wrapped line is indented."""

_SHORT = 0xFFFF  # the largest code that fits into an escape of four digits
_WORD = re.compile(r"\s*\S+")
_DEEPEST = 3  # an indent takes at most one third of the columns
_HELP_COLUMN = 24  # where the help of options begins, if the terminal is wide enough
_WHICH = "which midigen, if several are running: its --name, or midigen-in"


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


# --- the command line


class Parser(argparse.ArgumentParser):
    """An argument parser that never breaks a word, however narrow the terminal is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_Help, **options)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the command line, and exit."""
        self.print_usage(sys.stderr)
        write(f"{self.prog}: error: {message}", sys.stderr)
        self.exit(ExitCode.USAGE)


class _Help(argparse.HelpFormatter):
    """Keeps paragraphs apart, and breaks no word, not even at its hyphens."""

    def __init__(self, prog: str, **options: Any) -> None:
        width = shutil.get_terminal_size().columns - 1
        column = min(_HELP_COLUMN, width // 3)
        super().__init__(prog, max_help_position=column, width=width, **options)

    def _format_usage(self, *arguments: Any) -> str:
        usage = super()._format_usage(*arguments)
        return "\n".join([*wrapped(usage.rstrip(), self._width, HANGING), "", ""])

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in wrapped(text, width - len(indent)))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(" ".join(text.split()), width)


def begin_commands(parser: argparse.ArgumentParser) -> Any:
    """Give a parser commands, to which `add_command` adds; if none is typed, it prints its help."""
    parser.set_defaults(run=lambda _: parser.print_help())
    return parser.add_subparsers(title="commands", metavar="COMMAND")


def add_command(commands: Any, name: str, text: str, example: str) -> Parser:
    """Add a command. `text` is its line in the list: without a capital or a full stop."""
    parser: Parser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", epilog=f"example: {example}"
    )
    return parser


def add_name(parser: argparse._ActionsContainer, text: str = _WHICH) -> None:
    """Add `--name`, the client name of a midigen's input; by default, of one that is running."""
    parser.add_argument("--name", metavar="CLIENT", help=text)
