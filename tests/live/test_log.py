"""The log: what is in it, and that nobody waits for it."""

import io
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from midigen.errors import ExitCode, MidigenError
from midigen.live import log
from midigen.live.log import WAITING, logged
from tests.jack import Hand, JackServer, Midigen, Start
from tests.jack import wait_until as wait_for
from tests.terminals import open_pty, read_until

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (INFO|WARNING|ERROR) midigen[\w.]*: .+")
_log = logging.getLogger("midigen.test")


def played(*options: str, notes: str = "cdefg\n") -> "subprocess.CompletedProcess[str]":
    """What `midigen run` says to notes from a pipe."""
    command = [sys.executable, "-m", "midigen", "run", "--ports", "terminal", *options]
    return subprocess.run(
        command, input=notes, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_performance_is_logged_with_times(tmp_path: Path) -> None:
    path = tmp_path / "new" / "gig.log"
    for times in (1, 2):
        done = played("--log", str(path), notes=":tempo 400\n:top-p 5\ncdefg\n")
        assert done.returncode == ExitCode.OK
        lines = path.read_text(encoding="utf-8").splitlines()
        assert all(LINE.fullmatch(line) for line in lines), lines
        texts = [line.partition(": ")[2] for line in lines]
        assert sum(text.startswith("midigen ") for text in texts) == times  # it is appended to
        for told in ("mode: call-response", "key: C major", "beat: internal", "tempo 400"):
            assert texts.count(told) == times, texts
        notices = [line for line in lines if "INFO midigen.notice: " in line]
        assert sum("top-p is" in line for line in notices) == times
        assert texts[-1] == "the end"
        assert "INFO" not in done.stderr


def test_without_the_options_nothing_is_logged(tmp_path: Path) -> None:
    done = played("--set", "tempo.bpm=400")
    assert "INFO" not in done.stderr
    assert [*tmp_path.iterdir()] == []


def test_verbose_shows_it_on_stderr_and_no_notice_twice() -> None:
    done = played("--verbose", notes=":tempo 400\ncdefg\n")
    lines = done.stderr.splitlines()
    shown = [line for line in lines if LINE.fullmatch(line)]
    assert any(line.endswith(": mode: call-response") for line in shown)
    assert [line.partition("tempo 400")[1:] for line in lines].count(("tempo 400", "")) == 1
    assert len(done.stdout.split()) == 5


@pytest.mark.parametrize("place", ["folder", "folder/file/gig.log", "/proc/gig.log"])
def test_a_log_that_cannot_be_written_ends_the_start(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    path = tmp_path / place
    done = played("--log", str(path))
    assert done.returncode == ExitCode.FAILURE
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"midigen: {path}: can't be written: ")
    assert line.endswith("; choose another file with --log")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_a_disk_that_is_full_holds_nobody_up() -> None:
    done = played("--log", "/dev/full", "--set", "tempo.bpm=400")
    assert done.returncode == ExitCode.OK
    assert len(done.stdout.split()) == 5
    assert "Traceback" not in done.stderr


class Stuck(io.StringIO):
    """A terminal that takes nothing until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.freed = threading.Event()

    def write(self, text: str, /) -> int:
        self.freed.wait(20)
        return super().write(text)


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    stream = Stuck()
    yield stream
    stream.freed.set()


def test_whoever_logs_never_waits_and_what_is_lost_is_counted(stuck: Stuck) -> None:
    with logged(None, stuck):
        began = time.perf_counter()
        for count in range(WAITING + 500):
            _log.info("line %d", count)
        assert time.perf_counter() - began < 5
        stuck.freed.set()
        wait_for(lambda: "line 9990" in stuck.getvalue(), "what waited is written")
        _log.info("after it")
    lines = stuck.getvalue().splitlines()
    assert lines[0].split(": ", 1)[1].startswith("midigen ")
    lost = re.fullmatch(r".*\((\d+) lines before this one were lost\) after it", lines[-2])
    assert lost
    assert 490 <= int(lost[1]) <= 510
    assert lines[-1].endswith(": the end")
    assert len(lines) + int(lost[1]) == WAITING + 500 + 3


def test_the_end_does_not_wait_for_what_is_stuck(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CLOSE_TIMEOUT", 0.1)
    began = time.perf_counter()
    with logged(None, stuck):
        _log.info("a line")
    assert time.perf_counter() - began < 2


def test_what_ends_it_is_logged(tmp_path: Path) -> None:
    path = tmp_path / "gig.log"
    with pytest.raises(MidigenError), logged(path):
        raise MidigenError("the ports have gone")
    assert "ERROR midigen: ended by MidigenError('the ports have gone')" in path.read_text()
    assert logging.getLogger("midigen").level == logging.NOTSET


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
def test_verbose_is_off_while_the_panel_is_shown(jack: JackServer, tmp_path: Path) -> None:
    del jack
    path = tmp_path / "gig.log"
    command = [sys.executable, "-m", "midigen", "run", "--ports", "jack", "--verbose"]
    with open_pty() as (person, terminal):
        process = subprocess.Popen(
            ["setsid", "--ctty", *command, "--log", str(path)],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm"},
        )
        shown = read_until(person, "Ctrl-C stops")
        os.write(person, b"\x03")
        process.wait(20)
    assert " INFO midigen" not in shown
    assert " INFO midigen.notice: Ctrl-C stops" in path.read_text()


def test_ports_that_come_and_go_are_logged(midigen: Start, tmp_path: Path) -> None:
    path = tmp_path / "gig.log"
    keys = Hand("keys")
    keys.open_virtual("Keys")
    running: Midigen = midigen("--log", str(path), "--input", "Keys", "--mode", "duet")
    try:
        running.hand.strike(60)
        keys.close()
        running.read_until('"keys:Keys" is gone')
        keys = Hand("keys")
        keys.open_virtual("Keys")
        running.read_until('"keys:Keys" is connected')
        assert running.stop() == ExitCode.OK
    finally:
        keys.close()
    text = path.read_text()
    gone = 'INFO midigen.notice: "keys:Keys" is gone (unplugged?): playing on without it\n'
    assert gone in text
    assert 'INFO midigen.notice: "keys:Keys" is connected\n' in text
