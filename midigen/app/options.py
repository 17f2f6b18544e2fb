"""The options that several commands share, and the settings that result from them."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midigen.app.console import add_name, tell
from midigen.settings import config, config_file
from midigen.settings.choices import Api, Mode
from midigen.settings.kinds import Number
from midigen.settings.table import SPECS, Settings

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


def add_settings(parser: argparse.ArgumentParser, *, model: bool = True) -> None:
    """Add the options that change settings; without `model`, all but `--model`."""
    group = parser.add_argument_group("settings (config.toml has all of them)")
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the configuration, instead of midigen.toml or config.toml in this folder, or "
        "config.toml in your configuration folder",
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


def add_port_settings(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that name ports. Returns their group."""
    group = parser.add_argument_group("ports")
    group.add_argument("--ports", metavar="API", help=", ".join(Api))
    group.add_argument(
        "--input",
        action="append",
        metavar="NAME",
        help="an existing port to listen to as well, by its name or a unique part of it; "
        'of two that fit, "Keys #2" is the second',
    )
    group.add_argument(
        "--output", action="append", metavar="NAME", help="an existing port to play to as well"
    )
    return group


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add all the options of `run`."""
    parser.add_argument(
        "--quiet", action="store_true", help="show only errors, neither a status nor notices"
    )
    parser.add_argument(
        "--wait", action="store_true", help="wait for named ports that don't exist yet"
    )
    parser.add_argument(
        "--record", metavar="FOLDER", help="record the session in this folder, as a MIDI file"
    )
    parser.add_argument(
        "--keep",
        type=number(SPECS["record.keep"]["kind"]),
        metavar="MINUTES",
        help="save the last minutes as a MIDI file at the end, and whenever `keep` is pressed",
    )
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="log what happens to this file: ports that come and go, notes that are late or "
        "dropped, the clock, errors, and every notice",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show the log on stderr, if no status is drawn there"
    )
    add_settings(parser)
    text = "the client name of its input, by which status and ctl find it; the name of its output "
    add_name(add_port_settings(parser), text + "ends in -out")


def add_seed(parser: argparse._ActionsContainer, text: str) -> None:
    """Add `--seed`, with this help."""
    kind = replace(SPECS["sampling.seed"]["kind"], word="")
    parser.add_argument("--seed", type=number(kind), metavar="N", help=text)


def number(kind: Number) -> Callable[[str], Any]:
    """A reader of an option that is a whole number of this kind, for argparse."""

    def read(text: str) -> Any:
        try:
            return kind.read(int(text))
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} isn't {kind.expected}") from None

    return read


def effective_settings(options: argparse.Namespace, *, may_be_new: bool = False) -> Settings:
    """The settings from the defaults, the configuration file and these options; the last wins.

    With `may_be_new` the file that `--config` names need not exist yet. Raises ConfigError.
    """
    given: dict[str, object] = dict(config.parse_option(text) for text in options.set)
    names: dict[str, str] = {}
    for option, key in _OPTIONS.items():
        if (value := getattr(options, option.removeprefix("--"), None)) is not None:
            given[key], names[key] = value, option
    if name := getattr(options, "name", None):
        given.setdefault("ports.out_client", f"{name.removesuffix('-in')}-out")
    path = options.config or config_file.find(_pass_over)
    is_new = may_be_new and path and not config_file.is_there(path)
    return config.load(None if is_new else path, given, names)


def _pass_over(path: Path) -> None:
    tell(
        f"{path} in this folder isn't read, since most of its settings aren't midigen's: "
        f"if it is meant for midigen, call it {config_file.NAME}"
    )


def new_rng(settings: Settings) -> "np.random.Generator":
    """The random generator of a performance; `sampling.seed` makes it repeatable."""
    import numpy as np

    seed = settings.sampling.seed
    return np.random.default_rng(None if seed == "random" else int(seed))
