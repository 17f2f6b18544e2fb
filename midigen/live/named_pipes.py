"""The control channel's transport on Windows: a named pipe with the user's name in its own.

Windows gives a pipe to the user who made it: only that user, administrators and the system may
write to it. Others may open it to read, but get nothing, since midigen sends nothing without a
request. If the name is taken already, midigen refuses it at the start, and never shares it.
"""

import os
from multiprocessing import connection
from typing import Any
from urllib.parse import quote

from midigen.errors import MidigenError
from midigen.live.control_protocol import stem
from midigen.midi.messages import Seconds

_PIPES = "\\\\.\\pipe\\"


def address(client: str, user: str) -> str:
    """The pipe of a midigen whose input has this client name, and which this user runs."""
    return f"{_PIPES}{_prefix(user)}{stem(client)}"


def names(pipes: list[str], user: str) -> list[str]:
    """The stems of the midigens that this user runs, among the names of all pipes."""
    prefix = _prefix(user)
    return sorted(each.removeprefix(prefix) for each in pipes if each.startswith(prefix))


class Peer:
    """A connection to a caller."""

    is_trusted = True  # the pipe admits nobody else

    def __init__(self, caller: Any) -> None:
        # It is a PipeConnection, which has the same methods.
        self.connection: connection.Connection = caller

    def stop_reading(self) -> None:
        """Do nothing: a pipe's messages come whole."""

    def hang_up(self) -> None:
        """Do nothing: the process doesn't wait for the client's thread to end."""

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class Listener:
    """Listens for callers, by midigen's client name. Raises MidigenError with nothing left open."""

    def __init__(self, client: str) -> None:
        self._address = address(client, os.getlogin())
        try:
            self._listener = connection.Listener(self._address, "AF_PIPE")
        except PermissionError as exc:
            raise MidigenError(
                f"{self._address}: another midigen listens there: give this one a name of its own "
                "with --name NAME"
            ) from exc
        except OSError as exc:
            raise MidigenError(f"{self._address}: can't listen there: {exc}") from exc

    def accept(self, patience: Seconds | None) -> Peer | None:  # noqa: ARG002  waiting has no limit
        """The next caller. Raises OSError."""
        return Peer(self._listener.accept())

    def interrupt(self) -> None:
        """Let `accept` return, by calling it. For another thread."""
        connection.Client(self._address, "AF_PIPE").close()

    def close(self) -> None:
        """Stop listening; the pipe goes with its last handle."""
        self._listener.close()


def living(client: str | None, patience: Seconds | None) -> dict[str, connection.Connection]:  # noqa: ARG001
    """Connections to the midigens that run, by their names; or to the one of this client name."""
    user = os.getlogin()
    stems = [stem(client)] if client is not None else names(os.listdir(_PIPES), user)  # noqa: PTH208  no folder
    found: dict[str, Any] = {}  # PipeConnections, which have the same methods
    for each in stems:
        try:
            found[each] = connection.Client(address(each, user), "AF_PIPE")
        except FileNotFoundError:  # it has just ended, or doesn't run
            continue
        except OSError as exc:
            raise MidigenError(f"{address(each, user)}: midigen can't be reached: {exc}") from exc
    return found


def _prefix(user: str) -> str:
    return f"midigen.{quote(user, safe='', errors='replace')}@"  # neither part has an @
