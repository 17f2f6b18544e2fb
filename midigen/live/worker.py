"""The threads that play: the worker, and the one beside it that predicts.

The worker takes arrivals from one queue. It alone calls the performer, and it sends the outputs
in the order in which the performer returns them, so there are no races.
"""

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from midigen.instrument.events import Cue, Keep, Notice, Output, TempoChange
from midigen.instrument.performer import Performer
from midigen.instrument.status import Status
from midigen.live import realtime
from midigen.live.connection import Arrival, Connection, Quit
from midigen.live.intake import Held, key_of
from midigen.midi.messages import Message, NoteOn, Seconds
from midigen.prediction.foresight import Forecast, Question

PREDICTION_PATIENCE: Seconds = 1.0
"""How long to wait for a running prediction at the end: killing it would crash the process."""

RESPITE: Seconds = 0.003
"""How long after a send no prediction begins, unless a note waits for it.

A JACK server needs the processors until it has delivered a note. On two processors without
real-time priority, a prediction right after an answer made that answer 0.4 ms later at p50 and
1.1 ms later at p90. Answers are farther apart than this (see `melody.CHORD`).
"""

APPROACH: Seconds = 0.010
APPROACH_STEP: Seconds = 0.001
"""The last stretch before a deadline is slept in short steps.

On a virtual machine, a processor that has slept for long may wake milliseconds late, with cold
caches. After a short sleep it doesn't. Ten wake-ups a note cost next to nothing.
"""

LATE: Seconds = 0.010  # a note that goes out later than this is logged

_LOGGED = ("beat", "trouble", "silence", "mode", "key", "model", "scene")  # fields of a status
_NOT_FOR_PORTS = (Notice, TempoChange, Keep)
_log = logging.getLogger(__name__)


class Observer(Protocol):
    """Receives what is heard and played, as the recorder does. No method may block."""

    def open(self, now: Seconds) -> None:
        """The performance begins; `now` is its first beat."""

    def heard(self, message: Message, time: Seconds) -> None:
        """The player played a message."""

    def played(self, message: Message, time: Seconds) -> None:
        """Midigen played a message."""

    def tempo(self, bpm: float, time: Seconds) -> None:
        """The tempo changed."""

    def keep(self) -> None:
        """Save the last minutes: the control `keep` was pressed."""


class Watchdog(Protocol):
    """Receives the worker's heartbeat. No method may block."""

    @property
    def interval(self) -> Seconds | None:
        """How often to call `alive`; None if nobody listens."""

    def alive(self) -> None:
        """The worker is alive."""

    def stopping(self) -> None:
        """The process is shutting down."""


@dataclass(eq=False)
class Worker:
    """Runs a performer on a connection, on threads of its own.

    `notify` is called with each line for the player, and with None once the worker has ended. It
    may not block.
    """

    performer: Performer  # belongs to the worker's thread while that runs
    connection: Connection
    notify: Callable[[str | None], None]
    observers: Sequence[Observer]
    watchdog: Watchdog | None

    def __post_init__(self) -> None:
        self.priority = ""  # the worker's priority under the operating system, in words
        self.early: Seconds = 0.0
        """How long before its time a note is sent, so that it arrives on time."""
        self.failure: Exception | None = None  # the exception that ended it, if any
        self.begun = threading.Event()  # set as soon as the worker runs
        self.is_stopping = False  # a plain flag: a signal handler may not take a lock
        watched = self.watchdog and self.watchdog.interval
        self._next_ping: Seconds = 0.0 if watched else math.inf
        self._status: Status | None = None  # replaced, never changed
        self._is_outdated = False  # whether something happened since `_status` was made
        self._worst: Seconds = 0.0
        self._notes_in = self._notes_out = 0
        self._unsent = 0  # notes since the last one that went out
        self._recorded: set[Held] = set()  # midigen's notes whose note-on was observed
        self._sent_at: Seconds = 0.0  # when the latest message went out
        self._arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self.enqueue: Callable[[Arrival], None] = self._arrivals.put
        """Put an arrival into the worker's queue. For any thread."""
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._foresight = self.performer.delegate(self._questions.put)
        self._thread = threading.Thread(target=self._work, name="performer", daemon=True)
        self._predictor = threading.Thread(target=self._predict, name="foresight", daemon=True)

    @property
    def status(self) -> Status | None:
        """The performer's state when the worker was last idle. For any thread.

        Its `silence` also says if the connection is broken or the newest notes weren't sent.
        """
        status, silence, unsent = self._status, self.connection.trouble, self._unsent
        if unsent:
            what = "the last note wasn't" if unsent == 1 else f"the last {unsent} notes weren't"
            silence = f"{what} sent: {silence or 'the MIDI system refuses messages'}"
        return replace(status, silence=silence) if status and silence else status

    @property
    def dropped(self) -> int:
        """How many notes were dropped, because they were too many or too late."""
        return self.performer.dropped + self.connection.dropped

    def start(self) -> None:
        """Start both threads, and wait until the worker runs."""
        self._predictor.start()
        self._thread.start()
        self.begun.wait()

    def stop(self) -> None:
        """Ask the worker to end. For any thread, and for signal handlers."""
        self.is_stopping = True
        self._arrivals.put(None)

    def join(self, step: Seconds) -> None:
        """Wait for the worker to end, in steps: on Windows signals are handled between them."""
        while self._thread.is_alive():
            self._thread.join(timeout=step)

    def end_predicting(self) -> None:
        """End the other thread, once the worker has ended."""
        self._questions.put(None)
        self._predictor.join(PREDICTION_PATIENCE)

    # --- the worker's thread

    def _work(self) -> None:
        self.priority = realtime.raise_priority()
        self.begun.set()
        try:
            now = time.perf_counter()
            for observer in self.observers:
                observer.open(now)
            self._send(self.performer.start(now), now)
            self.performer.prepare()
            while not self.is_stopping:
                if arrival := self._next_arrival():
                    self._handle(arrival)
                self._do_what_is_due()
        except Exception as exc:  # raised again on the main thread
            self.failure = exc
        try:
            self._send(self.performer.stop(), time.perf_counter())
        except Exception as exc:
            self.failure = self.failure or exc
        self._update_status()  # the last one says how it ended
        self.notify(None)

    def _handle(self, arrival: Arrival) -> None:
        """Let the performer handle an arrival, and send what it returns."""
        for event in arrival.events(arrival.data):
            if isinstance(event, Quit):
                self.is_stopping = True
                continue
            due = self.performer.waits_since if isinstance(event, Forecast) else None
            outputs = self.performer.handle(event, arrival.time)
            self._send(outputs, arrival.time if due is None else due)
            self._notes_in += isinstance(event, NoteOn)
            if arrival.reply:
                arrival.reply([each for each in outputs if isinstance(each, Notice)])
            if isinstance(event, Message):
                for observer in self.observers:
                    observer.heard(event, arrival.time)

    def _do_what_is_due(self) -> None:
        """Have the performer advance to now and prepare, and ping the watchdog."""
        deadline = self.performer.deadline
        now = time.perf_counter() + self.early
        if deadline is not None and deadline <= now:
            self._send(self.performer.advance(now), deadline - self.early)
        self.performer.prepare()
        if now >= self._next_ping and self.watchdog and self.watchdog.interval:
            self.watchdog.alive()
            self._next_ping = now + self.watchdog.interval

    def _next_arrival(self) -> Arrival | None:
        """Wait for an arrival; None if something is due before one comes."""
        try:
            return self._arrivals.get_nowait()
        except queue.Empty:
            self._update_status()
        deadline = self.performer.deadline
        due = self._next_ping if deadline is None else min(deadline - self.early, self._next_ping)
        if due == math.inf:
            return self._arrivals.get()
        wait = due - time.perf_counter()
        if wait <= 0:
            return None
        timeout = wait - APPROACH if wait > APPROACH else min(wait, APPROACH_STEP)
        try:
            return self._arrivals.get(timeout=timeout)
        except queue.Empty:
            return None

    def _update_status(self) -> None:
        """Make a new status if anything has happened: the queue is empty, so there is time."""
        if not self._is_outdated:
            return
        self._is_outdated = False
        former = self._status
        self._status = replace(
            self.performer.status(),
            dropped=self.dropped,
            worst=self._worst,
            notes_in=self._notes_in,
            notes_out=self._notes_out,
        )
        if _log.isEnabledFor(logging.INFO):
            _log_changes(former, self._status)

    def _send(self, outputs: Iterable[Output], due: Seconds) -> None:
        """Send all outputs, even past an error: what follows may be a note-off."""
        self._is_outdated = True
        failure: Exception | None = None
        refused: list[Output] = []
        for output in outputs:
            if isinstance(output, _NOT_FOR_PORTS):
                self._pass_on(output)
                continue
            try:
                if not self.connection.send(output):
                    refused.append(output)
                    self._unsent += isinstance(output, NoteOn)
                    continue
            except Exception as exc:
                failure = failure or exc
                refused.append(output)
                continue
            self._sent_at = now = time.perf_counter()
            if isinstance(output, NoteOn):
                self._notes_out += 1
                self._unsent = 0
                self._worst = max(self._worst, now - due)
                if now - due > LATE:
                    _log.warning("a note went out %.1f ms late", (now - due) * 1000)
        if self.observers:
            self._tell_of_own_notes(refused)
        if refused:
            _log.warning("the MIDI system didn't take %s", refused)
        if failure:
            raise failure

    def _tell_of_own_notes(self, refused: Sequence[Output]) -> None:
        """Pass midigen's own notes to the observers: not thru's, and none that was refused."""
        now = time.perf_counter()
        for message in self.performer.own:
            note, begins = key_of(message)
            if note is None or (message in refused if begins else note not in self._recorded):
                continue
            (self._recorded.add if begins else self._recorded.discard)(note)
            for observer in self.observers:
                observer.played(message, now)

    def _pass_on(self, output: Notice | TempoChange | Keep) -> None:
        """Pass on an output that isn't for the ports."""
        match output:
            case Notice():
                self.notify(output.text)
            case TempoChange():
                for observer in self.observers:
                    observer.tempo(output.bpm, time.perf_counter())
            case Keep():
                for observer in self.observers:
                    observer.keep()

    # --- the thread that predicts

    def _predict(self) -> None:
        """Answer the performer's questions, one after another."""
        realtime.raise_priority(realtime.BESIDE)
        try:
            while (question := self._questions.get()) is not None:
                if not question.is_urgent:
                    time.sleep(max(0.0, self._sent_at + RESPITE - time.perf_counter()))
                self.enqueue(lone(self._foresight.answer(question)))
        except Exception as exc:  # raised again on the main thread
            self.failure = exc
            self.stop()


def lone(event: Cue | Quit) -> Arrival:
    """An event that arrives now, but not from a port."""
    return Arrival(time.perf_counter(), tuple, (event,))


def _log_changes(former: Status | None, latest: Status) -> None:
    """Log the fields of the status that have changed."""
    for name in _LOGGED:
        value = getattr(latest, name)
        if former is None or value != getattr(former, name):
            _log.info("%s: %s", name, value or "none")
    if former is not None and latest.dropped > former.dropped:
        _log.warning("notes dropped so far, too many or too late: %d", latest.dropped)
