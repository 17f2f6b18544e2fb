"""The control channel's transport on POSIX systems: a Unix socket in the user's runtime folder.

Only the user has access to the folder and the socket. If the system identifies the caller, midigen
also turns away anybody but the user and root.
"""

import contextlib
import os
import socket
import stat
import struct
import sys
import warnings
from multiprocessing.connection import Connection, wait
from pathlib import Path

import platformdirs

from midigen.errors import MidigenError
from midigen.live.control_protocol import stem
from midigen.midi.messages import Seconds

if sys.platform != "win32":
    import fcntl

REACHED_WITHIN: Seconds = 5.0  # how long a busy midigen may take to accept a connection

_SUFFIX = ".sock"
_BACKLOG = 64  # pending callers: over the limit, so that the rest learn why
_PEER = struct.Struct("iII")  # Linux's struct ucred: process, user, group
_TIME = struct.Struct("@ll")  # struct timeval: seconds, microseconds


class Peer:
    """A connection to a caller."""

    def __init__(self, caller: socket.socket) -> None:
        self.is_trusted = _is_trusted(caller)
        """Whether the caller is the user, or root, as far as the system says."""
        self.connection = Connection(os.dup(caller.fileno()))
        self._socket = caller

    def stop_reading(self) -> None:
        """End any read from the caller. For any thread."""
        self._shut(socket.SHUT_RD)

    def hang_up(self) -> None:
        """End any read, and make any send to the caller fail. For any thread."""
        self._shut(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
        self._socket.close()

    def _shut(self, way: int) -> None:
        with contextlib.suppress(OSError):  # it is closed already
            self._socket.shutdown(way)


class Listener:
    """Listens for callers, by midigen's client name. Raises MidigenError with nothing left open."""

    def __init__(self, client: str) -> None:
        folder = _folder()
        self._path = folder / f"{stem(client)}{_SUFFIX}"
        with contextlib.ExitStack() as undone:
            try:
                self._socket = undone.enter_context(socket.socket(socket.AF_UNIX))
                self._wake, self._woken = map(undone.enter_context, socket.socketpair())
                _make(folder)
                _take(self._path, self._socket)
            except OSError as exc:
                raise MidigenError(f"{self._path}: can't listen there: {_why(exc)}") from exc
            self._opened = undone.pop_all()
        self._socket.setblocking(False)

    def accept(self, patience: Seconds | None) -> Peer | None:
        """The next caller within `patience`; None if there is none. Raises OSError."""
        if self._socket not in wait([self._socket, self._woken], patience):
            return None
        try:
            caller, _ = self._socket.accept()
        except BlockingIOError:  # it has gone
            return None
        caller.setblocking(True)
        try:
            return Peer(caller)
        except OSError:  # no descriptor is left
            caller.close()
            raise

    def interrupt(self) -> None:
        """Let `accept` return now, and ever after. For another thread."""
        self._wake.send(b"\0")

    def close(self) -> None:
        """Remove the socket, and stop listening."""
        with contextlib.suppress(OSError):  # already removed
            self._path.unlink()  # before closing: afterwards it could be a successor's
        self._opened.close()


def living(client: str | None, patience: Seconds | None) -> dict[str, Connection]:
    """Connections to the midigens that run, by their names; or to the one of this client name.

    With `patience`, a read or write that waits longer raises BlockingIOError. Raises MidigenError
    if they can't be listed.
    """
    folder = _folder()
    try:
        _prove(folder.parent)
        _prove(folder)
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise MidigenError(f"{folder}: can't look for midigen there: {_why(exc)}") from exc
    if client is None:
        paths = sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.is_socket())
    else:
        paths = [folder / f"{stem(client)}{_SUFFIX}"]
    found: dict[str, Connection] = {}
    with contextlib.ExitStack() as undone:
        for path in paths:
            connection = _reach(path, patience)
            if connection is not None:
                found[path.name.removesuffix(_SUFFIX)] = undone.enter_context(connection)
        undone.pop_all()
    return found


def _folder() -> Path:
    """Where the sockets are. Raises MidigenError where there can be none."""
    try:
        with warnings.catch_warnings(action="ignore"):  # about its fallback if no folder is set
            return platformdirs.user_runtime_path("midigen")
    except OSError as exc:
        raise MidigenError(f"there is no folder for midigen's socket: {exc}") from exc


def _make(folder: Path) -> None:
    """Make the folder for this user alone if it isn't there. Raises OSError, MidigenError."""
    for each in (folder.parent, folder):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=0o700)
            each.chmod(0o700)  # whatever the umask
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


def _take(path: Path, listener: socket.socket) -> None:
    """Listen at a path that no living midigen has. Raises OSError, MidigenError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # those that start at the same time take turns
        other = _reach(path)
        if other is not None:
            other.close()
            raise MidigenError(
                f"{path}: another midigen listens there: give this one a name of its own with "
                "--name NAME"
            )
        if path.is_socket():  # left behind by a dead one
            path.unlink()
        listener.bind(str(path))
        path.chmod(0o600)  # whatever the umask; until then the folder keeps others out
        listener.listen(_BACKLOG)
    finally:
        os.close(folder)


def _reach(path: Path, patience: Seconds | None = None) -> Connection | None:
    """A connection to the midigen at a path, if it lives. Raises MidigenError if it's stuck."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(REACHED_WITHIN)
        try:
            caller.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return None
        except OSError as exc:
            raise MidigenError(f"{path}: midigen can't be reached there: {_why(exc)}") from exc
        caller.settimeout(None)
        span = patience or 0  # for no limit
        limit = _TIME.pack(int(span), int(span % 1 * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            caller.setsockopt(socket.SOL_SOCKET, option, limit)
        return Connection(caller.detach())


def _is_trusted(caller: socket.socket) -> bool:
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    peer = caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, user, _ = _PEER.unpack(peer)
    return user in (0, os.geteuid())


def _why(error: OSError) -> str:
    return error.strerror or str(error)
