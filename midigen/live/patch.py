"""Which cables led to one's own ports, so that they are plugged in again.

A cable is missed when the port at its other end, or all of the MIDI system, went away
with it, and not when somebody took it out.
"""

from collections.abc import Callable, Set


class Patch:
    """The ports of others that were connected to each of one's own."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str]] = set()  # one's own and the other's
        self._missed: set[tuple[str, str]] = set()  # of them

    def update(self, own: str, connected: Set[str], exists: Callable[[str], bool]) -> list[str]:
        """See what is connected to a port; the others that it is to be connected to again."""
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
        """The MIDI system has gone, and every cable with it."""
        self._missed |= self._known
