"""The connections of midigen's own ports, so that lost ones can be made again.

A connection is lost if the port at its other end, or the whole MIDI system, went away. It isn't if
somebody removed it.
"""

from collections.abc import Callable, Set


class Patch:
    """The other ports that are, or were, connected to each of midigen's own."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()  # midigen's port, and the other
        self._missed: set[tuple[str, str]] = set()  # of them

    def update(self, own: str, connected: Set[str], exists: Callable[[str], bool]) -> list[str]:
        """Update the connections of one of midigen's ports; return those to restore."""
        back = []
        for cable in sorted(self._known):
            other = cable[1]
            if cable[0] != own or other in connected:
                continue
            if not exists(other):
                self._missed.add(cable)
            elif cable in self._missed:
                back.append(other)
            else:
                self._known.discard(cable)
        plugged = {(own, other) for other in connected}
        self._known |= plugged
        self._missed -= plugged
        return back

    def miss_all(self) -> None:
        """The MIDI system has gone: all connections are lost."""
        self._missed |= self._known
