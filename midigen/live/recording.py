"""The recorder: writes a session as MIDI files while it is played.

The worker only enqueues. Once a second the recorder's own thread encodes the new messages and
replaces the session's file by a longer one, so that there is always a complete file. A buffer has
the last minutes, which the control `keep` writes to a separate file.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from struct import Struct
from typing import TypeAlias

from midigen import files
from midigen.errors import MidigenError
from midigen.midi import wire
from midigen.midi.messages import Clock, Message, Seconds, SongPosition
from midigen.midi.writer import MidiFileBuilder, Pieces, microseconds_a_beat

INTERVAL: Seconds = 1.0  # how often the session's file is written: the most that a power cut loses
DISK_TIMEOUT: Seconds = 5.0  # how long closing waits for a slow disk

_NAME = "midigen-%Y-%m-%d-%H%M%S"  # of a file, with the local time
_TRACKS = ("midigen session", "player", "midigen")
_CONDUCTOR, _PLAYER, _MACHINE = range(len(_TRACKS))
_AT_ONCE = 16  # messages encoded before the interpreter is offered to the worker

_Arrival: TypeAlias = tuple[Seconds, int, Message | int | None]
"""A time, a track, and a message or a tempo; None asks for the last minutes."""


@dataclass(eq=False)
class Recorder:
    """Records what the player and midigen play, in a folder.

    With `whole` it writes the whole session, and at each `keep` the last `keep_minutes`. `bpm` is
    the first tempo, and `bar` the number of quarters in a bar. `tell` shows the player a line; it
    is called on the recorder's thread. All times are times of `clock`. It writes every `interval`
    seconds.
    """

    folder: Path
    _: KW_ONLY
    whole: bool
    keep_minutes: int
    bpm: float
    bar: int
    tell: Callable[[str], None]
    clock: Callable[[], Seconds] = time.perf_counter
    interval: Seconds = INTERVAL

    def __post_init__(self) -> None:
        self._tempo = microseconds_a_beat(self.bpm)
        self._arrivals: deque[_Arrival] = deque()
        self._closing = threading.Event()
        self._end: Seconds = 0.0
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._path: Path | None = None
        self._session: MidiFileBuilder | None = None
        self._waiting: deque[tuple[str, Pieces]] = deque()  # names and contents of other files
        self._written: dict[Path, None] = {}  # in order
        self._failing = False  # whether the player knows that files can't be written

    def prove(self) -> None:
        """Raise MidigenError if the session is to be recorded and the folder can't be written."""
        if not self.whole:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self._free(time.strftime(_NAME))
            files.prove(path)
        except OSError as exc:
            raise MidigenError(
                f"{self.folder}: can't be written: {exc.strerror or exc}; "
                "choose another folder with record.path"
            ) from exc
        self._path = path

    def open(self, now: Seconds) -> None:
        """Begin to record, after `prove`. `now` is the first tick and the first beat."""
        if self._path is not None:
            self._session = MidiFileBuilder(_TRACKS, now, self._tempo, self.bar)
        self._last_minutes = _LastMinutes(now, self._tempo, self.bar, self.keep_minutes * 60)
        self._changed = False
        self._thread.start()

    def close(self, now: Seconds) -> list[Path]:
        """Write the rest and stop; return all files written. Works even without `open`."""
        self._end = now
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(DISK_TIMEOUT)
            if self._thread.is_alive():
                self.tell("the recording's disk doesn't answer: its end may be missing")
        return list(self._written)

    # --- for the worker: nothing here blocks

    def heard(self, message: Message, time: Seconds) -> None:
        """The player played a message."""
        self._put(message, time, _PLAYER)

    def played(self, message: Message, time: Seconds) -> None:
        """A message that midigen played."""
        self._put(message, time, _MACHINE)

    def tempo(self, bpm: float, time: Seconds) -> None:
        """The tempo changed."""
        self._arrivals.append((time, _CONDUCTOR, microseconds_a_beat(bpm)))

    def keep(self) -> None:
        """Write a file of the last minutes."""
        self._arrivals.append((self.clock(), _CONDUCTOR, None))

    def _put(self, message: Message, time: Seconds, track: int) -> None:
        if not isinstance(message, Clock | SongPosition):
            self._arrivals.append((time, track, message))

    # --- the recorder's thread

    def _work(self) -> None:
        # It polls: if each note woke it, that would be just when the worker has to answer.
        while not self._closing.wait(self.interval):
            self._catch_up()
            self._write(self.clock())
        self._catch_up()
        self._changed = True  # the file is as long as the session was
        self._write(self._end)
        if self._changed:  # it failed, and was the last attempt
            self.tell(f"{self.folder}: the end of the recording is lost")

    def _catch_up(self) -> None:
        for count in itertools.count(1):
            if not self._arrivals:
                return
            now, track, what = self._arrivals.popleft()
            _let_others(count)
            if what is None:
                self._keep(now)
                continue
            data = what.to_bytes(3, "big") if isinstance(what, int) else bytes(wire.encode(what))
            self._last_minutes.add(now, track, data)
            if self._session:
                _enter(self._session, now, track, data)
                self._changed = True

    def _keep(self, now: Seconds) -> None:
        score = self._last_minutes.score(now)
        if score.messages:
            name = f"{time.strftime(_NAME)}-last-{self.keep_minutes}-min"
            self._waiting.append((name, score.pieces(now)))
        else:
            self.tell(f"nothing was played in the last {self.keep_minutes} min")

    def _write(self, now: Seconds) -> None:
        """Write the files that wait, and the session's if there is something new.

        Tells the player when it fails for the first time, and when it works again.
        """
        problem = ""
        try:
            while self._waiting:
                name, pieces = self._waiting[0]
                path = self._free(name)
                self._replace(path, pieces)
                self._waiting.popleft()
                self.tell(f"kept as {path}")
            if self._path and self._session and self._session.messages and self._changed:
                self._replace(self._path, self._session.pieces(now))
        except OSError as exc:
            problem = f"can't be written: {exc.strerror or exc}; trying every second"
        self._changed = bool(problem)
        if self._changed != self._failing:
            self._failing = self._changed
            self.tell(f"{self.folder}: {problem or 'can be written again, and nothing is lost'}")

    def _free(self, name: str) -> Path:
        """The path of a new file."""
        numbered = (f"-{number}" for number in itertools.count(2))
        paths = (self.folder / f"{name}{end}.mid" for end in itertools.chain([""], numbered))
        return next(path for path in paths if not path.exists())

    def _replace(self, path: Path, pieces: Pieces) -> None:
        """Write a file, in the place of a former one if there is one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, pieces)
        self._written[path] = None


class _LastMinutes:
    """A buffer of the last minutes: 13 bytes a message, so that even hours need little memory."""

    _RECORD = Struct("<dB4p")  # time, track, 1 to 3 bytes: a message, or a tempo of the conductor

    def __init__(self, start: Seconds, tempo: int, bar: int, span: Seconds) -> None:
        self._start, self._tempo, self._bar, self._span = start, tempo, bar, span
        self._records = bytearray()

    def add(self, now: Seconds, track: int, data: bytes) -> None:
        """Remember a message or a tempo, and forget what is too old."""
        self._records += self._RECORD.pack(now, track, data)
        self._forget(now - self._span)

    def score(self, now: Seconds) -> MidiFileBuilder:
        """The last minutes, without note-offs of notes that began before them."""
        start = max(self._start, now - self._span)
        self._forget(start)
        score = MidiFileBuilder(_TRACKS, start, self._tempo, self._bar)
        for count, (when, track, data) in enumerate(self._RECORD.iter_unpack(self._records)):
            if track == _CONDUCTOR or not score.ends_nothing(track, data):
                _enter(score, when, track, data)
            _let_others(count)
        return score

    def _forget(self, before: Seconds) -> None:
        """Drop the records before a time, but keep the tempo in force then."""
        old = 0
        for when, track, data in self._RECORD.iter_unpack(self._records):
            if when >= before:
                break
            if track == _CONDUCTOR:
                self._tempo = int.from_bytes(data, "big")
            old += self._RECORD.size
        del self._records[:old]


def _enter(score: MidiFileBuilder, when: Seconds, track: int, data: bytes) -> None:
    """Add a message to a score; on the conductor's track, a tempo."""
    if track == _CONDUCTOR:
        score.change_tempo(int.from_bytes(data, "big"), when)
    else:
        score.add(track, data, when)


def _let_others(count: int) -> None:
    """Yield the interpreter now and then: the worker can't wait until everything is encoded."""
    if count % _AT_ONCE == 0:
        time.sleep(0)
