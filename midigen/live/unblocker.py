"""Keeps inputs in JACK from going deaf for ever.

RtMidi's input takes whatever follows the beginning of a SysEx for more of it, until something
ends with F7; then it hands on all of that as one message. An F7 alone means nothing, and cuts
a SysEx in two that is still on its way, which doesn't matter to who has no use for it.
"""

from collections.abc import Iterable
from typing import Any

from midigen.live.jack_watch import JackWatch

_PORT = "ends SysEx"
_END_OF_SYSEX = 0xF7


class Unblocker:
    """An output of its own that is plugged into inputs, to end what doesn't end by itself.

    `client` is an output of RtMidi called `name`, that is opened for it.
    """

    def __init__(self, jack: JackWatch, client: Any, name: str) -> None:
        self.client = client
        self.port = f"{name}:{_PORT}"
        self._jack = jack
        client.open_virtual_port(_PORT)

    def unblock(self, inputs: Iterable[str]) -> None:
        """Let these inputs hear again if they don't.

        Where the output has gone nothing is sent: RtMidi would keep it, and block the process
        when it has enough.
        """
        if not self._jack.has_port(self.port):
            return
        for name in set(inputs) - self._jack.connections(self.port):
            self._jack.connect(self.port, name)
        self.client.send_message([_END_OF_SYSEX])
