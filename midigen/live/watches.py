"""What RtMidi doesn't tell: whether the JACK server runs, and which ports are connected."""

import ctypes
import ctypes.util
import itertools
import os
import re
import time
from collections import defaultdict
from collections.abc import Callable, Set
from pathlib import Path

from midigen.errors import NoMidiSystemError, PortError
from midigen.midi.messages import Seconds

STANDS_STILL: Seconds = 0.25
"""If two periods take longer than this, the server isn't late: it hangs."""

_DUPLEX, _NONBLOCK = 3, 1  # SND_SEQ_OPEN_DUPLEX, SND_SEQ_NONBLOCK in alsa/seq.h
_MAPS = Path("/proc/self/maps")
_ANY = "surrogateescape"  # names may be no valid text
_NO_START_SERVER = 1  # JackNoStartServer in jack/types.h

# What the library calls on its own threads must not need the interpreter: RtMidi keeps it while it
# makes or closes a client, and the library may then wait for that thread, for ever. So these are
# functions of C. `strlen` takes a message and does nothing; `time` writes to where it is told.
_C, _TIME = ("ucrtbase", "_time64") if os.name == "nt" else (None, "time")
_IGNORE_MESSAGE = ctypes.cast(ctypes.CDLL(_C).strlen, ctypes.c_void_p)
_WRITE_TIME = ctypes.cast(getattr(ctypes.CDLL(_C), _TIME), ctypes.c_void_p)


class _Address(ctypes.Structure):
    _fields_ = (("client", ctypes.c_ubyte), ("port", ctypes.c_ubyte))


class _Handle(ctypes.c_void_p):
    """A client or port of the library. Of this type it is passed on with all its bits."""


class JackWatch:
    """A client of JACK without ports; `gone` becomes true when the server ends or dies.

    RtMidi registers no shutdown callback, and its client can't notice the shutdown: it still lists
    its ports, and its sends seem to succeed until a buffer is full, when they block the whole
    process. A new RtMidi client doesn't help either: when it is made, the library frees the old
    ones, which are still in use.

    python-rtmidi must be loaded already. Raises NoMidiSystemError if the server can't be reached,
    and PortError if it can't be watched.
    """

    def __init__(self, client: str) -> None:
        self._ended_at = ctypes.c_int64(0)  # when the server ended, in seconds since 1970
        library = _loaded_library()
        if library is None:
            raise PortError("the JACK library can't be found, so its end couldn't be noticed")
        self._jack = ctypes.CDLL(library)
        self._jack.jack_client_open.restype = self._jack.jack_port_by_name.restype = _Handle
        self._jack.jack_frames_since_cycle_start.restype = ctypes.c_uint32
        self._jack.jack_port_get_all_connections.restype = ctypes.POINTER(ctypes.c_char_p)
        self._jack.jack_set_error_function(_IGNORE_MESSAGE)  # else it writes on the player's screen
        self._jack.jack_set_info_function(_IGNORE_MESSAGE)
        self._client = self._jack.jack_client_open(client.encode(), _NO_START_SERVER, None)
        if not self._client:
            raise NoMidiSystemError("the JACK server doesn't run, or takes no other client")
        self._jack.jack_on_shutdown(self._client, _WRITE_TIME, ctypes.byref(self._ended_at))

    @property
    def gone(self) -> bool:
        """Whether the server has ended."""
        return bool(self._ended_at.value)

    @property
    def period(self) -> Seconds:
        """The length of a period. The server delivers messages once a period."""
        frames = int(self._jack.jack_get_buffer_size(self._client))
        return frames / int(self._jack.jack_get_sample_rate(self._client))

    @property
    def stands_still(self) -> bool:
        """Whether the server hangs, or waits for a dead client, and delivers nothing."""
        since = self._since_period
        return since > STANDS_STILL and since > 2 * self.period

    def goes_on(self, patience: Seconds) -> bool:
        """Wait until a period begins or the server ends; return False after `patience`."""
        asked = time.perf_counter()
        while not self.gone:
            time.sleep(self.period)
            waited = time.perf_counter() - asked
            if self._since_period < waited:
                return True
            if waited > patience:
                return False
        return True

    @property
    def _since_period(self) -> Seconds:
        """The time since the latest period began."""
        frames = int(self._jack.jack_frames_since_cycle_start(self._client))
        return frames / int(self._jack.jack_get_sample_rate(self._client))

    def has_port(self, name: str) -> bool:
        """Whether there is a port of this name, of any client."""
        return bool(self._jack.jack_port_by_name(self._client, _bytes(name)))

    def connections(self, name: str) -> set[str]:
        """The ports that a port is connected to."""
        port = self._jack.jack_port_by_name(self._client, _bytes(name))
        names = self._jack.jack_port_get_all_connections(self._client, port) if port else None
        if not names:
            return set()
        found = set(itertools.takewhile(bool, names))
        self._jack.jack_free(names)
        return {each.decode(errors=_ANY) for each in found}

    def is_connected(self, source: str, target: str) -> bool:
        """Whether the port `source` is connected to `target`, both named as RtMidi lists them."""
        return any(
            _as_listed(each) == end
            for own, end in ((source, target), (target, source))
            for each in self.connections(own)
        )

    def connect(self, source: str, target: str) -> bool:
        """Connect an output to an input; return whether that worked."""
        return not self._jack.jack_connect(self._client, _bytes(source), _bytes(target))

    def close(self) -> None:
        """Leave the server."""
        self._jack.jack_client_close(self._client)


class AlsaWatch:
    """A client of ALSA's sequencer without ports, which finds out whether others are connected.

    The sequencer removes a port's connections with the port. A keyboard that is plugged in again
    has its old name and number, so only the missing connection shows that it was unplugged.
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


class Patch:
    """The connections of midigen's own ports, so that lost ones can be made again.

    A connection is lost if the port at its other end, or the whole MIDI system, went away. It isn't
    if somebody removed it.
    """

    def __init__(self) -> None:
        self._known: defaultdict[str, Set[str]] = defaultdict(set)  # the others, by its own ports
        self._lost: defaultdict[str, Set[str]] = defaultdict(set)  # of them

    def update(self, own: str, connected: Set[str], exists: Callable[[str], bool]) -> list[str]:
        """Update the connections of one of midigen's ports; return those to restore."""
        missing = self._known[own] - connected
        gone = {other for other in missing if not exists(other)}
        back = (missing - gone) & self._lost[own]
        self._lost[own] = gone | back
        self._known[own] = connected | gone | back
        return sorted(back)

    def miss_all(self) -> None:
        """The MIDI system has gone: all connections are lost."""
        self._lost = self._known.copy()


def _bytes(name: str) -> bytes:
    return name.encode(errors=_ANY)


def _as_listed(name: str) -> str:
    """The name as RtMidi lists it: without bytes that aren't text."""
    return name.encode(errors="ignore").decode()


def _loaded_library() -> str | None:
    """The JACK library that python-rtmidi has loaded: its wheel has one of its own."""
    if not _MAPS.exists():
        return ctypes.util.find_library("jack")
    lines = os.fsdecode(_MAPS.read_bytes()).splitlines()
    paths = {line.split(maxsplit=5)[-1] for line in lines}
    return next((path for path in paths if re.search(r"/libjack[^/]*\.so", path)), None)
