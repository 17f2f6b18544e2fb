"""How another process of the same user speaks to a midigen that runs: a unix socket.

`ControlSocket` listens in the user's runtime folder, under the client name of its midigen's
input; `ask` finds it there. One line of JSON goes in, one comes out, and the connection is
closed:

    {"do": "status"}                                            {"ok": {...}}
    {"do": "set", "name": "temperature", "value": "0.8"}        {"ok": ["a line", ...]}
    {"do": "reload"}                                            {"error": "what is wrong"}

Only the user gets so far: nobody else may enter the folder or open the socket, and where the
system says who is calling, anybody but the user and root is turned away.
"""

import contextlib
import json
import os
import selectors
import socket
import stat
import struct
import threading
import time
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import platformdirs

from midigen.errors import MidigenError
from midigen.midi.messages import Seconds

if hasattr(socket, "AF_UNIX"):  # not on Windows, which has neither
    import fcntl

LONGEST = 65_536
"""Bytes of a line that is asked, without its end."""

CLIENTS = 8
"""How many may be connected at once."""

PATIENCE: Seconds = 2.0
"""How long a client may take to say its line, and then to take the answer."""

ANSWERS_WITHIN: Seconds = 5.0
"""How long `ask` waits for a midigen that is busy."""

_SUFFIX = ".sock"
_LONGEST_NAME = 40  # bytes: a socket's whole path may have 107, on macOS 103
_BACKLOG = 64  # who isn't let in yet; more than CLIENTS, so that they can be told why
_BREATH: Seconds = 0.05  # between two attempts to let in a client when no descriptor is left
_PEER = struct.Struct("iII")  # Linux's struct ucred: process, user, group
_REQUESTS = '{"do": "status"}, {"do": "set", "name": TEXT, "value": TEXT} or {"do": "reload"}'


class Backend(Protocol):
    """What can be asked of a midigen. It is called on the socket's thread."""

    def status(self) -> Mapping[str, object]:
        """How it stands, in values that JSON has."""

    def set(self, name: str, value: str) -> list[str]:
        """Set a control, or press it. What has become of it, in lines. Raises MidigenError."""

    def reload(self) -> list[str]:
        """Read the configuration again. What has become of it, in lines. Raises MidigenError."""


def answer(line: bytes, backend: Backend) -> bytes:
    """The line that answers a line. It never raises: whatever goes wrong is the answer."""
    try:
        return _line({"ok": _obey(line, backend)})
    except MidigenError as exc:
        problem = str(exc)
    except Exception as exc:  # a fault of the backend's; who comes next is served all the same
        problem = f"midigen couldn't do it: {exc!r}"
    return _line({"error": problem})


def file_name(client: str) -> str:
    """The name of the socket of a midigen whose input has this client name, any text at all.

    The part before `.sock` gives the same file again.
    """
    name = quote(client, safe="%", errors="replace")
    if len(name) > _LONGEST_NAME:
        mark = f"-{zlib.crc32(name.encode()):08x}"
        name = name[: _LONGEST_NAME - len(mark)] + mark
    return name + _SUFFIX


def _obey(line: bytes, backend: Backend) -> object:
    """Do what a line asks for. Raises MidigenError."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise MidigenError(f"what came isn't a line of JSON: expected {_REQUESTS}") from exc
    match request:
        case {"do": "status", **rest} if not rest:
            return dict(backend.status())
        case {"do": "reload", **rest} if not rest:
            return backend.reload()
        case {"do": "set", "name": str(name), "value": str(value), **rest} if not rest:
            if not _is_unicode(name + value):
                raise MidigenError("a name and a value must be text: this has half a character")
            return backend.set(name, value)
    raise MidigenError(f"no such request: expected {_REQUESTS}")


def _is_unicode(text: str) -> bool:
    """Whether it can be printed and written: JSON may contain half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"


# --- the folder


def _folder() -> Path:
    """Where the sockets are. Raises MidigenError where there can be none."""
    if not hasattr(socket, "AF_UNIX"):
        raise MidigenError(
            "Python has no unix sockets on this system, so no command reaches a midigen that "
            "runs: OSC does, with --set osc.port=9000"
        )
    try:
        with warnings.catch_warnings():  # of the folder that it takes where none was set
            warnings.simplefilter("ignore")
            return platformdirs.user_runtime_path("midigen")
    except OSError as exc:
        raise MidigenError(f"there is no folder for midigen's socket: {exc}") from exc


def _make(folder: Path) -> None:
    """Make the folder if it isn't there, for this user alone. Raises OSError, MidigenError."""
    for each in (folder.parent, folder):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)
            each.chmod(0o700)  # the umask may have taken something away
        _prove(each)
    folder.chmod(0o700)


def _prove(folder: Path) -> None:
    """Raise MidigenError if somebody else could put something into a folder, or replace it."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        why = "it must be a folder, and not a link to one"
    elif found.st_uid != os.geteuid():
        why = "it belongs to another user"
    elif found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        why = "other users may write to it"
    else:
        return
    raise MidigenError(
        f"{folder} is no place for midigen's socket: {why}: put that right, or set "
        "XDG_RUNTIME_DIR to a folder that is yours alone"
    )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Of those that start at the same time, one after another looks and takes its place."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


# --- the midigen that listens


@dataclass(eq=False)
class _Client:
    """One who is connected: what it has said, or what it is still to be told, and until when."""

    socket: socket.socket
    deadline: Seconds
    heard: bytearray = field(default_factory=bytearray)
    answer: bytes = b""


class ControlSocket:
    """Listens on a thread of its own, and answers what the backend says.

    `name` is the client name of the midigen's input. The backend isn't called any more once
    `close` has returned. Clients are served as they speak: none waits for one that is slow.
    """

    def __init__(self, name: str, backend: Backend) -> None:
        self._name = name
        self._backend = backend
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="control socket", daemon=True)

    def open(self) -> None:
        """Begin to listen. Raises MidigenError, with nothing left open."""
        folder = _folder()
        self._path = folder / file_name(self._name)
        with contextlib.ExitStack() as undone:
            try:
                self._socket = undone.enter_context(socket.socket(socket.AF_UNIX))
                self._wake, self._woken = map(undone.enter_context, socket.socketpair())
                self._selector = undone.enter_context(selectors.DefaultSelector())
                _make(folder)
                with _locked(folder):
                    _take(self._path, self._socket)
            except OSError as exc:
                raise MidigenError(f"{self._path}: can't listen there: {_why(exc)}") from exc
            self._opened = undone.pop_all()
        self._socket.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and remove the socket; may be called twice, and without `open`."""
        if self._closing.is_set() or not self._thread.is_alive():
            return
        self._closing.set()
        self._wake.send(b"\0")
        self._thread.join()
        with contextlib.suppress(OSError):  # somebody was quicker
            self._path.unlink()  # while it still lives: later it could be its successor's
        self._opened.close()

    def _listen(self) -> None:
        while not self._closing.is_set():
            first = min((client.deadline for client in self._clients()), default=None)
            wait = None if first is None else max(0.0, first - time.perf_counter())
            ready = self._selector.select(wait)
            now = time.perf_counter()  # before the backend takes its time: that isn't theirs
            for key, _ in ready:
                if key.fileobj is self._socket:
                    self._welcome()
                elif key.data is not None:
                    self._attend(key.data)
            for client in self._clients():
                if client.deadline <= now:
                    self._let_go(client, f"no line came within {PATIENCE:g} s")
        for client in self._clients():
            self._let_go(client)

    def _clients(self) -> list[_Client]:
        return [key.data for key in self._selector.get_map().values() if key.data is not None]

    def _welcome(self) -> None:
        """Let in who calls, or say why not."""
        try:
            caller, _ = self._socket.accept()
        except OSError:  # it has gone, or no descriptor is left for it
            self._closing.wait(_BREATH)
            return
        caller.setblocking(False)
        if not _is_trusted(caller):
            _turn_away(caller, "this midigen is another user's")
        elif len(self._clients()) >= CLIENTS:
            _turn_away(caller, f"{CLIENTS} others are asking already: try again")
        else:
            client = _Client(caller, time.perf_counter() + PATIENCE)
            self._selector.register(caller, selectors.EVENT_READ, client)

    def _attend(self, client: _Client) -> None:
        """Hear what a client says, or go on answering it."""
        try:
            if client.answer:
                self._say(client)
            else:
                self._hear(client)
        except OSError:  # it has gone
            self._let_go(client)

    def _hear(self, client: _Client) -> None:
        piece = client.socket.recv(LONGEST)
        client.heard += piece
        is_whole = not piece or b"\n" in piece
        line = client.heard.partition(b"\n")[0] if is_whole else client.heard
        if len(line) > LONGEST:
            self._let_go(client, f"a line may have {LONGEST} bytes")
        elif not client.heard:  # it has gone
            self._let_go(client)
        elif is_whole:
            client.answer = answer(bytes(line), self._backend)
            client.deadline = time.perf_counter() + PATIENCE
            self._selector.modify(client.socket, selectors.EVENT_WRITE, client)

    def _say(self, client: _Client) -> None:
        client.answer = client.answer[client.socket.send(client.answer) :]
        if not client.answer:
            self._let_go(client)

    def _let_go(self, client: _Client, why: str = "") -> None:
        """Close a connection; with `why`, tell it unless half of an answer is said."""
        self._selector.unregister(client.socket)
        if why and not client.answer:
            _turn_away(client.socket, why)
        client.socket.close()


def _take(path: Path, listener: socket.socket) -> None:
    """Listen at a path that no living midigen has. Raises OSError, MidigenError."""
    living = _reach(path)
    if living is not None:
        living.close()
        raise MidigenError(
            f"{path}: another midigen listens there: give this one a name of its own with "
            "--name NAME"
        )
    if path.is_socket():  # of one that is dead
        path.unlink()
    listener.bind(str(path))
    path.chmod(0o600)  # whatever the umask; until then the folder keeps others out
    listener.listen(_BACKLOG)


def _is_trusted(caller: socket.socket) -> bool:
    """Whether it is the user who calls, or root, as far as the system says."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    peer = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, user, _ = _PEER.unpack(peer)
    return user in (0, os.geteuid())


def _turn_away(caller: socket.socket, why: str) -> None:
    with contextlib.suppress(OSError):  # it has gone
        caller.send(_line({"error": why}))  # the first that it is told: there is room for it
    caller.close()


# --- the process that asks


def ask(request: Mapping[str, object], name: str | None) -> Any:
    """What the midigen that runs answers to a request; of several, the one of this client name.

    Raises MidigenError: none runs, or several and none is named, or it doesn't answer, or what
    it says is wrong.
    """
    with _call(name) as call:
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                call.sendall(_line(request))  # even if it wasn't heard out, it may be answered
            with call.makefile("rb") as stream:
                reply = stream.readline()
        except TimeoutError as exc:
            raise MidigenError(
                f"midigen runs, but hasn't answered within {ANSWERS_WITHIN:g} s: try again; if it "
                "is stuck, end it and start it anew"
            ) from exc
        except OSError:
            reply = b""
    return _result(reply)


def _result(reply: bytes) -> Any:
    try:
        match json.loads(reply):
            case {"ok": result}:
                return result
            case {"error": str(problem)}:
                raise MidigenError(problem)
    except ValueError:  # nothing, or half a line
        pass
    raise MidigenError("midigen hung up without an answer: it may have ended; try again")


def _call(name: str | None) -> socket.socket:
    """A connection to the midigen of this client name, or to the only one. Raises MidigenError."""
    living: dict[str, socket.socket] = {}
    with contextlib.ExitStack() as stack:
        for path in _sockets(name):
            connection = _reach(path)
            if connection is not None:
                living[path.name.removesuffix(_SUFFIX)] = stack.enter_context(connection)
        if not living:
            called = "" if name is None else f' under the name "{name}"'
            raise MidigenError(f"no midigen is running{called}: start one with `midigen run`")
        if len(living) > 1:
            raise MidigenError(
                f"several midigens are running: {', '.join(living)}: say which with --name"
            )
        stack.pop_all()
    (connection,) = living.values()
    return connection


def _sockets(name: str | None) -> list[Path]:
    """Where a midigen may listen, dead or alive. Raises MidigenError."""
    folder = _folder()
    try:
        _prove(folder.parent)
        _prove(folder)
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise MidigenError(f"{folder}: can't look for midigen there: {_why(exc)}") from exc
    if name is not None:
        return [folder / file_name(name)]
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.is_socket())


def _reach(path: Path) -> socket.socket | None:
    """A connection to the midigen that listens at a path; None where none does.

    Raises MidigenError if it can't be told.
    """
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(ANSWERS_WITHIN)
    try:
        connection.connect(str(path))
    except (ConnectionRefusedError, FileNotFoundError):
        connection.close()
        return None
    except OSError as exc:
        connection.close()
        raise MidigenError(f"{path}: midigen can't be reached there: {_why(exc)}") from exc
    return connection


def _why(error: OSError) -> str:
    return error.strerror or str(error)
