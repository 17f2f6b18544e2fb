"""What the display writes, and how it behaves on real terminals."""

import io
import os
import queue
import re
import subprocess
import sys
import termios
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.app.display import Display, is_worthwhile
from midigen.app.status_rows import Row, Sheet, rows
from midigen.instrument.status import Status
from tests.app.statuses import BUSY, SILENT, WIDE, plain
from tests.terminals import open_pty, read_until


class Screen:
    """A terminal that understands what the display writes; nothing scrolls out of it."""

    def __init__(self) -> None:
        self.lines = [""]
        self.row = 0
        self.column = 0
        self.cursor_is_shown = True

    def write(self, text: str) -> None:
        for escape, number, command, character in re.findall(
            r"(\x1b\[\??([\d;]*)([A-Za-z]))|(?s:(.))", text
        ):
            if escape:
                self._obey(command, number)
            elif character == "\r":
                self.column = 0
            elif character == "\n":
                self.row += 1
                self.lines += [""] * (self.row + 1 - len(self.lines))
            else:
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
                self.column += 1

    def _obey(self, command: str, number: str) -> None:
        match command:
            case "A":
                self.row -= int(number)
                assert self.row >= 0
            case "J":
                del self.lines[self.row + 1 :]
                self.lines[self.row] = self.lines[self.row][: self.column]
            case "K":
                self.lines[self.row] = self.lines[self.row][: self.column]
            case "h" | "l":
                self.cursor_is_shown = command == "h"


class Stream(io.StringIO):
    """A stream that puts what is written to it into a queue."""

    def __init__(self) -> None:
        super().__init__()
        self.written: queue.SimpleQueue[str] = queue.SimpleQueue()

    def write(self, text: str, /) -> int:
        self.written.put(text)
        return len(text)


@pytest.fixture(autouse=True)
def xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal with sixteen colours, whatever the tests run in."""
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "COLORTERM", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


# What it writes.


def row(text: str, style: str = "") -> Row:
    return ((text, style),)


WORDS = st.text("abc ", min_size=1, max_size=9).map(str.strip)
FRAMES = st.lists(st.tuples(st.lists(WORDS, max_size=3), st.lists(WORDS, max_size=6)), max_size=8)


@given(FRAMES)
def test_notices_stay_above_the_newest_rows(frames: list[tuple[list[str], list[str]]]) -> None:
    screen, sheet = Screen(), Sheet(io.StringIO())
    screen.write("$ midigen run\r\n")
    expected: list[str] = ["$ midigen run"]
    drawn: list[str] = []
    for notices, drawn in frames:
        expected += notices
        screen.write(sheet.frame([row(n) for n in notices], [row(text) for text in drawn], WIDE))
        assert screen.cursor_is_shown
    assert screen.lines == [*expected, *(drawn or [""])]
    screen.write(sheet.frame([], [], WIDE))
    assert screen.lines == [*expected, ""]
    assert (screen.row, screen.column) == (len(expected), 0)


def test_the_cursor_is_at_the_end_of_the_typed_line() -> None:
    screen = Screen()
    screen.write(Sheet(io.StringIO()).frame([], rows(BUSY, ":mode", WIDE), WIDE))
    assert (screen.lines[screen.row], screen.column) == ("> :mode", 7)


def test_a_terminal_that_got_narrower_has_wrapped_what_stood_there() -> None:
    sheet = Sheet(io.StringIO())
    sheet.frame([], [row("x" * 50), row("x" * 21), row("")], WIDE)
    drawn = sheet.frame([], [row("y")], os.terminal_size((20, 24)))
    assert drawn == "\x1b[?25l\r\x1b[5A\x1b[Jy\x1b[K\x1b[J\x1b[?25h"


def test_colours() -> None:
    frame = Sheet(io.StringIO()).frame([row("played", "bold")], [row("YOU", "reverse green")], WIDE)
    assert frame == (
        "\x1b[?25l\r\x1b[J\x1b[1mplayed\x1b[0m\r\n\x1b[7;32mYOU\x1b[0m\x1b[K\x1b[J\x1b[?25h"
    )


def test_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    frame = Sheet(io.StringIO()).frame([], [row("YOU", "reverse green"), row("a", "cyan")], WIDE)
    assert frame == "\x1b[?25l\r\x1b[J\x1b[7mYOU\x1b[0m\x1b[K\r\na\x1b[K\x1b[J\x1b[?25h"


# The thread.


def test_from_start_to_stop() -> None:
    stream, screen = Stream(), Screen()
    display = Display(lambda: SILENT, stream=stream)
    display.tell("first")
    display.start("midigen: in C major")
    screen.write(stream.written.get(timeout=20))
    assert screen.lines == [
        "midigen: in C major",
        "first",
        *(row.ljust(len(whole)) for row, whole in zip(plain_rows(), whole_rows(), strict=True)),
    ]
    display.tell("one\ntwo \x1b[2J")
    screen.write(stream.written.get(timeout=20))
    assert screen.lines[1:5] == ["first", "one", "two ?[2J", whole_rows()[0]]
    display.tell("last")
    display.stop()
    display.stop()
    while not stream.written.empty():
        screen.write(stream.written.get())
    assert screen.lines == ["midigen: in C major", "first", "one", "two ?[2J", "last", ""]


def whole_rows() -> list[str]:
    return ["".join(text for text, _ in row) for row in rows(SILENT, None, WIDE)]


def plain_rows() -> list[str]:
    return plain(rows(SILENT, None, WIDE))


def test_what_stays_the_same_is_not_drawn_again() -> None:
    looks = iter(range(1000))
    enough = threading.Event()

    def latest() -> Status:
        if next(looks) == 4:
            enough.set()
        return replace(SILENT)  # equal, if not the same

    stream = Stream()
    display = Display(latest, stream=stream)
    display.start("midigen")
    assert enough.wait(20)
    display.stop()
    assert len([stream.written.get() for _ in range(stream.written.qsize())]) == 2  # and its end


def test_a_change_is_drawn() -> None:
    now = SILENT
    stream = Stream()
    display = Display(lambda: now, stream=stream)
    display.start("midigen")
    assert " - " in stream.written.get(timeout=20)
    now = replace(SILENT, turn="you")
    assert " YOU " in stream.written.get(timeout=20)
    display.stop()


def test_notices_break_between_words() -> None:
    with open_pty() as (person, terminal):
        termios.tcsetwinsize(terminal, (24, 40))
        with open(terminal, "w", closefd=False, encoding="utf-8") as stream:
            display = Display(lambda: SILENT, stream=stream)
            display.tell('key is "auto" or a tonic and a mode, such as "G major", not "H"')
            display.start("call-response in C major, model songs: listening to nothing at all")
            seen = read_until(person, "model songs\x1b")
            display.stop()
    text = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", seen).replace("\r", "")
    assert text.split("\n")[:4] == [
        "call-response in C major, model songs:",
        "  listening to nothing at all",
        'key is "auto" or a tonic and a mode,',
        '  such as "G major", not "H"',
    ]


def test_a_display_that_never_began_can_be_stopped() -> None:
    display = Display(lambda: None, stream=Stream(), typed=print)
    display.tell("nobody sees it")
    display.stop()


def display_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name in ("display", "typing")]


def test_a_closed_stream_does_no_harm() -> None:
    stream = io.StringIO()
    display = Display(lambda: SILENT, stream=stream)
    stream.close()
    display.start("midigen")
    display.tell("nobody sees it")
    display.stop()
    assert display_threads() == []


def test_it_ends_silently_when_the_terminal_hangs_up() -> None:
    with open_pty() as (person, terminal), open(terminal, "w", closefd=False) as stream:
        lines: list[str] = []
        display = Display(lambda: SILENT, stream=stream, typed=lines.append, keyboard=stream)
        display.start("midigen")
        read_until(person, "C major")
        os.close(person)
        for thread in display_threads():
            if thread.name == "typing":
                thread.join(timeout=20)
        display.tell("nobody sees it")
        display.stop()
        assert lines == []
        assert display_threads() == []


def test_nothing_waits_for_a_stuck_terminal() -> None:
    with open_pty() as (person, terminal), open(terminal, "w", closefd=False) as stream:
        display = Display(lambda: SILENT, stream=stream)
        for _ in range(1000):  # more than fits while nobody reads
            display.tell("x" * 1000)
        begun = time.perf_counter()
        display.start("midigen")
        display.tell("one more")
        assert time.perf_counter() - begun < 5  # not for ever
        display.stop()
        assert time.perf_counter() - begun < 10
        stuck = display_threads()
        assert [thread.name for thread in stuck] == ["display"]
        os.close(person)
        stuck[0].join(timeout=20)
        assert display_threads() == []


def test_which_terminals_are_drawn_on(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    assert not is_worthwhile(io.StringIO())
    assert not is_worthwhile(closed)
    with open_pty() as (_, terminal), open(terminal, "w", closefd=False) as stream:
        assert is_worthwhile(stream)
        monkeypatch.setenv("TERM", "dumb")
        assert not is_worthwhile(stream)


def test_only_the_display_imports_rich() -> None:
    modules = "sys, midigen.instrument.status, midigen.live.standard_input"
    program = f"import {modules}; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# A terminal of its own.


PROGRAM = """
import os, signal, sys, threading
os.open(os.ttyname(0), os.O_RDWR)  # a session's leader: this makes it its own terminal
from midigen.app.display import Display
look = lambda: None
BEFORE
display = Display(look, typed=lambda line: display.tell(f"told {line!r}"))
try:
    display.start("midigen: Ctrl-C stops")
    threading.Event().wait()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    if STOPS:
        display.stop()
"""


def program(terminal: int, *, stops: bool, before: str = "") -> subprocess.Popen[bytes]:
    """The display in a process with a terminal of its own."""
    text = PROGRAM.replace("STOPS", str(stops)).replace("BEFORE", before)
    return subprocess.Popen(
        [sys.executable, "-c", text],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )


@pytest.mark.parametrize("stops", [True, False])
def test_on_a_terminal_of_its_own(stops: bool) -> None:
    with open_pty() as (person, terminal):
        before = termios.tcgetattr(terminal)
        with program(terminal, stops=stops) as process:
            read_until(person, "> ")
            os.write(person, b":mo\x1b[Ade")
            read_until(person, ":mode")
            assert not termios.tcgetattr(terminal)[3] & termios.ECHO
            os.write(person, b" duet\n")
            read_until(person, "told ':mode duet'")
            os.write(person, b"\x03")
            read_until(person, "interrupted")
            assert process.wait(timeout=20) == 0
        assert termios.tcgetattr(terminal) == before


def test_in_the_background_it_leaves_the_keyboard_alone() -> None:
    """As a job in the background, where changing the terminal's mode would stop the process."""
    background = (
        "if (job := os.fork()):\n"
        "    os._exit(os.waitpid(job, os.WUNTRACED)[1])\n"
        "os.setpgid(0, 0)\n"
        "look = lambda: os.kill(os.getpid(), signal.SIGINT)"
    )
    with open_pty() as (person, terminal):
        before = termios.tcgetattr(terminal)
        with program(terminal, stops=True, before=background) as process:
            read_until(person, "interrupted")
            assert process.wait(timeout=20) == 0
        assert termios.tcgetattr(terminal) == before
