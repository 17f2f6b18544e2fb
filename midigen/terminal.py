"""The terminal as a port: letters in on standard input, note names out.

For a machine without a MIDI system, and for trying midigen from a shell. A line
is played in the tempo of the grid, a step a character: `c d e f g a b` are the
seven notes as they are written in the key, in the octave of middle C (upper case
an octave higher), a space or a dash waits a step, and the end of the line ends
the phrase. A line that starts with `:` is a command. From a pipe, each line waits
for the answer to the one before it; the end of the input ends the program after
the last answer.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from io import RawIOBase
from typing import TextIO

from midigen.controls import CONTROLS
from midigen.errors import UnknownNoteError
from midigen.intake import Arrival, Enqueue
from midigen.notes import (
    Channel,
    Control,
    EndOfAnswer,
    EndOfPhrase,
    Event,
    NoteOff,
    NoteOn,
    Output,
    Pitch,
    Quit,
    Seconds,
    pitch_name,
)
from midigen.vocabulary import Key

COMMANDS = (
    "commands: :quit, :help, and each control with its value, such as :temperature 0.8; "
    f"the controls are {', '.join(CONTROLS)}"
)
HELP = (
    "c d e f g a b are the notes (upper case: an octave up), a space or - waits, Enter ends "
    f"the phrase; {COMMANDS}"
)
_OCTAVE = 4
_VELOCITY = 80
_WAITS = " -\t"


def read_notes(line: str, key: Key) -> list[Pitch | None]:
    """The pitches of a line, one a step; None waits.

    Raises UnknownNoteError for any other character.
    """
    return [None if letter in _WAITS else _pitch(letter, key) for letter in line.rstrip()]


def read_command(line: str) -> Control | Quit:
    """What a line such as `:mode duet` asks for."""
    name, _, value = line.removeprefix(":").strip().partition(" ")
    return Quit() if name in ("quit", "q") else Control(name, value.strip())


class Terminal:
    """A `Connection` between standard input and output. `tell` shows the player a line."""

    silence_ends_phrases = False  # the end of the line does
    description = "reading notes from standard input"
    listening: Sequence[str] = ("standard input",)
    playing: Sequence[str] = ("standard output",)
    missing: Sequence[str] = ()
    latency = 0.0
    dropped = returned = 0

    def __init__(
        self,
        key: Key,
        step: Seconds,
        gate: Seconds,
        *,
        stdin: RawIOBase,
        stdout: TextIO,
        tell: Callable[[str], None],
    ) -> None:
        self._key = key
        self._step = step
        self._gate = gate
        self._stdin = stdin
        self._stdout = stdout
        self._tell = tell
        self._closing = threading.Event()
        self._answered = threading.Event()
        self._texts: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        # Not joined: a read from a terminal can't be interrupted.
        self._reader = threading.Thread(target=self._read, name="terminal-in", daemon=True)
        self._writer = threading.Thread(target=self._write, name="terminal-out", daemon=True)

    def open(self, enqueue: Enqueue) -> None:
        """Begin to read and to print."""
        self._enqueue = enqueue
        self._writer.start()
        self._reader.start()

    def adjust(self, *, hears_clock: bool, channel: Channel) -> None:
        """The terminal has neither a clock nor channels."""

    def send(self, output: Output) -> bool:
        """Print a note as it begins; the end of the answer ends the line."""
        match output:
            case NoteOn():
                self._texts.put(f"{pitch_name(output.pitch)} ")
            case EndOfAnswer():
                self._texts.put("\n")
                self._answered.set()
        return True

    def let_go(self) -> int:
        """Nothing is held here."""
        return 0

    def check(self) -> list[str]:
        """Nothing to look after: the end of the input ends the program by itself."""
        return []

    def close(self) -> None:
        """Stop reading, and print what is left."""
        self._closing.set()
        self._texts.put(None)
        self._writer.join(timeout=1.0)  # standard output may be stuck

    def _put(self, event: Event | Quit) -> None:
        if not self._closing.is_set():
            self._enqueue(Arrival(time.perf_counter(), lambda event: (event,), event))

    def _read(self) -> None:
        waits_for_answers = not self._stdin.isatty()
        while line := self._stdin.readline():
            text = line.decode(errors="replace").strip("\r\n")
            if text.lstrip().startswith(":"):
                self._obey(text.strip())
            elif self._play(text):
                self._hand_over(wait=waits_for_answers)
        self._hand_over(wait=True)
        self._put(Quit())

    def _obey(self, text: str) -> None:
        if text == ":help":
            self._tell(HELP)
        else:
            self._put(read_command(text))

    def _play(self, line: str) -> bool:
        try:
            pitches = read_notes(line, self._key)
        except UnknownNoteError as exc:
            self._tell(f"{exc}; :help says more")
            return False
        start = time.perf_counter()
        for index, pitch in enumerate(pitches):
            onset = start + index * self._step
            if pitch is None:
                continue
            self._wait_until(onset)
            self._put(NoteOn(pitch, _VELOCITY))
            self._wait_until(onset + self._gate)
            self._put(NoteOff(pitch))
        self._wait_until(start + len(pitches) * self._step)
        return True

    def _hand_over(self, *, wait: bool) -> None:
        self._answered.clear()
        self._put(EndOfPhrase())
        if wait:
            while not self._answered.wait(timeout=0.1):
                if self._closing.is_set():
                    return

    def _wait_until(self, time_: Seconds) -> None:
        self._closing.wait(max(0.0, time_ - time.perf_counter()))

    def _write(self) -> None:
        line_is_empty = True
        while (text := self._texts.get()) is not None:
            if text == "\n" and line_is_empty:
                continue
            line_is_empty = text == "\n"
            try:
                self._stdout.write(text)
                self._stdout.flush()
            except (OSError, ValueError):  # nobody reads it any more
                self._put(Quit())
                return


def _pitch(letter: str, key: Key) -> Pitch:
    return key.written(letter, _OCTAVE + letter.isupper())
