"""The loop: plays a run, note after note."""

import math
from dataclasses import dataclass

import numpy as np

from midigen.instrument.answer import Run, answer, solo
from midigen.instrument.hearing import Hearing
from midigen.instrument.improviser import Improviser
from midigen.instrument.pace import Pace
from midigen.instrument.panel import Panel
from midigen.instrument.pulse import Pulse
from midigen.instrument.rhythm import ROUNDING, Learned, Place, is_on_grid
from midigen.instrument.turns import Phrase, Played
from midigen.instrument.voice import NoteId, Voice
from midigen.midi.messages import Beats, Seconds
from midigen.prediction.steps import GAPS, NOTHING_DECIDED, Coming
from midigen.settings.choices import RhythmSource

RING: Beats = 1.0  # the last note of an answer sounds this long at least
SOON: Seconds = 0.010  # a step that is due this soon needs its prediction urgently


@dataclass(frozen=True, slots=True)
class _Sounding:
    """A note that was just played; `id` is None if it is muted."""

    note: Played
    share: float
    id: NoteId | None


@dataclass(slots=True)
class Loop:
    """Plays a run. `rng` draws which steps are rests."""

    panel: Panel
    pulse: Pulse
    pace: Pace
    hearing: Hearing
    improviser: Improviser
    voice: Voice
    rng: np.random.Generator
    run: Run | None = None
    """The run that is played; None if none is."""
    stepped_at: Seconds = -math.inf
    """When the latest step of any run was due."""
    _open: _Sounding | None = None
    """A note that sounds for a share of the time to the next one, which isn't known yet."""

    def answer(self, phrase: Phrase, turn: Seconds) -> None:
        """Begin the answer to a phrase that is over at `turn`."""
        self.run = self._answer(phrase, turn)

    def solo(self, phrase: Phrase, start: Seconds) -> None:
        """Begin an endless run from `start`."""
        self.run = solo(self.panel.settings, phrase, self.pulse, start, self._unit)

    @property
    def next_time(self) -> Seconds | None:
        """When the next step is due; None while its place or its letter isn't known."""
        return self._due if self._can_play else None

    @property
    def is_waiting(self) -> bool:
        """Whether a step is due soon, or may be, whose place or letter isn't known."""
        if self.run is None or self._can_play:
            return False
        return not self.run.is_placed or self._due <= self.voice.now + SOON

    @property
    def coming(self) -> Coming:
        """What is decided of the next note: if no run is played, nothing, since it is the player's.

        If its place isn't known yet, only what the rest of the run decides. A model that knows
        letters only isn't told.
        """
        if self.run is None or not self.improviser.has_rhythm:
            return NOTHING_DECIDED
        return self._coming(self.run)

    def foresee(self, phrase: Phrase, turn: Seconds) -> Coming:
        """What will be decided of the first note of an answer that begins at `turn`."""
        return self._coming(self._answer(phrase, turn))

    def decide(self) -> None:
        """Draw where the next step falls, if the rhythm is the model's and its forecast is there.

        So it is known how long the note before sounds.
        """
        run = self.run
        if run is None or run.is_placed or not isinstance(run.pattern, Learned):
            return
        gap = self.improviser.gap(self.coming, self._possible_gaps(run, run.pattern))
        if gap is None:
            return
        run.pattern.add(gap)
        if self._open is not None:
            length = self._open.share * self.pulse.seconds(gap * run.pattern.unit)
            self._end(self._open, self._open.note.onset + length)
            self._open = None

    def move(self, beats: Beats) -> None:
        """The count of beats has jumped, but the beat goes on: move the run with it."""
        if self.run is not None:
            self.run.origin += beats

    def change_grid(self, now: Seconds) -> None:
        """Go on with the grid that is set."""
        if self.run is not None:
            passed = self.pulse.timeline.beat_at(now - self.panel.offset) - self.run.origin
            self.run.change_grid(self.panel.settings.rhythm, passed)

    def step(self, due: Seconds, now: Seconds) -> Seconds:
        """Play the next step, or skip it as a rest or as too late. Returns when its note ends.

        After its last step the run is over.
        """
        run = self.run
        assert run is not None
        coming, is_first, place = self._coming(run), run.is_first, run.step()
        density = self.panel.settings.rhythm.density
        self.stepped_at = due
        ends = run.is_over and not self.panel.settings.response.hold
        length = self.pulse.seconds(max(place.length, RING) if ends else place.length)
        gap = self.pulse.seconds(run.place.onset - place.onset)
        if now - due > gap / 2:  # nearer to the next step: playing it now would make a burst
            self.voice.dropped += 1
        elif is_first or density >= 1 or self.rng.random() < density:  # else it is a rest
            sounding = self._play(coming, place, due, length)
            if sounding is not None and isinstance(run.pattern, Learned) and not ends:
                self._open = sounding
                self._end(sounding, sounding.note.onset + self.pulse.seconds(run.pattern.longest))
        if ends:
            self.run = None
        self.decide()
        return due + length

    @property
    def _can_play(self) -> bool:
        """Whether place and letter of the next step are known."""
        run = self.run
        return run is not None and run.is_placed and self.improviser.can_play(self.coming)

    @property
    def _place(self) -> Beats:
        """Where the next step falls."""
        assert self.run is not None
        return self.run.origin + self.run.place.onset

    @property
    def _due(self) -> Seconds:
        return self.pulse.timeline.time_of(self._place) + self.panel.offset

    @property
    def _unit(self) -> Beats | None:
        """How long a beat of the model's own rhythm is, if that is wanted and there is one."""
        is_own = self.panel.settings.rhythm.source is RhythmSource.LEARNED
        return self.pace.unit if is_own and self.improviser.has_rhythm else None

    def _answer(self, phrase: Phrase, turn: Seconds) -> Run:
        return answer(self.panel.settings, phrase, self.pulse, turn, self._unit)

    def _coming(self, run: Run) -> Coming:
        """What is decided of the next note of a run."""
        is_endless = self.panel.settings.response.hold or run.left is None
        left = None if is_endless else max(1, run.left or 0)
        if not run.is_placed:
            return Coming(left=left, begins_phrase=run.is_first)
        return self.pace.coming(run.origin + run.place.onset, left, begins_phrase=run.is_first)

    def _possible_gaps(self, run: Run, pattern: Learned) -> list[Beats]:
        """The gaps that the next step may have: it begins before the end, and on a shared beat."""
        last, possible = pattern.onsets[-1], list(GAPS)
        if run.until is not None and not self.panel.settings.response.hold:
            most = (run.until - last - ROUNDING) / pattern.unit
            possible = [gap for gap in GAPS if gap < most] or [GAPS[0]]
        if not self.pulse.is_shared:
            return possible
        begun = run.origin + last
        return [gap for gap in possible if is_on_grid(begun + gap * pattern.unit)] or possible

    def _play(
        self, coming: Coming, place: Place, due: Seconds, length: Seconds
    ) -> _Sounding | None:
        """Draw the next note, add it to the line, and play it unless muted."""
        run, key, voice = self.run, self.hearing.key, self.voice
        assert run is not None
        drawn = self.improviser.draw(key.tonic, coming)
        if drawn is None:
            return None
        onset = due - self.panel.offset
        if self._open is not None:  # the time to this note came too late, or another run began
            self._end(self._open, onset)
            self._open = None
        voice.near = voice.place(drawn.degree, key, voice.near, drawn.octave)
        note = Played(voice.near, place.velocity, onset, onset + length)
        step = self.pace.play(drawn.degree, note, run.origin + place.onset, coming)
        self.improviser.play(step)
        share = 1.0 if drawn.share is None else drawn.share
        if self.panel.settings.output.mute:
            return _Sounding(note, share, None)
        sounding = voice.strike(voice.near, place.velocity, key)
        voice.end_at(sounding, due + length)
        return _Sounding(note, share, sounding)

    def _end(self, sounding: _Sounding, end: Seconds) -> None:
        """Let a note sound until a time on the timeline."""
        sounding.note.end = end
        if sounding.id is not None:
            self.voice.plan_end(sounding.id, end + self.panel.offset)
