"""The `midigen` command: its parser, the commands about files and lists, and the exit codes.

Each command imports what it needs when it runs, so that none pays for another.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from midigen import (
    __version__,
    config,
    doctor_commands,
    model_commands,
    remote_commands,
    run_commands,
    service_commands,
)
from midigen.command_line import (
    Parser,
    add_command,
    add_settings,
    begin_commands,
    effective_settings,
    new_rng,
    show,
    tell,
    write_anywhere,
)
from midigen.errors import ExitCode, MidigenError

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
    _add_render(commands)
    model_commands.add_commands(commands)
    _add_ports(commands)
    _add_config(commands)
    return parser


def _add_render(commands: Any) -> None:
    parser = add_command(
        commands,
        "render",
        _render,
        "play a MIDI file to it and write both, player and midigen, as two tracks",
        "midigen render in.mid out.mid --seed 1",
    )
    parser.add_argument(
        "source",
        type=Path,
        metavar="IN.MID",
        help="what the player plays; its tempo and bar count, but for those given by --set",
    )
    parser.add_argument("destination", type=Path, metavar="OUT.MID", help="the file to write")
    parser.add_argument(
        "--plot", type=Path, metavar="PNG", help="draw both as a piano roll (needs the plot extra)"
    )
    add_settings(parser)


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


def _render(options: argparse.Namespace) -> ExitCode:
    settings = effective_settings(options)

    from midigen.onnx_predictor import LoadedModels, OnnxPredictor, find_model
    from midigen.render import render_file

    predictor = OnnxPredictor(find_model(settings.model))
    result = render_file(
        options.source,
        options.destination,
        settings,
        predictor,
        new_rng(settings),
        models=LoadedModels(),
        given={config.parse_option(text)[0] for text in options.set},
    )
    if result.notice:
        tell(f"{options.source}: {result.notice}")
    show(
        f"{options.destination}: {result.player_notes} notes of the player's, "
        f"{result.machine_notes} of midigen's, {result.length:.1f} s"
    )
    if options.plot:
        from midigen.piano_roll import plot

        plot(options.destination, options.plot, result.key)
        show(str(options.plot))
    return ExitCode.OK


def _ports(_: argparse.Namespace) -> ExitCode:
    from midigen.midi_system import list_ports

    listings = list_ports()
    for listing in listings:
        show(listing.api + (f": {listing.problem}" if listing.problem else ""))
        for direction, ports in (("input", listing.inputs), ("output", listing.outputs)):
            for port in ports:
                print(f'  --{direction} "{port.name}"')
    works = any(not listing.problem for listing in listings)
    return ExitCode.OK if works else ExitCode.NO_MIDI_SYSTEM


def _config(options: argparse.Namespace) -> ExitCode:
    text = config.render(effective_settings(options))
    if (
        sys.stdout.encoding.lower() != "utf-8"
    ):  # a file that a shell makes of it is read all the same
        text = text.encode("ascii", "escape").decode()
    print(text, end="")
    return ExitCode.OK
