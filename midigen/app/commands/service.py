"""`midigen service`: have systemd start midigen when you log in.

`install` refuses a service that couldn't start.
"""

import argparse
import sys
from pathlib import Path

from midigen.app import systemd
from midigen.app.console import show
from midigen.app.options import add_run_options, effective_settings
from midigen.app.parser import Parser, add_command, begin_commands
from midigen.errors import ExitCode, UsageError
from midigen.settings.choices import Api
from midigen.settings.table import Settings

EXAMPLE = "midigen service status"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add its own commands: install, uninstall and status."""
    services = begin_commands(parser, "act")
    text = "start it now and whenever you log in; it plays as `midigen run` would in this folder"
    example = 'midigen service install -- --mode duet --input "USB Keyboard"'
    install = add_command(services, "install", text, example)
    install.set_defaults(act=_install)
    install.usage = "midigen service install [-h] [-- OPTION ...]"
    install.add_argument(
        "options", nargs="*", metavar="OPTION", help="what `midigen run` takes, after --"
    )
    text = "stop it and remove it"
    uninstall = add_command(services, "uninstall", text, "midigen service uninstall")
    uninstall.set_defaults(act=_uninstall)
    text = "say whether it is installed and running"
    status = add_command(services, "status", text, "midigen service status")
    status.set_defaults(act=_status)


def run(options: argparse.Namespace) -> ExitCode:
    """Carry out install, uninstall or status; without one, print the help."""
    code: ExitCode = options.act(options)
    return code


def _install(options: argparse.Namespace) -> ExitCode:
    systemd.unit_path()  # fails if this system has no services
    run = Parser(prog="midigen run")  # for its errors about unknown options
    add_run_options(run)
    _prove(effective_settings(run.parse_args(options.options)))
    command = [sys.executable, "-m", "midigen", "run", *options.options]
    folder = Path.cwd()
    path = systemd.install(systemd.unit_text(command, folder))
    show(f"{path}: installed; it plays as `midigen run` would in {folder}")
    show("it starts whenever you log in; to start it at boot: loginctl enable-linger")
    return ExitCode.OK


def _uninstall(_: argparse.Namespace) -> ExitCode:
    path = systemd.uninstall()
    show(f"{path}: removed" if path else f"{systemd.unit_path()}: not installed")
    return ExitCode.OK


def _status(_: argparse.Namespace) -> ExitCode:
    path = systemd.unit_path()
    show(f"{path}: {'installed' if path.exists() else 'not installed'}")
    answers = {question: systemd.ask(question) for question in ("is-active", "is-enabled")}
    for question, answer in answers.items():
        show(f"{question}: {answer}")
    return ExitCode.OK if answers["is-active"] == "active" else ExitCode.FAILURE


def _prove(settings: Settings) -> None:
    """Raise UsageError or ModelError if midigen couldn't start with these settings."""
    from midigen.prediction.models import find_model, load_model

    if settings.ports.api is Api.TERMINAL:
        raise UsageError("a service has no terminal: choose other --ports")
    load_model(settings.model)
    for scene in settings.scene:
        if scene.model:
            find_model(scene.model)
