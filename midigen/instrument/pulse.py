"""Where the beat is, by midigen's own tempo, a MIDI clock's or the player's.

Other modules place notes in beats, and ask here when a beat falls. The pulse follows a MIDI clock
(`clock_follower`) or the player (`tempo_follower`), and sends the same beat as MIDI clock.
"""

import math
from dataclasses import replace

from midigen.instrument.clock_follower import CLOCKS_PER_BEAT, ClockFollower
from midigen.instrument.events import Notice, Output, TempoChange
from midigen.instrument.panel import Panel
from midigen.instrument.rhythm import ROUNDING
from midigen.instrument.tempo_follower import TempoFollower
from midigen.midi.messages import Beats, Clock, Seconds, SongPosition
from midigen.music.timeline import Timeline
from midigen.settings.choices import TempoSource

AWAITED: Seconds = 5.0  # if no clock has come by then, the player is told
SLEPT: Seconds = 0.5  # ticks that are later than this are skipped
CHANGE = 0.005  # a change of tempo is reported once it is this large, as a ratio


class Pulse:
    """The beat. A clock or the player sets its tempo; a clock's song position moves its count."""

    def __init__(self, panel: Panel, outbox: list[Output]) -> None:
        self._panel = panel
        self._outbox = outbox
        self._begin(0.0)

    def _begin(self, now: Seconds) -> None:
        bpm = self._panel.settings.tempo.bpm
        self.timeline = Timeline(0.0, now, bpm)
        """The beat as it is known now."""
        self.is_locked = False
        """Whether a clock or the player sets the tempo now."""
        self._was_locked = False
        self._clock = ClockFollower()
        self._player = TempoFollower()
        self._onset: Seconds | None = None  # of the player's, not yet given to the tempo follower
        self._told = bpm
        self._next_tick = 0
        self._awaited_until: Seconds | None = None  # when to report that no clock has come

    @property
    def source(self) -> TempoSource:
        """Who sets the tempo."""
        return self._panel.settings.tempo.source

    @property
    def is_shared(self) -> bool:
        """Whether anybody else gives or gets this beat, so that answers must keep to it."""
        return self.is_locked or self._sends

    @property
    def is_led(self) -> bool:
        """Whether a clock sets the tempo, so that the control can't."""
        return self.is_locked and self.source is TempoSource.CLOCK

    @property
    def state(self) -> str:
        """Who sets the tempo, for people."""
        if self.is_locked or self.source is TempoSource.INTERNAL:
            return self.source
        return f"{self.source} ({'lost' if self._was_locked else 'none yet'})"

    @property
    def stands_still(self) -> bool:
        """Whether the clock has sent stop."""
        return self.source is TempoSource.CLOCK and not self._clock.running

    @property
    def next_time(self) -> Seconds | None:
        """When `act` is to be called next."""
        times = (self._onset, self._tick_time, self._lost_at, self._awaited_until)
        return min((time for time in times if time is not None), default=None)

    @property
    def _sends(self) -> bool:
        return self._panel.settings.clock.send

    @property
    def _tick_time(self) -> Seconds | None:
        """When the next tick is to be sent."""
        if not self._sends or self.stands_still:
            return None
        return self.timeline.time_of(self._next_tick / CLOCKS_PER_BEAT)

    @property
    def _lost_at(self) -> Seconds | None:
        """When the clock counts as lost, unless a tick comes."""
        return self._clock.lost_at if self.is_locked else None

    def start(self, now: Seconds) -> None:
        """Start counting: `now` is the first beat, at the tempo that is set."""
        self._begin(now)
        if self.source is TempoSource.CLOCK:
            self._awaited_until = now + AWAITED
        if self._sends:
            self._outbox.append(Clock.START)

    def stop(self) -> None:
        """Stop counting."""
        self._awaited_until = self._onset = None
        if self._sends:
            self._outbox.append(Clock.STOP)

    def act(self, now: Seconds) -> None:
        """Do what is due: find the player's tempo, report a missing clock, send ticks."""
        if self._onset is not None and self._onset <= now:
            self._follow_player(self._onset)
        if self._lost_at is not None and self._lost_at <= now:
            self._clock.lose()
            self.is_locked = False
            if self._clock.running:
                self._say(f"the clock is lost: going on at {self.timeline.bpm:.1f} bpm")
        if self._awaited_until is not None and self._awaited_until <= now:
            self._awaited_until = None
            self._say(
                f"no MIDI clock yet: midigen plays at {self.timeline.bpm:.0f} bpm on its own; "
                "send a clock to its input, or set tempo.source"
            )
        while (due := self._tick_time) is not None and due <= now:
            self._outbox.append(Clock.TICK)
            self._next_tick += 1
            if now - due > SLEPT:
                self._next_tick = math.ceil(self.timeline.beat_at(now) * CLOCKS_PER_BEAT)

    def set_bpm(self, bpm: float, now: Seconds) -> None:
        """Go at another tempo from now on."""
        self.timeline = self.timeline.at_tempo(bpm, now)
        self._tell()

    def hear_onset(self, onset: Seconds) -> None:
        """The player strikes a key that is a step of the melody.

        The next `act` finds the tempo, so that an answer to the key goes out first.
        """
        if self.source is TempoSource.FOLLOW:
            self._onset = onset

    def hear_tick(self, now: Seconds) -> None:
        """A tick of the MIDI clock. `now` is when it came."""
        if self.source is not TempoSource.CLOCK:
            return
        self._awaited_until = None
        self._clock.hear(Clock.TICK, now, self.timeline.beat_at(now))
        line = self._clock.timeline
        if line is None or not self._clock.settled:
            if self._clock.running:  # the place is known at once, the tempo only later
                self.timeline = Timeline(self._clock.beat, now, self.timeline.bpm)
            return
        self.timeline = line if self._clock.running else self.timeline.at_tempo(line.bpm, now)
        self._tell()
        if not self.is_locked:
            self.is_locked = self._was_locked = True
            self._say(f"following the clock, at about {line.bpm:.0f} bpm")

    def hear_transport(self, message: Clock | SongPosition, now: Seconds) -> Beats | None:
        """The song starts, stops, or jumps to another place.

        If the beat goes on unbroken, returns by how many beats the count moves: 0, or a negative
        number in a loop. Else returns None: whatever was placed on the old count is void.
        """
        if self.source is not TempoSource.CLOCK:
            return 0.0
        goes_on, before = self.is_locked and self._clock.running, self._clock.next_tick
        self._clock.hear(message, now)
        if self._sends:
            self._outbox.append(message)
        if message is Clock.STOP:
            self._say(f"the clock has sent stop: the tempo stays {self.timeline.bpm:.1f} bpm")
            return None
        tick = self._clock.next_tick
        is_loop = tick < before and tick % CLOCKS_PER_BEAT == before % CLOCKS_PER_BEAT == 0
        if goes_on and (tick == before or is_loop):
            moved = tick - before
            beats = moved / CLOCKS_PER_BEAT
            self.timeline = replace(self.timeline, beat=self.timeline.beat + beats)
            self._next_tick += moved
            return beats
        self.timeline = Timeline(self._clock.beat, now, self.timeline.bpm)
        self._next_tick = tick
        return None

    def next_place(self, time: Seconds, unit: Beats, part: Beats = 0.0) -> Beats:
        """The first multiple of `unit` beats, plus `part` of a beat, at or after a time."""
        return math.ceil((self.timeline.beat_at(time) - part - ROUNDING) / unit) * unit + part

    def seconds(self, beats: Beats) -> Seconds:
        """How long so many beats last at the present tempo."""
        return beats * 60 / self.timeline.bpm

    @property
    def grid_step(self) -> Seconds:
        """How long a step of the grid lasts."""
        return self.seconds(1 / self._panel.settings.rhythm.subdivision)

    def _follow_player(self, onset: Seconds) -> None:
        self._onset = None
        line = self._player.hear(onset, self.timeline)
        if line is not None:
            self.is_locked = True
            self.timeline = line
            self._tell()

    def _say(self, text: str) -> None:
        self._outbox.append(Notice(text))

    def _tell(self) -> None:
        """Report the tempo, once it has changed enough."""
        bpm = self.timeline.bpm
        if abs(bpm / self._told - 1) >= CHANGE:
            self._told = bpm
            self._panel.settings = self._panel.changed("tempo", bpm)
            self._outbox.append(TempoChange(bpm))
