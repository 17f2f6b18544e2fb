"""Open Sound Control: `/midigen/CONTROL VALUE` over UDP becomes a `Control`.

`read` parses a datagram and never raises; `OscServer` listens and passes controls on.

The parser is our own because it faces a network. In python-osc's server a bundle with a negative
size makes an endless loop, nested bundles exhaust the stack, an address is compiled as a regular
expression, and a bundle timed for tomorrow blocks the server until then.
"""

import math
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from midigen.errors import PortError
from midigen.midi.messages import Seconds
from midigen.settings.controls import Control

PREFIX = "/midigen/"
BETWEEN_LINES: Seconds = 1.0  # at most one line about bad datagrams is shown in this time

_BUNDLE = b"#bundle\0"
_BUNDLE_HEADER = 16  # bytes: the word, and a time, which is ignored
_SIZE = struct.Struct(">I")  # signed in OSC, but unsigned a negative one is just too large
_LARGEST = 65_536  # bytes, of a datagram
_LONGEST = 256  # characters of an address or a value; no control needs so many
_MOST_SHOWN = 60  # characters of an address that are shown
_NOT_OSC = "not an OSC message"
_NUMBERS = {letter: struct.Struct(f">{code}") for letter, code in ("ii", "hq", "ff", "dd")}
_TYPES = {"s", "T", "F", *_NUMBERS}


def read(datagram: bytes) -> Iterator[Control | str]:
    """The controls of a datagram, in order, and the errors in it, as text."""
    rest = [(0, len(datagram))]
    while rest:
        start, end = rest.pop()
        try:
            if datagram.startswith(_BUNDLE, start, end):
                rest += reversed(_elements(datagram, start, end))
            else:
                yield _message(datagram[start:end])
        except ValueError as exc:
            yield str(exc)


def _elements(datagram: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Where a bundle's elements start and end. Raises ValueError unless they fill it exactly."""
    elements: list[tuple[int, int]] = []
    index = start + _BUNDLE_HEADER
    while index + _SIZE.size <= end:
        (size,) = _SIZE.unpack_from(datagram, index)
        index += _SIZE.size
        elements.append((index, index + size))
        index += size
    if index != end:
        raise ValueError("a bundle is damaged")
    return elements


def _message(message: bytes) -> Control:
    """The control in a message. Raises ValueError, whose text says what is wrong."""
    address, types, index = _head(message)
    shown = repr(address if len(address) <= _MOST_SHOWN else address[:_MOST_SHOWN] + "…")
    name = address.removeprefix(PREFIX)
    if name == address or not name or "/" in name or len(name) > _LONGEST:
        raise ValueError(f"{shown} isn't {PREFIX} and a control's name")
    if not types:
        return Control(name, is_moving=True)
    if len(types) > 1:
        raise ValueError(f"{shown} has {len(types)} values, not one")
    if types not in _TYPES:
        raise ValueError(f"{shown}: not text, a number, true or false, but OSC's type {types!r}")
    value: str | float | bool
    try:
        if types == "s":
            value, _ = _string(message, index)
        elif types in "TF":
            value = types == "T"
        else:
            (value,) = _NUMBERS[types].unpack_from(message, index)
    except (struct.error, ValueError) as exc:
        raise ValueError(f"{shown}: its value is damaged") from exc
    if types == "s" and len(str(value)) > _LONGEST:
        raise ValueError(f"{shown}: its value is longer than {_LONGEST} characters")
    # As it was written: 0.9 comes as a float of 32 bits, 0.89999998.
    return Control(name, float(f"{value:.7g}") if types == "f" else value, is_moving=True)


def _string(message: bytes, index: int) -> tuple[str, int]:
    """The text that begins there, and where the next thing begins. Raises ValueError.

    A zero ends it, and more zeros fill it up to a multiple of four bytes.
    """
    end = message.index(0, index)
    following = index + (end - index) // 4 * 4 + 4
    if following > len(message):
        raise ValueError(_NOT_OSC)
    return message[index:end].decode(), following


def _head(message: bytes) -> tuple[str, str, int]:
    """The address, one letter for the type of each value, and where the values begin."""
    types = ","
    try:
        address, index = _string(message, 0)
        if message[index:]:  # else an old sender left out the empty type tag
            types, index = _string(message, index)
    except ValueError as exc:
        raise ValueError(_NOT_OSC) from exc
    if not (address.startswith("/") and types.startswith(",")):
        raise ValueError(_NOT_OSC)
    return address, types[1:], index


@dataclass(eq=False)
class OscServer:
    """Listens on a thread of its own, and calls `put` with each control.

    `tell` shows the player a line. Neither is called after `close` has returned.
    """

    host: str
    port: int
    put: Callable[[Control], None]
    tell: Callable[[str], None]
    clock: Callable[[], Seconds] = field(default=time.perf_counter, kw_only=True)

    def __post_init__(self) -> None:
        self._quiet_until: Seconds = -math.inf
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="osc", daemon=True)

    def open(self) -> None:
        """Begin to listen. Raises PortError."""
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
            )[0]
            self._socket = socket.socket(family, kind, protocol)
            try:
                self._socket.bind(address)
            except OSError:
                self._socket.close()
                raise
        except (OSError, OverflowError, UnicodeError) as exc:  # the host's name may be any text
            reason = getattr(exc, "strerror", None) or exc
            raise PortError(
                f"OSC can't listen at {self.host}:{self.port}: {reason}: "
                "choose another port with --set osc.port=N"
            ) from exc
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]  # of port 0, the system chose one
        self._wake, self._woken = socket.socketpair()
        self._thread.start()

    def close(self) -> None:
        """Stop listening; may be called twice, and without `open`."""
        if self._closing.is_set() or not self._thread.is_alive():
            return
        self._closing.set()
        self._wake.send(b"\0")
        self._thread.join()
        for each in (self._socket, self._wake, self._woken):
            each.close()

    def _listen(self) -> None:
        while not self._closing.is_set():
            select.select([self._socket, self._woken], [], [])
            try:
                datagram = self._socket.recv(_LARGEST)
            except OSError:  # woken, or Windows reports that a sender has gone
                continue
            for result in read(datagram):
                if self._closing.is_set():
                    return
                if isinstance(result, Control):
                    self.put(result)
                elif self.clock() >= self._quiet_until:
                    self._quiet_until = self.clock() + BETWEEN_LINES
                    self.tell(f"OSC: {result}")
