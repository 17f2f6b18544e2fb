"""What ports are called: by their system, by a player, and when they come back.

Systems name them each in a way of its own, as RtMidi lists them:

ALSA      `Piano:Piano MIDI 1 24:0`: the client, the port and their numbers
JACK      `client:port`; a client whose name is taken becomes `client-01`
CoreMIDI  `Piano`; a virtual port is listed by its own name, without its client's
WinMM     `Piano 1`: at most 31 letters, and the place in the list

Numbers may be others when a port comes back. CoreMIDI and WinMM have twins, too, which
nothing but their order tells apart.
"""

import itertools
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from midigen.errors import PortError
from midigen.settings.choices import Api

_NUMBERS = {Api.ALSA: re.compile(r" \d+:\d+$"), Api.WINMM: re.compile(r" \d+$")}
"""What a system adds to a name."""

_UNIQUE = (Api.ALSA, Api.JACK)
"""The systems that list no two ports alike."""


class Port(NamedTuple):
    """A port that could be connected to."""

    api: Api
    place: int
    """In the list of its system, by which it is opened, from 0."""
    listed: str
    """How it stands in that list."""
    plain: str
    """The same without the number that the system adds."""
    name: str
    """What a player calls it: that, and its number among twins, `Piano #2`."""
    mark: str
    """What tells it from all others, as far as the system does."""


def ports_of(api: Api, listed: Sequence[str | None]) -> list[Port]:
    """The ports that a system lists; what has gone meanwhile is listed without a name.

    Twins are numbered in the order in which they are listed.
    """
    plain = [_plain(api, name or "", place) for place, name in enumerate(listed)]
    numbered = {each: _numbered(each, plain) for each in plain if plain.count(each) > 1}
    ports = []
    for place, (whole, each) in enumerate(zip(listed, plain, strict=True)):
        if whole:
            name = next(numbered[each]) if each in numbered else each
            mark = whole if api in _UNIQUE else f"{plain[:place].count(each)} of {each}"
            ports.append(Port(api, place, whole, each, name, mark))
    return ports


def choose(wanted: str, ports: Sequence[Port]) -> Port:
    """The port that a player means.

    That is the one of this exact name, else of this client's or port's name, else
    the only one with this part in its name; with `#2` at the end, the second of those that
    fit. The numbers that a system adds count only where nothing else tells ports apart, and
    case not in a part. Raises PortError, which lists what there is or what matches.
    """
    found = matches(wanted, ports)
    if not found:
        there = ", ".join(quoted(port.name for port in ports)) or "none"
        raise PortError(f'no port "{wanted}"; there are: {there}')
    return _only(wanted, found)


def matches(wanted: str, ports: Sequence[Port]) -> list[Port]:
    """The ports that fit best; see `choose`."""
    if found := _fitting(wanted, ports):
        return found
    twin = re.fullmatch(r"(.+) #([1-9]\d{0,3})", wanted)
    place = int(twin[2]) if twin else 0
    return _fitting(twin[1], ports)[place - 1 : place] if twin else []


class Sought:
    """A port that a player named, so that it and no other is taken for it when it comes back."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.found: Port | None = None
        """What it is, while it is there."""
        self._before: Port | None = None
        self._twins = 0
        self._others: set[str] = set()  # names and marks of those that were there beside it

    def find(self, ports: Sequence[Port], taken: Container[str] = ()) -> Port | None:
        """Which it is now, if any; not one of those marks that are `taken`.

        The port that it was before; else another of that name; else what the player asked
        for, but nothing that was there beside it. Raises PortError if it could be several.
        """
        before = self._before
        if before is None:
            found = matches(self.wanted, ports)
            return _only(self.wanted, found) if found else None
        free = [port for port in ports if port.mark not in taken]
        if same := [port for port in free if port.mark == before.mark]:
            return same[0]
        new = [port for port in free if self._others.isdisjoint((port.mark, port.plain))]
        alike = [port for port in new if port.plain == before.plain]
        asked_for = [port for port in matches(self.wanted, ports) if port in (alike or new)]
        found = asked_for or matches(self.wanted, alike)
        return _only(self.wanted, found) if found else None

    def take(self, port: Port, ports: Sequence[Port]) -> None:
        """It is this one, from now on."""
        self.found = self._before = port
        self._remember(port, ports)

    def lose(self) -> None:
        """It is gone."""
        self.found = None

    def is_listed(self, ports: Sequence[Port]) -> bool:
        """Whether it is still there, as far as a list tells.

        Where twins can't be told apart and one has gone, it may be that one.
        """
        found = self.found
        if found is None or found.mark not in {port.mark for port in ports}:
            return False
        if found.api not in _UNIQUE and _count(found, ports) < self._twins:
            return False
        self._remember(found, ports)
        return True

    def _remember(self, found: Port, ports: Sequence[Port]) -> None:
        self._twins = _count(found, ports)
        others = [port for port in ports if port.mark != found.mark]
        self._others = {port.mark for port in others}
        self._others |= {port.plain for port in others if port.plain != found.plain}


def virtual_port(api: Api, client: str, port: str) -> str:
    """What a virtual port is to be called so that its system lists it as `client:port`.

    CoreMIDI lists no clients, so theirs is part of its name there.
    """
    return f"{client}:{port}" if api is Api.COREMIDI else port


def is_numbered(found: str, name: str) -> bool:
    """Whether a port is of this name, or of this client renumbered by JACK (`midigen-in-01`)."""
    client, _, port = name.partition(":")
    return re.fullmatch(rf"{re.escape(client)}(-\d+)?:{re.escape(port)}", found) is not None


def quoted(names: Iterable[str]) -> list[str]:
    """Names as they stand in a text."""
    return [f'"{name}"' for name in names]


def _plain(api: Api, name: str, place: int) -> str:
    if api is Api.WINMM:
        return name.removesuffix(f" {place}")
    return _NUMBERS[api].sub("", name) if api in _NUMBERS else name


def _numbered(plain: str, taken: Sequence[str]) -> Iterator[str]:
    """The names of twins, but for what another port is called."""
    names = (f"{plain} #{number}" for number in itertools.count(1))
    return (name for name in names if name not in taken)


def _fitting(wanted: str, ports: Sequence[Port]) -> list[Port]:
    """Those of the first way to fit that any port does."""
    names = {wanted} | {_NUMBERS[p.api].sub("", wanted) for p in ports if p.api in _NUMBERS}
    ways: tuple[Callable[[Port], bool], ...] = (
        lambda port: port.name == wanted,
        lambda port: port.plain == wanted,
        lambda port: port.listed == wanted,
        lambda port: port.plain in names,
        lambda port: not names.isdisjoint(port.plain.split(":", 1)),  # the client, or the port
        lambda port: any(name.lower() in port.plain.lower() for name in names),
        lambda port: port.listed.endswith(f" {wanted}"),  # ALSA's number alone, `24:0`
    )
    return next((found for fits in ways if (found := [port for port in ports if fits(port)])), [])


def _only(wanted: str, found: Sequence[Port]) -> Port:
    if len(found) > 1:
        several = ", ".join(quoted(port.name for port in found))
        raise PortError(
            f'"{wanted}" matches several ports: {several}; give more of the name, or its number'
        )
    return found[0]


def _count(found: Port, ports: Sequence[Port]) -> int:
    """How many there are of its name."""
    return sum(port.plain == found.plain for port in ports)
