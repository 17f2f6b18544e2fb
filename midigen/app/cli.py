"""The `midigen` command: its parser, the commands about files and lists, and the exit codes.

Each command imports what it needs when it runs, so that none pays for another.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from midigen import __version__
from midigen.app import (
    doctor_commands,
    model_commands,
    remote_commands,
    render_command,
    run_commands,
    service_commands,
)
from midigen.app.command_line import (
    Parser,
    add_command,
    add_settings,
    begin_commands,
    effective_settings,
    show,
    tell,
    write_anywhere,
)
from midigen.errors import ExitCode, MidigenError
from midigen.settings import toml

EXIT_CODES = (
    "exit codes: 0 a normal end (a signal too), 1 anything else, 2 a wrong command line "
    "or configuration, 3 no MIDI system, 4 a port, 5 a model, 6 a MIDI file, 130 interrupted "
    "while it starts or works, or forced by a second Ctrl-C"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    write_anywhere()
    options = _parser().parse_args(arguments)
    try:
        code: ExitCode = options.command(options)
        sys.stdout.flush()
    except MidigenError as exc:
        tell(str(exc))
        return exc.exit_code
    except KeyboardInterrupt:
        return ExitCode.FORCED
    except BrokenPipeError:  # the reader of our output left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    return code


# --- the command line


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="midigen",
        description="Play a few notes on a MIDI keyboard and hear them carried on.",
        epilog=f"example: midigen run\n\n{EXIT_CODES}",
    )
    parser.add_argument("--version", action="version", version=f"midigen {__version__}")
    commands = begin_commands(parser)
    run_commands.add_commands(commands)
    remote_commands.add_commands(commands)
    doctor_commands.add_commands(commands)
    service_commands.add_commands(commands)
    render_command.add_commands(commands)
    model_commands.add_commands(commands)
    _add_ports(commands)
    _add_config(commands)
    return parser


def _add_ports(commands: Any) -> None:
    add_command(
        commands, "ports", _ports, "list the ports of each MIDI system here", "midigen ports"
    )


def _add_config(commands: Any) -> None:
    parser = add_command(
        commands,
        "config",
        _config,
        "print the effective configuration: defaults, then config.toml, then options",
        "midigen config --mode duet > my.toml",
    )
    add_settings(parser)
    run_commands.add_port_settings(parser)


# --- the commands


def _ports(_: argparse.Namespace) -> ExitCode:
    from midigen.live.midi_system import list_ports

    listings = list_ports()
    for listing in listings:
        show(listing.api + (f": {listing.problem}" if listing.problem else ""))
        for direction, ports in (("input", listing.inputs), ("output", listing.outputs)):
            for port in ports:
                print(f'  --{direction} "{port.name}"')
    works = any(not listing.problem for listing in listings)
    return ExitCode.OK if works else ExitCode.NO_MIDI_SYSTEM


def _config(options: argparse.Namespace) -> ExitCode:
    text = toml.render(effective_settings(options))
    if (
        sys.stdout.encoding.lower() != "utf-8"
    ):  # a file that a shell makes of it is read all the same
        text = text.encode("ascii", "escape").decode()
    print(text, end="")
    return ExitCode.OK
