"""How a running midigen is found by its name, and asked."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midigen.errors import MidigenError
from midigen.live import control_client, named_pipes, unix_sockets
from midigen.live.control_channel import ControlChannel
from midigen.live.control_client import ask
from midigen.live.control_protocol import stem
from midigen.live.feed import Feed
from tests.control_clients import (
    STATUS,
    call,
    has_hung_up,
    let_open,
    new_daemon,
    next_event,
    said,
    subscribed,
)
from tests.jack import wait_until
from tests.remotes import NAME, Player, listening

# --- names


@given(st.text(st.characters()), st.text(st.characters()))
@example("/etc/passwd", "../midigen-in")
@example("\0", ".")
@example("Größe des Flügels, zu lang für eine Datei", "\udcff")
def test_any_client_name_has_a_stem_of_its_own(name: str, other: str) -> None:
    found = stem(name)
    assert found.isascii()
    assert found.isprintable()
    assert not {*"/\\@"} & {*found}
    assert len(found) <= 40
    assert stem(found) == found
    if "%" not in name + other and (name + other).isprintable():
        assert (found == stem(other)) == (name == other)


def test_the_usual_name_is_the_stem() -> None:
    assert stem("midigen-in") == "midigen-in"


def test_a_pipe_has_the_names_of_the_user_and_of_the_midigen() -> None:
    assert named_pipes.address("midigen-in", "Ann") == r"\\.\pipe\midigen.Ann@midigen-in"
    mine = named_pipes.address("left hand", r"CORP\Jörg @home")
    assert mine == r"\\.\pipe\midigen.CORP%5CJ%C3%B6rg%20%40home@left%20hand"
    assert len(named_pipes.address("x" * 500, "y" * 20)) < 256  # Windows takes no more
    pipes = [
        each.removeprefix("\\\\.\\pipe\\")
        for each in (mine, *(named_pipes.address(each, "Ann") for each in ("b", "a@c", "A")))
    ]
    assert named_pipes.names([*pipes, "wkssvc", "midigen.Ann"], "Ann") == ["A", "a%40c", "b"]
    assert named_pipes.names(pipes, r"CORP\Jörg @home") == ["left%20hand"]
    assert named_pipes.names(pipes, "An") == []


@pytest.mark.parametrize("name", ["a/b", "..", " ", "größer als 🎹" * 30, "*", "%s", "x\n\0y"])
def test_a_midigen_of_any_name_is_found(name: str, folder: Path) -> None:
    with listening(name=name), listening(name="other"):
        assert [path.parent for path in folder.parent.rglob("*.sock")] == [folder] * 2
        assert ask(STATUS, name) == {"mode": "duet"}


def test_of_several_one_must_be_named(folder: Path) -> None:
    del folder
    with listening(Player({"mode": "solo"})), listening(Player(), "left hand"):
        with pytest.raises(MidigenError) as raised:
            ask(STATUS, None)
        assert str(raised.value) == (
            "several midigens are running: left%20hand, midigen-in: say which with --name"
        )
        assert ask(STATUS, "midigen-in") == {"mode": "solo"}
        assert ask(STATUS, "left hand") == {"mode": "duet"}
        assert ask(STATUS, "left%20hand") == {"mode": "duet"}
        with pytest.raises(MidigenError, match='no midigen is running under the name "right"'):
            ask(STATUS, "right")


# --- the living and the dead


def leave_dead_one(name: str = NAME) -> None:
    """The socket of a midigen that was killed."""
    with new_daemon(name) as daemon:
        let_open(daemon)
        assert [said(daemon), said(daemon)] == ["ready", "open"]
        assert ask(STATUS, name) == {"pid": daemon.pid}
        daemon.send_signal(signal.SIGKILL)


def test_without_one_that_lives_nobody_can_be_asked(folder: Path) -> None:
    none = "no midigen is running: start one with `midigen run`"
    with pytest.raises(MidigenError, match=none):
        ask(STATUS, None)
    assert not folder.exists()
    leave_dead_one()
    assert (folder / f"{NAME}.sock").is_socket()
    with pytest.raises(MidigenError, match=none):
        ask(STATUS, None)
    with pytest.raises(MidigenError, match='no midigen is running under the name "midigen-in"'):
        ask(STATUS, NAME)


def test_the_dead_are_passed_over_and_replaced(folder: Path) -> None:
    leave_dead_one()
    with listening(name="other"):
        assert ask(STATUS, None) == {"mode": "duet"}
    with listening(Player({"mode": "solo"})):
        assert ask(STATUS, NAME) == {"mode": "solo"}
    assert [*folder.iterdir()] == []


def test_a_living_one_keeps_its_place(folder: Path) -> None:
    with listening():
        second = ControlChannel(NAME, Player({"mode": "solo"}), Feed())
        with pytest.raises(MidigenError) as raised:
            second.open()
        second.close()
        assert str(raised.value) == (
            f"{folder}/midigen-in.sock: another midigen listens there: "
            "give this one a name of its own with --name NAME"
        )
        assert ask(STATUS, None) == {"mode": "duet"}


def test_of_those_that_start_together_one_takes_the_place_of_the_dead(folder: Path) -> None:
    leave_dead_one()
    with contextlib.ExitStack() as stack:
        daemons = [stack.enter_context(new_daemon()) for _ in range(4)]
        for daemon in daemons:
            stack.callback(daemon.kill)
        assert [said(daemon) for daemon in daemons] == ["ready"] * 4
        for daemon in daemons:
            let_open(daemon)
        lines = [said(daemon) for daemon in daemons]
        assert lines.count("open") == 1
        assert sum("another midigen listens there" in line for line in lines) == 3
        assert ask(STATUS, None) == {"pid": daemons[lines.index("open")].pid}
    assert [*folder.iterdir()] == [folder / f"{NAME}.sock"]


def test_whoever_starts_waits_for_one_that_is_about_to_take_its_place(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    control = ControlChannel(NAME, Player(), Feed())
    thread = threading.Thread(target=control.open)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        thread.start()
        thread.join(timeout=0.2)
        assert [*folder.iterdir()] == []
    finally:
        os.close(descriptor)
    thread.join()
    assert ask(STATUS, None) == {"mode": "duet"}
    control.close()


def test_what_is_no_socket_is_left_alone(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    file = folder / f"{NAME}.sock"
    file.write_text("precious", encoding="utf-8")
    with pytest.raises(MidigenError, match=r"midigen-in\.sock: can't listen there: Address alr"):
        ControlChannel(NAME, Player(), Feed()).open()
    assert file.read_text(encoding="utf-8") == "precious"
    (folder / "loop.sock").symlink_to("loop.sock")
    with pytest.raises(MidigenError, match="no midigen is running: "):
        ask(STATUS, None)


def test_a_path_that_is_too_long_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder.parent / ("x" * 100)))
    with pytest.raises(MidigenError, match="too long"):
        ControlChannel(NAME, Player(), Feed()).open()
    with pytest.raises(MidigenError, match="too long"):
        ask(STATUS, NAME)


def test_closing_is_prompt_and_leaves_nothing(folder: Path) -> None:
    player = Player()
    control = ControlChannel(NAME, player, Feed())
    control.close()  # it was never opened
    control = ControlChannel(NAME, player, Feed())
    control.open()
    with call(folder / f"{NAME}.sock") as silent, contextlib.ExitStack() as stack:
        ear = subscribed(stack)
        next_event(ear, "status")
        began = time.perf_counter()
        control.close()
        assert time.perf_counter() - began < 1
        assert not control._thread.is_alive()
        assert has_hung_up(silent)  # its time wasn't waited for: it would have been told
        assert has_hung_up(ear)
        wait_until(lambda: not control._clients, "their threads have ended")
    assert [*folder.iterdir()] == []
    with listening():  # a successor's socket isn't taken for its own
        control.close()
        assert ask(STATUS, None) == {"mode": "duet"}


def test_closing_bears_a_socket_that_is_gone_already(folder: Path) -> None:
    with listening() as control:
        (folder / f"{NAME}.sock").unlink()
    assert not control._thread.is_alive()


# --- a midigen that is stuck


@pytest.fixture
def stuck(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A midigen that listens and lets one client in, but serves nobody."""
    monkeypatch.setattr(control_client, "ANSWERS_WITHIN", 0.2)
    monkeypatch.setattr(unix_sockets, "REACHED_WITHIN", 0.2)
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / f"{NAME}.sock"))
        listener.listen(0)
        yield listener


def test_one_that_does_not_answer_is_given_up(stuck: socket.socket) -> None:
    del stuck
    with pytest.raises(MidigenError, match=r"runs, but hasn't answered within 0\.2 s: try again"):
        ask(STATUS, None)


def test_one_that_lets_nobody_in_lives_all_the_same(folder: Path, stuck: socket.socket) -> None:
    del stuck
    with call(folder / f"{NAME}.sock"):
        with pytest.raises(MidigenError, match="can't be reached there"):
            ask(STATUS, None)
        with pytest.raises(MidigenError, match="can't be reached there"):
            ControlChannel(NAME, Player(), Feed()).open()
    assert (folder / f"{NAME}.sock").is_socket()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\0",
        b"\0\0\0\x09{}",
        b'\0\0\0\7{"ok": ',
        b"\0\0\0\2{}",
        b"\0\0\0\2[]",
        b'\0\0\0\x0c{"error": 5}',
        b"\x7f\xff\xff\xff",
    ],
)
def test_one_that_hangs_up_is_an_error(folder: Path, reply: bytes) -> None:
    folder.mkdir(mode=0o700)
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); "
        "print(flush=True); c, _ = s.accept(); c.recv(1); c.sendall(eval(sys.argv[2]))"
    )
    command = [sys.executable, "-I", "-c", program, str(folder / "old.sock"), repr(reply)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        said(process)
        with pytest.raises(MidigenError, match="hung up without an answer"):
            ask(STATUS, None)
