"""Finds out whether two ports of ALSA's sequencer are connected, since RtMidi doesn't tell.

The sequencer removes a port's connections with the port. A keyboard that is plugged in again has
its old name and number, so only the missing connection shows that it was unplugged.
"""

import ctypes

from midigen.errors import NoMidiSystemError

_DUPLEX, _NONBLOCK = 3, 1  # SND_SEQ_OPEN_DUPLEX, SND_SEQ_NONBLOCK in alsa/seq.h


class _Address(ctypes.Structure):
    _fields_ = (("client", ctypes.c_ubyte), ("port", ctypes.c_ubyte))


class AlsaWatch:
    """A client of the sequencer, without ports of its own.

    python-rtmidi must be loaded already. Raises NoMidiSystemError if the sequencer can't be opened.
    """

    def __init__(self, client: str) -> None:
        self._alsa = ctypes.CDLL("libasound.so.2")  # the same that RtMidi uses
        self._client = ctypes.c_void_p()
        if self._alsa.snd_seq_open(ctypes.byref(self._client), b"default", _DUPLEX, _NONBLOCK):
            raise NoMidiSystemError("ALSA's sequencer takes no other client")
        self._alsa.snd_seq_set_client_name(self._client, client.encode())
        self._cable = ctypes.c_void_p()
        self._alsa.snd_seq_port_subscribe_malloc(ctypes.byref(self._cable))

    def is_connected(self, source: str, target: str) -> bool:
        """Whether the port `source` is connected to `target`, both named as RtMidi lists them."""
        for set_end, name in (
            (self._alsa.snd_seq_port_subscribe_set_sender, source),
            (self._alsa.snd_seq_port_subscribe_set_dest, target),
        ):
            client, port = name.rpartition(" ")[2].split(":")
            set_end(self._cable, ctypes.byref(_Address(int(client), int(port))))
        return not self._alsa.snd_seq_get_port_subscription(self._client, self._cable)

    def close(self) -> None:
        """Leave the sequencer."""
        self._alsa.snd_seq_port_subscribe_free(self._cable)
        self._alsa.snd_seq_close(self._client)
