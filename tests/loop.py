"""A connection between a test and a daemon, without any MIDI system."""

import threading
import time
from collections.abc import Callable, Sequence

import numpy as np

from midigen.errors import PortError
from midigen.instrument.events import Event, Output
from midigen.instrument.performer import Performer
from midigen.live.connection import Arrival, Enqueue, Quit
from midigen.live.daemon import Daemon
from midigen.live.worker import Observer
from midigen.midi.messages import Channel, NoteOff, NoteOn
from midigen.prediction.predictor import Predictor
from midigen.settings.choices import Mode
from midigen.settings.table import Settings
from tests.players import NextLetter, settings

DUET = settings(mode=Mode.DUET)


class Loop:
    """A `Connection` that a test plays and listens to.

    Like real ports, it locks while it sends and closes, and it may fail, refuse or hang.
    """

    latency = 0.0
    listening = playing = missing = ()
    trouble = ""
    dropped = returned = 0

    def __init__(self) -> None:
        self.sent: list[Output] = []
        self.times: list[float] = []
        self.sent_one = threading.Condition()
        self.calls: list[str] = []
        self.gone = False
        self.checked = threading.Event()
        self.breaks_on: Output | None = None
        self.takes: Callable[[Output], bool] = lambda _: True
        self.hangs_on: Output | None = None
        self._sending = threading.RLock()

    def open(self, enqueue: Enqueue) -> None:
        self.calls.append("open")
        self.enqueue = enqueue

    def send(self, output: Output) -> bool:
        with self._sending:
            assert "close" not in self.calls
            if output == self.breaks_on:
                raise PortError("broken")
            if not self.takes(output):
                return False
            with self.sent_one:
                self.times.append(time.perf_counter())
                self.sent.append(output)
                self.sent_one.notify_all()
            if output == self.hangs_on:
                threading.Event().wait()
        return True

    def adjust(self, *, hears_clock: bool, channel: Channel) -> None:
        """It always hears everything."""

    def release_held(self) -> int:
        self.calls.append("release held")
        return 0

    def check(self) -> list[str]:
        if self.gone:
            raise PortError("gone")
        self.checked.set()
        return []

    def close(self) -> None:
        with self._sending:
            self.calls.append("close")

    def play(self, event: Event | Quit) -> None:
        self.enqueue(Arrival(time.perf_counter(), lambda event: [event], event))

    def wait_for(self, output: Output) -> None:
        with self.sent_one:
            assert self.sent_one.wait_for(lambda: output in self.sent, timeout=10)

    def hangs(self) -> set[int]:
        ons = {o.pitch for o in self.sent if isinstance(o, NoteOn)}
        last = {o.pitch: o for o in self.sent if isinstance(o, NoteOn | NoteOff)}
        return {pitch for pitch in ons if isinstance(last[pitch], NoteOn)}


Script = Callable[[Loop, Daemon], None]


def run(
    chosen: Settings,
    script: Script,
    loop: Loop | None = None,
    predictor: Predictor | None = None,
    observers: Sequence[Observer] = (),
) -> Loop:
    """Run a daemon on this thread, and a script that plays to it on another one."""
    loop = loop or Loop()
    playing = Performer(chosen, predictor or NextLetter(), np.random.default_rng(0))
    daemon = Daemon(playing, loop, lambda _: None, observers)
    failures: list[AssertionError] = []

    def play() -> None:
        try:
            script(loop, daemon)
        except AssertionError as exc:
            failures.append(exc)
            daemon.stop()

    player = threading.Thread(target=play)
    try:
        daemon.run(player.start)
    finally:
        if player.ident:
            player.join()
    if failures:
        raise failures[0]
    return loop
