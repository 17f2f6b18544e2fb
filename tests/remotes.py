"""A control channel, and a stand-in for the midigen behind it."""

import contextlib
from collections.abc import Iterator, Mapping

from midigen.errors import ConfigError, MidigenError
from midigen.live.control_channel import ControlChannel
from midigen.live.feed import Feed
from midigen.midi.messages import NoteOff, NoteOn

NAME = "midigen-in"


class Keys:
    """A keyboard that keeps what is played on it, and takes 100 notes at the most."""

    def __init__(self) -> None:
        self.played: list[NoteOn | NoteOff] = []
        self.released = 0

    def take(self, message: NoteOn | NoteOff, _now: float) -> bool:
        self.played.append(message)
        return len(self.played) <= 100

    def release_held(self) -> int:
        self.released += 1
        return 0


class Client:
    """A `Caller` that plays and listens to nothing."""

    def __init__(self) -> None:
        self.played: list[NoteOn | NoteOff] = []
        self.subscriptions = 0

    def play(self, note: NoteOn | NoteOff) -> None:
        self.played.append(note)

    def subscribe(self) -> None:
        self.subscriptions += 1


class Player:
    """A backend that remembers what it was asked, and refuses some of it."""

    def __init__(self, state: Mapping[str, object] | None = None) -> None:
        self.state = {"mode": "duet"} if state is None else state
        self.asked: list[tuple[str, str]] = []
        self.keyboards: list[Keys] = []

    def status(self) -> Mapping[str, object]:
        return self.state

    def set(self, name: str, value: str) -> list[str]:
        self.asked.append((name, value))
        if name == "fault":
            raise RuntimeError("a string broke")
        if name == "key" and value == "H major":
            raise MidigenError("there is no H major")
        return [f"{name} is {value}"]

    def reload(self) -> list[str]:
        raise ConfigError(["config.toml: mode = 5"])

    def keyboard(self) -> Keys:
        self.keyboards.append(Keys())
        return self.keyboards[-1]


@contextlib.contextmanager
def listening(
    player: Player | None = None, name: str = NAME, feed: Feed | None = None
) -> Iterator[ControlChannel]:
    control = ControlChannel(name, player or Player(), feed or Feed())
    control.open()
    try:
        yield control
    finally:
        control.close()
