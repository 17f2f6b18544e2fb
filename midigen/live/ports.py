"""Live MIDI ports: sends to them, watches them, and reopens those that went away."""

import threading
import time
from collections.abc import Sequence
from typing import Any

from midigen.errors import MidigenError, NoMidiSystemError, PortError
from midigen.instrument.events import Output
from midigen.instrument.ledger import silencing
from midigen.live.clients import Clients, Link
from midigen.live.connection import Enqueue
from midigen.live.feedback import Feedback
from midigen.live.intake import Held, key_of
from midigen.live.midi_system import SETTLING
from midigen.live.port_names import Port, quoted
from midigen.live.watches import Patch
from midigen.midi import wire
from midigen.midi.messages import Channel, Message, NoteOn, Seconds
from midigen.settings.choices import Api
from midigen.settings.sections import Ports

STANDS_STILL = "the JACK server hangs: nothing is received or sent"
_GONE = "the MIDI system has gone: waiting for it to come back"


class MidiPorts:
    """A virtual input and output, and connections to the existing ports that were named.

    Ports that go away are reopened when they come back, and so is a JACK server. With `waits`
    named ports may be missing at first; without `plays` there need be no output (on Windows,
    which has no virtual ports). Each output is silenced on `channel` before anything is played to
    it, because a midigen that died may have left notes sounding there.
    """

    silence_ends_phrases = True  # only a silence ends a phrase here

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
        self.trouble = ""  # what blocks all input and output, as `check` found it; else empty
        self._feedback = Feedback()
        self._clients = Clients(
            api, settings, self._feedback, hears_clock=hears_clock, waits=waits, plays=plays
        )
        self._channel = channel
        self._dropped = 0  # at ports that were closed
        self._outputs: tuple[Any, ...] = ()  # the open ones; replaced, never changed
        self._sending = threading.RLock()  # no output is closed during a send
        self._failing: set[int] = set()  # ids of outputs that refuse messages
        self._patch = Patch()
        self._begun: set[Held] = set()  # keys and pedals that are down at the receivers
        self._told_of_echo = False
        self._told_of_deaf: set[str] = set()
        self._complaint = ""  # the problem last reported

    @property
    def listening(self) -> list[str]:
        """The names of the inputs that are open."""
        return [end.name for end in self._clients.inputs if end.name]

    @property
    def playing(self) -> list[str]:
        """The names of the outputs that are open."""
        return [end.name for end in self._clients.outputs if end.name]

    @property
    def missing(self) -> list[str]:
        """The named ports that aren't there."""
        return [link.sought.wanted for link in self._clients.links if not link.name]

    @property
    def description(self) -> str:
        """The open ports, in words."""
        return f"listening on {quoted(self.listening)}, playing to {quoted(self.playing)}"

    @property
    def latency(self) -> Seconds:
        """Half of JACK's period, since a message is sent in its middle on average; else 0."""
        jack = self._clients.jack
        return jack.period / 2 if jack else 0.0

    @property
    def dropped(self) -> int:
        """Messages that came in too fast, and note-ons that couldn't be sent."""
        return self._dropped + sum(intake.dropped for intake in self._clients.intakes)

    @property
    def returned(self) -> int:
        """Messages of its own that came back to its input."""
        return self._feedback.returned

    def open(self, enqueue: Enqueue) -> None:
        """Open everything. Raises PortError or NoMidiSystemError, with nothing left open."""
        self._enqueue = enqueue
        try:
            self._clients.open(enqueue)
            self._take_outputs()
            self._clients.unblock()
        except (self._clients.error, NotImplementedError) as exc:
            self.close()
            raise PortError(f"the MIDI system refuses: {exc}") from exc
        except MidigenError:
            self.close()
            raise

    def adjust(self, *, hears_clock: bool, channel: Channel) -> None:
        """Set whether MIDI clock is let in, from the next `check` on, and the output channel."""
        self._clients.hears_clock = hears_clock
        self._channel = channel

    def send(self, output: Output) -> bool:
        """Send one message to every output, and return whether it went out.

        Nothing goes out while the MIDI system is gone or hangs. If an output refuses the message,
        `check` reopens it.
        """
        if not isinstance(output, Message):
            return True
        data = wire.encode(output)
        jack = self._clients.jack
        with self._sending:
            if self.trouble == _GONE or (jack and jack.gone) or not self._may_pass(output):
                self._dropped += isinstance(output, NoteOn)
                return False
            self._feedback.send(output, time.perf_counter())
            for port in self._outputs:
                try:
                    port.send_message(data)
                except self._clients.error:
                    self._failing.add(id(port))
        return True

    def release_held(self) -> int:
        """Release the keys and pedals that the player holds; return how many."""
        return sum(intake.release_held() for intake in self._clients.intakes)

    def check(self) -> list[str]:
        """Check the ports; return lines about those that went away or came back."""
        if self.trouble == _GONE:
            return self._come_back()
        clients = self._clients
        if clients.jack and clients.jack.gone:
            self._leave()
            return ["the JACK server has stopped: waiting for it to come back"]
        if clients.jack and clients.jack.stands_still:
            is_new, self.trouble = not self.trouble, STANDS_STILL
            return [STANDS_STILL] if is_new else []
        inputs, outputs = clients.listed()
        if not {port.plain for port in (*inputs, *outputs)}.issuperset(clients.own_names):
            self._leave()
            return ["the MIDI system has closed the ports: opening them again"]
        lines = ["the JACK server runs again"] if self.trouble else []
        self.trouble = ""
        clients.filter_inputs()
        for link in clients.links:
            lines += self._look_after(link, clients.others(inputs if link.intake else outputs))
        lines += self._repatch()
        lines += self._unblock()
        if self._feedback.returned and not self._told_of_echo:
            self._told_of_echo = True
            lines.append("the output comes back on the input: midigen ignores its own notes")
        return lines

    def close(self) -> None:
        """Close everything, inputs first. Nothing is enqueued afterwards."""
        with self._sending:
            self._outputs = ()
        self._dropped = self.dropped
        self._clients.close()

    def other_inputs(self) -> list[str]:
        """Inputs on this machine that midigen could listen to, but doesn't."""
        inputs, _ = self._clients.listed()
        echoes = (self._clients.settings.out_client, "Midi Through")
        heard = self._taken(inputs=True)
        return [
            port.name
            for port in self._clients.others(inputs)
            if port.mark not in heard and not port.name.startswith(echoes)
        ]

    def _may_pass(self, message: Message) -> bool:
        """Whether a message may be sent: while the server hangs, only note-offs that are needed.

        Anything else would come out in a burst when the server runs again, or fill RtMidi's
        buffer, which then blocks the whole process.
        """
        jack = self._clients.jack
        key, begins = key_of(message)
        if jack and jack.stands_still and (begins or key not in self._begun):
            return False
        if key is not None:
            (self._begun.add if begins else self._begun.discard)(key)
        return True

    def _take_outputs(self) -> None:
        """Play to the outputs that are open now; silence those that are new first."""
        outputs = tuple(end.client for end in self._clients.outputs if end.name)
        new = [port for port in outputs if port not in self._outputs]
        if new:
            time.sleep(SETTLING)  # a message right after a connection may be lost
        with self._sending:
            for port in new:
                for message in silencing(self._channel):
                    port.send_message(wire.encode(message))
            self._outputs = outputs

    def _look_after(self, link: Link, ports: Sequence[Port]) -> list[str]:
        """Close a link whose port has gone, and connect it when the port has come back."""
        lines = [] if not link.name or self._is_there(link, ports) else [self._lose(link)]
        if link.name:
            return []
        try:
            port = link.sought.find(ports, taken=self._taken(inputs=bool(link.intake)))
            if port is None:
                return lines
            self._clients.connect(link, port, ports)
            self._take_outputs()
        except (PortError, self._clients.error) as exc:
            problem = str(exc)
            is_new, link.complaint = problem != link.complaint, problem
            return [*lines, problem] if is_new else lines
        link.complaint = ""
        return [*lines, f'"{link.name}" is connected']

    def _taken(self, *, inputs: bool) -> set[str]:
        """The marks of the named ports that are connected, either inputs or outputs."""
        ports = [link.sought.found for link in self._clients.links if bool(link.intake) is inputs]
        return {port.mark for port in ports if port}

    def _is_there(self, link: Link, ports: Sequence[Port]) -> bool:
        """Whether a link's port exists and is still connected: it may have gone for a moment."""
        found = link.sought.found
        if not found or not link.sought.is_listed(ports) or id(link.client) in self._failing:
            return False
        watch = self._clients.watch
        if not (watch and link.own):
            return True
        ends = (found.listed, link.own) if link.intake else (link.own, found.listed)
        return watch.is_connected(*ends)

    def _lose(self, link: Link) -> str:
        gone = link.name
        link.sought.found = None
        self._take_outputs()
        self._failing.discard(id(link.client))
        if link.intake:
            link.intake.release_held()  # before the port is closed, when JACK may lose a message
        time.sleep(SETTLING)  # see `close_ports`
        link.client.close_port()
        return f'"{gone}" is gone (unplugged?): playing on without it'

    def _repatch(self) -> list[str]:
        """Restore the JACK connections of the virtual ports."""
        jack, unblocker = self._clients.jack, self._clients.unblocker
        if not (jack and unblocker):
            return []
        lines = []
        for end in self._clients.virtual:
            plugged = jack.connections(end.own) - {unblocker.own}  # that is connected anyway
            for other in self._patch.update(end.own, plugged, jack.has_port):
                source, target = (other, end.own) if end.intake else (end.own, other)
                if jack.connect(source, target):
                    lines.append(f'"{source}" is connected to "{target}" again')
        return lines

    def _unblock(self) -> list[str]:
        """Unblock JACK inputs that an unfinished SysEx blocks, and report each one once."""
        self._clients.unblock()
        ends = self._clients.inputs
        deaf = {end.name for end in ends if end.name and end.intake and end.intake.was_deaf}
        new = deaf - self._told_of_deaf
        self._told_of_deaf |= new
        return [
            f'an unfinished SysEx blocked "{name}" for a moment: notes may be missing'
            for name in sorted(new)
        ]

    def _leave(self) -> None:
        """Close everything after the MIDI system has failed, and release held keys."""
        self.trouble = _GONE
        self._begun.clear()
        intakes = self._clients.intakes
        self.close()
        for intake in intakes:
            intake.release_held()
        self._patch.miss_all()

    def _come_back(self) -> list[str]:
        """Open everything again as soon as that is possible."""
        try:
            self.open(self._enqueue)
        except NoMidiSystemError:
            return []
        except PortError as exc:
            problem = str(exc)
            is_new, self._complaint = problem != self._complaint, problem
            return [problem] if is_new else []
        self.trouble = self._complaint = ""
        lines = [f"the MIDI system is back: {self.description}", *self._repatch()]
        self._outputs = ()
        self._take_outputs()  # again: the restored connections must be silenced too
        return lines
