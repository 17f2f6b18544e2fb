"""Clients of the control channel that speak to its socket directly, and a process that has one."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from midigen.live.control_client import connect
from tests.remotes import NAME

STATUS = {"do": "status"}


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
