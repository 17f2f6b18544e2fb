"""Texts, help and messages are wrapped between words, on terminals of any width."""

import argparse
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from midigen.app import cli
from midigen.app.console import wrapped

TEXTS = st.text("ab é漢-\n", max_size=80)


@given(TEXTS, st.integers(1, 40), st.integers(0, 20))
def test_no_word_is_broken_or_lost_and_no_line_is_too_long(
    text: str, width: int, indent: int
) -> None:
    lines = wrapped(text, width, indent)
    assert " ".join(lines).split() == text.split()
    for line in lines:
        assert cell_len(line) <= width or len(line.split()) == 1


@given(st.text("ab ", max_size=30))
def test_what_fits_stays_as_it_is(text: str) -> None:
    assert wrapped(text, 30, 4) == [line.rstrip() for line in text.splitlines()]


def test_the_rest_of_a_line_is_indented_like_its_text() -> None:
    assert wrapped("good         the model songs takes 0.4 ms", 29, 13) == [
        "good         the model songs",
        " " * 9 + "takes 0.4 ms",
    ]
    assert wrapped("one\n  two three", 9) == ["one", "  two", "  three"]


# --- help


def commands(
    parser: argparse.ArgumentParser, names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command, with its parser."""
    yield names, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, each in action.choices.items():
                yield from commands(each, (*names, name))


COMMANDS: dict[tuple[str, ...], argparse.ArgumentParser] = {(): cli.new_parser(None)}
for name in cli.COMMANDS:
    COMMANDS |= {
        names: parser for names, parser in commands(cli.new_parser(name)) if names[:1] == (name,)
    }


@pytest.mark.parametrize("columns", [40, 60, 80])
@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_help_breaks_no_word(
    names: tuple[str, ...], columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(width: int) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        return COMMANDS[names].format_help()

    text = shown(columns)
    assert set(text.split()) == set(shown(400).split())
    for line in text.splitlines():
        assert len(line) <= columns or len(line.split()) == 1


def options() -> Iterator[tuple[tuple[str, ...], str]]:
    """Every option that isn't plain text, with its command."""
    for names, parser in COMMANDS.items():
        for action in parser._actions:
            if action.option_strings and action.type is not None:
                yield names, action.option_strings[-1]


@pytest.mark.parametrize(("names", "option"), list(options()))
def test_what_is_wrong_with_an_option_is_said_in_words(
    names: tuple[str, ...], option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = COMMANDS[names]
    (action,) = [each for each in parser._actions if option in each.option_strings]
    if action.type.__name__ == "Path":  # type: ignore[union-attr]
        return  # takes any text
    with pytest.raises(SystemExit) as ended:
        parser.parse_args([option, "abc"])
    assert ended.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: 'abc' isn't a whole number" in said


@pytest.mark.parametrize("names", [(), ("service",)])
def test_a_command_with_subcommands_prints_its_help(
    names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(list(names)) == 0
    assert capsys.readouterr().out == COMMANDS[names].format_help()


# --- on a terminal


def on_a_terminal(columns: int, *arguments: str) -> list[str]:
    """The lines that a command writes on a terminal of this width."""
    person, terminal = pty.openpty()
    _set_columns(terminal, columns)
    environment: dict[str, Any] = {**os.environ, "TERM": "dumb"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        [sys.executable, "-m", "midigen", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=terminal,
        env=environment,
    ) as process:
        os.close(terminal)
        seen = b""
        while True:
            assert select.select([person], [], [], 60)[0], seen
            try:
                piece = os.read(person, 4096)
            except OSError:  # it has ended
                break
            if not piece:
                break
            seen += piece
        process.wait(timeout=30)
    os.close(person)
    return seen.decode().splitlines()


def _set_columns(terminal: int, columns: int) -> None:
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


@pytest.mark.parametrize("columns", [40, 60])
@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--key", "G mayor"],  # midigen's own error
        ["run", "--seed", "abc"],  # an error of the command line
        ["run", "--ports", "terminal"],  # notices
        ["doctor", "--ports", "terminal", "--model", "none"],
        ["models"],
    ],
    ids=" ".join,
)
def test_on_a_terminal_no_word_is_broken(arguments: list[str], columns: int) -> None:
    lines = on_a_terminal(columns, *arguments)
    assert len(lines) > 1
    for line in lines:
        assert len(line) < columns or len(line.split()) == 1


def test_elsewhere_lines_are_not_wrapped() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "midigen", "run", "--key", "G mayor"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "COLUMNS": "40"},
    )
    assert len(done.stderr.splitlines()) == 2
