"""The ticks of MIDI files and the seconds that they are, by the tempos of a file."""

import bisect
from collections.abc import Iterable
from typing import TypeAlias, TypeVar

from midigen.midi.messages import Seconds

TICKS_PER_BEAT = 960
"""Of a file that is written: half a millisecond a tick at 120 beats a minute."""

Ticks: TypeAlias = int
"""A time in a file, from its beginning."""

_T = TypeVar("_T")
Timed: TypeAlias = tuple[Ticks, _T]
"""Something and when in a file it is."""

STANDARD_TEMPO = 500_000
"""Microseconds a beat, until a file says otherwise."""

_SLOWEST = 0xFFFFFF  # in microseconds a beat, of which a file has three bytes
_UNITS = 1_000_000 * TICKS_PER_BEAT  # a second's; at n microseconds a beat a tick has n of them


def microseconds_a_beat(bpm: float) -> int:
    """A tempo as a file holds it."""
    return max(1, min(_SLOWEST, round(60_000_000 / bpm)))


class TempoMap:
    """Which tick a time is, at a tempo that changes: tick 0 is at `start`.

    Counted from where the reader of the file will find the last change, in whole
    numbers, so that times are kept to half a tick however often it changes.
    """

    def __init__(self, start: Seconds, tempo: int) -> None:
        self.tempo = tempo
        self._start = start
        self._tick: Ticks = 0  # of the last change
        self._units = 0  # from the start to there

    def tick(self, time: Seconds) -> Ticks:
        """The tick that is nearest to a time; none lies before the last change's."""
        since = round((time - self._start) * _UNITS) - self._units
        return self._tick + max(0, (2 * since + self.tempo) // (2 * self.tempo))

    def change(self, tempo: int, time: Seconds) -> Ticks:
        """The tempo is another from this time on; the tick from which it counts."""
        tick = self.tick(time)
        self._units += (tick - self._tick) * self.tempo
        self._tick, self.tempo = tick, tempo
        return tick


class TickClock:
    """Ticks to seconds, by the tempos of a file in their order."""

    def __init__(self, ticks_per_beat: int, tempos: Iterable[Timed[int]]) -> None:
        self._ticks: list[Ticks] = [0]
        self._times: list[Seconds] = [0.0]
        self._paces = [STANDARD_TEMPO / 1e6 / ticks_per_beat]
        for tick, tempo in tempos:
            self._times.append(self.at(tick))
            self._ticks.append(tick)
            self._paces.append(tempo / 1e6 / ticks_per_beat)

    def at(self, tick: float) -> Seconds:
        """The time of a tick."""
        place = bisect.bisect_right(self._ticks, tick) - 1
        return self._times[place] + (tick - self._ticks[place]) * self._paces[place]
