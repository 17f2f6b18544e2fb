"""The control socket: what it answers, who gets there, and who is kept out, on real sockets."""

import contextlib
import fcntl
import json
import os
import resource
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midigen.errors import MidigenError
from midigen.live import control_socket
from midigen.live.control_socket import (
    CLIENTS,
    LONGEST,
    PATIENCE,
    ControlSocket,
    answer,
    ask,
    file_name,
)
from tests.remotes import NAME, Player, listening
from tests.system import runtime_folder

STATUS = {"do": "status"}
NOBODY = 65534


def connect(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(path))
    return connection


def hear(connection: socket.socket) -> bytes:
    """All that comes until the other side hangs up."""
    heard = b""
    with contextlib.suppress(ConnectionResetError):  # it hung up without having read everything
        while piece := connection.recv(65_536):
            heard += piece
    return heard


def speak(path: Path, words: bytes) -> Any:
    """What is answered to words and silence."""
    with connect(path) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(words)
            connection.shutdown(socket.SHUT_WR)
        return json.loads(hear(connection))


# --- requests and answers


def test_a_request_is_answered(folder: Path) -> None:
    player = Player({"mode": "duet", "sounding": (60, 67), "worst": 0.0013})
    with listening(player):
        assert ask(STATUS, None) == {"mode": "duet", "sounding": [60, 67], "worst": 0.0013}
        request = {"do": "set", "name": "key", "value": "B♭ major"}
        assert ask(request, NAME) == ["key is B♭ major"]
    assert player.asked == [("key", "B♭ major")]
    assert [*folder.iterdir()] == []


def test_what_is_wrong_is_raised_where_it_was_asked(folder: Path) -> None:
    del folder
    with listening():
        with pytest.raises(MidigenError) as raised:
            ask({"do": "set", "name": "key", "value": "H major"}, None)
        assert str(raised.value) == "there is no H major"
        with pytest.raises(MidigenError) as raised:
            ask({"do": "reload"}, None)
        assert str(raised.value) == "1 error in the configuration:\n  config.toml: mode = 5"
        with pytest.raises(MidigenError, match="half a character"):
            ask({"do": "set", "name": "key", "value": "\udc80"}, None)


def test_a_fault_of_the_backend_is_an_answer_and_not_the_end(folder: Path) -> None:
    del folder
    player = Player({"mode": object()})
    with listening(player):
        with pytest.raises(MidigenError, match=r"couldn't do it: RuntimeError\('a string broke'\)"):
            ask({"do": "set", "name": "fault", "value": ""}, None)
        with pytest.raises(MidigenError, match="couldn't do it: TypeError"):
            ask(STATUS, None)
        player.state = {"mode": "solo"}
        assert ask(STATUS, None) == {"mode": "solo"}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (b"\n", "what came isn't a line of JSON: expected {"),
        (b"status\n", "what came isn't a line of JSON: expected {"),
        (b"\xff\xfe\n", "what came isn't a line of JSON: expected {"),
        (b"[" * 50_000 + b"\n", "what came isn't a line of JSON: expected {"),
        (b"1" * 50_000 + b"\n", "what came isn't a line of JSON: expected {"),
        (b"null\n", "no such request: expected {"),
        (b'"status"\n', "no such request: expected {"),
        (b'{"do": "sing"}\n', "no such request: expected {"),
        (b'{"do": "status", "name": "key"}\n', "no such request: expected {"),
        (b'{"do": "set", "name": "tempo", "value": 96}\n', "no such request: expected {"),
        (b'{"do": "set", "name": "tempo"}\n', "no such request: expected {"),
        (b'{"do": "status"}' + b" " * LONGEST + b"\n", f"a line may have {LONGEST} bytes"),
        (b" " * 1_000_000, f"a line may have {LONGEST} bytes"),
    ],
)
def test_what_is_no_request_is_told_so(words: bytes, problem: str, folder: Path) -> None:
    with listening():
        reply = speak(folder / f"{NAME}.sock", words)
        assert [*reply] == ["error"]
        assert reply["error"].startswith(problem)
        assert ask(STATUS, None) == {"mode": "duet"}


def test_lines_are_taken_as_they_come(folder: Path) -> None:
    path = folder / f"{NAME}.sock"
    ok = {"ok": {"mode": "duet"}}
    with listening():
        assert speak(path, b'{"do": "status"}') == ok  # no line end but the end
        assert speak(path, b'{"do": "status"}\r\n') == ok
        assert speak(path, b'{"do": "status"}\nand more\n') == ok
        assert speak(path, b'{"do": "status"}'.ljust(LONGEST) + b"\n") == ok
        with connect(path) as connection:  # in pieces
            for place in range(len(b'{"do": "status"}\n')):
                connection.sendall(b'{"do": "status"}\n'[place : place + 1])
            assert json.loads(hear(connection)) == ok
        with connect(path) as connection:  # nothing at all
            connection.shutdown(socket.SHUT_WR)
            assert hear(connection) == b""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
REQUEST = st.fixed_dictionaries(
    {},
    optional={
        "do": st.sampled_from(["status", "set", "reload"]) | JSON,
        "name": st.text() | JSON,
        "value": st.text(st.characters()) | JSON,
        "more": JSON,
    },
)
LINE = st.one_of(st.binary(), (JSON | REQUEST).map(lambda value: json.dumps(value).encode()))


@given(LINE)
@example(json.dumps({"do": "set", "name": "fault", "value": ""}).encode())
@example(json.dumps({"do": "set", "name": "\ud800", "value": ""}).encode())
def test_any_line_has_an_answer(line: bytes) -> None:
    player = Player()
    reply = answer(line, player)
    assert reply.endswith(b"\n")
    assert reply.count(b"\n") == 1
    assert [*json.loads(reply)] in (["ok"], ["error"])
    for name, value in player.asked:
        (name + value).encode()  # or it would raise


@pytest.fixture(scope="module")
def lasting() -> Iterator[Path]:
    """The path of a socket for all examples of a test."""
    with runtime_folder() as folder, listening(name="lasting"):
        yield folder / "lasting.sock"


@given(st.lists(LINE | st.just(b"\n"), min_size=1, max_size=4), st.booleans())
def test_whatever_is_said_the_next_one_is_served(
    lasting: Path, pieces: list[bytes], hangs_up: bool
) -> None:
    with connect(lasting) as connection:
        for piece in pieces:
            with contextlib.suppress(BrokenPipeError):  # the first line was answered already
                connection.sendall(piece)
        if not hangs_up:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            heard = hear(connection)
            assert not heard or [*json.loads(heard)] in (["ok"], ["error"])
            assert heard or not any(pieces)
    assert speak(lasting, b'{"do": "status"}\n') == {"ok": {"mode": "duet"}}


# --- those who are slow, or too many


def test_whoever_is_slow_holds_up_nobody_and_is_turned_away(folder: Path) -> None:
    path = folder / f"{NAME}.sock"
    with listening(Player({"model": "x" * 2_000_000})), connect(path) as deaf:
        deaf.sendall(b'{"do": "status"}\n')
        heard = deaf.recv(50_000)  # and no more, until its time is over
        began = time.perf_counter()
        with connect(path) as silent, connect(path) as halting:
            halting.sendall(b'{"do": ')
            assert len(ask(STATUS, None)["model"]) == 2_000_000
            assert select.select([silent, halting], [], [], 0)[0] == []  # it waited for neither
            for slow in (silent, halting):
                assert json.loads(hear(slow)) == {"error": "no line came within 2 s"}
                assert time.perf_counter() - began >= PATIENCE
        heard += hear(deaf)
    assert heard.startswith(b'{"ok": {"model": "xxx')
    assert len(heard) < 2_000_000
    assert b"error" not in heard


def test_one_too_many_is_turned_away(folder: Path) -> None:
    path = folder / f"{NAME}.sock"
    with listening(), contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(connect(path)) for _ in range(CLIENTS)]
        with pytest.raises(MidigenError) as raised:
            ask(STATUS, None)
        assert str(raised.value) == "8 others are asking already: try again"
        crowd[0].sendall(b'{"do": "status"}\n')
        assert json.loads(hear(crowd[0])) == {"ok": {"mode": "duet"}}
        assert ask(STATUS, None) == {"mode": "duet"}
        crowd[1].sendall(b'{"do": "status"}\n')
        assert json.loads(hear(crowd[1])) == {"ok": {"mode": "duet"}}


def test_without_a_descriptor_left_it_waits_for_one_and_rests(folder: Path) -> None:
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with listening(), connect(folder / f"{NAME}.sock") as warm:
        warm.sendall(b'{"do": "status"}\n')
        hear(warm)
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.settimeout(0.5)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
            try:
                waiting.connect(str(folder / f"{NAME}.sock"))
                waiting.sendall(b'{"do": "status"}\n')
                spent = time.process_time()
                with pytest.raises(TimeoutError):
                    waiting.recv(1)
                spent = time.process_time() - spent
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
            assert spent < 0.25
            waiting.settimeout(10)
            assert json.loads(hear(waiting)) == {"ok": {"mode": "duet"}}


# --- who may come near


@contextlib.contextmanager
def masked(umask: int) -> Iterator[None]:
    former = os.umask(umask)
    try:
        yield
    finally:
        os.umask(former)


@pytest.mark.parametrize("umask", [0, 0o777])
def test_folder_and_socket_are_for_the_user_alone(umask: int, folder: Path) -> None:
    with masked(umask), listening():
        socket_path = folder / f"{NAME}.sock"
        found = [each.lstat() for each in (folder, socket_path)]
        assert [stat.S_IMODE(each.st_mode) for each in found] == [0o700, 0o600]
        assert [each.st_uid for each in found] == [os.geteuid()] * 2
        assert socket_path.is_socket()
        assert ask(STATUS, None) == {"mode": "duet"}


def test_a_folder_that_others_could_read_is_closed_to_them(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    with listening():
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_runtime_folder_is_made_too_if_there_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = folder.parent / "runtime"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    with masked(0o777), listening():
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
        assert ask(STATUS, None) == {"mode": "duet"}


def _as_link(folder: Path) -> None:
    target = folder.with_name("elsewhere")
    target.mkdir(mode=0o700)
    folder.symlink_to(target)


def _as_group_writable(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)


def _as_world_writable(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o1703)


def _as_another_users(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_as_link, "it must be a folder, and not a link to one"),
        (Path.touch, "it must be a folder, and not a link to one"),
        (_as_group_writable, "other users may write to it"),
        (_as_world_writable, "other users may write to it"),
        (_as_another_users, "it belongs to another user"),
    ],
)
def test_a_folder_that_is_not_the_users_own_is_refused(
    make: Callable[[Path], None], why: str, folder: Path
) -> None:
    make(folder)
    before = folder.lstat()
    assert_is_refused(folder, why)
    assert folder.lstat().st_mode == before.st_mode


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_as_link, "it must be a folder, and not a link to one"),
        (_as_world_writable, "other users may write to it"),
    ],
)
def test_nor_may_others_replace_the_folder(
    make: Callable[[Path], None], why: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = folder.with_name("runtime")
    make(runtime)
    monkeypatch.setattr("platformdirs.user_runtime_path", lambda name: runtime / name)
    assert_is_refused(runtime, why)
    (runtime / "midigen").mkdir(mode=0o700)
    assert_is_refused(runtime, why)


def assert_is_refused(folder: Path, why: str) -> None:
    message = (
        f"{folder} is no place for midigen's socket: {why}: put that right, or set "
        "XDG_RUNTIME_DIR to a folder that is yours alone"
    )
    for attempt in (ControlSocket(NAME, Player()).open, lambda: ask(STATUS, None)):
        with pytest.raises(MidigenError) as raised:
            attempt()
        assert str(raised.value) == message
    assert not [*folder.parent.rglob("*.sock")]


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
BECOME_NOBODY = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"


def as_nobody(path: Path) -> str:
    """What another user hears who asks at a path."""
    program = (
        "import contextlib, socket, sys\n" + BECOME_NOBODY + "s = socket.socket(socket.AF_UNIX)\n"
        "s.connect(sys.argv[1])\n"
        "with contextlib.suppress(BrokenPipeError):\n"  # it may be turned away before it asks
        """    s.sendall(b'{"do": "set", "name": "key", "value": "C major"}\\n')\n"""
        "print(s.makefile().readline(), end='')"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", program, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return result.stdout or result.stderr.splitlines()[-1]


@as_root
def test_another_user_is_kept_out_by_modes_and_turned_away_without_them(folder: Path) -> None:
    player = Player()
    with listening(player):
        path = folder / f"{NAME}.sock"
        folder.parent.chmod(0o755)
        assert as_nobody(path) == "PermissionError: [Errno 13] Permission denied"
        folder.chmod(0o755)
        assert as_nobody(path) == "PermissionError: [Errno 13] Permission denied"
        path.chmod(0o666)
        assert json.loads(as_nobody(path)) == {"error": "this midigen is another user's"}
        folder.parent.chmod(0o700)
        assert ask(STATUS, None) == {"mode": "duet"}
    assert player.asked == []


@as_root
def test_root_is_let_in(folder: Path) -> None:
    os.chown(folder.parent, NOBODY, NOBODY)
    with new_daemon(prelude=BECOME_NOBODY) as daemon:
        let_open(daemon)
        assert [said(daemon), said(daemon)] == ["ready", "open"]
        assert folder.stat().st_uid == NOBODY
        assert speak(folder / f"{NAME}.sock", b'{"do": "status"}\n') == {"ok": {"pid": daemon.pid}}
        daemon.kill()


# --- names


@given(st.text(st.characters()), st.text(st.characters()))
@example("/etc/passwd", "../midigen-in")
@example("\0", ".")
@example("Größe des Flügels, zu lang für eine Datei", "\udcff")
def test_any_client_name_has_a_file_of_its_own(name: str, other: str) -> None:
    file = file_name(name)
    assert file.isascii()
    assert file.isprintable()
    assert "/" not in file
    assert file.endswith(".sock")
    assert len(file) <= 45
    assert file_name(file.removesuffix(".sock")) == file
    if "%" not in name + other and (name + other).isprintable():
        assert (file == file_name(other)) == (name == other)


def test_the_usual_name_is_the_files() -> None:
    assert file_name("midigen-in") == "midigen-in.sock"


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

DAEMON = """
import os, sys
from midigen.live.control_socket import ControlSocket
from midigen.errors import MidigenError

class Player:
    def status(self):
        return {"pid": os.getpid()}

exec(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    ControlSocket(sys.argv[1], Player()).open()
except MidigenError as exc:
    print(exc, flush=True)
else:
    print("open", flush=True)
sys.stdin.read()
"""


def new_daemon(name: str = NAME, prelude: str = "") -> "subprocess.Popen[str]":
    """A process that opens a socket when it is given a line, and never closes it."""
    return subprocess.Popen(
        [sys.executable, "-c", DAEMON, name, prelude],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def said(daemon: "subprocess.Popen[str]") -> str:
    assert daemon.stdout is not None
    return daemon.stdout.readline().rstrip("\n")


def let_open(daemon: "subprocess.Popen[str]") -> None:
    assert daemon.stdin is not None
    daemon.stdin.write("\n")
    daemon.stdin.flush()


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
        second = ControlSocket(NAME, Player({"mode": "solo"}))
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
    control = ControlSocket(NAME, Player())
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
        ControlSocket(NAME, Player()).open()
    assert file.read_text(encoding="utf-8") == "precious"
    (folder / "loop.sock").symlink_to("loop.sock")
    with pytest.raises(MidigenError, match="no midigen is running: "):
        ask(STATUS, None)


def test_a_path_that_is_too_long_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder.parent / ("x" * 100)))
    with pytest.raises(MidigenError, match="too long"):
        ControlSocket(NAME, Player()).open()
    with pytest.raises(MidigenError, match="too long"):
        ask(STATUS, NAME)


def test_closing_is_prompt_and_leaves_nothing(folder: Path) -> None:
    player = Player()
    control = ControlSocket(NAME, player)
    control.close()  # it was never opened
    control = ControlSocket(NAME, player)
    control.open()
    with connect(folder / f"{NAME}.sock") as silent:
        assert ask(STATUS, None) == {"mode": "duet"}
        control.close()
        assert not control._thread.is_alive()
        assert hear(silent) == b""  # its time wasn't waited for: it would have been told
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
    """It listens, and lets in one client, but serves nobody. It needn't be waited for."""
    monkeypatch.setattr(control_socket, "ANSWERS_WITHIN", 0.2)
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
    with connect(folder / f"{NAME}.sock"):
        with pytest.raises(MidigenError, match="can't be reached there"):
            ask(STATUS, None)
        with pytest.raises(MidigenError, match="can't be reached there"):
            ControlSocket(NAME, Player()).open()
    assert (folder / f"{NAME}.sock").is_socket()


@pytest.mark.parametrize("reply", [b"", b'{"ok": ', b"{}\n", b"[]\n", b'{"error": 5}\n'])
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


def test_without_unix_sockets_it_says_so() -> None:
    """As on Windows: the room can be imported, and says what else there is."""
    program = """
import socket, sys
del socket.AF_UNIX
sys.modules["fcntl"] = None
from midigen.live.control_socket import ControlSocket, ask
from midigen.errors import MidigenError
control = ControlSocket("midigen-in", None)
for attempt in (control.open, lambda: ask({"do": "status"}, None)):
    try:
        attempt()
    except MidigenError as exc:
        print(exc)
control.close()
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True
    )
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("Python has no unix sockets on this system") for line in lines)
