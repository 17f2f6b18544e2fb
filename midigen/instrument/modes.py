"""The three modes, and which of them is in force."""

from collections import deque
from dataclasses import dataclass

from midigen.instrument.answer import answer, count, solo
from midigen.instrument.mode import Parts, PlayingMode, Struck
from midigen.instrument.silence import NO_START
from midigen.instrument.turns import StruckKey
from midigen.instrument.voice import Agenda, NoteId
from midigen.midi.messages import Pitch, Seconds, Velocity
from midigen.music.keys import Degree
from midigen.settings.choices import Mode

MAX_ANSWERS = 200  # the most answers of duet in a second


class CallResponse(PlayingMode):
    """Answers the player's phrase when it is over, and stops when the player plays on."""

    answers_phrases = True

    def make_way(self) -> None:
        """The player plays on: stop the answer, unless the control `hold` is on."""
        if self._parts.turns.is_answering and not self._parts.panel.settings.response.hold:
            self.stop()

    def turn(self, at: Seconds) -> None:
        """Answer the phrase."""
        parts = self._parts
        if parts.improviser.missing:
            parts.silence.explain_missing(parts.improviser.missing)
            parts.turns.finish()
        elif parts.loop.run is None:  # with `hold` an answer may be going on
            parts.loop.run = answer(parts.panel.settings, parts.phrase, parts.pulse, at)
            parts.improviser.begin_answer(parts.phrase.pitch_classes)

    def act(self, due: Seconds, now: Seconds) -> None:
        """Play the next step of the answer."""
        end = self._parts.loop.step(due, now)
        if self._parts.loop.run is None:
            self._parts.turns.answer_ends = end
            self._parts.improviser.end_answer()

    def stop(self) -> None:
        """Break the answer off."""
        self._parts.improviser.end_answer()
        super().stop()


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
    """Answers every note, at once or on the next step of the grid, for as long as it is held."""

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
            parts.silence.explain_missing(parts.improviser.missing)
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
        if struck is None or self._parts.improviser.owed is not None:
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
        settings, pulse = self._parts.panel.settings, self._parts.pulse
        offset = self._parts.panel.offset
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
        if answer.key in self._parts.turns.keys:
            self._notes[answer.key] = note
        else:
            voice.end_at(note, at + self._parts.pulse.grid_step * settings.rhythm.gate)


class Solo(PlayingMode):
    """Plays endlessly, in the rhythm and with the velocities of the player's last phrase."""

    _owed = 0  # notes until a phrase counts as answered

    def enter(self, now: Seconds) -> None:
        """Begin to play."""
        parts = self._parts
        parts.loop.run = None
        if parts.improviser.missing and not parts.improviser.can_begin:
            parts.silence.explain_missing(parts.improviser.missing)
        elif parts.pulse.stands_still:
            parts.silence.explain(NO_START)
        else:
            parts.silence.line = ""
            # So that no step of the grid is played twice when one run replaces another.
            start = max(now, parts.loop.stepped_at + parts.pulse.grid_step / 2)
            start -= parts.panel.offset
            parts.loop.run = solo(parts.panel.settings, parts.phrase, parts.pulse, start)

    def key(self, struck: Struck) -> None:
        """Start to play, if it is silent."""
        if self._parts.loop.run is None:
            self.enter(struck.at)

    def turn(self, at: Seconds) -> None:
        """Go on with the rhythm and the touch of this phrase."""
        parts, response = self._parts, self._parts.panel.settings.response
        self._owed = 0
        if not parts.improviser.missing:  # else it was reported at each note
            self.enter(at)
            if parts.loop.run is not None:  # else the clock stands still
                self._owed = count(response, parts.phrase) or response.max
                return
        parts.turns.finish()

    def act(self, due: Seconds, now: Seconds) -> None:
        """Play the next step."""
        end = self._parts.loop.step(due, now)
        if self._owed:
            self._owed -= 1
            if not self._owed:
                self._parts.turns.answer_ends = end

    def stop(self) -> None:
        """Silence midigen until a key is struck."""
        self._owed = 0
        super().stop()

    def start_again(self, now: Seconds) -> None:
        """Start over with the present beat and window."""
        self.stop()
        self.enter(now)


class Modes:
    """One object for each mode."""

    def __init__(self, parts: Parts) -> None:
        self._panel = parts.panel
        self._modes = {
            Mode.CALL_RESPONSE: CallResponse(parts),
            Mode.DUET: Duet(parts),
            Mode.SOLO: Solo(parts),
        }

    @property
    def current(self) -> PlayingMode:
        """The mode that is set."""
        return self._modes[self._panel.settings.mode]
