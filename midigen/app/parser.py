"""The parser of the command line: help and errors are wrapped between words at any width."""

import argparse
import shutil
import sys
from typing import Any, NoReturn

from midigen.app.console import HANGING, wrapped, write
from midigen.errors import ExitCode

_WHICH = "which midigen, if several are running: its --name, or midigen-in"
_COLUMN = 24  # where the help of options begins, if the terminal is wide enough


class Parser(argparse.ArgumentParser):
    """An argument parser that never breaks a word, however narrow the terminal is."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", _Help)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Print what is wrong with the command line, and exit."""
        self.print_usage(sys.stderr)
        write(f"{self.prog}: error: {message}", sys.stderr)
        self.exit(ExitCode.USAGE)


class _Help(argparse.HelpFormatter):
    """Keeps paragraphs apart, and breaks no word, not even at its hyphens."""

    def __init__(self, prog: str, **options: Any) -> None:
        width = shutil.get_terminal_size().columns - 1
        column = min(_COLUMN, width // 3)
        super().__init__(prog, max_help_position=column, width=width, **options)

    def _format_usage(self, *arguments: Any) -> str:
        usage = super()._format_usage(*arguments)
        return "\n".join([*wrapped(usage.rstrip(), self._width, HANGING), "", ""])

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in wrapped(text, width - len(indent)))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrapped(" ".join(text.split()), width)


def begin_commands(parser: argparse.ArgumentParser, chosen: str) -> Any:
    """Give a parser commands, to which `add_command` adds.

    The option `chosen` becomes the function that carries out the typed command; if none is typed,
    it prints the parser's help.
    """
    parser.set_defaults(**{chosen: lambda _: parser.print_help()})
    return parser.add_subparsers(title="commands", metavar="COMMAND")


def add_command(commands: Any, name: str, text: str, example: str = "") -> Parser:
    """Add a command. `text` is its line in the list: without a capital or a full stop."""
    parser: Parser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + ".", epilog=f"example: {example}"
    )
    return parser


def add_name(parser: argparse._ActionsContainer, text: str = _WHICH) -> None:
    """Add `--name`, the client name of a midigen's input; by default, of one that is running."""
    parser.add_argument("--name", metavar="CLIENT", help=text)
