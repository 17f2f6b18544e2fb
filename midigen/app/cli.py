"""The `midigen` command: the table of its commands, and the exit codes."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from midigen import __version__
from midigen.app.console import Parser, add_command, begin_commands, tell, write_anywhere
from midigen.errors import ExitCode, MidigenError

COMMANDS = {
    "run": "listen to a keyboard and play with it until Ctrl-C",
    "learn": "map a knob, pad or pedal to a control: move it, and midigen learns which it is",
    "status": "print the state of the running midigen",
    "ctl": "set a control of the running midigen, or have it reload its configuration",
    "doctor": "check what `run` would need with these options, and how fast this machine is",
    "service": "have systemd start midigen when you log in, and restart it if it fails",
    "render": "play a MIDI file to midigen, and write what both play as two tracks",
    "predict": "print the probabilities of the note that comes next",
    "train": "train a model on MIDI files (needs the train extra) and write it to models/",
    "evaluate": "measure how well a model predicts songs, beside simpler models",
    "models": "list the models here and how well they predict",
    "ports": "list the ports of each MIDI system on this machine",
    "config": "print the effective configuration: defaults, then config.toml, then options",
}
"""Each command with its help; its module, of the same name, is in `midigen.app.commands`."""

EXAMPLES = {
    "run": 'midigen run --mode duet --input "USB Keyboard"',
    "learn": "midigen learn temperature",
    "status": "midigen status",
    "ctl": "midigen ctl temperature 0.8",
    "doctor": "midigen doctor --mode duet --input Keys",
    "service": "midigen service status",
    "render": "midigen render in.mid out.mid --seed 1",
    "predict": "midigen predict E A A",
    "train": "midigen train corpus/pop909 --name pop --seed 1",
    "evaluate": "midigen evaluate pop corpus/pop909 --split test",
    "models": "midigen models",
    "ports": "midigen ports",
    "config": "midigen config --mode duet > my.toml",
}

EXIT_CODES = (
    "exit codes: 0 success, also when a signal ends it, 1 any other error, 2 wrong command line "
    "or configuration, 3 no MIDI system, 4 a problem with a port, 5 with a model, 6 with a MIDI "
    "file, 130 interrupted while it starts or works, or forced to end by a second Ctrl-C"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    write_anywhere()
    words = sys.argv[1:] if arguments is None else arguments
    chosen = next((word for word in words if not word.startswith("-")), None)
    options = new_parser(chosen).parse_args(words)
    try:
        code: ExitCode | None = options.run(options)
        sys.stdout.flush()
    except MidigenError as exc:
        tell(str(exc))
        return exc.exit_code
    except KeyboardInterrupt:
        return ExitCode.FORCED
    except BrokenPipeError:  # whatever reads the output has ended, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    return code or ExitCode.OK


def new_parser(chosen: str | None) -> Parser:
    """The parser of the command line, which knows the options of the chosen command only."""
    parser = Parser(
        prog="midigen",
        description="Play a few notes on a MIDI keyboard and hear them carried on.",
        epilog=f"example: midigen run\n\n{EXIT_CODES}",
    )
    parser.add_argument("--version", action="version", version=f"midigen {__version__}")
    commands = begin_commands(parser)
    for name, text in COMMANDS.items():
        command = add_command(commands, name, text, EXAMPLES[name])
        if name == chosen:
            module = import_module(f"midigen.app.commands.{name}")
            command.set_defaults(run=getattr(module, "run", None))
            if hasattr(module, "add_options"):
                module.add_options(command)
    return parser
