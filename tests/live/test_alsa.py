"""Over ALSA's sequencer, where this machine has one: twins, and what is away for a moment."""

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from midigen.instrument.events import Output
from midigen.live.connection import Arrival
from midigen.live.midi_system import SEQUENCER, close_ports, list_ports, sequencer_trouble
from midigen.live.port_names import Port
from midigen.live.ports import MidiPorts
from midigen.midi.messages import NoteOff, NoteOn
from midigen.settings.choices import Api
from midigen.settings.sections import Ports

pytestmark = pytest.mark.skipif(
    sequencer_trouble(SEQUENCER) is not None, reason="ALSA's sequencer isn't there for this user"
)

TIMEOUT = 5.0
GONE = "(unplugged?): playing on without it"


class Keyboard:
    """A client whose name other clients have too."""

    def __init__(self, client: str = "USB Keyboard") -> None:
        import rtmidi  # here, so that the other tests run where libasound is missing

        self._port: Any = rtmidi.MidiOut(rtmidi.API_LINUX_ALSA, name=client)
        self._port.open_virtual_port("Keys")

    def strike(self, pitch: int) -> None:
        self._port.send_message([0x90, pitch, 90])

    def unplug(self) -> None:
        if not self._port.is_deleted:
            close_ports([], [self._port])


class Synth:
    """An input that keeps what came."""

    def __init__(self, client: str) -> None:
        import rtmidi

        self.came: queue.SimpleQueue[list[int]] = queue.SimpleQueue()
        self._port: Any = rtmidi.MidiIn(rtmidi.API_LINUX_ALSA, name=client)
        self._port.open_virtual_port("in")
        self._port.set_callback(lambda event, _: self.came.put(event[0]))

    def heard(self, message: list[int]) -> bool:
        while (came := self.came.get(timeout=TIMEOUT)) != message:
            pass
        return bool(came)

    def unplug(self) -> None:
        if not self._port.is_deleted:
            close_ports([self._port], [])


class Listener:
    """Ports that are checked only when a test does it."""

    def __init__(self, **named: tuple[str, ...]) -> None:
        self._heard: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
        self.ports = MidiPorts(Api.ALSA, Ports(**named), hears_clock=False)  # type: ignore[arg-type]
        self.ports.open(self._heard.put)

    def hears(self, pitch: int) -> bool:
        """Wait for a note."""
        events: list[Output] = []
        while NoteOn(pitch, 90) not in events:
            arrival = self._heard.get(timeout=TIMEOUT)
            events += arrival.events(arrival.data)  # type: ignore[arg-type]
        return True

    def has_heard(self, pitch: int) -> bool:
        """Whether a note is among the messages that wait."""
        events: list[Output] = []
        while not self._heard.empty():
            arrival = self._heard.get()
            events += arrival.events(arrival.data)  # type: ignore[arg-type]
        return NoteOn(pitch, 90) in events


@pytest.fixture
def twins() -> Iterator[list[Keyboard]]:
    both = [Keyboard(), Keyboard()]
    yield both
    for keyboard in both:
        keyboard.unplug()


def inputs() -> list[Port]:
    (listing,) = (each for each in list_ports() if each.api is Api.ALSA)
    return [port for port in listing.inputs if "USB Keyboard" in port.plain]


def test_twins_are_told_apart_and_each_comes_back(twins: list[Keyboard]) -> None:
    first, second = inputs()
    assert (first.name, second.name) == ("USB Keyboard:Keys #1", "USB Keyboard:Keys #2")
    listener = Listener(input=("USB Keyboard #2",))
    try:
        twins[0].strike(60)
        twins[1].strike(62)
        assert listener.hears(62)
        twins[0].unplug()
        assert listener.ports.check() == []
        twins[1].strike(64)
        assert listener.hears(64)
        twins[1].unplug()
        assert listener.ports.check() == [f'"{second.name}" is gone {GONE}']
        assert listener.ports.missing == ["USB Keyboard #2"]
        twins[0] = Keyboard()
        assert listener.ports.check() == []
        twins[1] = Keyboard()
        assert listener.ports.check() == [f'"{second.name}" is connected']
        twins[0].strike(65)
        twins[1].strike(67)
        assert listener.hears(67)
        assert not listener.has_heard(65)
    finally:
        listener.ports.close()


def test_what_was_away_between_two_looks_is_connected_again(twins: list[Keyboard]) -> None:
    synth = Synth("Synth")
    listener = Listener(input=("USB Keyboard #1",), output=("Synth",))
    before = inputs()
    try:
        for _ in range(3):
            assert listener.ports.check() == []
            twins[0].unplug()
            synth.unplug()
            twins[0], synth = Keyboard(), Synth("Synth")
            assert inputs() == before  # nothing shows that it was away
            name = before[0].name
            assert sorted(listener.ports.check()) == [
                '"Synth:in" is connected',
                '"Synth:in" is gone ' + GONE,
                f'"{name}" is connected',
                f'"{name}" is gone {GONE}',
            ]
            twins[0].strike(60)
            assert listener.hears(60)
            listener.ports.send(NoteOn(64, 90))
            assert synth.heard([0x90, 64, 90])
            listener.ports.send(NoteOff(64))
    finally:
        listener.ports.close()
        synth.unplug()


def test_a_synth_whose_name_has_its_process_number_comes_back() -> None:
    synth = Synth("FLUID Synth (1859)")
    listener = Listener(output=("FLUID",))
    try:
        synth.unplug()
        synth = Synth("FLUID Synth (1901)")
        assert listener.ports.check() == [
            f'"FLUID Synth (1859):in" is gone {GONE}',
            '"FLUID Synth (1901):in" is connected',
        ]
        listener.ports.send(NoteOn(64, 90))
        assert synth.heard([0x90, 64, 90])
    finally:
        listener.ports.close()
        synth.unplug()
