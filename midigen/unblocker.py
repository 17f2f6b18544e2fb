"""Keeps inputs in JACK from going deaf for ever: see `intake.UNBLOCKING`."""

from collections.abc import Iterable
from typing import Any

from midigen.intake import PROVING, UNBLOCKING
from midigen.jack_watch import JackWatch

_PORT = "ends SysEx"


class Unblocker:
    """An output of its own that is plugged into inputs, to end what doesn't end by itself.

    `client` is an output of RtMidi called `name`, that is opened for it.
    """

    def __init__(self, jack: JackWatch, client: Any, name: str) -> None:
        self.client = client
        self.port = f"{name}:{_PORT}"
        self._jack = jack
        client.open_virtual_port(_PORT)

    def send(self, inputs: Iterable[str]) -> None:
        """Unblock these inputs; if any had to be plugged in first, all the next time.

        What is sent right after a connection may be lost. Where the output has gone nothing is
        sent: RtMidi would keep it, and block the process when it has enough.
        """
        if not self._jack.has_port(self.port):
            return
        plugged = self._jack.connections(self.port)
        fresh = [name for name in inputs if name not in plugged]
        if not any([self._jack.connect(self.port, name) for name in fresh]):
            for data in (UNBLOCKING, PROVING):
                self.client.send_message(data)
