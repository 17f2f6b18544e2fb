"""Keeps inputs in JACK from staying deaf after a SysEx that doesn't end.

RtMidi's input takes everything after the beginning of a SysEx for more of it, until a message ends
with F7; then it delivers all of it as one message. So an F7 is sent to every input now and then.
By itself it means nothing. It cuts a SysEx that is still being sent in two, which does no harm
here, because midigen ignores SysEx.
"""

from collections.abc import Iterable
from typing import Any

from midigen.live.jack_watch import JackWatch

_PORT = "ends SysEx"
_END_OF_SYSEX = 0xF7


class Unblocker:
    """An output, connected to midigen's own inputs, that ends a SysEx which doesn't end itself.

    `client` is an output of RtMidi called `name`; its port is opened here.
    """

    def __init__(self, jack: JackWatch, client: Any, name: str) -> None:
        self.client = client
        self.port = f"{name}:{_PORT}"
        self._jack = jack
        client.open_virtual_port(_PORT)

    def unblock(self, inputs: Iterable[str]) -> None:
        """Let these inputs hear again if they are deaf.

        If the output has gone, nothing is sent: RtMidi would store it, and block the process when
        its buffer is full.
        """
        if not self._jack.has_port(self.port):
            return
        for name in set(inputs) - self._jack.connections(self.port):
            self._jack.connect(self.port, name)
        self.client.send_message([_END_OF_SYSEX])
