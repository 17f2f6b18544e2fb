"""The control channel: what it answers, and how it bears those who are slow or too many."""

import contextlib
import json
import os
import resource
import socket
import struct
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midigen.errors import MidigenError
from midigen.live.control_channel import CLIENTS, REQUEST_TIMEOUT
from midigen.live.control_client import ask
from midigen.live.control_protocol import MAX_REQUEST, answer
from tests.control_clients import (
    STATUS,
    call,
    has_hung_up,
    hear,
    say,
    speak,
    write,
)
from tests.jack import wait_until
from tests.remotes import NAME, Client, Player, listening
from tests.system import runtime_folder

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
