"""Songs as the network sees them: rows, what is decided of each next note, and that note itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from midigen.learning.corpus import Song
from midigen.learning.notes import Notes
from midigen.learning.phrases import phrase_starts
from midigen.midi.messages import Beats
from midigen.music.keys import SIZE
from midigen.prediction.line import COMING, FEATURES, Line
from midigen.prediction.steps import (
    GAPS,
    OCTAVES,
    SHARES,
    Coming,
    Step,
    gap_class,
    octave_class,
    share_class,
)

LETTER, OCTAVE, GAP, SHARE = range(4)
"""The columns of targets. For the classes see `steps`."""

UNKNOWN = np.array([SIZE, len(OCTAVES), len(GAPS), len(SHARES)], dtype=np.uint8)
"""The target in each column if it isn't known."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """What is heard of a song before each note but its first, and those notes.

    `rows` are those of `Line`, shape (notes - 1, FEATURES), `coming` is what is decided of the
    next note, (notes - 1, COMING), and `targets` is that note, (notes - 1, 4).
    """

    rows: npt.NDArray[np.float16]
    coming: npt.NDArray[np.float16]
    targets: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.targets)


def steps_of(song: Song) -> list[Step]:
    """The notes of a song as live play would hear them, with a beat and bars if the song has them.

    Where only the letters of a song are known, the steps have nothing else.
    """
    if song.notes is None:
        return [Step(int(degree)) for degree in song.letters]
    notes = song.notes
    begins = set(phrase_starts(notes.onsets))
    gaps = [None, *np.diff(notes.onsets).tolist()]
    return [
        Step(
            int(notes.degrees[note]),
            int(notes.pitches[note]),
            gap,
            _share(notes, note, gap),
            _known(notes.places[note]),
            _known(notes.bars[note]),
            note in begins,
        )
        for note, gap in enumerate(gaps[: len(notes)])
    ]


def comings_of(song: Song) -> list[Coming]:
    """What an answer is told of each note of a song before it chooses that note."""
    steps = steps_of(song)
    if song.notes is None:
        return [Coming()] * len(steps)
    starts = [*phrase_starts(song.notes.onsets), len(steps)]
    left = [end - note for start, end in pairwise(starts) for note in range(start, end)]
    return [
        Coming(step.gap, step.place, step.bar, each, step.begins_phrase)
        for step, each in zip(steps, left, strict=True)
    ]


def encode(song: Song) -> Encoded:
    """Encode a song as live play would hear it."""
    steps, comings = steps_of(song), comings_of(song)
    count = max(0, len(steps) - 1)
    encoded = Encoded(
        np.zeros((count, FEATURES), dtype=np.float16),
        np.zeros((count, COMING), dtype=np.float16),
        np.tile(UNKNOWN, (count, 1)),
    )
    line = Line()
    for note, coming in enumerate(comings[1:]):
        line.push(steps[note])
        encoded.rows[note] = line.newest_row()
        encoded.coming[note] = line.coming(coming)[0]
        following = steps[note + 2] if note + 2 < len(steps) else None
        encoded.targets[note] = _target(steps[note + 1], steps[note], following)
    return encoded


def gaps_of(song: Song) -> npt.NDArray[np.uint8]:
    """The classes of the steps in time between the notes of a song, shape (notes - 1,).

    If only the letters are known, there are none.
    """
    gaps = [] if song.notes is None else np.diff(song.notes.onsets).tolist()
    return np.array([gap_class(gap) for gap in gaps], dtype=np.uint8)


def _target(step: Step, before: Step, following: Step | None) -> Sequence[int]:
    share = None if following is None else following.share
    return (
        step.degree,
        octave_class(step.pitch, before.pitch),
        gap_class(step.gap),
        share_class(share),
    )


def _share(notes: Notes, note: int, gap: Beats | None) -> float | None:
    if not gap:  # of a chord or the first note
        return None
    return min(float(notes.lengths[note - 1]) / gap, 1.0)


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
