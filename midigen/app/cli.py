"""The `midigen` command: the table of its commands, and the exit codes."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from midigen import __version__
from midigen.app.console import tell, write_anywhere
from midigen.app.parser import Parser, add_command, begin_commands
from midigen.errors import ExitCode, MidigenError

COMMANDS = {
    "run": "listen to a keyboard and play with it until Ctrl-C",
    "learn": "listen to the knob, pad or pedal that you move, and let it set a control",
    "status": "print how the midigen that runs stands",
    "ctl": "set a control of the midigen that runs, or let it reload its configuration",
    "doctor": ("say what would go wrong with these options of `run`, and how fast this machine is"),
    "service": "have systemd start midigen with your session, and again if it fails",
    "render": "play a MIDI file to it and write both, player and midigen, as two tracks",
    "predict": "print the probabilities of the note after these",
    "train": "train a model on MIDI files (needs the train extra) and write it to models/",
    "evaluate": "measure how well a model predicts songs, beside what it must beat",
    "models": "list the models here and how well they play",
    "ports": "list the ports of each MIDI system here",
    "config": "print the effective configuration: defaults, then config.toml, then options",
}
"""Each command with its help; its module, of the same name, is in `midigen.app.commands`."""

EXIT_CODES = (
    "exit codes: 0 a normal end (a signal too), 1 anything else, 2 a wrong command line "
    "or configuration, 3 no MIDI system, 4 a port, 5 a model, 6 a MIDI file, 130 interrupted "
    "while it starts or works, or forced by a second Ctrl-C"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    write_anywhere()
    words = sys.argv[1:] if arguments is None else arguments
    chosen = next((word for word in words if not word.startswith("-")), None)
    options = new_parser(chosen).parse_args(words)
    try:
        code: ExitCode = options.run(options)
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


def new_parser(chosen: str | None) -> Parser:
    """The parser of the command line, which knows the options of the chosen command only."""
    parser = Parser(
        prog="midigen",
        description="Play a few notes on a MIDI keyboard and hear them carried on.",
        epilog=f"example: midigen run\n\n{EXIT_CODES}",
    )
    parser.add_argument("--version", action="version", version=f"midigen {__version__}")
    commands = begin_commands(parser, "run")
    for name, text in COMMANDS.items():
        if name == chosen:
            module = import_module(f"midigen.app.commands.{name}")
            command = add_command(commands, name, text, module.EXAMPLE)
            command.set_defaults(run=module.run)
            module.add_options(command)
        else:
            add_command(commands, name, text)
    return parser
