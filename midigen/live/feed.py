"""Events for subscribers of the control channel: notes heard and played, tempo, notices.

    {"event": "heard", "at": 1.25, "do": "note_on", "pitch": 60, "velocity": 80, "channel": 1}
    {"event": "played", "at": 1.5, "do": "note_off", "pitch": 62, "channel": 1}
    {"event": "tempo", "at": 2.0, "bpm": 96.0}
    {"event": "notice", "at": 2.0, "text": "a line that the player saw"}
    {"event": "status", "at": 2.25, "status": {...}}
    {"event": "lost", "at": 9.0, "count": 17}

`at` is in seconds since the performance began. The channel makes the status itself.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from midigen.errors import MidigenError
from midigen.midi.messages import Message, NoteOff, NoteOn, Seconds

SUBSCRIBERS = 4  # the most subscribers at once
WAITING = 256  # the most events that wait for one subscriber; more are dropped and counted

_What: TypeAlias = NoteOn | NoteOff | float | str  # what happened: a note, a tempo or a notice


class Subscription:
    """The events that wait for one subscriber."""

    def __init__(self, began: Seconds) -> None:
        self._began = began
        self._waiting: deque[tuple[str, Seconds, _What]] = deque()
        self._lost = self._told = 0  # events that were lost, and how many of them it was told

    def put(self, event: tuple[str, Seconds, _What]) -> None:
        """Add an event, or count it as lost. Never waits."""
        if len(self._waiting) < WAITING:
            self._waiting.append(event)
        else:
            self._lost += 1

    def take(self) -> Iterator[Mapping[str, object]]:
        """The events that have come, oldest first, and how many were lost after them."""
        lost = self._lost
        for _ in range(len(self._waiting)):  # bounded, however fast they come
            name, when, what = self._waiting.popleft()
            yield self.stamped(name, when, _told(what))
        if lost > self._told:
            count, self._told = lost - self._told, lost
            yield self.stamped("lost", time.perf_counter(), {"count": count})

    def stamped(self, name: str, when: Seconds, what: Mapping[str, object]) -> Mapping[str, object]:
        """An event as it is sent."""
        return {"event": name, "at": round(when - self._began, 6), **what}


class Feed:
    """An `Observer` that passes events to all subscribers."""

    def __init__(self) -> None:
        self._began: Seconds = time.perf_counter()
        self._subscriptions: frozenset[Subscription] = frozenset()  # replaced, never changed
        self._changing = threading.Lock()

    def subscribe(self) -> Subscription:
        """A new subscription. Raises MidigenError if there are too many."""
        with self._changing:
            if len(self._subscriptions) >= SUBSCRIBERS:
                raise MidigenError(f"{SUBSCRIBERS} others have subscribed already")
            subscription = Subscription(self._began)
            self._subscriptions |= {subscription}
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        with self._changing:
            self._subscriptions -= {subscription}

    def notice(self, text: str) -> None:
        """The player was shown a line. For any thread."""
        self._put("notice", time.perf_counter(), text)

    def open(self, now: Seconds) -> None:
        """The performance begins."""
        self._began = now

    def heard(self, message: Message, time: Seconds) -> None:
        """The player played a message."""
        if isinstance(message, NoteOn | NoteOff):
            self._put("heard", time, message)

    def played(self, message: Message, time: Seconds) -> None:
        """A message that midigen played."""
        if isinstance(message, NoteOn | NoteOff):
            self._put("played", time, message)

    def tempo(self, bpm: float, time: Seconds) -> None:
        """The tempo changed."""
        self._put("tempo", time, bpm)

    def keep(self) -> None:
        """Do nothing: a notice of the recorder says what was saved."""

    def _put(self, name: str, when: Seconds, what: _What) -> None:
        for each in self._subscriptions:
            each.put((name, when, what))


def _told(what: _What) -> Mapping[str, object]:
    match what:
        case NoteOn():
            note = {"pitch": what.pitch, "velocity": what.velocity, "channel": what.channel}
            return {"do": "note_on", **note}
        case NoteOff():
            return {"do": "note_off", "pitch": what.pitch, "channel": what.channel}
        case str():
            return {"text": what}
    return {"bpm": what}
