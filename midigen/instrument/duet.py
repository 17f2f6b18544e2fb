"""Duet's answers: those that are planned, and those that sound as long as their keys are held."""

from collections import deque
from dataclasses import dataclass

from midigen.instrument.agenda import Agenda
from midigen.instrument.turns import StruckKey
from midigen.instrument.voice import NoteId
from midigen.midi.messages import Pitch, Seconds, Velocity
from midigen.music.keys import Degree

MAX_ANSWERS = 200
"""The most answers in a second."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers a key: a letter, whose pitch is that of the key it sounds in.

    It sounds nearest to `near`, the note that it answers.
    """

    key: StruckKey
    degree: Degree
    near: Pitch
    velocity: Velocity


@dataclass(frozen=True, slots=True)
class Waiting:
    """A key that waits for its answer to be found, the letter that it plays, and since when."""

    key: StruckKey
    velocity: Velocity
    degree: Degree
    since: Seconds


class Duet:
    """The answers, by the keys that they answer."""

    def __init__(self) -> None:
        self.waiting: Waiting | None = None
        """The key whose answer isn't known yet, if there is one."""
        self._planned: Agenda[Answer] = Agenda()
        self._notes: dict[StruckKey, NoteId] = {}  # of the keys that are held
        self._times: deque[Seconds] = deque(maxlen=MAX_ANSWERS)

    @property
    def next_time(self) -> Seconds | None:
        """When the next planned answer is due."""
        return self._planned.next_time

    @property
    def last_time(self) -> Seconds | None:
        """When the last planned answer is due."""
        return self._planned.last_time

    def admits(self, now: Seconds) -> bool:
        """Whether there may be another answer now; if so, it counts as given."""
        if len(self._times) == MAX_ANSWERS and now - self._times[0] < 1.0:
            return False
        self._times.append(now)
        return True

    def plan(self, time: Seconds, answer: Answer) -> None:
        """Answer at a time."""
        self._planned.plan(time, answer)

    def pop(self) -> Answer:
        """Take the planned answer that is due next."""
        return self._planned.pop()

    def hold(self, key: StruckKey, note: NoteId) -> None:
        """A note is to end with a key."""
        self._notes[key] = note

    def let_go(self, key: StruckKey) -> NoteId | None:
        """The note that ends with a key, if any; it is the caller's to end."""
        return self._notes.pop(key, None)

    def clear(self) -> None:
        """There is nothing to answer any more, and no note that a key would end."""
        self.waiting = None
        self._planned.clear()
        self._notes.clear()
