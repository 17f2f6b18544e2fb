"""What is heard and played, as steps in time, and when the next one comes.

Where a beat is shared, times are in its beats, and places in its bars. Else they are measured by
the player's own pace: their usual step counts as half a beat, as it does in most melodies.
"""

import dataclasses
from collections import deque
from statistics import median

from midigen.instrument.panel import Panel
from midigen.instrument.pulse import Pulse
from midigen.instrument.turns import Played
from midigen.midi.messages import Beats, Seconds
from midigen.music.keys import Degree
from midigen.prediction.steps import GAPS, USUAL, Coming, Step, gap_class

RECENT = 32
"""How many of the player's newest steps make the usual one, their median."""

_PARTS = (0.0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0)  # of a beat, where notes fall
_WAVER: Beats = 0.07  # how far players are off them
_SHORTEST: Seconds = 0.001
_DIGITS = 6  # so that places which are the same are equal


class Pace:
    """Makes the steps. Times must not go back."""

    def __init__(self, panel: Panel, pulse: Pulse) -> None:
        self._panel = panel
        self._pulse = pulse
        self.forget()

    def forget(self) -> None:
        """Forget all notes, and the player's pace."""
        self._gaps: deque[Seconds] = deque(maxlen=RECENT)  # between the player's onsets
        self._usual: Seconds | None = None  # their median
        self._newest: Played | None = None
        self._place: Beats | None = None  # where it fell; None if no beat was shared
        self._heard: tuple[Step, Played, Beats | None] | None = None  # the player's newest

    @property
    def unit(self) -> Beats:
        """How long a beat of the steps is, in beats of the timeline."""
        return self._beat / self._pulse.seconds(1.0)

    def hear(self, degree: Degree, note: Played, *, begins_phrase: bool) -> Step:
        """The step that the player's note makes. Its `end` may be set later."""
        if self._heard is not None and not begins_phrase:
            _, before, _ = self._heard
            self._gaps.append(max(note.onset - before.onset, _SHORTEST))
            self._usual = median(self._gaps)
        shared = self._pulse.is_shared
        place = _placed(self._pulse.timeline.beat_at(note.onset)) if shared else None
        coming = self._coming(note.onset, place, None, begins_phrase=begins_phrase)
        step = self._add(degree, note, place, coming)
        self._heard = step, note, place
        return step

    def replace(self, degree: Degree, note: Played) -> Step:
        """The step of a note that takes the place of the player's newest one, if there is one."""
        if self._heard is None:
            return Step(degree, note.pitch)
        former, before, place = self._heard
        step = dataclasses.replace(former, degree=degree, pitch=note.pitch)
        if self._newest is before:
            self._newest = note
        self._heard = step, note, place
        return step

    def coming(self, place: Beats, left: int | None, *, begins_phrase: bool) -> Coming:
        """What is decided of midigen's next note, which is to fall on a place of the timeline.

        `left` is how many notes its phrase still has, this one included; None for no end.
        """
        onset = self._pulse.timeline.time_of(place)
        shared = place if self._pulse.is_shared else None
        return self._coming(onset, shared, left, begins_phrase=begins_phrase)

    def play(self, degree: Degree, note: Played, place: Beats, coming: Coming) -> Step:
        """The step that midigen's note makes. `coming` was decided of it."""
        return self._add(degree, note, place if self._pulse.is_shared else None, coming)

    def rewind(self) -> None:
        """Take back midigen's notes since the player's newest one."""
        _, self._newest, self._place = self._heard or (None, None, None)

    @property
    def _beat(self) -> Seconds:
        """How long a beat of the steps lasts."""
        if self._pulse.is_shared or self._usual is None:
            return self._pulse.seconds(1.0)
        return self._usual / USUAL

    def _add(self, degree: Degree, note: Played, place: Beats | None, coming: Coming) -> Step:
        share = self._share(note.onset)
        self._newest, self._place = note, place
        time = coming.gap, share, coming.place, coming.bar
        return Step(degree, note.pitch, *time, begins_phrase=coming.begins_phrase)

    def _coming(
        self, onset: Seconds, place: Beats | None, left: int | None, *, begins_phrase: bool
    ) -> Coming:
        gap = self._gap(onset, place)
        if place is None:
            # Only its class is told, so that a small change of tempo changes nothing.
            gap = None if gap is None else GAPS[gap_class(gap)]
            return Coming(gap, left=left, begins_phrase=begins_phrase)
        gap = None if gap is None else round(gap, _DIGITS)
        bar = float(self._panel.settings.tempo.bar)
        return Coming(gap, round(place % bar, _DIGITS) % bar, bar, left, begins_phrase)

    def _gap(self, onset: Seconds, place: Beats | None) -> Beats | None:
        """How long after the newest note another one begins."""
        if self._newest is None:
            return None
        gap = max(0.0, onset - self._newest.onset) / self._beat
        if place is None or self._place is None:
            return gap
        # The count of beats may have jumped meanwhile, so it gives only the place in the beat.
        part = place - self._place
        exact = part + round(gap - part)
        return exact if exact > 0 else gap

    def _share(self, onset: Seconds) -> float | None:
        """How much of the time up to an onset the newest note sounds, 0 to 1."""
        note = self._newest
        if note is None or onset <= note.onset:
            return None
        if note.end is None:
            return 1.0
        return min(max(note.end - note.onset, 0.0) / (onset - note.onset), 1.0)


def _placed(beat: Beats) -> Beats:
    """The usual place in a beat to which a player's onset is close; else the onset itself."""
    whole, part = divmod(beat, 1)
    nearest = min(_PARTS, key=lambda place: abs(place - part))
    return whole + nearest if abs(nearest - part) <= _WAVER else beat
