"""What a MIDI file holds: its tracks, their messages, and the tempos and signatures in them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

from midigen.errors import MidiFileError
from midigen.midi.messages import Message
from midigen.midi.ticks import AtTick, TickClock, Ticks

_T = TypeVar("_T")


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
    return sorted(chain.from_iterable(of_tracks), key=lambda each: each[0])
