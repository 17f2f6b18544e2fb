"""The daemon: the main thread of a performance, and the order of start and stop.

The worker plays (see `worker`). Meanwhile the main thread waits for signals, checks the ports, and
shows notices, so that a stuck terminal never delays a note.
"""

import contextlib
import gc
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType

from midigen.errors import ExitCode, MidigenError
from midigen.instrument.events import Cue, Notice
from midigen.instrument.performer import Performer
from midigen.instrument.status import Status
from midigen.live import realtime
from midigen.live.connection import Arrival, Connection, Quit
from midigen.live.worker import Observer, Watchdog, Worker, lone
from midigen.midi.messages import Seconds

CHECK_INTERVAL: Seconds = 0.5  # how often the main thread checks that the ports are still there

STOOD_STILL: Seconds = 1.0
"""No load makes the main thread so late: the process was suspended, and input was lost."""

FORCE_AFTER: Seconds = 0.5
"""After a second Ctrl-C: how long it may take to end by itself, and then to send note-offs."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTSTP")  # Windows has the first two
_NOHUPS = ("SIGTERM", "SIGHUP")  # those that stay ignored if they are, by nohup


@dataclass(eq=False)
class Daemon:
    """Runs a performer on a connection until a signal, `Quit` or an error ends it.

    `tell` shows the player a line; it is called on the main thread only. `observers` get the
    messages that are heard and played. `watchdog` gets the worker's heartbeat. `release` restores
    whatever else midigen changed, such as the terminal's mode; a signal handler calls it, so it
    may not block.
    """

    performer: Performer  # belongs to the worker's thread until `run` returns
    connection: Connection
    tell: Callable[[str], None]
    observers: Sequence[Observer] = ()
    watchdog: Watchdog | None = None
    release: Callable[[], None] = field(default=lambda: None, kw_only=True)

    def __post_init__(self) -> None:
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._worker = Worker(
            self.performer, self.connection, self._news.put, self.observers, self.watchdog
        )
        self.enqueue = self._worker.enqueue
        """Handle an arrival, as from a port. For any thread."""
        self.stop = self._worker.stop
        """Ask it to end. For any thread, and for signal handlers."""
        self._interrupted = False
        self._closing = threading.Lock()  # one thread at a time ends things through the connection
        self._ended = threading.Event()

    @property
    def status(self) -> Status | None:
        """The performer's state when the worker was last idle, if it was. For any thread."""
        return self._worker.status

    @property
    def priority(self) -> str:
        """The priority that the operating system grants the worker, in words."""
        return self._worker.priority

    def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Open the connection, play until the end, and leave nothing sounding.

        `started` is called when the ports are open. Raises PortError if they can't be opened,
        and whatever went wrong in the worker.
        """
        with self._signals(), realtime.undisturbed():
            self.connection.open(self._worker.enqueue)
            self._worker.early = self.connection.latency
            try:
                self._worker.start()
                started()
                gc.collect()
                gc.freeze()  # all that is there now is needed until the end
                self._watch()
            finally:
                if self.watchdog:
                    self.watchdog.stopping()
                self._worker.stop()
                self._worker.join(CHECK_INTERVAL)
                with self._closing:
                    self.connection.close()
                self._worker.end_predicting()
                self._ended.set()
        if self._worker.failure:
            raise self._worker.failure
        if dropped := self._worker.dropped:
            self.tell(f"{dropped} notes were dropped: too many or too late")

    def put(self, event: Cue | Quit) -> None:
        """Handle an event from elsewhere than the ports. For any thread."""
        self.enqueue(lone(event))

    def ask(self, event: Cue, patience: Seconds) -> list[str]:
        """Handle an event, and return the performer's notices. For any thread but the worker's.

        Raises MidigenError if the performer refuses the event, or doesn't get to it within
        `patience`; then nothing changes.
        """
        replies: queue.SimpleQueue[list[Notice]] = queue.SimpleQueue()
        waiting = [event]
        self.enqueue(Arrival(time.perf_counter(), tuple, waiting, replies.put))
        try:
            notices = replies.get(timeout=patience)
        except queue.Empty:
            waiting.clear()
            raise MidigenError("midigen is too busy to answer") from None
        for notice in notices:
            if notice.is_refusal:
                raise MidigenError(notice.text)
        return [notice.text for notice in notices]

    def _signals(self) -> contextlib.ExitStack:
        """A context in which signals come here."""
        former = contextlib.ExitStack()
        for name in _SIGNALS:
            number = getattr(signal, name, None)
            if number and not (name in _NOHUPS and signal.getsignal(number) == signal.SIG_IGN):
                handler = self._on_suspend if name == "SIGTSTP" else self._on_signal
                former.callback(signal.signal, number, signal.signal(number, handler))
        return former

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._worker.stop()
        self.release()
        if number == signal.SIGINT:
            if self._interrupted and self._worker.begun.is_set():
                threading.Thread(target=self._force, name="forcing", daemon=True).start()
            self._interrupted = True

    def _on_suspend(self, _number: int, _frame: FrameType | None) -> None:
        """Refuse a Ctrl-Z: it would stop everything but the notes that sound."""
        self._news.put("Ctrl-Z would leave notes hanging: Ctrl-C ends midigen")

    def _force(self) -> None:
        """End the process soon although something is stuck; send note-offs first if possible.

        Meanwhile the main thread runs on, and may end by itself.
        """
        if self._ended.wait(FORCE_AFTER):
            return
        ending = threading.Thread(target=self._end_all, name="ending", daemon=True)
        ending.start()
        ending.join(FORCE_AFTER)  # the worker may hold the lock that sending needs
        os._exit(ExitCode.FORCED)

    def _end_all(self) -> None:
        with contextlib.suppress(Exception), self._closing:  # whatever is broken, the exit is next
            for message in self.performer.note_offs():
                self.connection.send(message)
            self.connection.close()

    def _watch(self) -> None:
        """Show notices and check the ports, until the worker ends."""
        next_check = time.perf_counter() + CHECK_INTERVAL
        while True:
            lines: list[str | None] = []
            began = time.perf_counter()
            wait = next_check - began
            if wait > 0:
                with contextlib.suppress(queue.Empty):
                    lines.append(self._news.get(timeout=wait))
                late = time.perf_counter() - began - wait
            else:
                lines += self.connection.check()
                self._worker.early = self.connection.latency  # a restarted server may have another
                gc.collect()  # it finds almost nothing, since playing makes no cycles
                late = 0.0 if lines else time.perf_counter() - began  # opening may take long
                next_check = time.perf_counter() + CHECK_INTERVAL
            if late >= STOOD_STILL:
                held = self.connection.release_held()
                what = ": held keys are released" if held else ""
                lines.insert(0, f"suspended for {late:.0f} s{what}")
            for line in lines:
                if line is None:
                    return
                self.tell(line)
