"""Ports on Windows and macOS, as far as names go: the MIDI library lists what those systems have.

What is real is in test_jack_ports and test_alsa; here the systems' part is played.
"""

import queue
from collections.abc import Callable
from typing import Any

import pytest

from midigen.errors import PortError
from midigen.live.connection import Arrival
from midigen.live.ports import MidiPorts
from midigen.midi.messages import NoteOn
from midigen.settings.choices import Api
from midigen.settings.sections import Ports

GONE = "(unplugged?): playing on without it"
Callback = Callable[[tuple[list[int], float], object], None]


class Device:
    """What is plugged in, with an input and an output of this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.listeners: list[Client] = []
        self.came: list[list[int]] = []

    def strike(self, pitch: int) -> None:
        for client in self.listeners:
            client.callback(([0x90, pitch, 90], 0.0), None)


class System:
    """Stands in for the module `rtmidi` on a machine with some devices, some of them virtual."""

    API_WINDOWS_MM, API_MACOSX_CORE = 4, 1

    class RtMidiError(Exception):
        """What the library raises."""

    def __init__(self, *names: str, numbers: bool) -> None:
        self.devices = [Device(name) for name in names]
        self.sources: list[Device] = []
        self.targets: list[Device] = []
        self._numbers = numbers

    def MidiIn(self, _: int, name: str) -> "Client":  # noqa: N802  the library's name
        del name  # neither system lists clients
        return Client(self, is_input=True)

    def MidiOut(self, _: int, name: str) -> "Client":  # noqa: N802
        del name
        return Client(self, is_input=False)

    def ends(self, *, of_inputs: bool) -> list[Device]:
        """What an input, or an output, of the library may be connected to."""
        return [*self.devices, *(self.sources if of_inputs else self.targets)]

    def listed(self, *, of_inputs: bool) -> list[str]:
        names = [device.name for device in self.ends(of_inputs=of_inputs)]
        return [f"{name} {place}" for place, name in enumerate(names)] if self._numbers else names


class Client:
    """An input or an output of the library."""

    def __init__(self, system: System, *, is_input: bool) -> None:
        self._system = system
        self._is_input = is_input
        self._device: Device | None = None
        self.callback: Callback = lambda *_: None

    def get_ports(self) -> list[str]:
        return self._system.listed(of_inputs=self._is_input)

    def open_port(self, place: int, name: str) -> None:
        del name
        self._device = self._system.ends(of_inputs=self._is_input)[place]
        self._device.listeners.append(self)

    def open_virtual_port(self, name: str) -> None:
        (self._system.targets if self._is_input else self._system.sources).append(Device(name))

    def send_message(self, data: list[int]) -> None:
        if self._device:
            self._device.came.append(data)

    def set_callback(self, callback: Callback) -> None:
        self.callback = callback

    def cancel_callback(self) -> None:
        self.callback = lambda *_: None

    def ignore_types(self, **_: bool) -> None:
        pass

    def close_port(self) -> None:
        if self._device and self in self._device.listeners:
            self._device.listeners.remove(self)
        self._device = None

    def delete(self) -> None:
        pass


@pytest.fixture
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> System:
    api, *names = request.param
    it = System(*names, numbers=api is Api.WINMM)
    monkeypatch.setattr("midigen.live.clients.load_rtmidi", lambda: it)
    return it


def opened(api: Api, **options: Any) -> tuple[MidiPorts, "queue.SimpleQueue[Arrival]"]:
    plays = options.pop("plays", True)
    ports = MidiPorts(api, Ports(**options), hears_clock=False, plays=plays)
    heard: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    ports.open(heard.put)
    return ports, heard


def struck(heard: "queue.SimpleQueue[Arrival]") -> list[int]:
    """The pitches of the notes that were heard."""
    pitches: list[int] = []
    while not heard.empty():
        arrival = heard.get()
        for event in arrival.events(arrival.data):
            pitches += [event.pitch] if isinstance(event, NoteOn) else []
    return pitches


@pytest.mark.parametrize("system", [(Api.WINMM, "Keys", "loopMIDI Port")], indirect=True)
def test_on_windows_a_port_is_the_same_with_another_number(system: System) -> None:
    ports, heard = opened(Api.WINMM, input=("Keys",), output=("loopMIDI Port 1",))
    keys, loop = system.devices
    assert (ports.listening, ports.playing) == (["Keys"], ["loopMIDI Port"])
    pads = Device("Pads")
    system.devices = [pads, keys, loop]
    assert ports.check() == []
    keys.strike(60)
    assert struck(heard) == [60]
    system.devices = [pads, loop]
    assert ports.check() == [f'"Keys" is gone {GONE}']
    assert ports.missing == ["Keys"]
    keys = Device("Keys")
    system.devices = [pads, loop, keys]
    assert ports.check() == ['"Keys" is connected']
    pads.strike(62)
    keys.strike(64)
    assert struck(heard) == [64]
    ports.send(NoteOn(72, 90))
    assert list(loop.came[-1]) == [0x90, 72, 90]
    ports.close()


@pytest.mark.parametrize("system", [(Api.WINMM, "Keys", "Keys")], indirect=True)
def test_on_windows_who_only_listens_needs_no_output(system: System) -> None:
    ports, heard = opened(Api.WINMM, input=("Keys #1", "Keys #2"), plays=False)
    for pitch, device in zip((60, 62), system.devices, strict=True):
        device.strike(pitch)
    assert struck(heard) == [60, 62]
    assert ports.check() == []
    ports.close()


@pytest.mark.parametrize("system", [(Api.COREMIDI, "Keys", "Keys", "Bus 1")], indirect=True)
def test_on_macos_twins_are_told_apart_and_none_is_deaf_unseen(system: System) -> None:
    ports, heard = opened(Api.COREMIDI, input=("Keys #2",))
    first, second, bus = system.devices
    first.strike(60)
    second.strike(62)
    assert struck(heard) == [62]
    for left in ([first, bus], [second, bus]):  # nothing says which one has gone
        system.devices = left
        assert ports.check() == [f'"Keys #2" is gone {GONE}']
        assert (ports.listening, ports.missing) == (["midigen-in:midigen in"], ["Keys #2"])
        system.devices = [first, second, bus]
        assert ports.check() == ['"Keys #2" is connected']
    struck(heard)
    second.strike(64)
    assert struck(heard) == [64]
    ports.close()


@pytest.mark.parametrize("system", [(Api.COREMIDI, "Keys")], indirect=True)
@pytest.mark.usefixtures("system")
def test_on_macos_a_second_midigen_of_one_name_is_refused() -> None:
    first, _ = opened(Api.COREMIDI)
    assert first.check() == []
    with pytest.raises(PortError, match='"midigen-in:midigen in" exists already'):
        opened(Api.COREMIDI)
    second, _ = opened(Api.COREMIDI, in_client="two", out_client="two-out")
    assert second.check() == first.check() == []
    assert second.other_inputs() == ["Keys", "midigen-out:midigen out"]
    second.close()
    first.close()
