"""Where the beat is: midigen's own tempo, a MIDI clock's, or the player's.

Everything that is played in time is placed in beats, and asks here when those fall. The
clock that midigen sends is the same beat, told to others.
"""

import math
from dataclasses import replace

from midigen.instrument.clock_follower import TICKS_PER_BEAT, ClockFollower
from midigen.instrument.events import Notice, Output, TempoChange
from midigen.instrument.rhythm import ROUNDING
from midigen.instrument.tempo_follower import TempoFollower
from midigen.midi.messages import Beats, Clock, Seconds, SongPosition
from midigen.music.timeline import Timeline
from midigen.settings.choices import TempoSource

AWAITED: Seconds = 5.0
"""A clock that hasn't come by then may not be on its way."""

SLEPT: Seconds = 0.5
"""Ticks that are later than this aren't sent any more."""

TOLD = 0.005
"""The tempo counts as another when it has changed by this part of it."""


class Pulse:
    """The beat. What a clock or a player does changes its times, and a clock's song its place."""

    def __init__(self, source: TempoSource, bpm: float, bar: int, *, sends: bool) -> None:
        self.bar = bar
        """Beats in a bar."""
        self.timeline = Timeline(0.0, 0.0, bpm)
        """The beat as it is known now."""
        self._source = source
        self._sends = sends
        self._clock = ClockFollower()
        self._player = TempoFollower()
        self._told = bpm
        self._locked = False
        self._was_locked = False
        self._next_tick = 0
        self._awaited_until: Seconds | None = None  # a clock that hasn't come yet

    @property
    def source(self) -> TempoSource:
        """Who sets the tempo."""
        return self._source

    @property
    def is_shared(self) -> bool:
        """Whether anybody but midigen hears or gives this beat, so that it is one to keep to."""
        return self._locked or self._sends

    @property
    def is_locked(self) -> bool:
        """Whether a clock or a player sets the tempo by now."""
        return self._locked

    @property
    def is_led(self) -> bool:
        """Whether a clock sets the tempo, so that nobody else can."""
        return self._locked and self._source is TempoSource.CLOCK

    @property
    def state(self) -> str:
        """Who sets the tempo, for people."""
        if self._locked or self._source is TempoSource.INTERNAL:
            return self._source
        return f"{self._source} ({'lost' if self._was_locked else 'none yet'})"

    @property
    def stands_still(self) -> bool:
        """Whether a clock has said that the song is stopped."""
        return self._source is TempoSource.CLOCK and not self._clock.running

    @property
    def deadline(self) -> Seconds | None:
        """When `advance` is to be called next."""
        times = (self._tick_time, self._lost_at, self._awaited_until)
        return min((time for time in times if time is not None), default=None)

    @property
    def _tick_time(self) -> Seconds | None:
        """When the next tick is to be sent."""
        if not self._sends or self.stands_still:
            return None
        return self.timeline.time_of(self._next_tick / TICKS_PER_BEAT)

    @property
    def _lost_at(self) -> Seconds | None:
        """When the clock that is followed will have been missing for too long."""
        return self._clock.lost_at if self._locked else None

    def start(self, now: Seconds) -> list[Output]:
        """The beat begins to be counted."""
        self.timeline = Timeline(0.0, now, self.timeline.bpm)
        self._next_tick = 0
        if self._source is TempoSource.CLOCK:
            self._awaited_until = now + AWAITED
        return [Clock.START] if self._sends else []

    def stop(self) -> list[Output]:
        """Nobody counts it any more."""
        self._awaited_until = None
        return [Clock.STOP] if self._sends else []

    def advance(self, now: Seconds) -> list[Output]:
        """What has fallen due: a tick to send, or a clock that is missed."""
        outputs: list[Output] = []
        if self._lost_at is not None and self._lost_at <= now:
            self._clock.lose()
            self._locked = False
            if self._clock.running:
                bpm = self.timeline.bpm
                outputs.append(Notice(f"the clock has stopped coming: going on at {bpm:.1f} bpm"))
        if self._awaited_until is not None and self._awaited_until <= now:
            self._awaited_until = None
            outputs.append(
                Notice(
                    f"no MIDI clock has come yet: it plays at {self.timeline.bpm:.0f} bpm by "
                    "itself; send one to its input, or set tempo.source"
                )
            )
        while (due := self._tick_time) is not None and due <= now:
            outputs.append(Clock.TICK)
            self._next_tick += 1
            if now - due > SLEPT:
                self._next_tick = math.ceil(self.timeline.beat_at(now) * TICKS_PER_BEAT)
        return outputs

    def set_bpm(self, bpm: float, now: Seconds) -> list[Output]:
        """Go at another tempo from now on."""
        self.timeline = self.timeline.at_tempo(bpm, now)
        return self._tell()

    def hear_onset(self, onset: Seconds) -> list[Output]:
        """The player strikes a key that is a step of the melody."""
        if self._source is not TempoSource.FOLLOW:
            return []
        line = self._player.hear(onset, self.timeline)
        if line is None:
            return []
        self._locked = True
        self.timeline = line
        return self._tell()

    def hear_tick(self, now: Seconds) -> list[Output]:
        """A tick of the clock that is followed. `now` is when it came."""
        if self._source is not TempoSource.CLOCK:
            return []
        self._awaited_until = None
        self._clock.hear(Clock.TICK, now, self.timeline.beat_at(now))
        line = self._clock.timeline
        if line is None or not self._clock.settled:
            if self._clock.running:  # where it is is known at once, and how fast it is soon
                self.timeline = Timeline(self._clock.beat, now, self.timeline.bpm)
            return []
        self.timeline = line if self._clock.running else self.timeline.at_tempo(line.bpm, now)
        if self._locked:
            return self._tell()
        self._locked = self._was_locked = True
        return [*self._tell(), Notice(f"with the clock, at about {line.bpm:.0f} bpm")]

    def hear_transport(
        self, message: Clock | SongPosition, now: Seconds
    ) -> tuple[list[Output], Beats | None]:
        """The song stops, or is at another place from the next tick on.

        Also returns by how many beats the count goes on elsewhere, where the beat itself goes
        on unbroken: 0, or fewer in a loop. None: what was placed on the count is void.
        """
        if self._source is not TempoSource.CLOCK:
            return [], 0.0
        goes_on, before = self._locked and self._clock.running, self._clock.next_tick
        self._clock.hear(message, now)
        if message is Clock.STOP:
            return self._stop_counting(), None
        passed_on: list[Output] = [message] if self._sends else []
        moved = self._clock.next_tick - before
        if goes_on and (moved == 0 or _is_loop(before, self._clock.next_tick)):
            beats = moved / TICKS_PER_BEAT
            self.timeline = replace(self.timeline, beat=self.timeline.beat + beats)
            self._next_tick += moved
            return passed_on, beats
        self.timeline = Timeline(self._clock.beat, now, self.timeline.bpm)
        self._next_tick = self._clock.next_tick
        return passed_on, None

    def next_place(self, time: Seconds, unit: Beats, part: Beats = 0.0) -> Beats:
        """The first multiple of `unit` beats, and `part` of a beat, that isn't before a time."""
        return math.ceil((self.timeline.beat_at(time) - part - ROUNDING) / unit) * unit + part

    def _tell(self) -> list[Output]:
        bpm = self.timeline.bpm
        if abs(bpm / self._told - 1) < TOLD:
            return []
        self._told = bpm
        return [TempoChange(bpm)]

    def _stop_counting(self) -> list[Output]:
        stopped = Notice(f"the clock says stop: the tempo stays {self.timeline.bpm:.1f} bpm")
        return [Clock.STOP, stopped] if self._sends else [stopped]


def _is_loop(end: int, start: int) -> bool:
    """Whether a song that goes on at tick `start` instead of `end` loops: back, beat to beat."""
    return start < end and start % TICKS_PER_BEAT == end % TICKS_PER_BEAT == 0
