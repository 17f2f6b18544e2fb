"""What every room of commands needs: its parsers, the settings they ask for, and a line to say."""

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midigen import config
from midigen.errors import ExitCode
from midigen.settings import Mode, Settings

if TYPE_CHECKING:
    import numpy as np


def tell(line: str) -> None:
    """Show the player a line, on stderr: stdout is for what a command is asked for."""
    with contextlib.suppress(OSError):  # the terminal was closed; the music goes on
        print(f"midigen: {line}", file=sys.stderr, flush=True)


def add_command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], ExitCode], text: str, example: str
) -> argparse.ArgumentParser:
    """Add a command that `run` carries out; `text` is its help, without a capital or a stop."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
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
        help="instead of config.toml here or in your configuration folder",
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
    parser.add_argument("--seed", type=_seed, metavar="N", help=text)


def effective_settings(options: argparse.Namespace) -> Settings:
    """What counts: the defaults, then the configuration file, then these options."""
    given: dict[str, object] = dict(config.parse_option(text) for text in options.set)
    named = {
        "mode": options.mode,
        "model": options.model,
        "key": options.key,
        "sampling.seed": options.seed,
        "ports.api": getattr(options, "ports", None),
        "ports.input": getattr(options, "input", None),
        "ports.output": getattr(options, "output", None),
        "record.path": getattr(options, "record", None),
        "record.keep": getattr(options, "keep", None),
    }
    given |= {key: value for key, value in named.items() if value is not None}
    return config.load(options.config or config.find_file(), given)


def new_rng(settings: Settings) -> "np.random.Generator":
    """Where the chances of a performance come from."""
    import numpy as np

    seed = settings.sampling.seed
    return np.random.default_rng(None if seed == "random" else int(seed))


def _seed(text: str) -> int:
    seed = int(text)
    if not 0 <= seed < 2**32:
        raise argparse.ArgumentTypeError(f"{seed} isn't in 0 to {2**32 - 1}")
    return seed
