"""Live MIDI: the only module that touches it. Find the system, list, open and watch ports.

Each open port is a client of its own, because a client can't have a virtual
port and a connection to an existing port at once. A callback stamps what
arrives and enqueues it, no more; decoding and sending happen on the daemon's
thread. python-rtmidi is imported when it is needed: on Linux its wheel loads
the system's libasound, which a bare container doesn't have.
"""

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from midigen import wire
from midigen.errors import NoMidiSystemError, PortError
from midigen.jack_watch import JackWatch
from midigen.notes import EndOfAnswer, Event, Notice, Output, Quit, Seconds
from midigen.settings import Api, Ports

_APIS = {  # in the order of `auto`, with their names in python-rtmidi
    Api.ALSA: "API_LINUX_ALSA",
    Api.COREMIDI: "API_MACOSX_CORE",
    Api.WINMM: "API_WINDOWS_MM",
    Api.JACK: "API_UNIX_JACK",
}

_SEQUENCER = Path("/dev/snd/seq")  # ALSA's; looked at first, since libasound complains on stderr


class Arrival(NamedTuple):
    """Something came in: when, and the bytes or whatever `events` makes events of."""

    time: Seconds
    events: Callable[[Any], Iterable[Event | Quit]]
    data: Any


Enqueue: TypeAlias = Callable[[Arrival], None]


class Connection(Protocol):
    """What the daemon plays through: live ports, or the terminal."""

    def open(self, enqueue: Enqueue) -> None:
        """Open everything; arrivals go to `enqueue` from any thread. Raises PortError."""

    def send(self, output: Output) -> None:
        """Send one message. Called from one thread. Raises PortError if that is impossible."""

    def check(self) -> None:
        """Raise PortError if what was opened is no longer there. Called from another thread."""

    def close(self) -> None:
        """Close everything, inputs first. Nothing is enqueued afterwards."""


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
    for listing in _listings():
        if choice not in (Api.AUTO, listing.api):
            continue
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
    return list(_listings())


def choose(wanted: str, names: Sequence[str]) -> int:
    """The index of the port that a player means: its exact name, else a unique part of it.

    Client numbers, which ALSA gives anew at every start, don't count, nor does
    case in a part. Raises PortError, which lists what there is or what matches.
    """
    bare = [_without_number(name) for name in names]
    exact = [i for i, name in enumerate(names) if wanted in (name, bare[i])]
    partial = [i for i, name in enumerate(bare) if wanted.lower() in name.lower()]
    matches = exact or partial
    if len(matches) == 1:
        return matches[0]
    if matches:
        several = ", ".join(f'"{names[i]}"' for i in matches)
        raise PortError(f'"{wanted}" matches several ports: {several}; give more of the name')
    there = ", ".join(f'"{name}"' for name in names) or "none"
    raise PortError(f'no port "{wanted}"; there are: {there}')


def callback(enqueue: Enqueue) -> Callable[[tuple[list[int], float], Any], None]:
    """What RtMidi calls for each message, on a thread of its own."""
    decode = wire.Decoder().feed

    def on_message(message: tuple[list[int], float], _: Any) -> None:
        now = time.monotonic()
        enqueue(Arrival(now, decode, message[0]))

    return on_message


class MidiPorts:
    """A virtual input and output, and connections to the existing ports that were named."""

    def __init__(self, api: Api, settings: Ports) -> None:
        self._rtmidi = _rtmidi()
        self._api = _number(self._rtmidi, api)
        self._settings = settings
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._sources: list[str] = []  # names that must stay in sight of the inputs,
        self._destinations: list[str] = []  # and of the outputs
        self._jack: JackWatch | None = None
        self._lost = False

    @property
    def description(self) -> str:
        """The ports that are open, in words."""
        settings = self._settings
        heard = [f'"{settings.in_client}:{settings.in_port}"', *_quoted(self._sources[1:])]
        played = [f'"{settings.out_client}:{settings.out_port}"', *_quoted(self._destinations[1:])]
        return f"listening on {', '.join(heard)}, playing to {', '.join(played)}"

    def open(self, enqueue: Enqueue) -> None:
        """Open everything. Raises PortError, with nothing left open."""
        try:
            self._open(enqueue)
        except self._rtmidi.RtMidiError as exc:
            self.close()
            raise PortError(f"the MIDI system refuses: {exc}") from exc
        except PortError:
            self.close()
            raise

    def send(self, output: Output) -> None:
        """Send one message to every output; to none once the MIDI system is gone."""
        if self._lost or isinstance(output, EndOfAnswer | Notice):
            return
        self._check_jack()
        data = wire.encode(output)
        for port in self._outputs:
            port.send_message(data)

    def check(self) -> None:
        """Raise PortError if one of the ports is gone; nothing is sent from then on."""
        self._check_jack()
        self._look(self._inputs[0], self._sources)
        self._look(self._outputs[0], self._destinations)

    def close(self) -> None:
        """Close everything: callbacks first, so that none runs into a closing port."""
        for port in self._inputs:
            port.cancel_callback()
        for port in [*self._inputs, *self._outputs]:
            port.close_port()
            port.delete()
        self._inputs.clear()
        self._outputs.clear()
        if self._jack:
            self._jack.close()
            self._jack = None

    def other_inputs(self) -> list[str]:
        """Inputs of this machine that it doesn't listen to yet, without the system's own echo."""
        names = [_without_number(name) for name in self._inputs[0].get_ports()]
        return [
            name
            for name in names
            if name not in self._sources and not name.startswith("Midi Through")
        ]

    def _open(self, enqueue: Enqueue) -> None:
        settings = self._settings
        source = self._rtmidi.MidiIn(self._api, name=settings.in_client)
        self._inputs.append(source)
        output = self._rtmidi.MidiOut(self._api, name=settings.out_client)
        self._outputs.append(output)
        if output.get_current_api() == self._rtmidi.API_UNIX_JACK:
            self._jack = JackWatch(f"{settings.in_client}-watch")
        self._open_virtual(source, output, enqueue)
        for wanted in settings.output:
            port = self._rtmidi.MidiOut(self._api, name=f"{settings.out_client}-to")
            self._outputs.append(port)
            self._destinations.append(
                _connect(port, wanted, self._destinations[0], settings.out_port)
            )
        for wanted in settings.input:
            port = self._rtmidi.MidiIn(self._api, name=f"{settings.in_client}-from")
            self._inputs.append(port)
            port.set_callback(callback(enqueue))
            self._sources.append(_connect(port, wanted, self._sources[0], settings.in_port))

    def _open_virtual(self, source: Any, output: Any, enqueue: Enqueue) -> None:
        """Open the virtual pair under its exact names, which a second midigen can't have."""
        settings = self._settings
        self._sources.append(f"{settings.out_client}:{settings.out_port}")
        self._destinations.append(f"{settings.in_client}:{settings.in_port}")
        self._refuse_twins(source, output, 0)
        try:
            source.set_callback(callback(enqueue))
            source.open_virtual_port(settings.in_port)
            output.open_virtual_port(settings.out_port)
        except (NotImplementedError, self._rtmidi.UnsupportedOperationError) as exc:
            raise PortError(
                "this system has no virtual ports: install a loopback port such as loopMIDI "
                "and name it and your keyboard with --output and --input"
            ) from exc
        self._refuse_twins(source, output, 1)

    def _refuse_twins(self, source: Any, output: Any, own: int) -> None:
        """Raise PortError if there are more ports of our names than our own."""
        for lister, name in ((source, self._sources[0]), (output, self._destinations[0])):
            if sum(_is_numbered(found, name) for found in lister.get_ports()) > own:
                raise PortError(
                    f'the port "{name}" exists already, probably of a midigen that is running: '
                    "stop that one, or choose other names with --set ports.in_client=NAME "
                    "and --set ports.out_client=NAME"
                )

    def _check_jack(self) -> None:
        if self._jack and self._jack.gone:
            self._lost = True
            raise PortError("the JACK server has stopped: start it and midigen again")

    def _look(self, port: Any, expected: Sequence[str]) -> None:
        found = {_without_number(name) for name in port.get_ports()}
        gone = [name for name in expected if name not in found]
        if gone:
            self._lost = expected[0] in gone  # our own: the system threw us out
            raise PortError(f"{', '.join(_quoted(gone))} is gone: was it unplugged?")


def _connect(port: Any, wanted: str, own: str, name: str) -> str:
    """Connect to a port, by a name that doesn't count the `own` one: that would be an echo."""
    names = port.get_ports()
    others = [each for each in names if _without_number(each) != own]
    found = others[choose(wanted, others)]
    port.open_port(names.index(found), name=name)
    return _without_number(found)


def _without_number(name: str) -> str:
    """A port's name without ALSA's client and port numbers, `Piano:Piano MIDI 1 24:0`."""
    return re.sub(r" \d+:\d+$", "", name)


def _is_numbered(found: str, name: str) -> bool:
    """Whether a port is of this name, or of this client renumbered by JACK (`midigen-in-01`)."""
    client, _, port = name.partition(":")
    pattern = rf"{re.escape(client)}(-\d+)?:{re.escape(port)}"
    return re.fullmatch(pattern, _without_number(found)) is not None


def _quoted(names: Iterable[str]) -> list[str]:
    return [f'"{name}"' for name in names]


def _rtmidi() -> Any:
    try:
        import rtmidi  # noqa: PLC0415  see the module's docstring
    except ImportError as exc:
        raise NoMidiSystemError(
            f"no MIDI system here: {exc} (on Debian and Ubuntu: apt-get install libasound2-dev)"
        ) from exc
    return rtmidi


def _number(rtmidi: Any, api: Api) -> int:
    return int(getattr(rtmidi, _APIS[api]))


def _listings() -> Iterator[Listing]:
    """A system is looked at when its turn comes: `auto` stops at the first that works."""
    rtmidi = _rtmidi()
    compiled = rtmidi.get_compiled_api()
    return (_list_api(rtmidi, api) for api in _APIS if _number(rtmidi, api) in compiled)


def _list_api(rtmidi: Any, api: Api) -> Listing:
    if api is Api.ALSA and not _SEQUENCER.exists():
        return Listing(api, problem=f"no sequencer, {_SEQUENCER} is missing")
    try:
        with _quiet():
            source = rtmidi.MidiIn(_number(rtmidi, api), name="midigen-list")
            output = rtmidi.MidiOut(_number(rtmidi, api), name="midigen-list")
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
