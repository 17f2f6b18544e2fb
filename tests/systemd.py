"""A stand-in for systemd's notification socket."""

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path


class Manager:
    """The socket of a service manager, at a path or an abstract address."""

    def __init__(self, address: str) -> None:
        self.environment = {"NOTIFY_SOCKET": address}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """The datagrams that have come, as text."""
        messages = []
        with contextlib.suppress(BlockingIOError):
            while True:
                messages.append(self._socket.recv(4096).decode())
        return messages

    def vanish(self) -> None:
        self._socket.close()


@contextlib.contextmanager
def new_manager(address: str | None = None) -> Iterator[Manager]:
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # not `tmp_path`: a socket's path has 107 bytes at most
        manager = Manager(address or str(Path(folder) / "notify"))
        yield manager
        manager.vanish()
