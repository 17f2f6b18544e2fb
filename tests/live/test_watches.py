"""Cables are as the player left them, whatever ports and systems come and go."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Set

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.live.midi_system import load_rtmidi
from midigen.live.watches import JackWatch, Patch
from tests.jack import TIMEOUT, JackServer

OWN = ("in", "out")
OTHERS = ("keyboard", "synth", "daw")


def update(
    patch: Patch, connected: Set[str] = frozenset(), existing: Set[str] = frozenset(OTHERS)
) -> list[str]:
    return patch.update("in", connected, existing.__contains__)


class World:
    """A MIDI system with the ports of others, and cables between them and one's own.

    `plugged` is what the player has plugged in and not taken out.
    """

    def __init__(self) -> None:
        self.patch = Patch()
        self.runs = True
        self.existing = set(OTHERS)
        self.connected: set[tuple[str, str]] = set()
        self.plugged: set[tuple[str, str]] = set()

    @property
    def expected(self) -> set[tuple[str, str]]:
        return {cable for cable in self.plugged if self.runs and cable[1] in self.existing}

    def plug(self, cable: tuple[str, str]) -> None:
        if self.runs and cable[1] in self.existing:
            self.connected.add(cable)
            self.plugged.add(cable)

    def unplug(self, cable: tuple[str, str]) -> None:
        if cable in self.connected:
            self.connected.discard(cable)
            self.plugged.discard(cable)

    def come_or_go(self, other: str) -> None:
        """A port goes together with its connections, or comes back without any."""
        self.existing ^= {other}
        self.connected = {cable for cable in self.connected if cable[1] in self.existing}

    def stop_or_start(self) -> None:
        """The system goes, or comes back without connections, perhaps with other ports."""
        self.runs = not self.runs
        self.connected.clear()
        if not self.runs:
            self.patch.miss_all()

    def look(self) -> None:
        """Check the ports, as happens twice a second."""
        for own in OWN if self.runs else ():
            connected = {other for mine, other in self.connected if mine == own}
            back = self.patch.update(own, connected, self.existing.__contains__)
            assert len(set(back)) == len(back)
            assert set(back) <= self.existing - connected
            self.connected |= {(own, other) for other in back}


cables = st.tuples(st.sampled_from(OWN), st.sampled_from(OTHERS))
happenings = st.one_of(
    st.tuples(st.just("plug"), cables),
    st.tuples(st.just("plug"), cables),
    st.tuples(st.just("unplug"), cables),
    st.tuples(st.just("come_or_go"), st.sampled_from(OTHERS)),
    st.tuples(st.just("stop_or_start")),
)


@given(st.lists(happenings, min_size=8, max_size=40))
@effort(max_examples=80, deadline=None)
def test_what_the_player_has_plugged_in_is_there_as_far_as_its_ports_are(
    script: list[tuple[str, ...]],
) -> None:
    world = World()
    for name, *what in script:
        getattr(world, name)(*what)
        for _ in range(2):  # what was plugged in again is seen to be there
            world.look()
            assert world.connected == world.expected


@given(st.lists(st.lists(happenings, min_size=1, max_size=4), max_size=15))
@effort(max_examples=50, deadline=None)
def test_nothing_is_plugged_in_that_never_was_however_much_happens_between_two_looks(
    script: list[list[tuple[str, ...]]],
) -> None:
    world = World()
    ever: set[tuple[str, str]] = set()
    for several in script:
        for name, *what in several:
            getattr(world, name)(*what)
            ever |= world.connected
        world.look()
        assert world.connected <= ever


def test_what_somebody_took_out_stays_out() -> None:
    patch = Patch()
    assert update(patch, {"keyboard"}) == []
    assert update(patch) == []
    patch.miss_all()
    assert update(patch) == []


def test_what_went_with_its_port_is_plugged_in_again_when_that_is_back() -> None:
    patch = Patch()
    update(patch, {"keyboard"})
    assert update(patch, existing={"synth"}) == []
    assert update(patch, existing={"synth", "keyboard"}) == ["keyboard"]
    assert update(patch, {"keyboard"}) == []


def test_each_of_ones_own_ports_has_its_own_cables() -> None:
    patch = Patch()
    update(patch, {"daw"})
    patch.miss_all()
    assert patch.update("out", set(), lambda _: True) == []
    assert update(patch) == ["daw"]


def test_what_could_not_be_plugged_in_is_tried_again() -> None:
    """A port may be listed a moment before it takes a connection."""
    patch = Patch()
    update(patch, {"keyboard"})
    patch.miss_all()
    assert update(patch) == ["keyboard"]
    assert update(patch) == ["keyboard"]
    assert update(patch, {"keyboard"}) == []
    assert update(patch) == []  # now it was taken out


@pytest.mark.skipif(os.name != "posix", reason="PyDLL keeps the interpreter in a C call of POSIX")
def test_the_end_of_a_server_is_noticed_without_the_interpreter(own_jack: JackServer) -> None:
    """RtMidi keeps the interpreter while JACK's library waits for its own threads to finish."""
    load_rtmidi()
    watch = JackWatch("watch")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60.0)  # so that no other thread runs once the call returns
    end = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill {own_jack.pid}"])
    try:
        ctypes.PyDLL(None).sleep(2)
        gone = watch.gone
    finally:
        sys.setswitchinterval(interval)
        end.wait(timeout=TIMEOUT)
    assert gone
    watch.close()
