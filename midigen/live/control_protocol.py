"""The requests that another process may send to a running midigen, and the answers, in JSON.

    {"do": "status"}                                            {"ok": {...}}
    {"do": "set", "name": "temperature", "value": "0.8"}        {"ok": ["a line", ...]}
    {"do": "reload"}                                            {"error": "what is wrong"}
    {"do": "note_on", "pitch": 60, "velocity": 80}              {"ok": []}
    {"do": "note_off", "pitch": 60}                             {"ok": []}
    {"do": "subscribe"}                                         {"ok": []}

A connection may send any number of requests, and gets the answers in order. After `subscribe`,
events come between the answers (see `feed`). Notes may name a `channel`, 1 to 16.
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

from midigen.errors import MidigenError
from midigen.midi.messages import NoteOff, NoteOn

MAX_REQUEST = 65_536  # the most bytes of a request

_LONGEST = 40  # bytes of a stem: the whole path of a Unix socket may have 107, on macOS 103
_MAY = {"channel"}  # what else a note may have
_REQUESTS = (
    '{"do": "status"}, {"do": "set", "name": TEXT, "value": TEXT}, {"do": "reload"}, '
    '{"do": "note_on", "pitch": 60, "velocity": 80}, {"do": "note_off", "pitch": 60} or '
    '{"do": "subscribe"}'
)


class Backend(Protocol):
    """What carries out the requests. Its methods are called on the channel's threads."""

    def status(self) -> Mapping[str, object]:
        """The state of the performance, in values that JSON has."""

    def set(self, name: str, value: str) -> list[str]:
        """Set or press a control. Returns notices. Raises MidigenError."""

    def reload(self) -> list[str]:
        """Reload the configuration. Returns notices. Raises MidigenError."""


class Caller(Protocol):
    """The connection of a request."""

    def play(self, note: NoteOn | NoteOff) -> None:
        """Play a note as if on a keyboard. Raises MidigenError if there are too many."""

    def subscribe(self) -> None:
        """Send events from now on. Raises MidigenError if there are too many subscribers."""


def stem(client: str) -> str:
    """A short name in ASCII for a midigen whose input has this client name, any text at all.

    Other processes find it by this name. The stem of a stem is the same again.
    """
    name = quote(client, safe="%", errors="replace")
    if len(name) > _LONGEST:
        mark = f"-{zlib.crc32(name.encode()):08x}"
        name = name[: _LONGEST - len(mark)] + mark
    return name


def answer(request: bytes, backend: Backend, caller: Caller) -> bytes:
    """The answer to a request. Never raises: whatever goes wrong is the answer."""
    try:
        return encoded({"ok": _obey(request, backend, caller)})
    except MidigenError as exc:
        return refusal(str(exc))
    except Exception as exc:  # a bug in the backend; the next client is served anyway
        return refusal(f"midigen couldn't do it: {exc!r}")


def refusal(why: str) -> bytes:
    """The answer to a bad request."""
    return encoded({"error": why})


def encoded(value: object) -> bytes:
    """A value as JSON. Raises TypeError if JSON has no such value."""
    return json.dumps(value).encode()


def _obey(data: bytes, backend: Backend, caller: Caller) -> object:
    """Carry out a request. Raises MidigenError."""
    try:
        request = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise MidigenError(f"a request must be JSON: {_REQUESTS}") from exc
    match request:
        case {"do": "status", **rest} if not rest:
            return dict(backend.status())
        case {"do": "reload", **rest} if not rest:
            return backend.reload()
        case {"do": "set", "name": str(name), "value": str(value), **rest} if not rest:
            try:
                (name + value).encode()
            except UnicodeEncodeError as exc:  # JSON may contain half of a surrogate pair
                problem = "a name and a value must be text: this has half a character"
                raise MidigenError(problem) from exc
            return backend.set(name, value)
        case {"do": "note_on", "pitch": pitch, "velocity": velocity, **rest} if rest.keys() <= _MAY:
            pitch, velocity = _number("pitch", pitch), _number("velocity", velocity, 1)
            caller.play(NoteOn(pitch, velocity, _channel(rest)))
        case {"do": "note_off", "pitch": pitch, **rest} if rest.keys() <= _MAY:
            caller.play(NoteOff(_number("pitch", pitch), _channel(rest)))
        case {"do": "subscribe", **rest} if not rest:
            caller.subscribe()
        case _:
            raise MidigenError(f"no such request: expected {_REQUESTS}")
    return []


def _channel(rest: Mapping[Any, object]) -> int:
    return _number("channel", rest.get("channel", 1), 1, 16)


def _number(name: str, value: object, least: int = 0, most: int = 127) -> int:
    """A whole number in a range. Raises MidigenError."""
    if type(value) is int and least <= value <= most:
        return value
    raise MidigenError(f"{name} is a whole number {least} to {most}")
