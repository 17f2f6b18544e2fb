"""RtMidi's clients: makes them, opens the virtual pair, and connects to the named ports.

Each open port has its own client, because a client can't have a virtual port and a connection to
an existing port at once. When a port goes away, its client stays, and reconnects when the port
comes back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from midigen.errors import PortError
from midigen.live.connection import Enqueue
from midigen.live.feedback import Feedback
from midigen.live.intake import Intake
from midigen.live.midi_system import abandon, close_ports, load_rtmidi, number_of, ports_for
from midigen.live.port_names import Port, Sought, choose, is_numbered, virtual_port
from midigen.live.watches import AlsaWatch, JackWatch
from midigen.midi.messages import Seconds
from midigen.settings.choices import Api
from midigen.settings.sections import Ports

SERVER_PATIENCE: Seconds = 2.0  # how long a server may hang before its ports are left open
_END_OF_SYSEX = 0xF7


@dataclass(eq=False)
class End:
    """A client with its port, here a virtual one; an input has an intake."""

    client: Any
    intake: Intake | None
    own: str  # its own port as the MIDI system lists it; empty where connections can't be watched

    @property
    def name(self) -> str | None:
        """The name of the port through which it listens or plays; None while that is missing."""
        return self.own

    def listen(self) -> None:
        """Have what comes go to the intake, if there is one."""
        if self.intake:
            self.client.set_callback(self.intake.on_message)


@dataclass(eq=False)
class Link(End):
    """A client for one port that was named."""

    sought: Sought
    complaint: str = ""  # the problem last reported

    @property
    def name(self) -> str | None:
        """The name of the port that it is connected to."""
        return self.sought.found.name if self.sought.found else None


@dataclass(eq=False)
class Clients:
    """All clients of one midigen. `waits` and `plays` are those of `MidiPorts`."""

    api: Api
    settings: Ports
    feedback: Feedback
    hears_clock: bool  # whether MIDI clock is let in; a change takes effect with `filter_inputs`
    waits: bool
    plays: bool
    virtual: tuple[End, ...] = ()  # the virtual input and output, under the names that others see
    links: list[Link] = field(default_factory=list)
    jack: JackWatch | None = None
    alsa: AlsaWatch | None = None
    unblocker: End | None = None  # an output to midigen's own inputs on JACK

    def __post_init__(self) -> None:
        self._rtmidi = load_rtmidi()
        self.error: type[Exception] = self._rtmidi.RtMidiError  # what RtMidi raises

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names of the virtual input and output, if there are any."""
        return tuple(end.own for end in self.virtual)

    @property
    def watch(self) -> JackWatch | AlsaWatch | None:
        """Tells which ports are connected, on systems where that is known."""
        return self.jack or self.alsa

    @property
    def inputs(self) -> list[End]:
        """All that listen, even if their port is missing; the virtual one is the first."""
        return [end for end in (*self.virtual, *self.links) if end.intake]

    @property
    def outputs(self) -> list[End]:
        """All that play, even if their port is missing; the virtual one is the first."""
        return [end for end in (*self.virtual, *self.links) if not end.intake]

    @property
    def intakes(self) -> list[Intake]:
        """The intake of each input."""
        return [end.intake for end in self.inputs if end.intake]

    def open(self, enqueue: Enqueue) -> None:
        """Make all clients, and open and connect them; messages go to `enqueue`.

        Raises PortError, NoMidiSystemError, or `error`; then `close` must be called.
        """
        self._enqueue = enqueue
        if self.api is Api.JACK:
            self.jack = JackWatch(f"{self.settings.in_client}-watch")
        if self.api is Api.ALSA:
            self.alsa = AlsaWatch(f"{self.settings.in_client}-watch")
        self._make()
        if self.api is not Api.WINMM:
            self._open_virtual()
        elif self.plays and not (self.settings.input and self.settings.output):
            raise PortError(
                "Windows has no virtual ports: install a loopback port such as loopMIDI, and "
                "name it with --output and your keyboard with --input"
            )
        elif not self.settings.input:
            raise PortError("there is no MIDI input to listen to: plug your keyboard in")
        self._connect_all()
        if self.unblocker:
            self._refuse_twins([self.unblocker.own], own=1)
        self.waits = True  # from now on wait for ports that go away

    def close(self) -> None:
        """Close everything, inputs first; or leave it open for ever if the server hangs."""
        inputs, outputs = ([end.client for end in ends] for ends in (self.inputs, self.outputs))
        outputs += [self.unblocker.client] if self.unblocker else []
        if self.jack and not self.jack.goes_on(SERVER_PATIENCE):
            abandon(inputs, outputs, self.jack)
        else:
            close_ports(inputs, outputs)
            if self.watch:
                self.watch.close()
        self.jack = self.alsa = self.unblocker = None
        self.virtual, self.links = (), []

    def connect(self, link: Link, port: Port, ports: Sequence[Port]) -> None:
        """Connect a link to one of its possible `ports`. Raises PortError if that has just gone."""
        listed = ports_for(self._rtmidi, self.api, link.client)
        index = next((each.place for each in listed if each.mark == port.mark), None)
        if index is None:
            raise PortError(f'no port "{port.name}"')
        link.listen()  # again: closing a port cancels the callback
        former = self._own_ports(link)
        name = self.settings.in_port if link.intake else self.settings.out_port
        link.client.open_port(index, name=name)
        new = self._own_ports(link) - former
        link.own = new.pop() if new else link.own  # ALSA keeps it
        link.sought.take(port, ports)

    def listed(self) -> tuple[list[Port], list[Port]]:
        """All inputs and outputs of the MIDI system, including midigen's."""
        inputs, outputs = (
            ports_for(self._rtmidi, self.api, ends[0].client) if ends else []
            for ends in (self.inputs, self.outputs)
        )
        return inputs, outputs

    def others(self, ports: Sequence[Port]) -> list[Port]:
        """The ports without midigen's own: connecting to those would make an echo."""
        return [port for port in ports if port.plain not in self.own_names]

    def filter_inputs(self) -> None:
        """Have RtMidi drop unwanted messages, before they reach the interpreter.

        On JACK, SysEx is let in: what RtMidi takes for one may contain a note-off.
        """
        sysex, timing = self.api is not Api.JACK, not self.hears_clock
        for end in self.inputs:
            end.client.ignore_types(sysex=sysex, timing=timing, active_sense=True)

    def unblock(self) -> None:
        """End an unfinished SysEx, if one blocks any of the JACK inputs.

        RtMidi's input takes everything after the start of a SysEx for more of it, until a message
        ends with F7; then it delivers all of it as one message. So midigen sends every input an F7
        now and then, which means nothing by itself. It may cut a SysEx in two, but midigen ignores
        SysEx anyway. It sends nothing if the output has gone: RtMidi would buffer it, and block the
        process when the buffer is full.
        """
        if not self.jack or not self.unblocker or not self.jack.has_port(self.unblocker.own):
            return
        inputs = {end.own for end in self.inputs if end.name}
        for name in inputs - self.jack.connections(self.unblocker.own):
            self.jack.connect(self.unblocker.own, name)
        self.unblocker.client.send_message([_END_OF_SYSEX])

    def _make(self) -> None:
        """Make all clients, before any of them can receive.

        Making a client blocks the interpreter. A callback that comes meanwhile waits for the
        interpreter, and a JACK server waits for the callback, for up to 10 s.
        """
        settings = self.settings
        if self.jack:
            name, port = f"{settings.out_client}-sysex", "ends SysEx"
            self.unblocker = End(self._new_output(name), None, f"{name}:{port}")
            self.unblocker.client.open_virtual_port(port)
        for wanted in settings.output:
            client = self._new_output(f"{settings.out_client}-to")
            self.links.append(Link(client, None, "", Sought(wanted)))
        for wanted in settings.input:
            client, intake = self._new_input(f"{settings.in_client}-from")
            self.links.append(Link(client, intake, "", Sought(wanted)))
        if self.api is not Api.WINMM:
            heard = f"{settings.in_client}:{settings.in_port}"
            source = End(*self._new_input(settings.in_client), heard)
            played = f"{settings.out_client}:{settings.out_port}"
            self.virtual = (source, End(self._new_output(settings.out_client), None, played))
        self.filter_inputs()

    def _connect_all(self) -> None:
        for link in self.links:
            inputs, outputs = self.listed()
            ports = self.others(inputs if link.intake else outputs)
            try:
                self.connect(link, choose(link.sought.wanted, ports), ports)
            except PortError:
                if not self.waits:
                    raise

    def _new_input(self, name: str) -> tuple[Any, Intake]:
        client = self._rtmidi.MidiIn(number_of(self._rtmidi, self.api), name=name)
        return client, Intake(self._enqueue, self.feedback)

    def _new_output(self, name: str) -> Any:
        return self._rtmidi.MidiOut(number_of(self._rtmidi, self.api), name=name)

    def _open_virtual(self) -> None:
        """Open the virtual pair under its exact names, which a second midigen can't have."""
        settings = self.settings
        ports = ((settings.in_client, settings.in_port), (settings.out_client, settings.out_port))
        self._refuse_twins(self.own_names, own=0)
        for end, (client, port) in zip(self.virtual, ports, strict=True):
            end.listen()
            end.client.open_virtual_port(virtual_port(self.api, client, port))
        self._refuse_twins(self.own_names, own=1)

    def _refuse_twins(self, names: Sequence[str], own: int) -> None:
        """Raise PortError if another client has ports of the same names."""
        found = [port.plain for ports in self.listed() for port in ports]
        for name in names:
            if sum(is_numbered(each, name) for each in found) > own:
                raise PortError(
                    f'the port "{name}" exists already, probably of a midigen that is running: '
                    "stop that one, or choose another name with --name"
                )

    def _own_ports(self, link: Link) -> set[str]:
        """All ports listed under the name of a link's own port, if connections can be watched."""
        if not self.watch:
            return set()
        settings = self.settings
        inputs, outputs = self.listed()
        if link.intake:
            name, ports = f"{settings.in_client}-from:{settings.in_port}", outputs
        else:
            name, ports = f"{settings.out_client}-to:{settings.out_port}", inputs
        return {port.listed for port in ports if is_numbered(port.plain, name)}
