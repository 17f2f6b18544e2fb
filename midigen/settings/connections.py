"""Sections about what midigen is connected to: ports, channels, MIDI clock, OSC, recordings."""

from dataclasses import dataclass

from midigen.midi.messages import Channel, Pitch
from midigen.settings.choices import Api
from midigen.settings.kinds import PITCH, Names, Number, Text, choice, real, setting, switch

_PORT_NAMES = Names(
    "a list of port names or unique parts of them; add #2 for the second port that matches"
)


@dataclass(frozen=True)
class Ports:
    """Where notes come from and go to."""

    api: Api = choice(
        Api.AUTO,
        "the MIDI system; auto takes ALSA, CoreMIDI or WinMM, or else JACK if its server runs",
    )
    input: tuple[str, ...] = setting((), _PORT_NAMES, "existing ports to listen to as well")
    output: tuple[str, ...] = setting((), _PORT_NAMES, "existing ports to play to as well")
    in_client: str = setting("midigen-in", Text("a name"), "client name of the virtual input")
    in_port: str = setting("midigen in", Text("a name"), "port name of the virtual input")
    out_client: str = setting("midigen-out", Text("a name"), "client name of the virtual output")
    out_port: str = setting("midigen out", Text("a name"), "port name of the virtual output")


@dataclass(frozen=True)
class Input:
    """What midigen listens to. Everything else is neither heard nor passed on."""

    channel: Channel | str = setting(
        "all",
        Number(1, 16, "MIDI channel", word="all"),
        "the channel to listen to; all is every channel but 10, the drums",
    )
    low: Pitch = setting(0, PITCH, "the lowest key to listen to")
    high: Pitch = setting(127, PITCH, "the highest key to listen to")


@dataclass(frozen=True)
class OutputSettings:
    """Where and when midigen plays."""

    channel: Channel = setting(1, Number(1, 16, "MIDI channel"), "the channel to play on")
    offset_ms: float = setting(
        0.0,
        real(-500, 500, "milliseconds"),
        "play this much later, or earlier if negative (which ends phrases that much sooner, and"
        " can't hurry answers that come at once)",
    )
    mute: bool = switch("play no notes of its own, until this is false again")


@dataclass(frozen=True)
class ClockSending:
    """MIDI clock for other devices, on every output."""

    send: bool = switch("send MIDI clock, with start and stop")


@dataclass(frozen=True)
class Osc:
    """Open Sound Control: /midigen/CONTROL VALUE sets a control while midigen plays."""

    port: int | str = setting(
        "off", Number(1, 65535, "UDP port", word="off"), "the port to listen on"
    )
    host: str = setting(
        "127.0.0.1",
        Text("an address of this machine"),
        "the address to listen on; 127.0.0.1 only hears programs on this machine",
    )


@dataclass(frozen=True)
class Record:
    """What is recorded of a session, as MIDI files."""

    path: str = setting("off", Text('"off" or a folder'), "the folder to record every session in")
    keep: int = setting(
        5,
        Number(1, 60, "minutes"),
        "how much `keep` and `run --keep` save, in the folder above, or else in recordings",
    )
