"""Live MIDI: the only module that touches it. Find the system, list, open and watch ports.

Each open port is a client of its own, because a client can't have a virtual
port and a connection to an existing port at once. A callback stamps what
arrives and enqueues it, no more; decoding and sending happen on the daemon's
thread. python-rtmidi is imported when it is needed: on Linux its wheel loads
the system's libasound, which a bare container doesn't have.
"""

import contextlib
import gc
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
from midigen.notes import Event, Message, Output, Quit, Seconds
from midigen.settings import Api, Ports

_APIS = {  # in the order of `auto`, with their names in python-rtmidi
    Api.ALSA: "API_LINUX_ALSA",
    Api.COREMIDI: "API_MACOSX_CORE",
    Api.WINMM: "API_WINDOWS_MM",
    Api.JACK: "API_UNIX_JACK",
}

_SETTLING: Seconds = 0.05
"""Long enough for some periods of a JACK server and for a callback to end."""

_SEQUENCER = Path("/dev/snd/seq")  # ALSA's; looked at first, since libasound complains on stderr


class Arrival(NamedTuple):
    """Something came in: when, and the bytes or whatever `events` makes events of."""

    time: Seconds
    events: Callable[[Any], Iterable[Event | Quit]]
    data: Any


Enqueue: TypeAlias = Callable[[Arrival], None]


class Connection(Protocol):
    """What the daemon plays through: live ports, or the terminal."""

    @property
    def latency(self) -> Seconds:
        """How long a message is under way after it was sent, on average."""

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
    bare = [_without_number(name) for name in names]
    name = _without_number(wanted)
    tiers = (
        [i for i, each in enumerate(names) if each == wanted],
        [i for i, each in enumerate(bare) if each == name],
        [i for i, each in enumerate(bare) if name in each.split(":", 1)],  # the client, or the port
        [i for i, each in enumerate(bare) if name.lower() in each.lower()],
    )
    matches = next((tier for tier in tiers if tier), [])
    if len(matches) == 1:
        return matches[0]
    if matches:
        several = ", ".join(_quoted(names[i] for i in matches))
        raise PortError(f'"{wanted}" matches several ports: {several}; give more of the name')
    raise PortError(f'no port "{wanted}"; there are: {", ".join(_quoted(names)) or "none"}')


def callback(enqueue: Enqueue) -> Callable[[tuple[list[int], float], Any], None]:
    """What RtMidi calls for each message, on a thread of its own."""
    decode = wire.Decoder().feed

    def on_message(message: tuple[list[int], float], _: Any) -> None:
        now = time.monotonic()
        enqueue(Arrival(now, decode, message[0]))

    return on_message


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
        time.sleep(_SETTLING)
        port.close_port()
        port.delete()
    kept.clear()


class MidiPorts:
    """A virtual input and output, and connections to the existing ports that were named."""

    silence_ends_phrases = True
    """Nothing else says that a phrase is over."""

    def __init__(self, api: Api, settings: Ports, *, hears_clock: bool) -> None:
        self._rtmidi = _rtmidi()
        self._hears_clock = hears_clock
        self._api = api
        self._settings = settings
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._virtual: list[str] = []  # the names of the virtual input and output, if there are any
        self._connected_inputs: list[str] = []
        self._connected_outputs: list[str] = []
        self._jack: JackWatch | None = None
        self._lost = False

    @property
    def description(self) -> str:
        """The ports that are open, in words."""
        heard = [*self._virtual[:1], *self._connected_inputs]
        played = [*self._virtual[1:], *self._connected_outputs]
        return f"listening on {', '.join(_quoted(heard))}, playing to {', '.join(_quoted(played))}"

    @property
    def latency(self) -> Seconds:
        """Half of JACK's period, in the middle of which a message is sent on average; else 0."""
        return self._jack.period / 2 if self._jack else 0.0

    def open(self, enqueue: Enqueue) -> None:
        """Open everything. Raises PortError, with nothing left open."""
        try:
            self._open(enqueue)
        except (self._rtmidi.RtMidiError, NotImplementedError) as exc:
            self.close()
            raise PortError(f"the MIDI system refuses: {exc}") from exc
        except PortError:
            self.close()
            raise

    def send(self, output: Output) -> None:
        """Send one message to every output; to none once the MIDI system is gone.

        Raises PortError if one of them fails, after the others had their turn.
        """
        if self._lost or not isinstance(output, Message):
            return
        self._check_jack()
        data = wire.encode(output)
        failure: Exception | None = None
        for port in self._outputs:
            try:
                port.send_message(data)
            except self._rtmidi.RtMidiError as exc:
                failure = exc
        if failure:
            raise PortError(f"a port doesn't take what is sent: {failure}") from failure

    def check(self) -> None:
        """Raise PortError if one of the ports is gone."""
        self._check_jack()
        found = {*_names(self._rtmidi, self._inputs[0]), *_names(self._rtmidi, self._outputs[0])}
        own_gone = [name for name in self._virtual if name not in found]
        connected = [*self._connected_inputs, *self._connected_outputs]
        gone = own_gone + [name for name in connected if name not in found]
        if gone:
            self._lost = bool(own_gone)  # the system threw us out: nothing can be sent any more
            raise PortError(f"{', '.join(_quoted(gone))} is gone: was it unplugged?")

    def close(self) -> None:
        """Close everything, inputs first. Nothing is enqueued afterwards."""
        close_ports(self._inputs, self._outputs)
        self._inputs.clear()
        self._outputs.clear()
        if self._jack:
            self._jack.close()
            self._jack = None

    def other_inputs(self) -> list[str]:
        """Inputs of this machine that it doesn't listen to yet, without its own and the echo."""
        known = [*self._virtual, *self._connected_inputs]
        echoes = (self._settings.out_client, "Midi Through")
        return [
            name
            for name in _names(self._rtmidi, self._inputs[0])
            if name not in known and not name.startswith(echoes)
        ]

    def _open(self, enqueue: Enqueue) -> None:
        settings = self._settings
        if self._api is Api.JACK:
            self._jack = JackWatch(f"{settings.in_client}-watch")
        if self._api is not Api.WINMM:
            self._open_virtual(enqueue)
        elif not (settings.input and settings.output):
            raise PortError(
                "Windows has no virtual ports: install a loopback port such as loopMIDI, and "
                "name it with --output and your keyboard with --input"
            )
        for wanted in settings.output:
            port = self._new_output(f"{settings.out_client}-to")
            name = _connect(port, wanted, self._virtual, settings.out_port)
            self._connected_outputs.append(name)
        for wanted in settings.input:
            port = self._new_input(f"{settings.in_client}-from", enqueue)
            name = _connect(port, wanted, self._virtual, settings.in_port)
            self._connected_inputs.append(name)

    def _new_input(self, client: str, enqueue: Enqueue) -> Any:
        port = self._rtmidi.MidiIn(_number(self._rtmidi, self._api), name=client)
        self._inputs.append(port)
        port.ignore_types(sysex=True, timing=not self._hears_clock, active_sense=True)
        port.set_callback(callback(enqueue))
        return port

    def _new_output(self, client: str) -> Any:
        port = self._rtmidi.MidiOut(_number(self._rtmidi, self._api), name=client)
        self._outputs.append(port)
        return port

    def _open_virtual(self, enqueue: Enqueue) -> None:
        """Open the virtual pair under its exact names, which a second midigen can't have."""
        settings = self._settings
        names = [
            _listed_name(self._api, settings.in_client, settings.in_port),
            _listed_name(self._api, settings.out_client, settings.out_port),
        ]
        source = self._new_input(settings.in_client, enqueue)
        output = self._new_output(settings.out_client)
        self._refuse_twins(names, own=0)
        source.open_virtual_port(settings.in_port)
        output.open_virtual_port(settings.out_port)
        self._virtual = names
        self._refuse_twins(names, own=1)

    def _refuse_twins(self, names: Sequence[str], own: int) -> None:
        """Raise PortError if there are more ports of our names than our own."""
        found = [each for port in (self._inputs[0], self._outputs[0])
                 for each in _names(self._rtmidi, port)]  # fmt: skip
        for name in names:
            if sum(_is_numbered(each, name) for each in found) > own:
                raise PortError(
                    f'the port "{name}" exists already, probably of a midigen that is running: '
                    "stop that one, or choose other names with --set ports.in_client=NAME "
                    "and --set ports.out_client=NAME"
                )

    def _check_jack(self) -> None:
        if self._jack and self._jack.gone:
            self._lost = True
            raise PortError("the JACK server has stopped: start it and midigen again")


def _names(rtmidi: Any, port: Any) -> list[str]:
    """The names of the ports that a client could connect to, without client numbers."""
    try:
        found = port.get_ports()
    except rtmidi.RtMidiError:  # one went away between counting them and asking for its name
        found = port.get_ports()
    return [_without_number(name) for name in found if name]


def _listed_name(api: Api, client: str, port: str) -> str:
    """How a MIDI system lists a virtual port: CoreMIDI by its own name alone."""
    return port if api is Api.COREMIDI else f"{client}:{port}"


def _connect(port: Any, wanted: str, own: Sequence[str], name: str) -> str:
    """Connect to a port, by a name that doesn't count our `own`: that would be an echo."""
    names = port.get_ports()
    others = [each for each in names if each and _without_number(each) not in own]
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


def _listings(choice: Api) -> Iterator[Listing]:
    """A system is looked at when its turn comes: `auto` stops at the first that works."""
    rtmidi = _rtmidi()
    compiled = rtmidi.get_compiled_api()
    wanted = [api for api in _APIS if choice in (Api.AUTO, api)]
    return (_list_api(rtmidi, api) for api in wanted if _number(rtmidi, api) in compiled)


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
