"""Duet: answers every note, at once or on the next step of the grid."""

from collections import deque
from dataclasses import dataclass

from midigen.instrument import silence
from midigen.instrument.agenda import Agenda
from midigen.instrument.held import StruckKey
from midigen.instrument.mode import Parts, PlayingMode, Struck
from midigen.instrument.voice import NoteId
from midigen.midi.messages import Pitch, Seconds, Velocity
from midigen.music.keys import Degree

MAX_ANSWERS = 200
"""The most answers in a second."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a key: a letter, which gets its pitch from the key in force when it sounds.

    It sounds in the octave nearest to `near`, the note that it answers.
    """

    key: StruckKey
    degree: Degree
    near: Pitch
    velocity: Velocity


class Duet(PlayingMode):
    """Answers keys. An answer sounds as long as its key is down."""

    foresees_answers = True

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self._waiting: Struck | None = None  # a key whose answer isn't known yet
        self._planned: Agenda[Answer] = Agenda()
        self._notes: dict[StruckKey, NoteId] = {}  # each ends with its key
        self._times: deque[Seconds] = deque(maxlen=MAX_ANSWERS)

    @property
    def next_time(self) -> Seconds | None:
        """When the next planned answer is due."""
        return self._planned.next_time

    @property
    def waits_since(self) -> Seconds | None:
        """When the key that waits for its answer was struck."""
        return None if self._waiting is None else self._waiting.at

    def key(self, struck: Struck) -> None:
        """Answer with the predicted letter, or as soon as there is one."""
        parts = self._parts
        if not struck.is_foreseen and parts.improviser.missing:
            parts.silence.explain(silence.missing(parts.improviser.missing))
        elif self._waiting is not None or not self._admits(struck.at):
            parts.voice.dropped += 1
        elif struck.is_foreseen:
            self._answer(struck, struck.at)
        else:
            self._waiting = struck
            parts.improviser.owe(struck.degree)
            self.find(struck.at)

    def find(self, now: Seconds) -> None:
        """Answer the waiting key, if its answer is known by now."""
        struck, turns = self._waiting, self._parts.turns
        if struck is None or self._parts.improviser.owes:
            return
        self._waiting = None
        self._answer(struck, now)
        if turns.is_answering:  # the phrase was over meanwhile
            turns.answer_ends = (self._planned.last_time or now) + self._parts.pulse.grid_step

    def release(self, key: StruckKey, now: Seconds) -> None:
        """End the answer to a key with it."""
        if (note := self._notes.pop(key, None)) is not None:
            self._parts.voice.end_at(note, now + max(0.0, self._parts.panel.offset))

    def turn(self, _: Seconds) -> None:
        """The phrase is answered note by note already: only find out when its last answer ends."""
        if self._parts.improviser.missing:
            self._parts.turns.finish()
        elif (last := self._planned.last_time) is not None:
            self._parts.turns.answer_ends = last + self._parts.pulse.grid_step
        elif self._waiting is None:
            self._parts.turns.finish()

    def act(self, due: Seconds, now: Seconds) -> None:
        """Play the answer that was planned for this time."""
        answer = self._planned.pop()
        if now - due > self._parts.pulse.grid_step / 2:  # nearer to the next step
            self._parts.voice.dropped += 1
        else:
            self._play(answer, due)

    def stop(self) -> None:
        """Silence midigen, and drop all planned and awaited answers."""
        self._waiting = None
        self._planned.clear()
        self._notes.clear()
        super().stop()

    def start_again(self, now: Seconds) -> None:
        """Do nothing: answers belong to keys, not to the beat, so planned ones still come."""

    def _admits(self, now: Seconds) -> bool:
        """Whether another answer is allowed now; if so, count it."""
        if len(self._times) == MAX_ANSWERS and now - self._times[0] < 1.0:
            return False
        self._times.append(now)
        return True

    def _answer(self, struck: Struck, now: Seconds) -> None:
        degree = self._parts.improviser.answer()
        if degree is None:
            return
        voice, at = self._parts.voice, self._time(now)
        answer = Answer(struck.key, degree, voice.near, struck.velocity)
        if at > voice.now:
            self._planned.plan(at, answer)
        else:
            self._play(answer, at)

    def _time(self, now: Seconds) -> Seconds:
        """When a key that is struck now is answered."""
        settings, offset = self._parts.panel.settings, self._parts.panel.offset
        pulse = self._parts.pulse
        if settings.duet.quantize:
            place = pulse.next_place(now - offset, 1 / settings.rhythm.subdivision)
            return pulse.timeline.time_of(place) + offset
        return now + max(0.0, offset)

    def _play(self, answer: Answer, at: Seconds) -> None:
        """Play an answer. It ends with its key, or if that is up already, after the gate."""
        voice, settings = self._parts.voice, self._parts.panel.settings
        former = self._notes.pop(answer.key, None)
        if former is not None:  # struck again, or its note-off was lost
            voice.end(former)
        if settings.output.mute:
            return
        key = self._parts.hearing.key
        note = voice.strike(voice.place(answer.degree, key, answer.near), answer.velocity, key)
        if answer.key in self._parts.turns.held.keys:
            self._notes[answer.key] = note
        else:
            voice.end_at(note, at + self._parts.pulse.grid_step * settings.rhythm.gate)
