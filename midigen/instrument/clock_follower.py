"""Follows a MIDI clock: finds tempo and beat from jittering ticks.

A line is fitted to the times of the ticks by least squares, one tick at a time. While there are
few, it is the line through all of them; later on, older ticks count less. (It is an
expanding-memory filter of the first degree that stops expanding: Brookner, Tracking and Kalman
Filtering Made Easy, Wiley 1998, section 1.2.) When the tempo jumps, a new line begins.
"""

from midigen.midi.messages import Beats, Clock, Seconds, SongPosition
from midigen.music.timeline import Timeline

CLOCKS_PER_BEAT = 24
MEMORY = 48  # how many ticks the line is fitted to, in effect: two beats
SETTLED = 12  # after so many ticks the tempo is known well enough
MISSING: Seconds = 0.5  # no clock is slower than this: at 20 beats per minute a tick lasts 0.125 s

_TICKS_PER_SIXTEENTH = 6
_SLOWEST: Seconds = 60 / 20 / CLOCKS_PER_BEAT
_FASTEST: Seconds = 60 / 400 / CLOCKS_PER_BEAT

# A tick is a stray if it is this far off the line, and this many times the mean jitter: it is late
# by chance, or the tempo has changed. So many in a row, all early or all late, mean that it has.
_STRAY: Seconds = 0.004
_STRAY_JITTER = 4
_STRAYS = 4

# The line leans if the latest ticks are all early or all late: in the mean by this much, and by
# this many times the mean jitter. Then the tempo has drifted, and only the few newest ticks count.
_LEANING: Seconds = 0.0018
_LEANING_JITTER = 2
_FEW = 8

_USUAL, _LATELY = 1 / 16, 1 / 4  # the weight of the newest tick in the mean jitter, and in the lean


class ClockFollower:
    """Follows one clock. Times may not go back."""

    def __init__(self) -> None:
        self._count = -1  # the newest tick, counted from the song's beginning
        self._time: Seconds = 0.0  # where the line has it
        self._period: Seconds = 0.0  # from tick to tick, by the line
        self._heard = 0  # ticks in the line, up to MEMORY
        self._strays: list[Seconds] = []  # how far the newest ticks were off, if they were strays
        self._jitter: Seconds = 0.0  # the mean distance of ticks from the line
        self._lean: Seconds = 0.0  # how late the latest ticks are, in the mean; early if negative
        self._newest: Seconds = 0.0
        self._told = False  # whether the clock has sent its position since the newest tick
        self.running = True
        """Whether the song runs. Some clocks never send start and just tick."""

    @property
    def settled(self) -> bool:
        """Whether the tempo is known well enough."""
        return self._heard >= SETTLED

    @property
    def lost_at(self) -> Seconds | None:
        """When the clock counts as lost, if no tick comes before; None if none is expected."""
        return self._newest + MISSING if self._heard else None

    @property
    def timeline(self) -> Timeline | None:
        """The beat as the clock has it; None before two ticks."""
        if not self._period:
            return None
        return Timeline(self.beat, self._time, 60 / self._period / CLOCKS_PER_BEAT)

    @property
    def beat(self) -> Beats:
        """The place of the newest tick; after a jump, of the tick before the next one."""
        return self._count / CLOCKS_PER_BEAT

    @property
    def next_tick(self) -> int:
        """The number of the tick that comes next, counted from the song's beginning."""
        return self._count + 1

    def hear(self, message: Clock | SongPosition, now: Seconds, beat: Beats = 0.0) -> None:
        """Hear a tick or a transport message that came at `now`.

        `beat` is the present count, for a clock that ticks without having sent its position.
        """
        self._told = self._told or message not in (Clock.TICK, Clock.STOP)
        match message:
            case Clock.TICK:
                self._tick(now, beat)
            case Clock.START:
                self._count = -1
                self.running = True
            case Clock.CONTINUE:
                self.running = True
            case Clock.STOP:
                self.running = False
            case SongPosition():
                self._count = message.sixteenths * _TICKS_PER_SIXTEENTH - 1

    def lose(self) -> None:
        """Begin a new line with the next tick: none came for too long."""
        self._heard = 0
        self._strays.clear()

    def _tick(self, now: Seconds, beat: Beats) -> None:
        if now - self._newest > MISSING:
            self.lose()
        self._newest = now
        if self.running:
            is_met = not self._heard and not self._told
            self._count = round(beat * CLOCKS_PER_BEAT) if is_met else self._count + 1
        self._told = False
        if not self._heard:
            self._time, self._heard = now, 1
            return
        if self._heard == 1:
            if _FASTEST <= now - self._time <= _SLOWEST:
                self._period = now - self._time
                self._heard = 2
            self._time = now
            return
        self._time += self._period
        off = now - self._time
        if self._heard >= SETTLED and abs(off) > max(_STRAY, _STRAY_JITTER * self._jitter):
            self._stray(off)
            return
        self._strays.clear()
        self._heard = min(self._heard + 1, MEMORY)
        self._jitter += (abs(off - self._lean) - self._jitter) * _USUAL
        self._lean += (off - self._lean) * _LATELY
        if abs(self._lean) > max(_LEANING, _LEANING_JITTER * self._jitter):
            self._lean = 0.0
            self._heard = min(self._heard, _FEW)
        count = self._heard
        self._time += off * 2 * (2 * count - 1) / (count * (count + 1))
        period = self._period + off * 6 / (count * (count + 1))
        self._period = min(max(period, _FASTEST), _SLOWEST)

    def _stray(self, off: Seconds) -> None:
        """Ignore a stray tick; several in a row that agree start a new line."""
        if self._strays and (off > 0) != (self._strays[-1] > 0):
            self._strays.clear()
        self._strays.append(off)
        if len(self._strays) < _STRAYS:
            return
        grown = (self._strays[-1] - self._strays[0]) / (_STRAYS - 1)
        if _FASTEST <= self._period + grown <= _SLOWEST:
            self._period += grown
            self._time += off
            self._heard = _STRAYS
        self._strays.clear()
