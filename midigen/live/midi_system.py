"""The MIDI systems of this computer, and their ports.

Only this module imports python-rtmidi, and only when it is needed: on Linux its wheel loads the
system's libasound, which a bare container doesn't have.
"""

import contextlib
import ctypes
import gc
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midigen.errors import NoMidiSystemError
from midigen.live.port_names import Port, ports_of
from midigen.midi.messages import Seconds
from midigen.settings.choices import Api

_APIS = {  # in the order of `auto`, with their names in python-rtmidi
    Api.ALSA: "API_LINUX_ALSA",
    Api.COREMIDI: "API_MACOSX_CORE",
    Api.WINMM: "API_WINDOWS_MM",
    Api.JACK: "API_UNIX_JACK",
}

SETTLING: Seconds = 0.05  # enough for a few periods of a JACK server, and for a callback to end
SEQUENCER = Path("/dev/snd/seq")  # checked first, because libasound complains on stderr


@dataclass(frozen=True)
class Listing:
    """The ports of one MIDI system, or the problem with it."""

    api: Api
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    problem: str = ""


def find_api(choice: Api) -> Api:
    """The MIDI system to use: the chosen one, or the first that works. Raises NoMidiSystemError."""
    problems: list[str] = []
    for listing in list_ports(choice):
        if not listing.problem:
            return listing.api
        problems.append(f"{listing.api}: {listing.problem}")
    if not problems:
        raise NoMidiSystemError(f"{choice} isn't a MIDI system of this machine")
    raise NoMidiSystemError(f"no MIDI system here ({'; '.join(problems)})")


def list_ports(choice: Api = Api.AUTO) -> Iterator[Listing]:
    """The ports of every chosen MIDI system that this machine could have, in the order of `auto`.

    A system is examined only when its turn comes. Raises NoMidiSystemError if not even the MIDI
    library can be loaded.
    """
    rtmidi = load_rtmidi()
    compiled = rtmidi.get_compiled_api()
    wanted = [api for api in _APIS if choice in (Api.AUTO, api)]
    return (_list_api(rtmidi, api) for api in wanted if number_of(rtmidi, api) in compiled)


def sequencer_trouble(path: Path) -> tuple[str, str] | None:
    """Why ALSA's sequencer can't be opened, and what to do about it; None if it can be."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError:
        remedy = "join the group audio, `sudo usermod -aG audio $USER`, and log in again"
        return f"this user may not open the sequencer {path}", remedy
    except OSError as exc:
        remedy = "`sudo modprobe snd-seq`, unless this machine has no sound"
        return f"the sequencer {path}: {exc.strerror or exc}", remedy
    return None


def close_ports(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Close RtMidi's ports and clients, each only when the MIDI system no longer uses it.

    Two invisible races can crash the process. A callback that waits for the interpreter still
    needs the objects that cancelling it frees. And JACK's library walks through a client's ports
    after each change of the graph; closing a port is such a change. So the objects are kept until
    the end, and each port is closed only after a pause.
    """
    kept = [gc.get_referents(port) for port in inputs]
    for port in inputs:
        port.cancel_callback()
    for port in [*inputs, *outputs]:
        time.sleep(SETTLING)
        port.close_port()
        port.delete()
    kept.clear()


def abandon(inputs: Sequence[Any], outputs: Sequence[Any], *others: object) -> None:
    """Leave ports and other objects open until the process ends, since their server hangs.

    Closing or freeing one would wait for the server and block the interpreter. Callbacks that the
    server may still call aren't freed either.
    """
    called = [each for port in inputs for each in gc.get_referents(port)]
    for kept in (*inputs, *outputs, *called, *others):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
    for port in inputs:
        port.cancel_callback()


def ports_for(rtmidi: Any, api: Api, client: Any) -> list[Port]:
    """The ports that a client could connect to."""
    try:
        listed = client.get_ports()
    except rtmidi.RtMidiError:  # one went away between counting them and asking for its name
        listed = client.get_ports()
    return ports_of(api, listed)


def load_rtmidi() -> Any:
    """python-rtmidi. Raises NoMidiSystemError if it can't be loaded."""
    try:
        import rtmidi  # noqa: PLC0415  see the module's docstring
    except ImportError as exc:
        raise NoMidiSystemError(
            f"no MIDI system here: {exc} (on Debian and Ubuntu: apt-get install libasound2-dev)"
        ) from exc
    return rtmidi


def number_of(rtmidi: Any, api: Api) -> int:
    """The number that python-rtmidi gives a MIDI system."""
    return int(getattr(rtmidi, _APIS[api]))


def _list_api(rtmidi: Any, api: Api) -> Listing:
    if api is Api.ALSA and (trouble := sequencer_trouble(SEQUENCER)):
        problem, remedy = trouble
        return Listing(api, problem=f"{problem}: {remedy}")
    try:
        with _quiet():
            source = rtmidi.MidiIn(number_of(rtmidi, api), name="midigen-list")
            output = rtmidi.MidiOut(number_of(rtmidi, api), name="midigen-list")
            inputs, outputs = (ports_for(rtmidi, api, client) for client in (source, output))
            source.delete()
            output.delete()
            return Listing(api, tuple(inputs), tuple(outputs))
    except rtmidi.RtMidiError as exc:
        problem = "its server isn't running" if api is Api.JACK else str(exc)
        return Listing(api, problem=problem)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide what C libraries, above all libjack, write to stderr."""
    sys.stderr.flush()
    saved = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(silence)
        os.close(saved)
