"""The client of the control channel: how another process talks to a running midigen."""

import contextlib
import json
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from typing import Any

from midigen.errors import MidigenError
from midigen.live.control_protocol import encoded
from midigen.midi.messages import Seconds

if sys.platform == "win32":
    from midigen.live import named_pipes as transport
else:
    from midigen.live import unix_sockets as transport

ANSWERS_WITHIN: Seconds = 5.0  # how long `ask` waits for a busy midigen

_LARGEST = 2**24  # bytes of an answer


def ask(request: Mapping[str, object], name: str | None) -> Any:
    """The answer of the running midigen; if several run, of the one with this client name.

    Raises MidigenError if none runs, if several run and `name` is None, or if it refuses or
    doesn't answer.
    """
    with connect(name, ANSWERS_WITHIN) as connection:
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a refusal says why
                connection.send_bytes(encoded(request))
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
    try:
        match json.loads(reply):
            case {"ok": value}:
                return value
            case {"error": str(problem)}:
                raise MidigenError(problem)
    except ValueError:  # nothing, or half of an answer
        pass
    raise MidigenError("midigen hung up without an answer: it may have ended; try again")


def connect(name: str | None, patience: Seconds | None = None) -> Connection:
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
