"""A control socket, and a stand-in for the midigen behind it."""

import contextlib
from collections.abc import Iterator, Mapping

from midigen.errors import ConfigError, MidigenError
from midigen.live.control_socket import ControlSocket

NAME = "midigen-in"


class Player:
    """A backend that remembers what it was asked, and refuses some of it."""

    def __init__(self, state: Mapping[str, object] | None = None) -> None:
        self.state = {"mode": "duet"} if state is None else state
        self.asked: list[tuple[str, str]] = []

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


@contextlib.contextmanager
def listening(player: Player | None = None, name: str = NAME) -> Iterator[ControlSocket]:
    control = ControlSocket(name, player or Player())
    control.open()
    try:
        yield control
    finally:
        control.close()
