"""A note's way from the port's callback to the send, as `docs/inside.md` draws it."""

import re
import threading
from collections.abc import Iterator
from graphlib import TopologicalSorter
from types import CodeType, FrameType

import pytest

from midigen.instrument.ledger import Ledger
from midigen.live.daemon import Daemon
from midigen.live.feedback import Feedback
from midigen.live.intake import Intake
from midigen.live.worker import Worker
from midigen.midi.messages import NoteOn
from tests.jack import wait_until
from tests.loop import DUET, Loop, run
from tests.players import ROOT

MOST = 10
"""Functions that a note passes."""


class Walk:
    """Follows the calls of midigen's functions on any thread, while one note is on its way."""

    def __init__(self) -> None:
        self.is_on = False
        self.calls: set[tuple[str, str]] = set()
        self.begins: list[str] = []
        self.sends: list[str] = []

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if not self.is_on or event != "call" or not _is_ours(frame):
            return
        if frame.f_back is not None and _is_ours(frame.f_back):
            self.calls.add((_module(frame.f_back), _module(frame)))
        if frame.f_code is Ledger.begin.__code__ and not self.begins:
            self.begins = _way_to(frame, Worker._handle.__code__)
        if frame.f_code is Loop.send.__code__ and not self.sends:
            self.sends = _way_to(frame, Worker._handle.__code__)


@pytest.fixture
def walk() -> Iterator[Walk]:
    """One note in duet, whose answer was foreseen, through a daemon's own threads."""
    walk = Walk()

    def play(loop: Loop, daemon: Daemon) -> None:
        intake = Intake(loop.enqueue, Feedback())
        improviser = daemon.performer._parts.improviser
        wait_until(lambda: improviser._foresees, "the forecast")
        walk.is_on = True
        intake.on_message(([0x90, 60, 80], 0.0))
        loop.wait_for(NoteOn(62, 80))
        walk.is_on = False
        daemon.stop()

    threading.setprofile(walk)  # of the threads that are begun from now on
    try:
        run(DUET, play)
        yield walk
    finally:
        threading.setprofile(None)


def test_a_note_passes_ten_functions_and_the_page_names_them(walk: Walk) -> None:
    way = ["Intake.on_message", *walk.begins[:-1], *walk.sends[1:]]
    assert len(way) <= MOST
    page = (ROOT / "docs" / "inside.md").read_text(encoding="utf-8")
    drawn = page.partition("## A note's way")[2].partition("```text\n")[2].partition("```")[0]
    named = re.findall(r"^ *\d+ +([\w.]+)", drawn, re.MULTILINE)
    assert [name.replace("MidiPorts.send", "Loop.send") for name in named] == way


def test_no_call_goes_back_up(walk: Walk) -> None:
    """The modules that take part are in one order, from the worker down to the ledger."""
    between = [(one, other) for one, other in walk.calls if one != other]
    below: dict[str, set[str]] = {}
    for one, other in between:
        below.setdefault(one, set()).add(other)
    order = [*TopologicalSorter(below).static_order()]  # raises CycleError if any goes back
    assert order.index("midigen.instrument.ledger") < order.index("midigen.instrument.voice")
    assert order.index("midigen.instrument.voice") < order.index("midigen.instrument.modes")
    assert order.index("midigen.instrument.modes") < order.index("midigen.instrument.performer")
    assert order.index("midigen.instrument.performer") < order.index("midigen.live.worker")


def _is_ours(frame: FrameType) -> bool:
    return _module(frame).startswith(("midigen.", "tests.loop"))


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _way_to(frame: FrameType, first: CodeType) -> list[str]:
    """The functions on the stack, from the first of them to this frame's."""
    way: list[str] = []
    here: FrameType | None = frame
    while here is not None:
        way.insert(0, here.f_code.co_qualname)
        if here.f_code is first:
            return way
        here = here.f_back
    raise AssertionError(way)
