"""`midigen ctl`: set a control of the midigen that runs."""

import argparse
from collections.abc import Mapping

from midigen.app.console import printable, show
from midigen.app.parser import add_name
from midigen.errors import ExitCode, UsageError
from midigen.settings import controls

EXAMPLE = "midigen ctl temperature 0.8"

RELOAD = "reload"
"""What it takes beside the controls: config.toml is read again."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add its options."""
    parser.add_argument(
        "control",
        metavar="NAME",
        help=f"{', '.join(controls.CONTROLS)}; or {RELOAD}: read config.toml again",
    )
    parser.add_argument(
        "value", nargs="*", metavar="VALUE", help="such as G major; none for what is pressed"
    )
    add_name(parser)


def run(options: argparse.Namespace) -> ExitCode:
    """Send the control, and print what has become of it."""
    from midigen.live.control_client import ask

    request = _request(options.control, " ".join(options.value))
    for line in ask(request, options.name):
        show(printable(line))
    return ExitCode.OK


def _request(name: str, value: str) -> Mapping[str, object]:
    """What the midigen that runs is asked for. Raises UsageError if it can't be right."""
    known = (*controls.CONTROLS, RELOAD)
    if name not in known:
        raise UsageError(controls.unknown(name, known))
    is_pressed = name == RELOAD or (name in controls.CONTROLS and not controls.CONTROLS[name].kind)
    if is_pressed and value:
        raise UsageError(f"{name} takes no value")
    if name == RELOAD:
        return {"do": "reload"}
    if problem := controls.why_not(name, value):
        raise UsageError(problem)
    return {"do": "set", "name": name, "value": value}
