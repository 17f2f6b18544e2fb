"""The terminal as a port: letters in on standard input, note names out.

For machines without a MIDI system, and for trying midigen in a shell. A line is played on the
grid, one step a note; `HELP` says what it may have. Small letters are in the octave of middle C.
Key, tempo and grid are those in force when the line is read. From a pipe, each line waits for the
answer to the line before it, and the end of the input ends the program after the last answer.
"""

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from io import RawIOBase
from typing import ClassVar, TextIO

from midigen.errors import UnknownNoteError
from midigen.instrument.events import EndOfAnswer, EndOfPhrase, Event, Output
from midigen.live.connection import Arrival, Connection, Enqueue, Quit
from midigen.live.standard_input import lines
from midigen.midi.messages import Channel, NoteOff, NoteOn, Pitch, Seconds
from midigen.music.keys import Key
from midigen.settings.controls import CONTROLS, Control

COMMANDS = (
    "commands: :quit, :help, and each control with its value, such as :temperature 0.8 "
    "(:mute and :hold alone toggle); "
    f"the controls are {', '.join(CONTROLS)}"
)
HELP = (
    "c d e f g a b are the notes of the key (upper case: an octave up), f# and bb a sharp and a "
    "flat, b b two notes; a space or - waits a step, | doesn't, Enter ends the phrase; "
    f"{COMMANDS}"
)
_OCTAVE = 4
_VELOCITY = 80
_WAITS = " \t-"
_BAR_LINE = "|"
_NOTE = re.compile(r"([^#♯♭])([#♯♭b]?)")  # any letter: the key checks it
_RUN = re.compile(rf"[{_WAITS}]|[^{_BAR_LINE}{_WAITS}]+")


@dataclass(frozen=True)
class Manner:
    """How a line is read and played: the key, and how long a step and a note last (`gate`)."""

    key: Key
    step: Seconds
    gate: Seconds


def read_notes(line: str, key: Key) -> list[Pitch | None]:
    """The pitches of a line, one a step; None is a rest.

    A small b after a letter makes it flat if the two stand alone. In a longer run of letters it
    could also be a note, and is refused. Raises UnknownNoteError for that, and for anything that
    isn't a note.
    """
    steps: list[Pitch | None] = []
    for run in _RUN.findall(line.rstrip()):
        if run in _WAITS:
            steps.append(None)
        else:
            steps += [key.written(note, _OCTAVE + note[0].isupper()) for note in _notes(run)]
    return steps


def _notes(run: str) -> list[str]:
    """The notes of a run of letters."""
    if _NOTE.fullmatch(run):
        return [run]
    if doubtful := re.search(r"[A-Ga-g]b", run):
        letter = doubtful[0][0]
        raise UnknownNoteError(
            f"{run!r} may have {letter.upper()} flat in it or {letter.upper()} and B: write "
            f"|{letter}b| for the flat, {letter}|b for two notes"
        )
    notes = re.findall(r".[#♯♭]?", run)
    if wrong := next((note for note in notes if note[0] in "#♯♭"), None):
        raise UnknownNoteError(f"{wrong[0]!r} in {run!r} must come after a letter, one at the most")
    return notes


def read_command(line: str) -> Control | Quit:
    """The command in a line such as `:mode duet`."""
    name, _, value = line.removeprefix(":").strip().partition(" ")
    return Quit() if name in ("quit", "q") else Control(name, value.strip())


@dataclass(eq=False)
class Terminal(Connection):
    """A `Connection` between standard input and output. `tell` shows the player a line.

    `manner` gives the manner in force; it is called on the worker's thread.
    """

    manner: Callable[[], Manner]
    _: KW_ONLY
    stdin: RawIOBase
    stdout: TextIO
    tell: Callable[[str], None]

    silence_ends_phrases = False  # the end of the line does
    description = "reading notes from standard input"
    listening: ClassVar[Sequence[str]] = ("standard input",)
    playing: ClassVar[Sequence[str]] = ("standard output",)
    missing: ClassVar[Sequence[str]] = ()
    latency = 0.0
    trouble = ""
    dropped = returned = 0

    def __post_init__(self) -> None:
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
        """Do nothing: the terminal has neither a clock nor channels."""

    def send(self, output: Output) -> bool:
        """Print a note when it begins, and end the line with the answer."""
        match output:
            case NoteOn():
                self._texts.put(f"{self.manner().key.pitch_name(output.pitch)} ")
            case EndOfAnswer():
                self._texts.put("\n")
                self._answered.set()
        return True

    def close(self) -> None:
        """Stop reading, and print the rest."""
        self._closing.set()
        self._texts.put(None)
        self._writer.join(timeout=1.0)  # standard output may be stuck

    def _put(self, event: Event | Quit) -> None:
        if not self._closing.is_set():
            self._enqueue(Arrival(time.perf_counter(), lambda event: (event,), event))

    def _read(self) -> None:
        waits_for_answers = not self.stdin.isatty()
        for text in lines(self.stdin):
            if not text.lstrip().startswith(":"):
                if self._play(text):
                    self._hand_over(wait=waits_for_answers)
            elif text.strip() == ":help":
                self.tell(HELP)
            else:
                self._put(read_command(text.strip()))
        self._hand_over(wait=True)
        self._put(Quit())

    def _manner_now(self) -> Manner | None:
        """The manner in force once everything typed before has been handled; None at the end."""
        told: queue.SimpleQueue[Manner] = queue.SimpleQueue()

        def tell(_: None) -> Sequence[Event]:
            told.put(self.manner())
            return ()

        self._enqueue(Arrival(time.perf_counter(), tell, None))
        while not self._closing.is_set():
            with contextlib.suppress(queue.Empty):
                return told.get(timeout=0.1)
        return None

    def _play(self, line: str) -> bool:
        if (manner := self._manner_now()) is None:
            return False
        try:
            pitches = read_notes(line, manner.key)
        except UnknownNoteError as exc:
            self.tell(f"{exc}; :help says more")
            return False
        start = time.perf_counter()
        for index, pitch in enumerate(pitches):
            if pitch is not None:
                onset = start + index * manner.step
                self._wait_until(onset)
                self._put(NoteOn(pitch, _VELOCITY))
                self._wait_until(onset + manner.gate)
                self._put(NoteOff(pitch))
        self._wait_until(start + len(pitches) * manner.step)
        return True

    def _hand_over(self, *, wait: bool) -> None:
        self._answered.clear()
        self._put(EndOfPhrase())
        while wait and not (self._answered.wait(timeout=0.1) or self._closing.is_set()):
            pass

    def _wait_until(self, time_: Seconds) -> None:
        self._closing.wait(max(0.0, time_ - time.perf_counter()))

    def _write(self) -> None:
        line_is_empty = True
        while (text := self._texts.get()) is not None:
            if text == "\n" and line_is_empty:
                continue
            line_is_empty = text == "\n"
            try:
                self.stdout.write(text)
                self.stdout.flush()
            except (OSError, ValueError):  # the reader has gone
                self._put(Quit())
                return
