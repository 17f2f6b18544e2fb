"""What every room of commands needs: its parsers, the settings they ask for, and a line to say."""

import argparse
import codecs
import contextlib
import io
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from midigen.errors import ExitCode
from midigen.settings import config, config_file
from midigen.settings.choices import Mode
from midigen.settings.kinds import Number
from midigen.settings.table import Settings, spec_of

if TYPE_CHECKING:
    import numpy as np


_OPTIONS = {
    "--mode": "mode",
    "--model": "model",
    "--key": "key",
    "--seed": "sampling.seed",
    "--ports": "ports.api",
    "--input": "ports.input",
    "--output": "ports.output",
    "--name": "ports.in_client",
    "--record": "record.path",
    "--keep": "record.keep",
}
"""The settings that have an option of their own."""

_HANGING = 2  # columns that what goes on of a line is further in
_COLUMN = 24  # where the help of options begins, where there is room

_SHORT = 0xFFFF  # what four digits of an escape can say


def tell(line: str) -> None:
    """Show the player a line, on stderr: stdout is for what a command is asked for."""
    with contextlib.suppress(OSError):  # the terminal was closed; the music goes on
        _print(f"midigen: {line}", sys.stderr, _HANGING)


def show(line: str, indent: int = _HANGING) -> None:
    """Show a line of what a command is asked for; it goes on `indent` columns further in."""
    _print(line, sys.stdout, indent)


def _print(line: str, stream: TextIO | None, indent: int) -> None:
    """Lines that end between words on a terminal; elsewhere as they are."""
    if stream is not None and stream.isatty():
        from midigen.app.wrapping import wrapped

        line = "\n".join(wrapped(line, shutil.get_terminal_size().columns - 1, indent))
    print(line, file=stream, flush=True)


class Parser(argparse.ArgumentParser):
    """A parser whose help and errors end their lines between words, however narrow they are."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", _Help)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and exit."""
        self.print_usage(sys.stderr)
        _print(f"{self.prog}: error: {message}", sys.stderr, _HANGING)
        self.exit(ExitCode.USAGE)


class _Help(argparse.HelpFormatter):
    """Paragraphs stay apart, and no word is broken, nor at its hyphens."""

    def __init__(self, prog: str, **options: Any) -> None:
        width = shutil.get_terminal_size().columns - 1
        column = min(_COLUMN, width // 3)
        super().__init__(prog, max_help_position=column, width=width, **options)

    def _format_usage(self, *arguments: Any) -> str:
        from midigen.app.wrapping import wrapped

        usage = super()._format_usage(*arguments)
        return "\n".join([*wrapped(usage.rstrip(), self._width, _HANGING), "", ""])

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        from midigen.app.wrapping import wrapped

        return "\n".join(indent + line for line in wrapped(text, width - len(indent)))

    def _split_lines(self, text: str, width: int) -> list[str]:
        from midigen.app.wrapping import wrapped

        return wrapped(" ".join(text.split()), width)


def begin_commands(parser: argparse.ArgumentParser) -> Any:
    """Let a parser have commands. Where none of them is given, it prints its help."""

    def show_help(_: argparse.Namespace) -> ExitCode:
        parser.print_help()
        return ExitCode.OK

    parser.set_defaults(command=show_help)
    return parser.add_subparsers(title="commands", metavar="COMMAND")


def write_anywhere() -> None:
    """Let any text be written, whatever the console's code page: an escape for what it lacks."""
    codecs.register_error("escape", _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="escape")


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], ExitCode], text: str, example: str
) -> argparse.ArgumentParser:
    """Add a command that `run` carries out; `text` is its help, without a capital or a stop."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example: {example}",
    )
    parser.set_defaults(command=run)
    return parser


def add_settings(parser: argparse.ArgumentParser, *, model: bool = True) -> None:
    """Add the options that change settings; without `model`, all but the model's name."""
    group = parser.add_argument_group("settings (config.toml has all of them)")
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="instead of midigen.toml or config.toml here, or config.toml in your configuration "
        "folder",
    )
    group.add_argument("--mode", help=", ".join(Mode))
    if model:
        group.add_argument("--model", metavar="NAME", help="a model's name or path")
    group.add_argument("--key", help='such as "G major", or "auto" to have it found by ear')
    add_seed(group, "makes a performance repeatable")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any setting, such as tempo.bpm=96; may be repeated",
    )


def add_seed(parser: argparse._ActionsContainer, text: str) -> None:
    """Add `--seed`, with this help."""
    kind = replace(spec_of("sampling.seed")["kind"], word="")
    parser.add_argument("--seed", type=number(kind), metavar="N", help=text)


def add_name(parser: argparse._ActionsContainer, text: str) -> None:
    """Add `--name`, with this help."""
    parser.add_argument("--name", metavar="CLIENT", help=text)


def number(kind: Number) -> Callable[[str], Any]:
    """What reads an option that is a whole number of this kind."""

    def read(text: str) -> Any:
        try:
            return kind.read(int(text))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} isn't {kind.expected}") from None

    return read


def effective_settings(options: argparse.Namespace, *, may_be_new: bool = False) -> Settings:
    """What counts: the defaults, then the configuration file, then these options.

    With `may_be_new` the file that `--config` names needn't be there yet.
    """
    given: dict[str, object] = dict(config.parse_option(text) for text in options.set)
    names: dict[str, str] = {}
    for option, key in _OPTIONS.items():
        value = getattr(options, option.removeprefix("--"), None)
        if value is not None:
            given[key], names[key] = value, option
    if name := getattr(options, "name", None):
        given.setdefault("ports.out_client", f"{name.removesuffix('-in')}-out")
    path = options.config or config_file.find(_pass_over)
    if may_be_new and path and not config_file.is_there(path):
        path = None
    return config.load(path, given, names)


def _pass_over(path: Path) -> None:
    tell(
        f"{path} here isn't read, since most of what it names isn't midigen's: "
        f"if it is, call it {config_file.NAME}"
    )


def new_rng(settings: Settings) -> "np.random.Generator":
    """Where the chances of a performance come from."""
    import numpy as np

    seed = settings.sampling.seed
    return np.random.default_rng(None if seed == "random" else int(seed))


def _escape(exc: UnicodeError) -> tuple[str, int]:
    """What stands for characters that can't be encoded: as TOML and JSON write them."""
    assert isinstance(exc, UnicodeEncodeError)
    characters = map(ord, exc.object[exc.start : exc.end])
    escapes = (f"\\u{each:04x}" if each <= _SHORT else f"\\U{each:08x}" for each in characters)
    return "".join(escapes), exc.end
