"""The client of the control channel: how another process talks to a running midigen."""

import contextlib
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from midigen.errors import MidigenError
from midigen.live.control_protocol import encoded, result
from midigen.midi.messages import Seconds

if sys.platform == "win32":
    from midigen.live import named_pipes as transport
else:
    from midigen.live import unix_sockets as transport

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

ANSWERS_WITHIN: Seconds = 5.0
"""How long `ask` waits for a busy midigen."""

_LARGEST = 2**24  # bytes of an answer


def ask(request: Mapping[str, object], name: str | None) -> Any:
    """The answer of the running midigen; if several run, of the one with this client name.

    Raises MidigenError if none runs, if several run and `name` is None, or if it refuses or
    doesn't answer.
    """
    with connect(name, ANSWERS_WITHIN) as connection:
        try:
            _send(connection, request)
            if not connection.poll(ANSWERS_WITHIN):
                raise BlockingIOError
            reply = connection.recv_bytes(_LARGEST)
        except BlockingIOError as exc:
            raise MidigenError(
                f"midigen runs, but hasn't answered within {ANSWERS_WITHIN:g} s: try again; if it "
                "hangs, restart it"
            ) from exc
        except (EOFError, OSError):
            reply = b""
    return result(reply)


def connect(name: str | None, patience: Seconds | None = None) -> "Connection":
    """A connection to the midigen of this client name, or to the only one.

    With `patience`, a read or write that waits longer raises BlockingIOError (not on Windows).
    Raises MidigenError if none runs, or if several run and `name` is None.
    """
    living = transport.living(name, patience)
    if not living:
        called = "" if name is None else f' under the name "{name}"'
        raise MidigenError(f"no midigen is running{called}: start one with `midigen run`")
    if len(living) > 1:
        for connection in living.values():
            connection.close()
        raise MidigenError(
            f"several midigens are running: {', '.join(living)}: say which with --name"
        )
    (connection,) = living.values()
    return connection


def _send(connection: "Connection", request: Mapping[str, object]) -> None:
    """Send a request. If midigen hung up before, its answer still says why."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.send_bytes(encoded(request))
