"""The control channel: what it answers, who gets there, and who is kept out, on real sockets."""

import contextlib
import fcntl
import json
import os
import resource
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midigen.errors import MidigenError
from midigen.live import control_client, named_pipes, unix_sockets
from midigen.live.control_channel import CLIENTS, REQUEST_TIMEOUT, ControlChannel
from midigen.live.control_client import ask, connect
from midigen.live.control_protocol import MAX_REQUEST, answer
from midigen.live.feed import SUBSCRIBERS, WAITING, Feed
from midigen.live.stems import stem
from midigen.midi.messages import NoteOff, NoteOn
from tests.jack import wait_until
from tests.remotes import NAME, Client, Player, listening
from tests.system import runtime_folder

STATUS = {"do": "status"}
NOBODY = 65534


def call(path: Path) -> Connection:
    """A connection to a channel."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
        return Connection(caller.detach())


def say(connection: Connection, request: object) -> None:
    connection.send_bytes(json.dumps(request).encode())


def hear(connection: Connection) -> Any:
    """The next message."""
    assert connection.poll(10)
    return json.loads(connection.recv_bytes())


def write(connection: Connection, data: bytes) -> None:
    """Send bytes that may be no whole message."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while data:
            data = data[os.write(connection.fileno(), data) :]


def has_hung_up(connection: Connection) -> bool:
    """Whether nothing comes any more, once the other side has hung up."""
    assert connection.poll(10)
    try:
        connection.recv_bytes()
    except (EOFError, ConnectionResetError):
        return True
    return False


def speak(path: Path, request: bytes) -> Any:
    """The answer to a request."""
    with call(path) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send_bytes(request)
        return hear(connection)


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
        (b"", "a request must be JSON: {"),
        (b"status", "a request must be JSON: {"),
        (b"\xff\xfe", "a request must be JSON: {"),
        (b"[" * 50_000, "a request must be JSON: {"),
        (b"1" * 50_000, "a request must be JSON: {"),
        (b"null", "no such request: expected {"),
        (b'"status"', "no such request: expected {"),
        (b'{"do": "sing"}', "no such request: expected {"),
        (b'{"do": "status", "name": "key"}', "no such request: expected {"),
        (b'{"do": "set", "name": "tempo", "value": 96}', "no such request: expected {"),
        (b'{"do": "set", "name": "tempo"}', "no such request: expected {"),
        (b'{"do": "note_on", "pitch": 60}', "no such request: expected {"),
        (b'{"do": "note_on", "pitch": 128, "velocity": 80}', "pitch is a whole number 0 to 127"),
        (b'{"do": "note_on", "pitch": true, "velocity": 80}', "pitch is a whole number 0 to 127"),
        (b'{"do": "note_on", "pitch": 60, "velocity": 0}', "velocity is a whole number 1 to 127"),
        (b'{"do": "note_on", "pitch": 60.5, "velocity": 9}', "pitch is a whole number 0 to 127"),
        (b'{"do": "note_off", "pitch": -1}', "pitch is a whole number 0 to 127"),
        (b'{"do": "note_off", "pitch": 60, "channel": 17}', "channel is a whole number 1 to 16"),
        (b'{"do": "note_off", "pitch": 60, "more": 1}', "no such request: expected {"),
        (b'{"do": "subscribe", "to": "all"}', "no such request: expected {"),
        (
            b'{"do": "status"}' + b" " * MAX_REQUEST,
            f"a request may have at most {MAX_REQUEST} bytes",
        ),
        (b" " * 1_000_000, f"a request may have at most {MAX_REQUEST} bytes"),
    ],
)
def test_what_is_no_request_is_told_so(words: bytes, problem: str, folder: Path) -> None:
    with listening():
        reply = speak(folder / f"{NAME}.sock", words)
        assert [*reply] == ["error"]
        assert reply["error"].startswith(problem)
        assert ask(STATUS, None) == {"mode": "duet"}


def test_requests_are_answered_in_order_as_they_come(folder: Path) -> None:
    request, ok = b'{"do": "status"}', {"ok": {"mode": "duet"}}
    with listening(), call(folder / f"{NAME}.sock") as connection:
        connection.send_bytes(request)
        connection.send_bytes(b"what?")
        connection.send_bytes(request.ljust(MAX_REQUEST))
        assert hear(connection) == ok
        assert [*hear(connection)] == ["error"]
        assert hear(connection) == ok
        frame = struct.pack("!i", len(request)) + request
        for place in range(len(frame)):  # in pieces
            write(connection, frame[place : place + 1])
        assert hear(connection) == ok


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0\0",  # half of a size
        b"\0\0\0\x10half",
        b"\xff\xff\xff\xff",  # its size has eight bytes
        b"\xff\xff\xff\xff" + b"\x7f" * 8,
        b"\xff\xff\xff\xf0",  # a negative size
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_message_is_borne(frame: bytes, folder: Path) -> None:
    path = folder / f"{NAME}.sock"
    with listening():
        with call(path) as connection:
            write(connection, frame)
        assert speak(path, b'{"do": "status"}') == {"ok": {"mode": "duet"}}


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
@example(json.dumps({"do": "note_on", "pitch": 60, "velocity": 80, "channel": 16}).encode())
@example(json.dumps({"do": "note_on", "pitch": [], "velocity": {}}).encode())
def test_any_request_has_an_answer(line: bytes) -> None:
    player, client = Player(), Client()
    reply = answer(line, player, client)
    assert [*json.loads(reply)] in (["ok"], ["error"])
    for name, value in player.asked:
        (name + value).encode()  # or it would raise


@pytest.fixture(scope="module")
def lasting() -> Iterator[Path]:
    """The path of a socket for all examples of a test."""
    with runtime_folder() as folder, listening(name="lasting"):
        yield folder / "lasting.sock"


@given(st.lists(LINE, min_size=1, max_size=4), st.binary(max_size=8), st.booleans())
def test_whatever_is_said_the_next_one_is_served(
    lasting: Path, requests: list[bytes], rest: bytes, listens: bool
) -> None:
    with call(lasting) as connection:
        for request in requests:
            connection.send_bytes(request)
        for _ in requests if listens else ():
            reply = hear(connection)
            while "event" in reply:  # it has subscribed
                reply = hear(connection)
            assert [*reply] in (["ok"], ["error"])
        write(connection, rest)
    assert speak(lasting, b'{"do": "status"}') == {"ok": {"mode": "duet"}}


# --- those who are slow, or too many


def received(connection: Connection) -> int:
    """How many bytes come until the other side hangs up."""
    count = 0
    with contextlib.suppress(ConnectionResetError):
        while piece := os.read(connection.fileno(), 65_536):
            count += len(piece)
    return count


def test_whoever_is_slow_holds_up_nobody_and_is_turned_away(folder: Path) -> None:
    path = folder / f"{NAME}.sock"
    late = {"error": "no request came within 2 s"}
    with listening(Player({"model": "x" * 2_000_000})), call(path) as deaf:
        say(deaf, STATUS)
        heard = len(os.read(deaf.fileno(), 50_000))  # and no more, until its time is over
        began = time.perf_counter()
        with call(path) as silent, call(path) as halting, call(path) as dribbling:
            write(halting, b"\0\0\0\x10{")
            write(dribbling, b"\0\0\xff\xff")
            assert len(ask(STATUS, None)["model"]) == 2_000_000
            assert not silent.poll()  # it waited for neither
            assert not halting.poll()
            while not dribbling.poll(0.2):
                write(dribbling, b" ")
            for slow in (silent, halting, dribbling):
                assert hear(slow) == late
                assert has_hung_up(slow)
            assert REQUEST_TIMEOUT <= time.perf_counter() - began < 2 * REQUEST_TIMEOUT
        heard += received(deaf)
    assert heard < 2_000_000


def test_the_time_that_the_backend_takes_is_not_the_clients(folder: Path) -> None:
    class Busy(Player):
        def status(self) -> dict[str, object]:
            threading.Event().wait(REQUEST_TIMEOUT + 0.3)
            return {"mode": "duet"}

    with listening(Busy()), call(folder / f"{NAME}.sock") as client:
        for _ in range(2):
            say(client, STATUS)
            assert hear(client) == {"ok": {"mode": "duet"}}


def test_one_too_many_is_turned_away(folder: Path) -> None:
    path = folder / f"{NAME}.sock"
    with listening() as control, contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(call(path)) for _ in range(CLIENTS)]
        with pytest.raises(MidigenError) as raised:
            ask(STATUS, None)
        assert str(raised.value) == "8 others are connected already: try again"
        say(crowd[0], STATUS)
        assert hear(crowd[0]) == {"ok": {"mode": "duet"}}
        crowd.pop(0).close()
        wait_until(lambda: len(control._clients) < CLIENTS, "a place is free")
        assert ask(STATUS, None) == {"mode": "duet"}
        say(crowd[0], STATUS)
        assert hear(crowd[0]) == {"ok": {"mode": "duet"}}


def test_without_a_descriptor_left_it_waits_for_one_and_rests(folder: Path) -> None:
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with listening():
        assert ask(STATUS, None) == {"mode": "duet"}
        with socket.socket(socket.AF_UNIX) as caller:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
            try:
                caller.connect(str(folder / f"{NAME}.sock"))
                waiting = Connection(caller.detach())
                say(waiting, STATUS)
                spent = time.process_time()
                time.sleep(0.5)
                spent = time.process_time() - spent
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))
            assert spent < 0.25
            with waiting:
                assert hear(waiting) == {"ok": {"mode": "duet"}}


# --- notes and events


def test_notes_are_played_and_released_when_the_client_goes(folder: Path) -> None:
    player = Player()
    with listening(player):
        with call(folder / f"{NAME}.sock") as hands:
            say(hands, {"do": "note_on", "pitch": 60, "velocity": 80})
            say(hands, {"do": "note_off", "pitch": 60})
            say(hands, {"do": "note_on", "pitch": 62, "velocity": 1, "channel": 16})
            assert [hear(hands) for _ in range(3)] == [{"ok": []}] * 3
            assert player.keyboards[0].released == 0
        wait_until(lambda: player.keyboards[0].released, "they are released")
    assert [each.played for each in player.keyboards] == [
        [NoteOn(60, 80), NoteOff(60), NoteOn(62, 1, 16)]
    ]


def test_too_many_notes_are_refused(folder: Path) -> None:
    with listening(), call(folder / f"{NAME}.sock") as hands:
        for _ in range(101):
            say(hands, {"do": "note_off", "pitch": 60})
        replies = [hear(hands) for _ in range(101)]
    assert replies == [{"ok": []}] * 100 + [{"error": "too many notes at once"}]


def subscribed(stack: contextlib.ExitStack) -> Connection:
    connection = stack.enter_context(connect(None))
    say(connection, {"do": "subscribe"})
    assert hear(connection) == {"ok": []}
    return connection


def next_event(connection: Connection, name: str) -> dict[str, Any]:
    """The next event of this name, without its time, which is a number."""
    while True:
        event: dict[str, Any] = hear(connection)
        if event["event"] == name:
            assert isinstance(event.pop("at"), float)
            return event


def test_subscribers_hear_what_happens(folder: Path) -> None:
    del folder
    player, feed = Player(), Feed()
    with listening(player, feed=feed), contextlib.ExitStack() as stack:
        ears = [subscribed(stack) for _ in range(2)]
        for ear in ears:
            status = {"event": "status", "status": {"mode": "duet"}}
            assert next_event(ear, "status") == status
        feed.open(time.perf_counter())
        feed.heard(NoteOn(60, 80), time.perf_counter())
        feed.played(NoteOff(62, 3), time.perf_counter())
        feed.tempo(96.5, time.perf_counter())
        feed.notice("a line")
        player.state = {"mode": "solo"}
        for ear in ears:
            note = {"do": "note_on", "pitch": 60, "velocity": 80, "channel": 1}
            assert next_event(ear, "heard") == {"event": "heard", **note}
            note = {"do": "note_off", "pitch": 62, "channel": 3}
            assert next_event(ear, "played") == {"event": "played", **note}
            assert next_event(ear, "tempo") == {"event": "tempo", "bpm": 96.5}
            assert next_event(ear, "notice") == {"event": "notice", "text": "a line"}
            assert next_event(ear, "status")["status"] == {"mode": "solo"}
        say(ears[0], {"do": "set", "name": "key", "value": "D major"})  # on the same connection
        assert hear(ears[0]) == {"ok": ["key is D major"]}
        time.sleep(REQUEST_TIMEOUT + 0.3)  # it may be silent for as long as it likes
        feed.notice("another")
        assert next_event(ears[1], "notice") == {"event": "notice", "text": "another"}
        ears[1].close()
        wait_until(lambda: len(feed._subscriptions) == 1, "it has unsubscribed")


def test_the_slowest_loses_events_and_is_told_how_many(folder: Path) -> None:
    """Putting events in never waits, and the other subscribers lose none."""
    del folder
    feed, count = Feed(), 20_000
    with listening(feed=feed), contextlib.ExitStack() as stack:
        slow, quick = subscribed(stack), subscribed(stack)
        heard: list[int] = []
        longest = 0.0

        def listen() -> None:
            while len(heard) < count:
                heard.append(next_event(quick, "played")["pitch"])

        listener = threading.Thread(target=listen)
        listener.start()
        for place in range(count):
            began = time.perf_counter()
            feed.played(NoteOn(place % 128, 80), began)
            longest = max(longest, time.perf_counter() - began)
            while place - len(heard) > WAITING // 2:
                time.sleep(0.001)
        listener.join(20)
        assert heard == [place % 128 for place in range(count)]
        assert longest < 0.1
        came = lost = 0
        while came + lost < count:
            event = hear(slow)
            came += event["event"] == "played"
            lost += event.get("count", 0)
        assert lost
        assert came + lost == count
        feed.notice("the end")
        assert next_event(slow, "notice")["text"] == "the end"


def test_one_subscriber_too_many_is_refused(folder: Path) -> None:
    del folder
    with listening(), contextlib.ExitStack() as stack:
        for _ in range(SUBSCRIBERS):
            subscribed(stack)
        with pytest.raises(MidigenError, match="4 others have subscribed already"):
            ask({"do": "subscribe"}, None)
        assert ask(STATUS, None) == {"mode": "duet"}


def test_a_fault_of_the_backend_while_it_sends_events_ends_that_client_alone(
    folder: Path,
) -> None:
    del folder
    player = Player()
    with listening(player), contextlib.ExitStack() as stack:
        ear = subscribed(stack)
        next_event(ear, "status")
        player.state = {"mode": object()}
        assert has_hung_up(ear)
        player.state = {"mode": "duet"}
        assert ask(STATUS, None) == {"mode": "duet"}


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
    for attempt in (ControlChannel(NAME, Player(), Feed()).open, lambda: ask(STATUS, None)):
        with pytest.raises(MidigenError) as raised:
            attempt()
        assert str(raised.value) == message
    assert not [*folder.parent.rglob("*.sock")]


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
BECOME_NOBODY = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"


def as_nobody(path: Path) -> str:
    """What another user is answered at a path."""
    program = (
        "import contextlib, sys\nfrom multiprocessing.connection import Client\n"
        + BECOME_NOBODY
        + "s = Client(sys.argv[1])\n"
        "with contextlib.suppress(BrokenPipeError):\n"  # it may be turned away before it asks
        """    s.send_bytes(b'{"do": "set", "name": "key", "value": "C major"}')\n"""
        "print(s.recv_bytes().decode())"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", program, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return result.stdout.strip() or result.stderr.splitlines()[-1]


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
        assert speak(folder / f"{NAME}.sock", b'{"do": "status"}') == {"ok": {"pid": daemon.pid}}
        daemon.kill()


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

DAEMON = """
import multiprocessing.connection, os, sys  # as another user it may not be able to import any more
from midigen.live.control_channel import ControlChannel
from midigen.live.feed import Feed
from midigen.errors import MidigenError

class Player:
    def status(self):
        return {"pid": os.getpid()}

exec(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    ControlChannel(sys.argv[1], Player(), Feed()).open()
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
