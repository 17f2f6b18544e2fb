"""The instrument: events and times in, messages and the next deadline out.

It is pure: no thread, clock, port, file or global random state. Whoever drives
it (the daemon live, `render` over a file, a test under simulated time) calls

    start(now)                  once, before anything else
    handle(event, now)          for every event, in the order of their times
    advance(now)                at `deadline`, or as soon after it as possible
    prepare()                   whenever there is time before the deadline
    stop()                      at the end, whatever has happened

and sends what each call returns, in order. Times are seconds on any clock that
doesn't go back. Notes fall at absolute times: a late call never moves later ones.
"""

import heapq
from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from midigen.key_finding import KeyFollower
from midigen.ledger import Ledger
from midigen.melody import Melody, Step
from midigen.notes import (
    ChannelMessage,
    Control,
    EndOfAnswer,
    EndOfPhrase,
    Event,
    Message,
    NoteOff,
    NoteOn,
    Notice,
    Output,
    Pitch,
    Seconds,
    Velocity,
)
from midigen.predictor import Predictor
from midigen.rhythm import ROUNDING, Grid, step_length
from midigen.session import Session
from midigen.settings import MEMORY_AMOUNT, Mode, Settings
from midigen.vocabulary import AUTO, Degree

DEFAULT_VELOCITY: Velocity = 80
"""How loud it plays before anything was played to it."""

MAX_ANSWERS = 200
"""The most duet answers in a second; more are dropped and counted."""

MIDDLE_C: Pitch = 60

_CONTROL_CHANGE, _KEY_PRESSURE = 0xB0, 0xA0
_ALL_OFF = (120, 123)  # all sound off, all notes off: the keys of the channel come up

_Key: TypeAlias = tuple[int, Pitch]
"""A key of the player's: its channel and pitch."""

_NoteId: TypeAlias = int
"""A note of the machine's, numbered as they are planned."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A duet answer, which ends with its key."""

    key: _Key
    pitch: Pitch
    velocity: Velocity


@dataclass(frozen=True, slots=True)
class _Release:
    """A note of the machine's is to end."""

    note: _NoteId


_Action: TypeAlias = _Answer | _Release | EndOfAnswer


@dataclass(slots=True)
class _Run:
    """The generation loop: one note a step of a grid, `remaining` of them (None: on and on)."""

    grid: Grid
    index: int
    remaining: int | None


@dataclass(slots=True)
class _Phrase:
    """What the player has played since the last turn."""

    steps: int = 0
    over: bool = False
    _sum: int = 0  # of the velocities of its steps
    _newest: Velocity = 0

    def add(self, velocity: Velocity) -> None:
        """Another step."""
        self.steps += 1
        self._sum += velocity
        self._newest = velocity

    def replace(self, velocity: Velocity) -> None:
        """Another velocity for the newest step."""
        self._sum += velocity - self._newest
        self._newest = velocity

    @property
    def velocity(self) -> Velocity:
        """The mean velocity of its steps."""
        return round(self._sum / self.steps) if self.steps else DEFAULT_VELOCITY


class Performer:
    """Plays with the player, in one of three modes. Not thread-safe: one thread owns it."""

    def __init__(self, settings: Settings, predictor: Predictor, rng: np.random.Generator) -> None:
        self._settings = settings
        self._session = Session(predictor, settings.memory.amount)
        self._sampler = settings.sampling.sampler(rng)
        self._mode = settings.mode
        self._step: Seconds = step_length(settings.tempo.bpm, settings.rhythm.subdivision)
        self._gate: Seconds = self._step * settings.rhythm.gate
        self._offset: Seconds = settings.output.offset_ms / 1000
        self.grid = Grid(0.0, self._step)
        """The tempo grid, which begins at `start`."""
        self._now: Seconds = 0.0
        self._playing = False

        # What was heard.
        channel = settings.input.channel
        self._channels = range(1, 17) if channel == "all" else (channel,)
        self._key = settings.key
        self._key_follower = KeyFollower() if settings.key == AUTO else None
        self._melody = Melody(settings.key, settings.chromatic)
        self._phrase = _Phrase()
        self._down: set[_Key] = set()
        self._near: Pitch = MIDDLE_C  # the note before: the octave is the nearest to it
        self._turn: Seconds | None = None  # when the player will have been silent long enough

        # What is played.
        self._ledger = Ledger(settings.output.channel)
        self._run: _Run | None = None
        self._answering = False  # an EndOfAnswer is due
        self._owed = 0  # solo: notes until the phrase counts as answered
        self._ahead: list[Degree] | None = None  # see `prepare`
        self._agenda: list[tuple[Seconds, int, _Action]] = []  # a heap
        self._count = 0  # numbers the agenda's entries and the notes
        self._notes: dict[_NoteId, Pitch] = {}  # the machine's notes that sound
        self._answers: dict[_Key, _NoteId] = {}  # of them, those that end with a key
        self._answer_times: deque[Seconds] = deque(maxlen=MAX_ANSWERS)
        self._outbox: list[Output] = []  # survives an exception, so that no note-off is lost
        self.dropped = 0
        """Notes left out: duet answers beyond 200 a second, and notes that came too late."""

    # --- what the outside calls

    @property
    def sounding(self) -> frozenset[Pitch]:
        """The pitches that sound: the machine's, and through thru the player's."""
        return self._ledger.sounding

    @property
    def deadline(self) -> Seconds | None:
        """When `advance` is to be called next; None if nothing is due without an event."""
        times = [self._agenda[0][0]] if self._agenda else []
        if self._run:
            times.append(self._run_time(self._run))
        if self._turn is not None:
            times.append(self._turn_time(self._turn))
        return min(times, default=None)

    def start(self, now: Seconds) -> list[Output]:
        """Begin to play: `now` is the first step of the tempo grid."""
        self._playing = True
        self._now = now
        self.grid = Grid(now, self._step)
        self._enter_mode(now)
        return self._sent()

    def handle(self, event: Event, now: Seconds) -> list[Output]:
        """What an event makes it play or end at once."""
        if not self._playing:
            return []
        self._now = now = max(now, self._now)
        match event:
            case NoteOn():
                if self._listens_to(event):
                    self._key_down(event, now)
            case NoteOff():
                self._key_up((event.channel, event.pitch), now)
            case ChannelMessage():
                if event.channel in self._channels:
                    self._other_message(event, now)
            case Control():
                self._control(event, now)
            case EndOfPhrase():
                self._end_phrase(now)
        return self._sent()

    def advance(self, now: Seconds) -> list[Output]:
        """What has fallen due by `now`, in the order of its times."""
        self._now = now = max(now, self._now)
        while (due := self.deadline) is not None and due <= now:
            self._do_next(due, now)
        return self._sent()

    def prepare(self) -> None:
        """Predict ahead. It changes nothing but how soon the next note is known.

        In the loop that is one note; in duet it is the answers to all seven
        letters that the player may strike next, as one batch.
        """
        if self._ahead is not None:
            return
        if self._mode is not Mode.DUET and not self._session.missing:
            self._ahead = self._sampler.draw(self._session.predict())
        elif self._mode is Mode.DUET and self._session.missing <= 1:
            self._ahead = self._sampler.draw(self._session.predict_after_each_letter())

    def stop(self) -> list[Output]:
        """End everything that sounds; after this it is silent until `start`."""
        self._playing = False
        self._down.clear()
        self._end_everything()
        return self._sent()

    def note_offs(self) -> list[Message]:
        """What would end all that sounds. It changes nothing: a last resort for another thread."""
        return self._ledger.note_offs()

    def _sent(self) -> list[Output]:
        outputs, self._outbox = self._outbox, []
        return outputs

    # --- the player's keys

    def _listens_to(self, note: NoteOn) -> bool:
        limits = self._settings.input
        return note.channel in self._channels and limits.low <= note.pitch <= limits.high

    def _key_down(self, note: NoteOn, now: Seconds) -> None:
        key = (note.channel, note.pitch)
        if self._mode is Mode.CALL_RESPONSE and self._answering:
            self._end_answer()
        self._down.add(key)
        self._turn = None
        if self._settings.thru:
            self._outbox += self._ledger.begin(note.pitch, note.velocity, key)
        step = self._melody.hear(note.pitch, now)
        if step is not None:
            ahead, self._ahead = self._ahead, None
            self._hear(step, note.velocity)
            if not step.replaces and self._mode is Mode.DUET:
                self._answer_key(key, None if ahead is None else ahead[step.degree], now)
            elif not step.replaces and self._mode is Mode.SOLO and self._run is None:
                self._start_solo(now)

    def _key_up(self, key: _Key, now: Seconds) -> None:
        if key not in self._down:
            return
        self._down.remove(key)
        self._melody.release(key[1])
        self._follow_key(key[1], now)
        self._outbox += self._ledger.end(key[1], key)
        if key in self._answers:
            self._release_later(self._answers.pop(key), now + max(0.0, self._offset))
        if not self._down and not self._phrase.over and self._phrase.steps:
            self._turn = now + max(self._settings.turn.silence, -self._offset)

    def _follow_key(self, released: Pitch, now: Seconds) -> None:
        """Change to the key that the melody turns out to be in; what sounds ends as it began.

        A key is looked for when a note has ended, not when it begins: then its length
        is known, and no answer waits for it.
        """
        if self._key_follower is None:
            return
        self._key_follower.release(released, now)
        key = self._key_follower.key
        if key is not None and key != self._key:
            self._key = self._melody.key = key
            self._outbox.append(Notice(f"key {key}"))

    def _other_message(self, message: ChannelMessage, now: Seconds) -> None:
        number = message.data[0]
        if message.status == _CONTROL_CHANGE and number in _ALL_OFF:
            for key in [key for key in self._down if key[0] == message.channel]:
                self._key_up(key, now)
        limits = self._settings.input
        heard = message.status != _KEY_PRESSURE or limits.low <= number <= limits.high
        if self._settings.thru and heard:
            self._outbox += self._ledger.pass_on(message)

    def _hear(self, step: Step, velocity: Velocity) -> None:
        if self._phrase.over:
            self._phrase = _Phrase()
        if self._mode is Mode.CALL_RESPONSE:
            self._sampler.begin_line()
        if step.replaces:
            self._session.replace(step.degree)
            self._phrase.replace(velocity)
        else:
            self._session.hear(step.degree)
            self._phrase.add(velocity)
        self._near = step.pitch
        if self._key_follower is not None:
            self._key_follower.hear(step.pitch, self._now, replaces=step.replaces)

    # --- controls and modes

    def _control(self, control: Control, now: Seconds) -> None:
        match control.name:
            case "mode":
                self._set_mode(control.value, now)
            case "memory.amount":
                self._set_memory_amount(control.value)
            case "memory.reset":
                self._session.forget()
                self._ahead = None
                self._outbox.append(Notice("memory is empty"))
            case _:
                known = "mode, memory.amount, memory.reset"
                self._outbox.append(Notice(f"no control {control.name!r}: there are {known}"))

    def _set_mode(self, value: str, now: Seconds) -> None:
        if value not in list(Mode):
            self._outbox.append(Notice(f"no mode {value!r}: there are {', '.join(Mode)}"))
            return
        self._end_everything()
        self._mode = Mode(value)
        self._outbox.append(Notice(f"mode {self._mode}"))
        self._enter_mode(now)

    def _set_memory_amount(self, value: str) -> None:
        try:
            amount = MEMORY_AMOUNT.read(float(value))
        except ValueError:
            expected = MEMORY_AMOUNT.expected
            self._outbox.append(Notice(f"memory.amount is {expected}, not {value!r}"))
            return
        self._session.memory_amount = amount
        self._ahead = None
        self._outbox.append(Notice(f"memory.amount {amount:g}"))

    def _enter_mode(self, now: Seconds) -> None:
        self._phrase = _Phrase()
        self._ahead = None
        if self._mode is Mode.SOLO:
            self._start_solo(now)

    # --- turns

    def _turn_time(self, turn: Seconds) -> Seconds:
        """When to act on a turn: early enough for an answer that an offset makes early."""
        return turn + min(0.0, self._offset)

    def _end_phrase(self, now: Seconds) -> None:
        """The player says that the phrase is over, before silence does."""
        if self._phrase.steps and not self._phrase.over:
            self._take_turn(now - min(0.0, self._offset))
        elif not self._answering:
            self._outbox.append(EndOfAnswer())

    def _take_turn(self, turn: Seconds) -> None:
        self._turn = None
        self._phrase.over = True
        self._answering = True
        if self._session.missing:
            if self._mode is Mode.CALL_RESPONSE:  # the others have said it with each note
                self._say_missing()
            self._answered()
        elif self._mode is Mode.CALL_RESPONSE:
            self._run = _Run(Grid(turn, self._step), 0, self._answer_length())
        elif self._mode is Mode.SOLO:
            self._owed = self._answer_length()
        elif self._agenda:  # duet: the answers are on their way
            self._plan(max(time for time, _, _ in self._agenda) + self._step, EndOfAnswer())
        else:
            self._answered()

    def _answer_length(self) -> int:
        response = self._settings.response
        length = self._phrase.steps if response.length == "match" else response.length
        return min(int(length), response.max)

    def _answered(self) -> None:
        self._answering = False
        self._outbox.append(EndOfAnswer())

    # --- the generation loop: an answer, or solo

    def _start_solo(self, now: Seconds) -> None:
        if self._session.missing:
            self._say_missing()
        else:
            self._run = _Run(self.grid, self.grid.index_from(now - self._offset), None)

    def _run_time(self, run: _Run) -> Seconds:
        return run.grid.time(run.index) + self._offset

    def _run_step(self, run: _Run, due: Seconds, now: Seconds) -> None:
        run.index += 1
        if self._too_late(due, now):
            self.dropped += 1
        else:
            self._play_next(due)
        if run.remaining is not None:
            run.remaining -= 1
            if not run.remaining:
                self._run = None
                self._plan(due + self._gate, EndOfAnswer())
        elif self._owed:
            self._owed -= 1
            if not self._owed:
                self._plan(due + self._gate, EndOfAnswer())

    def _play_next(self, due: Seconds) -> None:
        """Play what follows the window, and let the window hear it."""
        (degree,) = self._ahead or self._sampler.draw(self._session.predict())
        pitch = self._pitch(degree)
        self._session.play(degree)
        self._ahead = None
        self._near = pitch
        self._release_later(self._begin(pitch, self._phrase.velocity), due + self._gate)

    # --- duet

    def _answer_key(self, key: _Key, ahead: Degree | None, now: Seconds) -> None:
        """Answer a key with the letter that was found ahead, if it was."""
        if ahead is None and self._session.missing:
            self._say_missing()
            return
        if len(self._answer_times) == MAX_ANSWERS and now - self._answer_times[0] < 1.0:
            self.dropped += 1
            return
        self._answer_times.append(now)
        if ahead is None:
            (ahead,) = self._sampler.draw(self._session.predict())
        pitch = self._pitch(ahead)
        at = self._answer_time(now)
        if at > now:
            self._plan(at, _Answer(key, pitch, self._phrase.velocity))
        else:
            self._play_answer(key, pitch, self._phrase.velocity, at)

    def _answer_time(self, now: Seconds) -> Seconds:
        if self._settings.duet.quantize:
            return self.grid.time(self.grid.index_from(now - self._offset)) + self._offset
        return now + max(0.0, self._offset)

    def _play_answer(self, key: _Key, pitch: Pitch, velocity: Velocity, at: Seconds) -> None:
        """It ends with its key; if that is up already, by the gate."""
        if key in self._answers:  # struck again, or its note-off was lost on the way
            self._release(self._answers.pop(key))
        note = self._begin(pitch, velocity)
        if key in self._down:
            self._answers[key] = note
        else:
            self._release_later(note, at + self._gate)

    # --- notes

    def _say_missing(self) -> None:
        count = self._session.missing
        notes = "note" if count == 1 else "notes"
        self._outbox.append(Notice(f"listening: {count} more {notes} before the model can answer"))

    def _pitch(self, degree: Degree) -> Pitch:
        """Where to play a letter that was drawn, which is taken by that."""
        self._sampler.take(degree)
        limits = self._settings.range
        return self._key.nearest(degree, self._near, limits.low, limits.high)

    def _begin(self, pitch: Pitch, velocity: Velocity) -> _NoteId:
        self._count += 1
        self._notes[self._count] = pitch
        self._outbox += self._ledger.begin(pitch, velocity, self._count)
        return self._count

    def _release(self, note: _NoteId) -> None:
        self._outbox += self._ledger.end(self._notes.pop(note), note)

    def _release_later(self, note: _NoteId, time: Seconds) -> None:
        if time > self._now:
            self._plan(time, _Release(note))
        else:
            self._release(note)

    def _end_answer(self) -> None:
        """Silence the machine; what the player holds through thru sounds on."""
        for note in list(self._notes):
            self._release(note)
        self._run = None
        self._agenda.clear()
        self._answered()

    def _end_everything(self) -> None:
        self._run = None
        self._turn = None
        self._owed = 0
        self._agenda.clear()
        self._notes.clear()
        self._answers.clear()
        self._outbox += self._ledger.flush()
        if self._answering:
            self._answered()

    # --- time

    def _plan(self, time: Seconds, action: _Action) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (time, self._count, action))

    def _too_late(self, due: Seconds, now: Seconds) -> bool:
        """Nearer to the next step than to its own: playing it now would make a burst."""
        return now - due > self._step / 2

    def _do_next(self, due: Seconds, now: Seconds) -> None:
        """Do what is due first; of several at one time, the ends of notes first."""
        if self._agenda and self._agenda[0][0] <= due + ROUNDING:
            _, _, action = heapq.heappop(self._agenda)
            self._act(action, due, now)
        elif self._turn is not None and self._turn_time(self._turn) <= due:
            self._take_turn(self._turn)
        elif self._run:
            self._run_step(self._run, due, now)

    def _act(self, action: _Action, due: Seconds, now: Seconds) -> None:
        match action:
            case _Release():
                self._release(action.note)
            case _Answer():
                if self._too_late(due, now):
                    self.dropped += 1
                else:
                    self._play_answer(action.key, action.pitch, action.velocity, due)
            case EndOfAnswer():
                self._answered()
