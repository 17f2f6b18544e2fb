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
from collections.abc import Mapping
from typing import Any, Protocol

from midigen.errors import MidigenError
from midigen.midi.messages import NoteOff, NoteOn

MAX_REQUEST = 65_536
"""The most bytes of a request."""

_HIGHEST = 127  # pitch or velocity
_CHANNELS = 16
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


def result(reply: bytes) -> Any:
    """The result in an answer. Raises MidigenError if it is a refusal, or no answer."""
    try:
        match json.loads(reply):
            case {"ok": value}:
                return value
            case {"error": str(problem)}:
                raise MidigenError(problem)
    except ValueError:  # nothing, or half of an answer
        pass
    raise MidigenError("midigen hung up without an answer: it may have ended; try again")


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
            if not _is_unicode(name + value):
                raise MidigenError("a name and a value must be text: this has half a character")
            return backend.set(name, value)
        case {"do": "note_on", "pitch": pitch, "velocity": velocity, **rest} if _is_place(rest):
            note = NoteOn(
                _number("pitch", pitch, 0, _HIGHEST),
                _number("velocity", velocity, 1, _HIGHEST),
                _channel(rest),
            )
            caller.play(note)
            return []
        case {"do": "note_off", "pitch": pitch, **rest} if _is_place(rest):
            caller.play(NoteOff(_number("pitch", pitch, 0, _HIGHEST), _channel(rest)))
            return []
        case {"do": "subscribe", **rest} if not rest:
            caller.subscribe()
            return []
    raise MidigenError(f"no such request: expected {_REQUESTS}")


def _is_place(rest: Mapping[Any, object]) -> bool:
    """Whether a note's request has no other field than a channel."""
    return not rest.keys() - {"channel"}


def _channel(rest: Mapping[Any, object]) -> int:
    return _number("channel", rest.get("channel", 1), 1, _CHANNELS)


def _number(name: str, value: object, least: int, most: int) -> int:
    """A whole number in a range. Raises MidigenError."""
    if type(value) is int and least <= value <= most:
        return value
    raise MidigenError(f"{name} is a whole number {least} to {most}")


def _is_unicode(text: str) -> bool:
    """Whether text can be written: JSON may contain half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
