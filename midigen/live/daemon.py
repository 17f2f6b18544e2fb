"""The daemon: the main thread of a performance, and the order of start and stop.

The worker plays (see `worker`). Meanwhile the main thread waits for signals, checks the ports, and
shows notices, so that a stuck terminal never delays a note.
"""

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType

from midigen.errors import ExitCode, MidigenError
from midigen.instrument.events import Cue, Notice
from midigen.instrument.performer import Performer
from midigen.instrument.status import Status
from midigen.live import realtime
from midigen.live.connection import Arrival, Connection, Quit
from midigen.live.worker import Observer, Watchdog, Worker, lone
from midigen.midi.messages import Seconds

CHECK_INTERVAL: Seconds = 0.5
"""How often the main thread checks that the ports are still there."""

STOOD_STILL: Seconds = 1.0
"""If the main thread is later than this, the process was suspended, and input was lost meanwhile.

No load delays it that long.
"""

FORCE_AFTER: Seconds = 0.5
"""After a second Ctrl-C: how long it may take to end by itself, and then to send note-offs."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Daemon:
    """Runs a performer on a connection until a signal, `Quit` or an error ends it.

    `tell` shows the player a line; it is called on the main thread only. `observers` get the
    messages that are heard and played. `watchdog` gets the worker's heartbeat. `release` restores
    whatever else midigen changed, such as the terminal's mode; a signal handler calls it, so it
    may not block.
    """

    def __init__(
        self,
        performer: Performer,
        connection: Connection,
        tell: Callable[[str], None],
        observers: Sequence[Observer] = (),
        watchdog: Watchdog | None = None,
        *,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self.performer = performer
        """Belongs to the worker's thread until `run` returns."""
        self._connection = connection
        self._tell = tell
        self._watchdog = watchdog
        self._release = release
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._worker = Worker(performer, connection, self._news.put, observers, watchdog)
        self._interrupted = False
        self._closing = threading.Lock()  # one thread at a time ends things through the connection
        self._ended = threading.Event()

    @property
    def status(self) -> Status | None:
        """The performer's state when the worker was last idle; None before that.

        For any thread.
        """
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
            self._connection.open(self._worker.enqueue)
            self._worker.early = self._connection.latency
            try:
                self._worker.start()
                started()
                realtime.freeze()
                self._watch()
            finally:
                if self._watchdog:
                    self._watchdog.stopping()
                self._worker.stop()
                self._worker.join(CHECK_INTERVAL)
                with self._closing:
                    self._connection.close()
                self._worker.end_predicting()
                self._ended.set()
        if self._worker.failure:
            raise self._worker.failure
        if dropped := self._worker.dropped:
            self._tell(f"{dropped} notes were dropped: too many or too late")

    def stop(self) -> None:
        """Ask it to end. For any thread, and for signal handlers."""
        self._worker.stop()

    def put(self, event: Cue | Quit) -> None:
        """Handle an event from elsewhere than the ports. For any thread."""
        self._worker.enqueue(lone(event))

    def enqueue(self, arrival: Arrival) -> None:
        """Handle an arrival, as from a port. For any thread."""
        self._worker.enqueue(arrival)

    def ask(self, event: Cue, patience: Seconds) -> list[str]:
        """Handle an event, and return the performer's notices. For any thread but the worker's.

        Raises MidigenError if the performer refuses the event, or doesn't get to it within
        `patience`; then nothing changes.
        """
        replies: queue.SimpleQueue[list[Notice]] = queue.SimpleQueue()
        given_up = threading.Event()

        def events(event: Cue) -> Iterable[Cue]:
            return () if given_up.is_set() else (event,)

        self._worker.enqueue(Arrival(time.perf_counter(), events, event, replies.put))
        try:
            notices = replies.get(timeout=patience)
        except queue.Empty:
            given_up.set()
            raise MidigenError("midigen is too busy to answer") from None
        for notice in notices:
            if notice.is_refusal:
                raise MidigenError(notice.text)
        return [notice.text for notice in notices]

    # --- signals

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        former = {
            number: signal.signal(number, self._on_signal)
            for number in numbers
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN  # by nohup
        }
        if hasattr(signal, "SIGTSTP"):
            former[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._on_suspend)
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._worker.stop()
        self._release()
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
                self._connection.send(message)
            self._connection.close()

    # --- notices and ports

    def _watch(self) -> None:
        """Show notices and check the ports, until the worker ends."""
        next_check = time.perf_counter() + CHECK_INTERVAL
        while True:
            lines: Sequence[str | None]
            wait = next_check - time.perf_counter()
            if wait > 0:
                lines = self._news_within(wait)
            else:
                lines = self._look_after()
                next_check = time.perf_counter() + CHECK_INTERVAL
            for line in lines:
                if line is None:
                    return
                self._tell(line)

    def _news_within(self, wait: Seconds) -> list[str | None]:
        """The lines that come within `wait`; None marks the end."""
        asleep = time.perf_counter()
        lines: list[str | None] = []
        with contextlib.suppress(queue.Empty):
            lines.append(self._news.get(timeout=wait))
        return [*self._after_standstill(time.perf_counter() - asleep - wait), *lines]

    def _look_after(self) -> list[str]:
        """Check the ports, and return what has changed."""
        began = time.perf_counter()
        lines = self._connection.check()
        self._worker.early = self._connection.latency  # a restarted server may have another
        realtime.tidy()
        return lines or self._after_standstill(time.perf_counter() - began)  # opening may take long

    def _after_standstill(self, late: Seconds) -> list[str]:
        """Release the player's keys if this thread is so late that the process was suspended."""
        if late < STOOD_STILL:
            return []
        held = self._connection.release_held()
        what = ": held keys are released" if held else ""
        return [f"suspended for {late:.0f} s{what}"]
