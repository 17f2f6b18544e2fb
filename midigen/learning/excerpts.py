"""Excerpts of songs, heard cold: as if nothing had been heard before, as when a player begins."""

from collections.abc import Iterable

import numpy as np

from midigen.learning.corpus import Song
from midigen.learning.notes import Notes
from midigen.learning.phrases import phrase_starts
from midigen.music.keys import C_MAJOR, SIZE

FEWEST = 12
"""The fewest notes of an excerpt."""

LENGTHS = (20, 72)
"""An excerpt has so many notes or more, and fewer than the second number."""

EVERY = 120
"""A song has one excerpt for so many of its notes, and one at least."""

NOISE = (0.08, 0.3)
"""The share of notes that a noisy excerpt has wrong is drawn between these."""

FARTHEST = 2
"""By so many degrees a wrong note may be too high or too low."""


def excerpts(songs: Iterable[Song], rng: np.random.Generator) -> list[Song]:
    """Excerpts of the songs, each from the beginning of a phrase on.

    Songs of which only the letters are known have none, and neither have very short ones.
    """
    found: list[Song] = []
    for song in songs:
        if song.notes is None or len(song.notes) < 2 * FEWEST:
            continue
        starts = phrase_starts(song.notes.onsets)
        for start in rng.choice(starts, max(1, len(song.notes) // EVERY)):
            excerpt = song.notes[start : start + int(rng.integers(*LENGTHS))]
            if len(excerpt) >= FEWEST:
                found.append(Song(song.name, excerpt.degrees, excerpt))
    return found


def noisy(song: Song, rng: np.random.Generator) -> Song:
    """A song with wrong notes. Raises ValueError if only its letters are known."""
    if song.notes is None:
        raise ValueError(f"{song.name}: only the letters are known")
    notes, count = song.notes, len(song.notes)
    wrong = rng.random(count) < rng.uniform(*NOISE)
    by = rng.integers(1, FARTHEST + 1, count) * rng.choice([-1, 1], count) * wrong
    octaves, degrees = np.divmod(notes.degrees.astype(np.int64) + by, SIZE)
    scale = np.array(C_MAJOR.pitch_classes)  # of any key, from its major tonic
    pitches = notes.pitches + scale[degrees] + 12 * octaves - scale[notes.degrees]
    new = {"degrees": degrees.astype(np.uint8), "pitches": pitches.astype(np.int16)}
    changed = Notes(**{**vars(notes), **new})
    return Song(song.name, changed.degrees, changed)
