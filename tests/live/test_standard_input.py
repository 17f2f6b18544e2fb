"""The line that a player types, and the keyboard that it comes from."""

import os
import queue
import termios
import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midigen.live.standard_input import MAX_LINE, TypedLine, Typist
from tests.terminals import open_pty


@pytest.mark.parametrize(
    ("typed", "lines", "text"),
    [
        (b":mode duet\n", [":mode duet"], ""),
        (b":mode duet\r:tempo", [":mode duet"], ":tempo"),
        (b":mx\x7fode solx\x08o\n", [":mode solo"], ""),
        (b"\x7f:a", [], ":a"),
        (b"nonsense\x15:b", [], ":b"),
        (b" \n\n  :c \n", [":c"], ""),
        (b":k\xc3\xa9y\n", [":kéy"], ""),
        (b":a\x1b[D\x1b[1;5C\x1bOP\x1b[[A\x1b[3~b", [], ":ab"),
        (b":a\x1bb", [], ":ab"),  # Escape alone, or Alt
        (b":a\x1b", [], ":a"),
        (b":a\x00\x04\x13\tb", [], ":ab"),
        (b":\xff", [], ":\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_keys(typed: bytes, lines: list[str], text: str) -> None:
    line = TypedLine()
    assert line.feed(typed) == lines
    assert line.text == text


KEYS = st.lists(
    st.sampled_from([b"a", "é".encode(), b"\x1b", b"[", b"O", b"A", b"1;", b"\x7f", b"\n", b"\xff"])
)


@given(KEYS)
def test_the_pieces_that_keys_come_in_do_not_matter(keys: list[bytes]) -> None:
    whole, pieces = TypedLine(), TypedLine()
    data = b"".join(keys)
    lines = [line for place in range(len(data)) for line in pieces.feed(data[place : place + 1])]
    assert (whole.feed(data), whole.text) == (lines, pieces.text)


@given(st.text(max_size=MAX_LINE))
@example("a" * MAX_LINE)
def test_a_line_is_never_too_long_nor_unprintable(text: str) -> None:
    line = TypedLine()
    for ended in line.feed((text * 3).encode(errors="replace")):
        assert len(ended) <= MAX_LINE
        assert ended.isprintable()
    assert len(line.text) <= MAX_LINE
    assert line.text.isprintable()


# The keyboard.


def typing_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "typing"]


def test_lines_come_from_a_terminal_and_it_is_given_back() -> None:
    with open_pty() as (person, terminal):
        before = termios.tcgetattr(terminal)
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        typist = Typist(lines.put, terminal)
        typist.start()
        mode = termios.tcgetattr(terminal)
        assert not mode[3] & (termios.ICANON | termios.ECHO)
        assert mode[3] & termios.ISIG
        os.write(person, b":mode duet\n:tem")
        assert lines.get(timeout=20) == ":mode duet"
        os.write(person, b"po 90\n")
        assert lines.get(timeout=20) == ":tempo 90"
        typist.stop()
        typist.stop()
        assert termios.tcgetattr(terminal) == before
        assert typing_threads() == []


def test_it_can_be_stopped_by_what_is_typed() -> None:
    with open_pty() as (person, terminal):
        before = termios.tcgetattr(terminal)
        stopped = threading.Event()

        def typed(_: str) -> None:
            typist.stop()
            stopped.set()

        typist = Typist(typed, terminal)
        typist.start()
        os.write(person, b":quit\n")
        assert stopped.wait(20)
        assert termios.tcgetattr(terminal) == before


def test_a_pipe_is_read_as_well_until_it_ends() -> None:
    reading, writing = os.pipe()
    lines: list[str] = []
    typist = Typist(lines.append, reading)
    typist.start()
    os.write(writing, b":mode duet\n")
    os.close(writing)
    for thread in typing_threads():
        thread.join(timeout=20)
    typist.stop()
    os.close(reading)
    assert lines == [":mode duet"]
