"""The names of ports: how systems list them, how players give them, how returning ports match.

Each system names ports in its own way, as RtMidi lists them:

ALSA      `Piano:Piano MIDI 1 24:0`: the client, the port and their numbers
JACK      `client:port`; a client whose name is taken becomes `client-01`
CoreMIDI  `Piano`; a virtual port is listed by its own name, without its client's
WinMM     `Piano 1`: at most 31 letters, and the place in the list

Numbers may change when a port comes back. CoreMIDI and WinMM also have twins: ports with the same
name, which only their order tells apart.
"""

import itertools
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from midigen.errors import PortError
from midigen.settings.choices import Api

_NUMBERS = {Api.ALSA: re.compile(r" \d+:\d+$"), Api.WINMM: re.compile(r" \d+$")}
"""The numbers that a system adds to a name."""

_UNIQUE = (Api.ALSA, Api.JACK)  # the systems in which all names differ


class Port(NamedTuple):
    """A port that could be connected to."""

    api: Api
    place: int  # its place in the system's list, from 0, by which it is opened
    listed: str  # its name in that list
    plain: str  # the same without the number that the system adds
    name: str  # the name for players: the plain one, with a number if there are twins, `Piano #2`
    mark: str  # its identity among all ports, as far as the system gives one


def ports_of(api: Api, listed: Sequence[str | None]) -> list[Port]:
    """The ports that a system lists. One that has just gone is listed without a name.

    Twins are numbered in the order of the list.
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

    It is the one with exactly this name; else the one whose client or port has this name; else
    the only one whose name contains this text, in any case. `#2` at the end means the second of
    those that fit. The numbers that a system adds count only where nothing else tells ports
    apart. Raises PortError, which lists the ports that there are or that match.
    """
    if found := _only(wanted, matches(wanted, ports)):
        return found
    there = quoted(port.name for port in ports) or "none"
    raise PortError(f'no port "{wanted}"; there are: {there}')


def matches(wanted: str, ports: Sequence[Port]) -> list[Port]:
    """The ports that fit best; see `choose`."""
    if found := _fitting(wanted, ports):
        return found
    twin = re.fullmatch(r"(.+) #([1-9]\d{0,3})", wanted)
    place = int(twin[2]) if twin else 0
    return _fitting(twin[1], ports)[place - 1 : place] if twin else []


class Sought:
    """A port that a player named. When it comes back, it isn't confused with another."""

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted
        self.found: Port | None = None  # the port; None once it has gone
        self._before: Port | None = None
        self._twins = 0
        self._others: set[str] = set()  # names and marks of those that were there beside it

    def find(self, ports: Sequence[Port], taken: Container[str] = ()) -> Port | None:
        """The port among `ports`, if it is there; never one whose mark is in `taken`.

        It is the port that it was before; else another one of that name; else what the player
        asked for, unless that was there beside it before. Raises PortError if it could be
        several.
        """
        before = self._before
        if before is None:
            return _only(self.wanted, matches(self.wanted, ports))
        free = [port for port in ports if port.mark not in taken]
        if same := [port for port in free if port.mark == before.mark]:
            return same[0]
        new = [port for port in free if self._others.isdisjoint((port.mark, port.plain))]
        alike = [port for port in new if port.plain == before.plain]
        asked_for = [port for port in matches(self.wanted, ports) if port in (alike or new)]
        return _only(self.wanted, asked_for or matches(self.wanted, alike))

    def take(self, port: Port, ports: Sequence[Port]) -> None:
        """From now on, the port is this one."""
        self.found = self._before = port
        self._remember(port, ports)

    def is_listed(self, ports: Sequence[Port]) -> bool:
        """Whether the port is still there, as far as a list tells.

        If one of several twins has gone, it may have been this one: then it counts as gone.
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
    """The name to give a virtual port so that its system lists it as `client:port`.

    CoreMIDI lists no clients, so there the client's name is part of the port's.
    """
    return f"{client}:{port}" if api is Api.COREMIDI else port


def is_numbered(found: str, name: str) -> bool:
    """Whether a port has this name, or JACK has numbered its client (`midigen-in-01`)."""
    client, _, port = name.partition(":")
    return re.fullmatch(rf"{re.escape(client)}(-\d+)?:{re.escape(port)}", found) is not None


def quoted(names: Iterable[str]) -> str:
    """Names in quotation marks, with commas between them."""
    return ", ".join(f'"{name}"' for name in names)


def _plain(api: Api, name: str, place: int) -> str:
    if api is Api.WINMM:
        return name.removesuffix(f" {place}")
    return _NUMBERS[api].sub("", name) if api in _NUMBERS else name


def _numbered(plain: str, taken: Sequence[str]) -> Iterator[str]:
    """Names for twins, except those that another port has."""
    names = (f"{plain} #{number}" for number in itertools.count(1))
    return (name for name in names if name not in taken)


def _fitting(wanted: str, ports: Sequence[Port]) -> list[Port]:
    """The ports that fit in the first way in which any port does."""
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


def _only(wanted: str, found: Sequence[Port]) -> Port | None:
    """The one that was found, if any. Raises PortError if there are several."""
    if len(found) > 1:
        several = quoted(port.name for port in found)
        raise PortError(
            f'"{wanted}" matches several ports: {several}; give more of the name, or its number'
        )
    return found[0] if found else None


def _count(found: Port, ports: Sequence[Port]) -> int:
    """How many ports have its name."""
    return sum(port.plain == found.plain for port in ports)
