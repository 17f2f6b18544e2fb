"""Makes phrases as arrays for tests."""

from collections.abc import Sequence

import numpy as np

from midigen.learning.corpus import Song
from midigen.learning.notes import Notes, joined
from midigen.learning.phrases import Exchange
from midigen.midi.messages import Pitch
from midigen.music.keys import Key

STEPS = (-2, -1, -1, 0, 1, 1, 2)


def phrase(
    pitches: Sequence[Pitch],
    onsets: Sequence[float] | None = None,
    signature: int = 0,
    length: float = 0.5,
) -> Notes:
    """A phrase in the major key of a signature, in 4/4; in quarters if no onsets are given."""
    begun = (
        np.arange(len(pitches), dtype=float) if onsets is None else np.array(onsets, dtype=float)
    )
    key = Key("", signature)
    return Notes(
        degrees=np.array([key.degree(pitch, 1) for pitch in pitches], dtype=np.uint8),
        pitches=np.array(pitches, dtype=np.int16),
        onsets=begun,
        lengths=np.full(len(pitches), length),
        places=begun % 4,
        bars=np.full(len(pitches), 4.0),
        signatures=np.full(len(pitches), signature, dtype=np.int8),
    )


def song(name: str, *parts: Notes) -> Song:
    """A song of phrases, with a bar's rest or more before each but the first."""
    bars = [phrase([*part.pitches.tolist()], part.onsets.tolist()) for part in parts]
    whole = joined([rested(each) for each in bars])
    return Song(name, whole.degrees, whole)


def rested(notes: Notes) -> Notes:
    """The same phrase, whose last note is so long that the next part begins a bar later."""
    lengths = notes.lengths.copy()
    lengths[-1] = 5.0
    return Notes(
        notes.degrees,
        notes.pitches,
        notes.onsets,
        lengths,
        notes.places,
        notes.bars,
        notes.signatures,
    )


def scale_like(rng: np.random.Generator, count: int = 10) -> Notes:
    """A phrase that goes up or down a scale, turns now and then, and ends on C."""
    direction, place, places = 1, int(rng.integers(-3, 4)), []
    for _ in range(count - 1):
        if rng.random() < 0.15:
            direction = -direction
        place += direction
        places.append(place)
    key = Key("C major", 0)
    return phrase([*(key.moved(60, place) for place in places), 60])


def exchanges_of_scales(seed: int, count: int, songs: int = 20) -> list[Exchange]:
    """Calls and answers that are all made in the same way."""
    rng = np.random.default_rng(seed)
    return [
        Exchange(f"song {number % songs}", scale_like(rng), scale_like(rng))
        for number in range(count)
    ]
