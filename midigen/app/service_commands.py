"""The commands that make midigen a service: `service install`, `uninstall` and `status`.

What a service would only fail at when it starts is refused when it is installed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from midigen.app import run_commands, service
from midigen.app.command_line import Parser, add_command, begin_commands, effective_settings, show
from midigen.errors import ExitCode, UsageError
from midigen.settings.choices import Api
from midigen.settings.table import Settings


def add_commands(commands: Any) -> None:
    """Add the commands of this room."""
    text = "have systemd start midigen with your session, and again if it fails"
    parser = commands.add_parser(
        "service",
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog="example: midigen service status",
    )
    services = begin_commands(parser)
    _add_install(services)
    add_command(services, "uninstall", _uninstall, "stop it for good", "midigen service uninstall")
    add_command(
        services,
        "status",
        _status,
        "say whether it is installed and plays",
        "midigen service status",
    )


def _add_install(services: Any) -> None:
    parser = add_command(
        services,
        "install",
        _install,
        "start it now and whenever you log in; it plays as `midigen run` would in this folder",
        'midigen service install -- --mode duet --input "USB Keyboard"',
    )
    parser.usage = "midigen service install [-h] [-- OPTION ...]"
    parser.add_argument(
        "options", nargs="*", metavar="OPTION", help="what `midigen run` takes, after --"
    )


def _install(options: argparse.Namespace) -> ExitCode:
    service.unit_path()  # first of all, whether this system has services
    _prove(effective_settings(_read_by_run(options.options)))
    command = [sys.executable, "-m", "midigen", "run", *options.options]
    folder = Path.cwd()
    path = service.install(service.unit_text(command, folder))
    show(f"{path}: installed; it plays as `midigen run` would in {folder}")
    show("it starts whenever you log in; to have it start with the machine: loginctl enable-linger")
    return ExitCode.OK


def _uninstall(_: argparse.Namespace) -> ExitCode:
    path = service.uninstall()
    show(f"{path}: removed" if path else f"{service.unit_path()}: not installed")
    return ExitCode.OK


def _status(_: argparse.Namespace) -> ExitCode:
    path = service.unit_path()
    show(f"{path}: {'installed' if path.exists() else 'not installed'}")
    answers = {question: service.ask(question) for question in ("is-active", "is-enabled")}
    for question, answer in answers.items():
        show(f"{question}: {answer}")
    return ExitCode.OK if answers["is-active"] == "active" else ExitCode.FAILURE


def _read_by_run(arguments: Sequence[str]) -> argparse.Namespace:
    """What `midigen run` makes of these arguments; if it can't, its usage and exit code 2."""
    commands = Parser(prog="midigen").add_subparsers()
    run_commands.add_commands(commands)
    return commands.choices["run"].parse_args(arguments)


def _prove(settings: Settings) -> None:
    """Make sure that it could start. Raises UsageError or ModelError."""
    from midigen.prediction.models import find_model, load_model

    if settings.ports.api is Api.TERMINAL:
        raise UsageError("a service has no terminal to play in: choose other --ports")
    load_model(settings.model)
    for scene in settings.scene:
        if scene.model:
            find_model(scene.model)
