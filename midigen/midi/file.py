"""What a MIDI file holds: tracks, their messages, tempos and signatures, and when a tick is."""

import bisect
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from midigen.errors import MidiFileError
from midigen.midi.messages import Message, Seconds

Ticks: TypeAlias = int
"""A time in a file, counted from its beginning."""

_T = TypeVar("_T")
AtTick: TypeAlias = tuple[Ticks, _T]
"""An event of a file, and its tick."""

_STANDARD_TEMPO = 500_000  # microseconds a beat, in a file that doesn't name any


class TimeSignature(NamedTuple):
    """The beats in a bar, 1 or more; a beat is one `unit`th of a whole note, 1–64."""

    beats: int
    unit: int


class KeySignature(NamedTuple):
    """The sharps of a key, -7…7 (negative: flats), and whether the key is minor."""

    sharps: int
    is_minor: bool


@dataclass
class Track:
    """The events of one track, each with its tick, in order."""

    name: str = ""
    messages: list[AtTick[Message]] = field(default_factory=list)
    tempos: list[AtTick[int]] = field(default_factory=list)
    """In microseconds a beat, 1 or more."""
    time_signatures: list[AtTick[TimeSignature]] = field(default_factory=list)
    key_signatures: list[AtTick[KeySignature]] = field(default_factory=list)
    end: Ticks = 0


class TickClock:
    """Ticks to seconds. `tempos` are in microseconds a beat, in the order of their ticks."""

    def __init__(self, ticks_per_beat: int, tempos: Iterable[AtTick[int]]) -> None:
        self._ticks: list[Ticks] = [0]
        self._times: list[Seconds] = [0.0]
        self._paces = [_STANDARD_TEMPO / 1e6 / ticks_per_beat]
        for tick, tempo in tempos:
            self._times.append(self.at(tick))
            self._ticks.append(tick)
            self._paces.append(tempo / 1e6 / ticks_per_beat)

    def at(self, tick: float) -> Seconds:
        """The time of a tick."""
        place = bisect.bisect_right(self._ticks, tick) - 1
        return self._times[place] + (tick - self._ticks[place]) * self._paces[place]


@dataclass(frozen=True)
class MidiFile:
    """A file that was read. `damage` says what is wrong with it and is empty if nothing is."""

    path: Path
    ticks_per_beat: int
    tracks: list[Track]
    is_apart: bool
    """The tracks are pieces of their own, one after another (format 2)."""
    damage: str = ""

    @cached_property
    def tempos(self) -> list[AtTick[int]]:
        """The tempos of all tracks; of several at one tick the last one holds."""
        return _in_order(track.tempos for track in self.tracks)

    @cached_property
    def time_signatures(self) -> list[AtTick[TimeSignature]]:
        """The time signatures of all tracks."""
        return _in_order(track.time_signatures for track in self.tracks)

    @cached_property
    def key_signatures(self) -> list[AtTick[KeySignature]]:
        """The key signatures of all tracks."""
        return _in_order(track.key_signatures for track in self.tracks)

    @cached_property
    def messages(self) -> list[AtTick[Message]]:
        """The messages of all tracks, as they sound together."""
        return _in_order(track.messages for track in self.tracks)

    @cached_property
    def clock(self) -> TickClock:
        """Converts the file's ticks to seconds."""
        return TickClock(self.ticks_per_beat, self.tempos)

    @property
    def notice(self) -> str:
        """What to tell the user of a damaged file; empty for an intact one."""
        return f"the file is damaged ({self.damage}); the rest is used" if self.damage else ""

    def refusal(self, why: str) -> MidiFileError:
        """The error for a file that lacks something, perhaps because it is damaged."""
        because = f" ({self.damage})" if self.damage else ""
        return MidiFileError(f"{self.path}: {why}{because}")


def _in_order(of_tracks: Iterable[list[AtTick[_T]]]) -> list[AtTick[_T]]:
    return sorted(chain.from_iterable(of_tracks), key=itemgetter(0))
