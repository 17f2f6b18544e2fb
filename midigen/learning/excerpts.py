"""Excerpts of songs, heard cold: as if nothing had been heard before, as when a player begins."""

from collections.abc import Iterable

import numpy as np

from midigen.learning.corpus import Song
from midigen.learning.notes import Notes
from midigen.learning.phrases import phrase_starts
from midigen.midi.messages import Beats

FEWEST = 12
"""The fewest notes of an excerpt."""

LENGTHS = (20, 72)
"""An excerpt has so many notes or more, and fewer than the second number."""

EVERY = 120
"""A song has one excerpt for so many of its notes, and one at least."""

PACED = 0.5
"""This share of excerpts is heard without a beat, at their own pace."""

USUAL: Beats = 0.5
"""What the usual step in time counts if there is no beat."""


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
            notes = song.notes[start : start + int(rng.integers(*LENGTHS))]
            if rng.random() < PACED:
                notes = at_own_pace(notes)
            if len(notes) >= FEWEST:
                found.append(Song(song.name, notes.degrees, notes))
    return found


def at_own_pace(notes: Notes) -> Notes:
    """Notes as they are heard without a beat: their usual step is half of one, and no bar is known.

    The usual step is the median of all. Notes that all come at once keep their times.
    """
    usual = float(np.median(np.diff(notes.onsets))) if len(notes) > 1 else 0.0
    beat = USUAL / usual if usual > 0 else 1.0
    unknown = np.full(len(notes), np.nan)
    times = {"onsets": notes.onsets * beat, "lengths": notes.lengths * beat}
    return Notes(**{**vars(notes), **times, "places": unknown, "bars": unknown})
