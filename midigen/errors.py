"""What can go wrong, and the exit code that says so.

MidigenError                 1   anything else that midigen itself refuses
├── UsageError               2   a command line that can't be followed
│   ├── ConfigError          2   every error of one configuration
│   └── UnknownNoteError     2   not one of the seven letters
├── NoMidiSystemError        3   this machine has no MIDI system, or it doesn't run
├── PortError                4   a port is missing, ambiguous or taken
├── ModelError               5   a model is missing, damaged or of another kind
└── MidiFileError            6   a MIDI file can't be read or written

Only `cli` turns them into exit codes; every message says what is wrong, where,
and what to do about it.
"""

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of the `midigen` command."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NO_MIDI_SYSTEM = 3
    PORT = 4
    MODEL = 5
    MIDI_FILE = 6
    FORCED = 130


class MidigenError(Exception):
    """The parent of every error that midigen raises on purpose."""

    exit_code = ExitCode.FAILURE


class UsageError(MidigenError):
    """A command line that can't be followed."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """All the errors of one configuration, each with its key."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = f"{count} error{'s' if count > 1 else ''} in the configuration:"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))


class UnknownNoteError(UsageError):
    """A note that isn't in the vocabulary."""


class NoMidiSystemError(MidigenError):
    """No MIDI system is installed or running here."""

    exit_code = ExitCode.NO_MIDI_SYSTEM


class PortError(MidigenError):
    """A port is missing, ambiguous or taken."""

    exit_code = ExitCode.PORT


class ModelError(MidigenError):
    """A model is missing, damaged or of another kind."""

    exit_code = ExitCode.MODEL


class MidiFileError(MidigenError):
    """A MIDI file can't be read or written."""

    exit_code = ExitCode.MIDI_FILE
