"""Makes songs with pitches and rhythm for the tests of learning."""

from collections.abc import Sequence

import numpy as np

from midigen.learning.corpus import Song
from midigen.learning.notes import Notes
from midigen.midi.messages import Beats
from midigen.music.keys import C_MAJOR

BAR: Beats = 4.0


def song(
    degrees: Sequence[int],
    gaps: Sequence[Beats] = (0.5,),
    *,
    name: str = "a",
    leaps: Sequence[int] = (0,),
    shares: Sequence[float] = (0.9,),
) -> Song:
    """A song in C whose notes follow one another by these gaps in beats, again and again.

    Each note is in the octave above middle C, or as many octaves higher as the leaps say.
    It sounds for these shares of the gaps.
    """
    count = len(degrees)
    steps = np.resize(gaps, max(count, 1)).astype(float)
    onsets = np.concatenate([[0.0], np.cumsum(steps)])[:count]
    pitches = [60 + C_MAJOR.pitch_classes[degree] for degree in degrees]
    notes = Notes(
        degrees=np.array(degrees, dtype=np.uint8),
        pitches=(np.array(pitches, dtype=np.int16) + 12 * np.resize(leaps, count)).astype(np.int16),
        onsets=onsets,
        lengths=np.resize(shares, count) * steps[:count],
        places=onsets % BAR,
        bars=np.full(count, BAR),
        signatures=np.zeros(count, dtype=np.int8),
    )
    return Song(name, notes.degrees, notes)


def random_song(seed: int, count: int = 60, phrase: int = 8, name: str = "a") -> Song:
    """A song of phrases of so many notes, in random letters, octaves and steps in time."""
    rng = np.random.default_rng(seed)
    gaps = rng.choice([0.25, 0.5, 1.0], count)
    gaps[phrase - 1 :: phrase] = 3.0
    return song(
        rng.integers(0, 7, count).tolist(),
        gaps.tolist(),
        name=name,
        leaps=rng.integers(0, 2, count).tolist(),
    )
