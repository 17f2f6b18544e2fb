"""`midigen ctl`: set a control of the running midigen."""

import argparse
from collections.abc import Mapping

from midigen.app.console import add_name, show
from midigen.errors import ExitCode, UsageError
from midigen.settings import controls
from midigen.text import printable

RELOAD = "reload"
"""Not a control: reloads the configuration."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "control",
        metavar="NAME",
        help=f"{', '.join(controls.CONTROLS)}; or {RELOAD}: read config.toml again",
    )
    parser.add_argument(
        "value",
        nargs="*",
        metavar="VALUE",
        help="such as G major; none for a control that is pressed",
    )
    add_name(parser)


def run(options: argparse.Namespace) -> ExitCode:
    from midigen.live.control_client import ask

    request = _request(options.control, " ".join(options.value))
    for line in ask(request, options.name):
        show(printable(line))
    return ExitCode.OK


def _request(name: str, value: str) -> Mapping[str, object]:
    """The request to the running midigen. Raises UsageError if it can't be valid."""
    known = (*controls.CONTROLS, RELOAD)
    if name not in known:
        raise UsageError(controls.unknown(name, known))
    if value and (name == RELOAD or not controls.CONTROLS[name].kind):
        raise UsageError(f"{name} takes no value")
    if name == RELOAD:
        return {"do": "reload"}
    if problem := controls.why_not(name, value):
        raise UsageError(problem)
    return {"do": "set", "name": name, "value": value}
