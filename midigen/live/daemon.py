"""The daemon: one queue, one worker thread, signals, and the order of start and stop.

Ports enqueue what arrives; the worker alone calls the performer and sends what
it returns. What comes next is predicted on a thread beside it. The main thread waits
for signals, shows notices (a stuck terminal must never hold up a note) and looks after
the ports. Other ways in, such as OSC, put their controls into the same queue.
"""

import contextlib
import math
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from types import FrameType
from typing import Protocol

from midigen.errors import ExitCode, MidigenError
from midigen.instrument.events import Cue, Keep, Notice, Output, TempoChange
from midigen.instrument.performer import Performer
from midigen.instrument.status import Status
from midigen.live import realtime
from midigen.live.arrivals import Arrival, Quit
from midigen.live.connection import Connection
from midigen.live.intake import Held, key_of
from midigen.midi.messages import Message, NoteOn, Seconds
from midigen.prediction.foresight import Forecast, Question

CHECK_INTERVAL: Seconds = 0.5
"""How often the main thread looks whether the ports are still there."""

STOOD_STILL: Seconds = 1.0
"""Longer than any load holds it up: the process was stopped, and what was played is lost."""

FORCE_AFTER: Seconds = 0.5
"""What it still gets to end by itself at a second Ctrl-C, and then to end what sounds."""

PATIENCE: Seconds = 1.0
"""What a prediction still gets to end: a model that is cut off takes the process down with it."""

RESPITE: Seconds = 0.003
"""So long after something was sent no prediction is begun that no note waits for.

Until a JACK server has handed a note on, it needs the processors: on two of them, and without
real-time priority, a prediction right after an answer made that 0.4 ms later over JACK at
p50, and 1.1 ms at p90. Answers are farther apart than this: see `melody.CHORD`.
"""

APPROACH: Seconds = 0.010
APPROACH_STEP: Seconds = 0.001
"""The last of the way to a deadline is slept in short steps.

A processor that has slept for long may wake late, by milliseconds on a virtual
machine, and finds its caches cold; after a short sleep it does neither. Ten
wake-ups a note cost next to nothing.
"""

_TOLD = (Notice, TempoChange, Keep)  # what isn't for the ports
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")  # the last isn't on Windows


class Witness(Protocol):
    """Who writes down what is heard and played. The worker calls it: it may not wait."""

    def open(self, now: Seconds) -> None:
        """The performance begins: it is the first beat."""

    def heard(self, message: Message, time: Seconds) -> None:
        """The player has played something."""

    def played(self, message: Message, time: Seconds) -> None:
        """The machine has played something."""

    def tempo(self, bpm: float, time: Seconds) -> None:
        """The tempo has changed."""

    def keep(self) -> None:
        """The last minutes are worth keeping."""


class Heart(Protocol):
    """Who is told that the worker is alive. The worker calls it: it may not wait."""

    @property
    def interval(self) -> Seconds | None:
        """How often it is to beat; None if nobody listens."""

    def alive(self) -> None:
        """The worker is alive."""

    def stopping(self) -> None:
        """It was asked to end, and does."""


class Daemon:
    """Runs a performer on a connection until a signal, `Quit` or an error ends it.

    `tell` shows the player a line; it is called on the main thread only. `release` gives back
    what else of the system's was taken, such as the terminal's mode, as soon as a signal asks for
    the end: it may not wait.
    """

    def __init__(
        self,
        performer: Performer,
        connection: Connection,
        tell: Callable[[str], None],
        witness: Witness | None = None,
        heart: Heart | None = None,
        *,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        self.performer = performer
        """Its performer, which belongs to the worker thread until `run` returns."""
        self._status: Status | None = None  # a new value each time
        self.priority = ""
        """What the operating system grants the worker."""
        self._worst: Seconds = 0.0
        self._notes_in = self._notes_out = 0
        self._unsent = 0  # notes since the last one that went out
        self._on_record: set[Held] = set()  # the machine's notes that sound, as they are recorded
        self._sent_at: Seconds = 0.0  # the latest message
        self._early: Seconds = 0.0  # how long before its time a note is sent, to be there then
        self._connection = connection
        self._tell = tell
        self._witness = witness
        self._release = release
        self._arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._questions: queue.SimpleQueue[Question | None] = queue.SimpleQueue()
        self._foresight = performer.delegate(self._questions.put)
        self._worker = threading.Thread(target=self._work, name="performer", daemon=True)
        self._seer = threading.Thread(target=self._foresee, name="foresight", daemon=True)
        self._beat_every = heart.interval if heart else None
        self._heart = heart
        self._next_beat: Seconds = 0.0
        self._begun = threading.Event()  # the worker has
        self._moved = False  # since `status` was made
        self._stopping = False  # a plain flag: a signal handler may not wait for a lock
        self._interrupted = False
        self._closing = threading.Lock()  # only one thread at a time uses the connection to end
        self._ended = threading.Event()
        self._failure: Exception | None = None

    @property
    def status(self) -> Status | None:
        """How it stands, as of the last moment of rest. For any thread.

        Where nothing can be heard or played, or the newest notes weren't heard, that is why it
        is silent.
        """
        status, trouble, unsent = self._status, self._connection.trouble, self._unsent
        if status is None or not (trouble or unsent):
            return status
        return replace(status, silence=_unheard(unsent, trouble) if unsent else trouble)

    def run(self, started: Callable[[], None] = lambda: None) -> None:
        """Open the connection, play until the end, and leave nothing sounding.

        `started` is called when the ports are open. Raises PortError if they
        can't be opened, and whatever went wrong in the worker.
        """
        with self._signals(), realtime.undisturbed():
            self._connection.open(self._arrivals.put)
            self._early = self._connection.latency
            try:
                self._seer.start()
                self._worker.start()
                self._begun.wait()
                started()
                realtime.freeze()
                self._watch()
            finally:
                if self._heart:
                    self._heart.stopping()
                self.stop()
                while self._worker.is_alive():  # in steps: on Windows a signal must wait for each
                    self._worker.join(timeout=CHECK_INTERVAL)
                with self._closing:
                    self._connection.close()
                self._questions.put(None)
                self._seer.join(PATIENCE)
                self._ended.set()
        if self._failure:
            raise self._failure
        if dropped := self.performer.dropped + self._connection.dropped:
            self._tell(f"{dropped} notes were too many or too late to play")

    def stop(self) -> None:
        """Ask it to end. May be called from any thread and from signal handlers."""
        self._stopping = True
        self._arrivals.put(None)

    def put(self, event: Cue | Quit) -> None:
        """An event from elsewhere than the ports. May be called from any thread."""
        self._arrivals.put(Arrival(time.perf_counter(), _alone, event))

    def ask(self, event: Cue, patience: Seconds) -> list[str]:
        """The same, and what the performer has to say about it. For any thread but its own.

        Raises MidigenError if it refuses, or doesn't come to it in time; then nothing is done.
        """
        replies: queue.SimpleQueue[list[Notice]] = queue.SimpleQueue()
        given_up = threading.Event()

        def events(event: Cue) -> Iterable[Cue]:
            return () if given_up.is_set() else (event,)

        self._arrivals.put(Arrival(time.perf_counter(), events, event, replies.put))
        try:
            notices = replies.get(timeout=patience)
        except queue.Empty:
            given_up.set()
            raise MidigenError("midigen is too busy to answer") from None
        for notice in notices:
            if notice.is_refusal:
                raise MidigenError(notice.text)
        return [notice.text for notice in notices]

    # --- main thread

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
        self.stop()
        self._release()
        if number == signal.SIGINT:
            if self._interrupted and self._begun.is_set():
                threading.Thread(target=self._force, name="forcing", daemon=True).start()
            self._interrupted = True

    def _on_suspend(self, _number: int, _frame: FrameType | None) -> None:
        """A Ctrl-Z by mistake must not stop all but the notes that sound."""
        self._news.put("Ctrl-Z would leave notes hanging: Ctrl-C ends midigen")

    def _force(self) -> None:
        """Leave soon, though something is stuck: end what sounds from here, if that can be.

        The main thread goes on meanwhile, and may come to the end by itself.
        """
        if self._ended.wait(FORCE_AFTER):
            return
        ending = threading.Thread(target=self._end_all, name="ending", daemon=True)
        ending.start()
        ending.join(FORCE_AFTER)  # the worker may keep a lock that sending needs
        os._exit(ExitCode.FORCED)

    def _end_all(self) -> None:
        with contextlib.suppress(Exception), self._closing:  # whatever is broken, the exit is next
            for message in self.performer.note_offs():
                self._connection.send(message)
            self._connection.close()

    def _watch(self) -> None:
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
        """What there is to tell by then; None at the end."""
        asleep = time.perf_counter()
        lines: list[str | None] = []
        with contextlib.suppress(queue.Empty):
            lines.append(self._news.get(timeout=wait))
        return [*self._after_standstill(time.perf_counter() - asleep - wait), *lines]

    def _look_after(self) -> list[str]:
        """See what has become of the ports."""
        began = time.perf_counter()
        lines = self._connection.check()
        self._early = self._connection.latency  # a server that comes back may have another
        realtime.tidy()
        return lines or self._after_standstill(time.perf_counter() - began)  # to open may take long

    def _after_standstill(self, late: Seconds) -> list[str]:
        """What to tell where this thread is so late: if it was stopped, what was played is lost."""
        if late < STOOD_STILL:
            return []
        held = self._connection.let_go()
        what = ": the keys that were held are let go" if held else ""
        return [f"stood still for {late:.0f} s{what}"]

    # --- worker thread

    def _work(self) -> None:
        self.priority = realtime.raise_priority()
        self._begun.set()
        try:
            now = time.perf_counter()
            if self._witness is not None:
                self._witness.open(now)
            self._send(self.performer.start(now), now)
            while not self._stopping:
                self._take_one()
        except Exception as exc:  # raised again on the main thread
            self._failure = exc
        try:
            self._send(self.performer.stop(), time.perf_counter())
        except Exception as exc:
            self._failure = self._failure or exc
        self._news.put(None)

    def _take_one(self) -> None:
        """Handle one arrival, or wait for the deadline; then do what is due."""
        arrival = self._next_arrival()
        if arrival is not None:
            for event in arrival.events(arrival.data):
                if isinstance(event, Quit):
                    self._stopping = True
                    continue
                due = self.performer.waits_since if isinstance(event, Forecast) else None
                outputs = self.performer.handle(event, arrival.time)
                self._send(outputs, arrival.time if due is None else due)
                self._notes_in += isinstance(event, NoteOn)
                if arrival.reply:
                    arrival.reply([each for each in outputs if isinstance(each, Notice)])
                if self._witness is not None and isinstance(event, Message):
                    self._witness.heard(event, arrival.time)
        deadline = self.performer.deadline
        now = time.perf_counter() + self._early
        if deadline is not None and deadline <= now:
            self._send(self.performer.advance(now), deadline - self._early)
        self.performer.prepare()
        if self._beat_every and now >= self._next_beat:
            self._beat(now)

    def _beat(self, now: Seconds) -> None:
        """Say that the worker is alive, and wake it for the next time that it must."""
        assert self._heart is not None
        assert self._beat_every is not None
        self._heart.alive()
        self._next_beat = now + self._beat_every

    def _next_arrival(self) -> Arrival | None:
        try:
            return self._arrivals.get_nowait()
        except queue.Empty:
            self._use_the_time()
        deadline = self.performer.deadline
        wait = math.inf if deadline is None else deadline - self._early - time.perf_counter()
        if self._beat_every:
            wait = min(wait, self._next_beat - time.perf_counter())
        if wait == math.inf:
            return self._arrivals.get()
        if wait <= 0:
            return None
        timeout = wait - APPROACH if wait > APPROACH else min(wait, APPROACH_STEP)
        try:
            return self._arrivals.get(timeout=timeout)
        except queue.Empty:
            return None

    def _use_the_time(self) -> None:
        """Nothing waits: say how it stands if that has changed."""
        if self._moved:
            self._moved = False
            self._status = replace(
                self.performer.status(),
                dropped=self.performer.dropped + self._connection.dropped,
                worst=self._worst,
                notes_in=self._notes_in,
                notes_out=self._notes_out,
            )

    def _send(self, outputs: Iterable[Output], due: Seconds) -> None:
        """Send all of it, even past an error: what follows may be a note-off."""
        self._moved = True
        failure: Exception | None = None
        refused: list[Output] = []
        for output in outputs:
            if isinstance(output, _TOLD):
                self._pass_on(output)
                continue
            try:
                if not self._connection.send(output):
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
        if self._witness is not None:
            self._record(self._witness, refused)
        if failure:
            raise failure

    def _record(self, witness: Witness, refused: Sequence[Output]) -> None:
        """Tell the witness what the machine played: not what thru passes on, or was refused."""
        now = time.perf_counter()
        for message in self.performer.own:
            note, begins = key_of(message)
            if note is None or (message in refused if begins else note not in self._on_record):
                continue
            (self._on_record.add if begins else self._on_record.discard)(note)
            witness.played(message, now)

    def _pass_on(self, output: Notice | TempoChange | Keep) -> None:
        """What isn't for the ports."""
        match output:
            case Notice():
                self._news.put(output.text)
            case TempoChange() if self._witness is not None:
                self._witness.tempo(output.bpm, time.perf_counter())
            case Keep() if self._witness is not None:
                self._witness.keep()

    # --- the thread beside it

    def _foresee(self) -> None:
        """Answer the performer's questions, one after another."""
        realtime.raise_priority(realtime.BESIDE)
        try:
            while (question := self._questions.get()) is not None:
                if not question.is_urgent:
                    time.sleep(max(0.0, self._sent_at + RESPITE - time.perf_counter()))
                self.put(self._foresight.answer(question))
        except Exception as exc:  # raised again on the main thread
            self._failure = exc
            self.stop()


def _unheard(notes: int, trouble: str) -> str:
    what = "the last note wasn't" if notes == 1 else f"the last {notes} notes weren't"
    return f"{what} heard: {trouble or 'the MIDI system took none of it'}"


def _alone(event: Cue | Quit) -> tuple[Cue | Quit]:
    return (event,)
