"""The phrases of songs, and the pairs of phrases in which one is a call and the next its answer."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from midigen.learning.corpus import Song
from midigen.learning.notes import Notes
from midigen.midi.messages import Beats

PAUSE: Beats = 1.5
"""A phrase ends where the next note begins so much later than the last one, or still later."""

SLOWER = 2.0
"""That step is also so many times the phrase's usual step or more, the median of its steps."""

FEWEST = 4
"""The fewest notes of a call and of its answer."""

_ROUNDING: Beats = 1e-6


@dataclass(frozen=True, eq=False)
class Exchange:
    """A phrase of a song, and the next one, which really answers it. Both are in one key."""

    song: str
    call: Notes
    answer: Notes


def phrase_starts(onsets: npt.NDArray[np.float64]) -> list[int]:
    """The index of the first note of each phrase, from onsets in beats, shape (notes,).

    A phrase of one note takes the usual step of the whole song.
    """
    steps = np.diff(onsets)
    starts = [0] if len(onsets) else []
    for note in np.flatnonzero(steps >= PAUSE - _ROUNDING):
        own = steps[starts[-1] : note]
        usual = np.median(own if len(own) else steps)
        if steps[note] >= SLOWER * usual - _ROUNDING:
            starts.append(int(note) + 1)
    return starts


def phrases(notes: Notes) -> list[Notes]:
    """The phrases of a song, in order."""
    starts = phrase_starts(notes.onsets)
    return [notes[start:end] for start, end in pairwise([*starts, len(notes)])]


def exchanges(songs: Iterable[Song]) -> list[Exchange]:
    """Each phrase of the songs with the next one, if both have four notes or more and one key.

    Songs of which only the letters are known have none.
    """
    found: list[Exchange] = []
    for song in songs:
        parts = [] if song.notes is None else phrases(song.notes)
        for call, answer in pairwise(parts):
            keys = {*call.signatures.tolist(), *answer.signatures.tolist()}
            if min(len(call), len(answer)) >= FEWEST and len(keys) == 1:
                found.append(Exchange(song.name, call, answer))
    return found
