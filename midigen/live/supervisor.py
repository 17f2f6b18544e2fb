"""Messages to the service manager: midigen is ready, is alive, is stopping.

The protocol is systemd's, sd_notify(3): datagrams to a socket that the environment names. If it
names none, as in a terminal or on other systems, every method does nothing.
"""

import contextlib
import os
import socket
from collections.abc import Mapping

from midigen.midi.messages import Seconds

_PINGS = 3  # per watchdog interval: one may be late and another lost
_LONGEST = 1000  # characters of a status: systemd ignores datagrams over 4096 bytes


class Supervisor:
    """The service manager that started this process, according to its `environment`.

    No method blocks or raises. All but `close` may be called on any thread.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket = _connected(environment.get("NOTIFY_SOCKET", ""))
        self.interval: Seconds | None = _watchdog(environment) if self._socket else None
        """How often to call `alive`; None if there is no watchdog."""

    def ready(self, status: str) -> None:
        """The ports are open. `systemctl status` shows the line `status`."""
        line = " ".join(status.splitlines())[:_LONGEST]
        self._send(f"READY=1\nSTATUS={line}".encode(errors="replace"))

    def alive(self) -> None:
        """The worker is alive. Without this the watchdog restarts the process."""
        self._send(b"WATCHDOG=1")

    def stopping(self) -> None:
        """The process is shutting down."""
        self._send(b"STOPPING=1")

    def close(self) -> None:
        """Close the socket. May be called twice."""
        if self._socket:
            self._socket.close()

    def _send(self, message: bytes) -> None:
        if self._socket:
            # The manager may be slow or gone. The next datagram says the same, so a lost one
            # isn't worth a late note.
            with contextlib.suppress(OSError):
                self._socket.send(message)


def _connected(name: str) -> socket.socket | None:
    """A socket connected to the manager's, a path or an abstract `@name`; None without one."""
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
    """A part of the watchdog's interval; None without one, or if it is for another process."""
    own, microseconds = str(os.getpid()), environment.get("WATCHDOG_USEC", "")
    if environment.get("WATCHDOG_PID", own) != own or not microseconds.isdecimal():
        return None
    return int(microseconds) / 1e6 / _PINGS or None
