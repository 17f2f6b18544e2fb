"""Ticks of MIDI files to seconds and back, by the tempos of a file."""

import bisect
from collections.abc import Iterable
from typing import TypeAlias, TypeVar

from midigen.midi.messages import Seconds

RESOLUTION = 960
"""Ticks a beat in the files that are written: half a millisecond at 120 beats a minute."""

Ticks: TypeAlias = int
"""A time in a file, counted from its beginning."""

_T = TypeVar("_T")
AtTick: TypeAlias = tuple[Ticks, _T]
"""An event of a file, and its tick."""

STANDARD_TEMPO = 500_000
"""The tempo of a file that doesn't name any, in microseconds a beat."""

_SLOWEST = 0xFFFFFF  # microseconds a beat: files store them in three bytes
_UNITS = 1_000_000 * RESOLUTION  # units in a second; at n microseconds a beat a tick has n units


def microseconds_a_beat(bpm: float) -> int:
    """A tempo as files store it, 1 to 16,777,215."""
    return max(1, min(_SLOWEST, round(60_000_000 / bpm)))


class TempoMap:
    """Seconds to ticks, at a tempo that changes. Tick 0 is at `start`.

    Ticks are counted from the last tempo change as a reader of the file will find it, in whole
    numbers, so that times are right to half a tick however often the tempo changes.
    """

    def __init__(self, start: Seconds, tempo: int) -> None:
        self.tempo = tempo
        self._start = start
        self._tick: Ticks = 0  # of the last change
        self._units = 0  # from the start to the last change

    def tick(self, time: Seconds) -> Ticks:
        """The tick nearest to a time, never before the last tempo change."""
        since = round((time - self._start) * _UNITS) - self._units
        return self._tick + max(0, (2 * since + self.tempo) // (2 * self.tempo))

    def change(self, tempo: int, time: Seconds) -> Ticks:
        """Change the tempo at a time, and return the tick where the new tempo begins."""
        tick = self.tick(time)
        self._units += (tick - self._tick) * self.tempo
        self._tick, self.tempo = tick, tempo
        return tick


class TickClock:
    """Ticks to seconds. `tempos` are in microseconds a beat, in the order of their ticks."""

    def __init__(self, ticks_per_beat: int, tempos: Iterable[AtTick[int]]) -> None:
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
