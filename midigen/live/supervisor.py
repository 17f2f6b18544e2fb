"""What a service manager is told: that midigen is ready, that it lives, that it stops.

This is systemd's protocol, sd_notify(3): datagrams to a socket that the environment names.
Where it names none, as in a terminal and on other systems, every method does nothing.
"""

import contextlib
import os
import socket
from collections.abc import Mapping

from midigen.midi.messages import Seconds

_PINGS = 3  # in the watchdog's time, so that one may be late and another get lost
_LONGEST = 1000  # characters of a status: of a datagram over 4096 bytes systemd reads nothing


class Supervisor:
    """The service manager that started this process, as its `environment` says.

    Nothing here waits or raises, and all but `close` may be called from any thread.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket = _connected(environment.get("NOTIFY_SOCKET", ""))
        self.interval: Seconds | None = _watchdog(environment) if self._socket else None
        """How often `alive` is to be called; None if nobody watches."""

    def ready(self, status: str) -> None:
        """The ports are open; `status` is a line that `systemctl status` shows."""
        line = " ".join(status.splitlines())[:_LONGEST]
        self._send(f"READY=1\nSTATUS={line}".encode(errors="replace"))

    def alive(self) -> None:
        """It plays: without this the watchdog ends the process, to start another."""
        self._send(b"WATCHDOG=1")

    def stopping(self) -> None:
        """It was asked to end, and does."""
        self._send(b"STOPPING=1")

    def close(self) -> None:
        """Say no more; may be called twice."""
        if self._socket:
            self._socket.close()

    def _send(self, message: bytes) -> None:
        if self._socket:
            # The manager may be slow or gone. Its datagrams aren't worth a late note, and
            # even less the end of the music; the next one says the same.
            with contextlib.suppress(OSError):
                self._socket.send(message)


def _connected(name: str) -> socket.socket | None:
    """A socket to the manager's, a path or an abstract `@name`; None where there is none."""
    if not name or not hasattr(socket, "AF_UNIX"):  # not on Windows
        return None
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.setblocking(False)
    try:
        manager.connect(f"\0{name[1:]}" if name.startswith("@") else name)
    except OSError:
        manager.close()
        return None
    return manager


def _watchdog(environment: Mapping[str, str]) -> Seconds | None:
    """A part of the watchdog's time; None if there is none, or it watches another process."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        microseconds = int(environment["WATCHDOG_USEC"])
    except (KeyError, ValueError):
        return None
    return microseconds / 1e6 / _PINGS if microseconds > 0 else None
