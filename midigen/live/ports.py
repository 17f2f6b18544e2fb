"""Live ports: open, watch and reopen them; notes to bytes.

Each open port is a client of its own, because a client can't have a virtual
port and a connection to an existing port at once. A client is kept when its port goes
away, and opened again when that comes back.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from midigen.errors import MidigenError, NoMidiSystemError, PortError
from midigen.instrument.events import Output
from midigen.instrument.ledger import silencing
from midigen.live.alsa_watch import AlsaWatch
from midigen.live.arrivals import Enqueue
from midigen.live.feedback import Feedback
from midigen.live.intake import Held, Intake, key_of
from midigen.live.jack_watch import JackWatch
from midigen.live.midi_system import (
    SETTLING,
    abandon,
    close_ports,
    load_rtmidi,
    number_of,
    ports_for,
)
from midigen.live.patch import Patch
from midigen.live.port_names import Port, Sought, choose, is_numbered, matches, quoted, virtual_port
from midigen.live.unblocker import Unblocker
from midigen.midi import wire
from midigen.midi.messages import Channel, Message, NoteOn, Seconds
from midigen.settings.choices import Api
from midigen.settings.connections import Ports

STANDS_STILL = "the JACK server stands still: nothing is heard or played"

SERVER_PATIENCE: Seconds = 2.0
"""How long a server that stands still gets to go on before its ports are left unclosed."""


class _Pair(NamedTuple):
    """The virtual input and output."""

    names: tuple[str, str]
    source: Any
    target: Any
    intake: Intake


@dataclass(eq=False)
class _Link:
    """A client for one port that was named, an input if it has an intake."""

    sought: Sought
    client: Any
    intake: Intake | None = None
    own: str = ""
    """Its own port, as the MIDI system lists it; `` where cables can't be watched."""
    complaint: str = ""

    @property
    def found(self) -> str | None:
        """The port that it is connected to."""
        return self.sought.found.name if self.sought.found else None

    @property
    def is_input(self) -> bool:
        return self.intake is not None


class MidiPorts:
    """A virtual input and output, and connections to the existing ports that were named.

    Ports that go away come back by themselves, and so does a JACK server; with `waits`
    named ports may be missing at first, and without `plays` there need be no output (on
    Windows, which has no virtual ports). Each output is told to be silent on `channel`
    before anything is played to it: it may still sound what a midigen that died began.
    """

    silence_ends_phrases = True
    """Nothing else says that a phrase is over."""

    def __init__(
        self,
        api: Api,
        settings: Ports,
        *,
        hears_clock: bool,
        channel: Channel = 1,
        waits: bool = False,
        plays: bool = True,
    ) -> None:
        self._rtmidi = load_rtmidi()
        self._api = api
        self._settings = settings
        self._hears_clock = hears_clock
        self._channel = channel
        self._waits = waits
        self._plays = plays
        self._feedback = Feedback()
        self._dropped = 0  # at ports that were closed
        self._virtual: _Pair | None = None
        self._links: list[_Link] = []
        self._outputs: tuple[Any, ...] = ()  # that are open; replaced, never changed
        self._sending = threading.RLock()  # none is closed while something is sent to it
        self._failing: set[int] = set()  # outputs that don't take what is sent, by id
        self._jack: JackWatch | None = None
        self._unblocker: Unblocker | None = None
        self._alsa: AlsaWatch | None = None
        self._patch = Patch()
        self._begun: set[Held] = set()  # keys and pedals down at the receivers
        self._is_lost = False  # the MIDI system has thrown us out: nothing may be sent
        self._stands_still = False  # the server, as far as `check` has told
        self._told_of_echo = False
        self._told_of_sysex: set[str] = set()
        self.complaint = ""

    @property
    def listening(self) -> list[str]:
        """The inputs that are open."""
        own = [self._virtual.names[0]] if self._virtual else []
        return own + [link.found for link in self._links if link.is_input and link.found]

    @property
    def playing(self) -> list[str]:
        """The outputs that are open."""
        own = [self._virtual.names[1]] if self._virtual else []
        return own + [link.found for link in self._links if not link.is_input and link.found]

    @property
    def missing(self) -> list[str]:
        """The named ports that aren't there."""
        return [link.sought.wanted for link in self._links if not link.found]

    @property
    def description(self) -> str:
        """The ports that are open, in words."""
        heard, played = quoted(self.listening), quoted(self.playing)
        return f"listening on {', '.join(heard)}, playing to {', '.join(played)}"

    @property
    def latency(self) -> Seconds:
        """Half of JACK's period, in the middle of which a message is sent on average; else 0."""
        return self._jack.period / 2 if self._jack and not self._is_lost else 0.0

    @property
    def trouble(self) -> str:
        """What keeps everything from being heard or played, as `check` has told; or nothing."""
        if self._is_lost:
            return "the MIDI system has gone: waiting for it to come back"
        return STANDS_STILL if self._stands_still else ""

    @property
    def dropped(self) -> int:
        """Messages that came in faster than they can be handled."""
        return self._dropped + sum(intake.dropped for intake in self._intakes)

    @property
    def returned(self) -> int:
        """Messages of its own that came back to its input."""
        return self._feedback.returned

    def open(self, enqueue: Enqueue) -> None:
        """Open everything. Raises PortError, with nothing left open."""
        self._enqueue = enqueue
        self._open()

    def adjust(self, *, hears_clock: bool, channel: Channel) -> None:
        """Whether a MIDI clock is handed on, from the next `check` on; and where it plays."""
        self._hears_clock = hears_clock
        self._channel = channel

    def send(self, output: Output) -> bool:
        """Send one message to every output; to none while the MIDI system is gone or hangs.

        An output that doesn't take it is looked after by `check`.
        """
        if not isinstance(output, Message):
            return True
        data = wire.encode(output)
        with self._sending:
            if self._is_lost or (self._jack and self._jack.gone) or not self._may_pass(output):
                self._dropped += isinstance(output, NoteOn)
                return False
            self._feedback.send(output, time.perf_counter())
            for port in self._outputs:
                try:
                    port.send_message(data)
                except self._rtmidi.RtMidiError:
                    self._failing.add(id(port))
        return True

    def _may_pass(self, message: Message) -> bool:
        """While the server stands still, only the end of what sounds may be sent.

        The rest would come out all at once when it goes on, or fill RtMidi's buffer, which
        then blocks the whole process.
        """
        key, begins = key_of(message)
        if self._jack and self._jack.stands_still and (begins or key not in self._begun):
            return False
        if key is not None:
            (self._begun.add if begins else self._begun.discard)(key)
        return True

    def let_go(self) -> int:
        """End what the player holds, as the end of it may be lost: how many keys and pedals."""
        return sum(intake.let_go() for intake in self._intakes)

    def check(self) -> list[str]:
        """Look after the ports: what has gone and what has come back, in lines.

        Raises PortError only where nothing can be done from here.
        """
        if self._is_lost:
            return self._come_back()
        if self._jack and self._jack.gone:
            self._leave()
            return ["the JACK server has stopped: waiting for it to come back"]
        if self._jack and self._jack.stands_still:
            is_new, self._stands_still = not self._stands_still, True
            return [STANDS_STILL] if is_new else []
        inputs, outputs = self._all_listed()
        own = self._virtual
        if own and not (_has(outputs, own.names[0]) and _has(inputs, own.names[1])):
            self._leave()
            return ["the MIDI system has closed the ports: opening them again"]
        lines = ["the JACK server goes on"] if self._stands_still else []
        self._stands_still = False
        for client in self._sources:
            self._ignore(client)
        for link in self._links:
            lines += self._look_after(link, self._others(inputs if link.is_input else outputs))
        if self._jack and own:
            lines += self._repatch(self._jack, own)
        lines += self._unblock()
        if self._feedback.returned and not self._told_of_echo:
            self._told_of_echo = True
            lines.append("its own notes come back to its input: it doesn't listen to them")
        return lines

    def close(self) -> None:
        """Close everything, inputs first. Nothing is enqueued afterwards.

        On a server that stands still and doesn't go on soon, it is left to the process's end.
        """
        with self._sending:
            self._outputs = ()
        inputs = self._sources
        outputs = [self._virtual.target] if self._virtual else []
        outputs += [link.client for link in self._links if not link.is_input]
        outputs += [self._unblocker.client] if self._unblocker else []
        if self._jack and not self._jack.goes_on(SERVER_PATIENCE):
            abandon(inputs, outputs, self._jack)
        else:
            close_ports(inputs, outputs)
            for watch in (self._jack, self._alsa):
                if watch:
                    watch.close()
        self._dropped = self.dropped
        self._virtual = self._jack = self._alsa = self._unblocker = None
        self._links = []

    def other_inputs(self) -> list[str]:
        """Inputs of this machine that it doesn't listen to yet, without its own and the echo."""
        inputs, _ = self._all_listed()
        echoes = (self._settings.out_client, "Midi Through")
        heard = self._connected(inputs=True)
        return [
            port.name
            for port in self._others(inputs)
            if port.mark not in heard and not port.name.startswith(echoes)
        ]

    @property
    def _sources(self) -> list[Any]:
        """The clients that listen."""
        own = [self._virtual.source] if self._virtual else []
        return own + [link.client for link in self._links if link.is_input]

    @property
    def _intakes(self) -> list[Intake]:
        own = [self._virtual.intake] if self._virtual else []
        return own + [link.intake for link in self._links if link.intake]

    # --- open

    def _open(self) -> None:
        try:
            self._open_all()
        except (self._rtmidi.RtMidiError, NotImplementedError) as exc:
            self.close()
            raise PortError(f"the MIDI system refuses: {exc}") from exc
        except MidigenError:
            self.close()
            raise

    def _open_all(self) -> None:
        settings = self._settings
        if self._api is Api.JACK:
            self._jack = JackWatch(f"{settings.in_client}-watch")
        if self._api is Api.ALSA:
            self._alsa = AlsaWatch(f"{settings.in_client}-watch")
        self._new_clients()
        if self._api is not Api.WINMM:
            self._open_virtual()
        elif self._plays and not (settings.input and settings.output):
            raise PortError(
                "Windows has no virtual ports: install a loopback port such as loopMIDI, and "
                "name it with --output and your keyboard with --input"
            )
        elif not settings.input:
            raise PortError("there is no MIDI input to listen to: plug your keyboard in")
        self._connect_all()
        if self._unblocker:
            self._refuse_twins([self._unblocker.port], own=1)
        self._unblock()
        self._waits = True  # what goes away from now on is waited for

    def _new_clients(self) -> None:
        """Make all but the virtual pair's, before any hears.

        While a client is made, the interpreter is kept: what is heard meanwhile waits for it,
        and a JACK server waits for that, 10 s long.
        """
        settings = self._settings
        if self._jack:
            name = f"{settings.out_client}-sysex"
            self._unblocker = Unblocker(self._jack, self._new_output(name), name)
        for wanted in settings.output:
            client = self._new_output(f"{settings.out_client}-to")
            self._links.append(_Link(Sought(wanted), client))
        for wanted in settings.input:
            client, intake = self._new_input(f"{settings.in_client}-from")
            self._links.append(_Link(Sought(wanted), client, intake))

    def _connect_all(self) -> None:
        for link in self._links:
            ports = self._listed(link)
            wanted = link.sought.wanted
            if matches(wanted, ports) or not self._waits:
                try:
                    self._connect(link, choose(wanted, ports), ports)
                except PortError:
                    if not self._waits:
                        raise
        self._take_outputs()

    def _new_input(self, name: str) -> tuple[Any, Intake]:
        client = self._rtmidi.MidiIn(number_of(self._rtmidi, self._api), name=name)
        self._ignore(client)
        intake = Intake(self._enqueue, self._feedback)
        return client, intake

    def _ignore(self, client: Any) -> None:
        """Leave out what is of no use here, before it gets into the interpreter.

        What JACK's inputs take for SysEx may hold the end of a note.
        """
        sysex = self._api is not Api.JACK
        client.ignore_types(sysex=sysex, timing=not self._hears_clock, active_sense=True)

    def _new_output(self, name: str) -> Any:
        return self._rtmidi.MidiOut(number_of(self._rtmidi, self._api), name=name)

    def _open_virtual(self) -> None:
        """Open the virtual pair under its exact names, which a second midigen can't have."""
        settings = self._settings
        names = (
            f"{settings.in_client}:{settings.in_port}",
            f"{settings.out_client}:{settings.out_port}",
        )
        source, intake = self._new_input(settings.in_client)
        target = self._new_output(settings.out_client)
        self._virtual = _Pair(names, source, target, intake)
        self._refuse_twins(names, own=0)
        source.set_callback(intake.on_message)
        source.open_virtual_port(virtual_port(self._api, settings.in_client, settings.in_port))
        target.open_virtual_port(virtual_port(self._api, settings.out_client, settings.out_port))
        self._refuse_twins(names, own=1)

    def _refuse_twins(self, names: Sequence[str], own: int) -> None:
        """Raise PortError if there are more ports of our names than our own."""
        found = [port.plain for ports in self._all_listed() for port in ports]
        for name in names:
            if sum(is_numbered(each, name) for each in found) > own:
                raise PortError(
                    f'the port "{name}" exists already, probably of a midigen that is running: '
                    "stop that one, or choose another name with --name"
                )

    def _connect(self, link: _Link, port: Port, ports: Sequence[Port]) -> None:
        """Connect a client to the port that it is for. Raises PortError if that has just gone."""
        settings = self._settings
        own = settings.in_port if link.is_input else settings.out_port
        listed = ports_for(self._rtmidi, self._api, link.client)
        index = next((each.place for each in listed if each.mark == port.mark), None)
        if index is None:
            raise PortError(f'no port "{port.name}"')
        if link.intake:
            link.client.set_callback(link.intake.on_message)  # closing a port cancels it
        former = self._own_ports(link)
        link.client.open_port(index, name=own)
        new = self._own_ports(link) - former
        link.own = new.pop() if new else link.own  # ALSA keeps it
        link.sought.take(port, ports)

    def _own_ports(self, link: _Link) -> set[str]:
        """What is listed under the name of a link's own port, where cables can be watched."""
        if not self._watch:
            return set()
        settings = self._settings
        inputs, outputs = self._all_listed()
        if link.is_input:
            name, ports = f"{settings.in_client}-from:{settings.in_port}", outputs
        else:
            name, ports = f"{settings.out_client}-to:{settings.out_port}", inputs
        return {port.listed for port in ports if is_numbered(port.plain, name)}

    def _take_outputs(self) -> None:
        """Play to the outputs that are open now; those that are new are silenced first."""
        own = [self._virtual.target] if self._virtual else []
        linked = [link.client for link in self._links if not link.is_input and link.found]
        outputs = (*own, *linked)
        if any(port not in self._outputs for port in outputs):
            time.sleep(SETTLING)  # a message right after a connection may be lost
        with self._sending:
            for port in outputs:
                if port not in self._outputs:
                    for message in silencing(self._channel):
                        port.send_message(wire.encode(message))
            self._outputs = outputs

    # --- look after what is open

    @property
    def _watch(self) -> JackWatch | AlsaWatch | None:
        """Who knows what is connected, where that can be known."""
        return self._jack or self._alsa

    def _all_listed(self) -> tuple[list[Port], list[Port]]:
        """What can be listened to and played to, its own ports too."""
        own = self._virtual  # on Windows, which has none, the clients of the named ports do as well
        sources = [own.source] if own else [each.client for each in self._links if each.is_input]
        targets = (
            [own.target] if own else [each.client for each in self._links if not each.is_input]
        )
        inputs, outputs = (
            ports_for(self._rtmidi, self._api, clients[0]) if clients else []
            for clients in (sources, targets)
        )
        return inputs, outputs

    def _listed(self, link: _Link) -> list[Port]:
        """What a link could be connected to."""
        inputs, outputs = self._all_listed()
        return self._others(inputs if link.is_input else outputs)

    def _others(self, ports: Sequence[Port]) -> list[Port]:
        """Of the ports those that aren't its own: to be connected to them would be an echo."""
        own = self._virtual.names if self._virtual else ()
        return [port for port in ports if port.plain not in own]

    def _look_after(self, link: _Link, ports: Sequence[Port]) -> list[str]:
        """Close what has gone, and open what has come back."""
        lines = [] if not link.found or self._is_there(link, ports) else [self._lose(link)]
        if link.found:
            return []
        try:
            port = link.sought.find(ports, taken=self._connected(inputs=link.is_input))
            if port is None:
                return lines
            self._connect(link, port, ports)
            self._take_outputs()
        except (PortError, self._rtmidi.RtMidiError) as exc:
            return lines + _once(link, str(exc))
        link.complaint = ""
        return [*lines, f'"{link.found}" is there']

    def _connected(self, *, inputs: bool) -> set[str]:
        """The marks of the ports that it listens to, or of those that it plays to."""
        return {
            link.sought.found.mark
            for link in self._links
            if link.is_input is inputs and link.sought.found
        }

    def _is_there(self, link: _Link, ports: Sequence[Port]) -> bool:
        """Whether a link's port is there and connected: it may have been away for a moment."""
        found = link.sought.found
        if not found or not link.sought.is_listed(ports) or id(link.client) in self._failing:
            return False
        if not (self._watch and link.own):
            return True
        ends = (found.listed, link.own) if link.is_input else (link.own, found.listed)
        return self._watch.is_connected(*ends)

    def _lose(self, link: _Link) -> str:
        gone = link.found
        link.sought.lose()
        self._take_outputs()
        self._failing.discard(id(link.client))
        if link.intake:
            link.intake.let_go()  # before the port is closed, at which JACK may lose a message
        time.sleep(SETTLING)  # see `close_ports`
        link.client.close_port()
        return f'"{gone}" is gone (unplugged?): the music goes on without it'

    def _repatch(self, jack: JackWatch, own: _Pair) -> list[str]:
        """See what is connected to the virtual ports, and connect again what was."""
        lines = []
        for name in own.names:
            plugged = jack.connections(name)
            if self._unblocker:
                plugged.discard(self._unblocker.port)  # which sees to that itself
            for other in self._patch.update(name, plugged, jack.has_port):
                ends = (other, name) if name == own.names[0] else (name, other)
                if jack.connect(*ends):
                    lines.append(f'"{ends[0]}" is connected to "{ends[1]}" again')
        return lines

    def _unblock(self) -> list[str]:
        """Let inputs in JACK hear again that don't; each that didn't is told of once."""
        if self._unblocker:
            self._unblocker.unblock(self._jack_inputs())
        own = [(self._virtual.names[0], self._virtual.intake)] if self._virtual else []
        linked = [(link.found, link.intake) for link in self._links]
        deaf = {name for name, intake in own + linked if name and intake and intake.was_deaf}
        new, self._told_of_sysex = deaf - self._told_of_sysex, self._told_of_sysex | deaf
        return [
            f'a SysEx without its end kept "{name}" from hearing for a moment: notes may be missing'
            for name in sorted(new)
        ]

    def _jack_inputs(self) -> set[str]:
        """The inputs that are open, by their own names in JACK."""
        assert self._virtual
        own = {link.own for link in self._links if link.is_input and link.found}
        return own | {self._virtual.names[0]}

    def _leave(self) -> None:
        """Nothing works any more: let go of it all, and of the keys that were held."""
        self._is_lost = True
        self._stands_still = False
        self._begun.clear()
        intakes = self._intakes
        self.close()
        for intake in intakes:
            intake.let_go()
        self._patch.miss_all()

    def _come_back(self) -> list[str]:
        """Open everything again, as soon as that is possible."""
        try:
            self._open()
        except NoMidiSystemError:
            return []
        except PortError as exc:
            return _once(self, str(exc))
        self._is_lost = False
        self.complaint = ""
        lines = [f"the MIDI system is back: {self.description}"]
        if self._jack and self._virtual:
            lines += self._repatch(self._jack, self._virtual)
        self._outputs = ()
        self._take_outputs()  # once more, as there may be listeners now
        return lines


def _once(complainer: "_Link | MidiPorts", problem: str) -> list[str]:
    """A problem, unless that was the latest complaint."""
    is_new, complainer.complaint = complainer.complaint != problem, problem
    return [problem] if is_new else []


def _has(ports: Sequence[Port], name: str) -> bool:
    """Whether there is a port of this name."""
    return any(port.plain == name for port in ports)
