"""Unblocks JACK inputs after an unfinished SysEx.

RtMidi's input takes everything after the start of a SysEx for more of it, until a message ends
with F7; then it delivers all of it as one message. So midigen sends every input an F7 now and then,
which means nothing by itself. It may cut a SysEx in two, but midigen ignores SysEx anyway.
"""

from collections.abc import Iterable
from typing import Any

from midigen.live.jack_watch import JackWatch

_PORT = "ends SysEx"
_END_OF_SYSEX = 0xF7


class Unblocker:
    """An output, connected to midigen's own inputs, that ends an unfinished SysEx.

    `client` is an output of RtMidi called `name`; its port is opened here.
    """

    def __init__(self, jack: JackWatch, client: Any, name: str) -> None:
        self.client = client
        self.port = f"{name}:{_PORT}"
        self._jack = jack
        client.open_virtual_port(_PORT)

    def unblock(self, inputs: Iterable[str]) -> None:
        """Unblock these inputs, if they are blocked.

        Sends nothing if the output has gone: RtMidi would buffer it, and block the process when the
        buffer is full.
        """
        if not self._jack.has_port(self.port):
            return
        for name in set(inputs) - self._jack.connections(self.port):
            self._jack.connect(self.port, name)
        self.client.send_message([_END_OF_SYSEX])
