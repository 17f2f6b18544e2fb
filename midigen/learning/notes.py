"""A melody as arrays: the letter, pitch and rhythm of each note, and where it is in its bar.

Times are in beats (quarter notes), so that a melody is the same at any tempo.
"""

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.learning.hearing import Heard
from midigen.midi.file import MidiFile, Ticks
from midigen.midi.messages import Beats

Letters: TypeAlias = npt.NDArray[np.uint8]
"""A melody as degrees 0–6, shape (notes,)."""

_UNENDED: Beats = 1.0  # the length of a last note that nothing ends
_ROUNDING = 1e-6  # of a bar


@dataclass(frozen=True, eq=False)
class Notes:
    """The notes of a melody, in the order of their onsets. Each array has the shape (notes,).

    `len(notes)` is how many they are, and `notes[a:b]` are some of them.
    """

    degrees: Letters
    """Their letters, 0–6."""
    pitches: npt.NDArray[np.int16]
    """Their MIDI pitches, 0–127."""
    onsets: npt.NDArray[np.float64]
    """When they begin, in beats, 0 or more, never falling."""
    lengths: npt.NDArray[np.float64]
    """How long they sound, in beats, 0 or more."""
    places: npt.NDArray[np.float64]
    """Where in its bar each begins, in beats from the bar line; NaN where no bar is known."""
    bars: npt.NDArray[np.float64]
    """How many beats that bar has; NaN where no bar is known."""
    signatures: npt.NDArray[np.int8]
    """The sharps of the key in which each has its letter, -7 to 7 (negative: flats)."""

    def __len__(self) -> int:
        return len(self.degrees)

    def __getitem__(self, part: slice | npt.NDArray[np.integer]) -> "Notes":
        return Notes(*(getattr(self, field.name)[part] for field in fields(self)))

    @property
    def ends(self) -> npt.NDArray[np.float64]:
        """When they end, in beats, shape (notes,)."""
        return self.onsets + self.lengths


def notes_of(file: MidiFile, melody: Sequence[Heard]) -> Notes:
    """The notes of a melody that was heard in this file.

    A note without an end sounds until the next one begins.
    """
    beat = file.ticks_per_beat
    places, bars = _bars(file, [heard.begins for heard in melody])
    onsets = np.array([heard.begins for heard in melody], dtype=np.float64) / beat
    after = np.append(onsets[1:], onsets[-1:] + _UNENDED)
    ends = np.array([np.nan if each.ends is None else each.ends / beat for each in melody])
    return Notes(
        degrees=np.array([heard.degree for heard in melody], dtype=np.uint8),
        pitches=np.array([heard.note.pitch for heard in melody], dtype=np.int16),
        onsets=onsets,
        lengths=np.maximum(np.where(np.isnan(ends), after, ends) - onsets, 0.0),
        places=places,
        bars=bars,
        signatures=np.array([heard.key.signature for heard in melody], dtype=np.int8),
    )


def joined(parts: Sequence[Notes]) -> Notes:
    """The parts of a song, one or more, one after another.

    Each begins with the first whole bar after the part before (or the first whole beat, where no
    bar is known), so that its notes keep their places in the bar.
    """
    moved = [parts[0]]
    shift = 0.0
    for before, part in pairwise(parts):
        if len(before):
            shift += _next_bar(before)
        moved.append(_moved(part, shift))
    columns = ([getattr(part, field.name) for part in moved] for field in fields(Notes))
    return Notes(*map(np.concatenate, columns))


def _next_bar(notes: Notes) -> Beats:
    """The first bar line (or whole beat) at which all notes have ended."""
    place, bar = float(notes.places[-1]), float(notes.bars[-1])
    line, bar = (0.0, 1.0) if np.isnan(bar) else (float(notes.onsets[-1]) - place, bar)
    return line + math.ceil((float(notes.ends.max()) - line) / bar - _ROUNDING) * bar


def _moved(notes: Notes, beats: Beats) -> Notes:
    columns = {field.name: getattr(notes, field.name) for field in fields(notes)}
    return Notes(**columns | {"onsets": notes.onsets + beats})


def _bars(
    file: MidiFile, ticks: Sequence[Ticks]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The place in its bar of each tick, and that bar's length, in beats.

    Bars are counted from each time signature on; before the first one none is known.
    """
    starts = [tick for tick, _ in file.time_signatures]
    found = np.full((2, len(ticks)), np.nan)
    for index, tick in enumerate(ticks):
        if place := bisect.bisect_right(starts, tick):
            start, (beats, unit) = file.time_signatures[place - 1]
            bar = beats * 4 / unit
            found[:, index] = (tick - start) / file.ticks_per_beat % bar, bar
    return found[0], found[1]
