"""The MIDI systems of this machine: which there are, their ports, and which a player means.

This is the only room that knows python-rtmidi. It is imported when it is needed: on Linux
its wheel loads the system's libasound, which a bare container doesn't have.
"""

import contextlib
import ctypes
import gc
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midigen.errors import NoMidiSystemError, PortError
from midigen.notes import Seconds
from midigen.settings import Api

_APIS = {  # in the order of `auto`, with their names in python-rtmidi
    Api.ALSA: "API_LINUX_ALSA",
    Api.COREMIDI: "API_MACOSX_CORE",
    Api.WINMM: "API_WINDOWS_MM",
    Api.JACK: "API_UNIX_JACK",
}

SETTLING: Seconds = 0.05
"""Long enough for some periods of a JACK server and for a callback to end."""

SEQUENCER = Path("/dev/snd/seq")  # ALSA's; looked at first, since libasound complains on stderr


@dataclass(frozen=True)
class Listing:
    """The ports of one MIDI system, or why there are none."""

    api: Api
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    problem: str = ""


def find_api(choice: Api) -> Api:
    """The MIDI system to use: the chosen one, or the first that works here.

    Raises NoMidiSystemError, which says why each one doesn't.
    """
    problems: list[str] = []
    for listing in _listings(choice):
        if not listing.problem:
            return listing.api
        problems.append(f"{listing.api}: {listing.problem}")
    if not problems:
        raise NoMidiSystemError(f"{choice} isn't a MIDI system of this machine")
    raise NoMidiSystemError(f"no MIDI system here ({'; '.join(problems)})")


def list_ports() -> list[Listing]:
    """The ports of every MIDI system that this machine could have, in the order of `auto`.

    Raises NoMidiSystemError if not even the MIDI library can be loaded.
    """
    return list(_listings(Api.AUTO))


def choose(wanted: str, names: Sequence[str]) -> int:
    """The index of the port that a player means.

    That is the one of this exact name, else of this client's or port's name, else
    the only one with this part in its name. Client numbers, which ALSA gives anew
    at every start, don't count, nor does case in a part. Raises PortError, which
    lists what there is or what matches.
    """
    found = matches(wanted, names)
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(quoted(names[i] for i in found))
        raise PortError(f'"{wanted}" matches several ports: {several}; give more of the name')
    raise PortError(f'no port "{wanted}"; there are: {", ".join(quoted(names)) or "none"}')


def matches(wanted: str, names: Sequence[str]) -> list[int]:
    """The indices of the ports that fit best; see `choose`."""
    bare = [without_number(name) for name in names]
    name = without_number(wanted)
    tiers = (
        [i for i, each in enumerate(names) if each == wanted],
        [i for i, each in enumerate(bare) if each == name],
        [i for i, each in enumerate(bare) if name in each.split(":", 1)],  # the client, or the port
        [i for i, each in enumerate(bare) if name.lower() in each.lower()],
    )
    return next((tier for tier in tiers if tier), [])


def close_ports(inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Close ports of RtMidi and their clients, none of them while the MIDI system uses it.

    Two things can't be seen from here and end the process if they are met. A callback
    that waits for the interpreter meanwhile still needs what cancelling frees, and JACK's
    library goes through a client's ports after each change of the graph, which closing a
    port is, without minding that one is taken out. So what was freed is kept until the
    end, and before each port is closed there is time for both to pass.
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
    """Leave ports, and others, to the end of the process: their server can't close them.

    To close one, or to free it, would wait for the server, and keep the interpreter meanwhile.
    What the server may still call isn't freed either.
    """
    called = [each for port in inputs for each in gc.get_referents(port)]
    for kept in (*inputs, *outputs, *called, *others):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(kept))
    for port in inputs:
        port.cancel_callback()


def port_names(rtmidi: Any, client: Any) -> list[str]:
    """The names of the ports that a client could connect to, without client numbers."""
    try:
        found = client.get_ports()
    except rtmidi.RtMidiError:  # one went away between counting them and asking for its name
        found = client.get_ports()
    return [without_number(name) for name in found if name]


def listed_name(api: Api, client: str, port: str) -> str:
    """How a MIDI system lists a virtual port: CoreMIDI by its own name alone."""
    return port if api is Api.COREMIDI else f"{client}:{port}"


def without_number(name: str) -> str:
    """A port's name without ALSA's client and port numbers, `Piano:Piano MIDI 1 24:0`."""
    return re.sub(r" \d+:\d+$", "", name)


def is_numbered(found: str, name: str) -> bool:
    """Whether a port is of this name, or of this client renumbered by JACK (`midigen-in-01`)."""
    client, _, port = name.partition(":")
    pattern = rf"{re.escape(client)}(-\d+)?:{re.escape(port)}"
    return re.fullmatch(pattern, without_number(found)) is not None


def quoted(names: Iterable[str]) -> list[str]:
    """Names as they stand in a text."""
    return [f'"{name}"' for name in names]


def load_rtmidi() -> Any:
    """The library under it all. Raises NoMidiSystemError if it can't be loaded."""
    try:
        import rtmidi  # noqa: PLC0415  see the module's docstring
    except ImportError as exc:
        raise NoMidiSystemError(
            f"no MIDI system here: {exc} (on Debian and Ubuntu: apt-get install libasound2-dev)"
        ) from exc
    return rtmidi


def number_of(rtmidi: Any, api: Api) -> int:
    """What the library calls a MIDI system."""
    return int(getattr(rtmidi, _APIS[api]))


def _listings(choice: Api) -> Iterator[Listing]:
    """A system is looked at when its turn comes: `auto` stops at the first that works."""
    rtmidi = load_rtmidi()
    compiled = rtmidi.get_compiled_api()
    wanted = [api for api in _APIS if choice in (Api.AUTO, api)]
    return (_list_api(rtmidi, api) for api in wanted if number_of(rtmidi, api) in compiled)


def _list_api(rtmidi: Any, api: Api) -> Listing:
    if api is Api.ALSA and not SEQUENCER.exists():
        return Listing(api, problem=f"no sequencer, {SEQUENCER} is missing")
    try:
        with _quiet():
            source = rtmidi.MidiIn(number_of(rtmidi, api), name="midigen-list")
            output = rtmidi.MidiOut(number_of(rtmidi, api), name="midigen-list")
            listing = Listing(api, tuple(source.get_ports()), tuple(output.get_ports()))
            source.delete()
            output.delete()
    except rtmidi.RtMidiError as exc:
        problem = "its server isn't running" if api is Api.JACK else str(exc)
        return Listing(api, problem=problem)
    return listing


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what C libraries write to stderr (libjack, at length) from the player's screen."""
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
