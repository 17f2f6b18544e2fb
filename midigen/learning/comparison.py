"""How answers compare with real ones: where they end, how they move, what they keep of the call."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.learning.notes import Notes
from midigen.midi.messages import Pitch
from midigen.music.keys import SIZE

FAR = 7.0
"""An answer whose mean pitch is so many semitones from the call's is not yet far from it."""

MARGIN: Pitch = 2
"""How many semitones outside the call's range a note still counts as inside."""

LEAP = 7
"""An interval of more semitones is a leap."""

WIDEST = 13
"""A wider interval counts as one of so many semitones where intervals are compared."""

SMOOTHING = 0.5
"""What is added to each count, so that nothing is impossible."""

_Shares: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """What the answers to some calls are like, beside the real ones.

    Divergences are those of Kullback and Leibler, in bits from 0, where 0 means that the shares are
    the same as in the real answers.
    """

    ends_on_tonic: float
    """The share of answers, 0–1, that end on C, the tonic of the signature's major key."""
    divergence_of_endings: float
    """How far the shares of last letters are from those of the real answers, in bits."""
    divergence_of_intervals: float
    """The same of the intervals from note to note, in semitones up or down, in bits."""
    register: float
    """The mean distance of an answer's mean pitch from its call's, in semitones."""
    far: float
    """The share of answers, 0–1, of which that is more than 7 semitones."""
    inside: float
    """The share of notes, 0–1, that are at most 2 semitones outside the call's range."""
    leaps: float
    """The share of intervals, 0–1, that are wider than 7 semitones."""
    motifs: float
    """The share of pairs of successive intervals, 0–1, that are also in the call."""
    contour: float
    """The mean correlation, -1 to 1, of an answer's pitches with its call's, start to end.

    The answer is stretched to the call's length. Where either stays on one pitch there is none.
    """


def compare(calls: Sequence[Notes], answers: Sequence[Notes], real: Sequence[Notes]) -> Comparison:
    """Compare answers with the real ones. All three are as many, one or more, in the same order.

    An answer has one note or more. A mean or a share of nothing is 0.
    """
    pairs = list(zip(calls, answers, strict=True))
    distances = np.array([abs(call.pitches.mean() - each.pitches.mean()) for call, each in pairs])
    return Comparison(
        ends_on_tonic=float(endings(answers)[0]),
        divergence_of_endings=_divergence(_last_letters(answers), _last_letters(real)),
        divergence_of_intervals=_divergence(_clipped(answers), _clipped(real)),
        register=_mean(distances),
        far=_mean(distances > FAR),
        inside=_mean(np.concatenate([_are_inside(*pair) for pair in pairs])),
        leaps=_mean(np.abs(_intervals(answers)) > LEAP),
        motifs=_mean(np.concatenate([are_motifs(*pair) for pair in pairs])),
        contour=_mean(np.array([found for pair in pairs if (found := contour(*pair)) is not None])),
    )


def endings(answers: Sequence[Notes]) -> _Shares:
    """The shares of the seven letters among the last notes of answers, shape (7,)."""
    counts = _last_letters(answers)
    shares: _Shares = counts / counts.sum()
    return shares


def are_motifs(call: Notes, answer: Notes) -> npt.NDArray[np.bool_]:
    """Whether each pair of successive intervals of an answer is in the call too: (notes - 2,)."""
    known, own = (
        [*pairwise(np.diff(line.pitches.astype(int)).tolist())] for line in (call, answer)
    )
    return np.array([pair in {*known} for pair in own], dtype=np.bool_)


def contour(call: Notes, answer: Notes) -> float | None:
    """The correlation of an answer's pitches, stretched to the call's length, with the call's.

    It is -1 to 1, or None if either stays on one pitch.
    """
    places = np.linspace(0, len(answer) - 1, len(call))
    stretched = np.interp(places, np.arange(len(answer)), answer.pitches)
    if not np.ptp(stretched) or not np.ptp(call.pitches):
        return None
    return float(np.corrcoef(call.pitches, stretched)[0, 1])


def _are_inside(call: Notes, answer: Notes) -> npt.NDArray[np.bool_]:
    low, high = int(call.pitches.min()) - MARGIN, int(call.pitches.max()) + MARGIN
    inside: npt.NDArray[np.bool_] = (answer.pitches >= low) & (answer.pitches <= high)
    return inside


def _intervals(answers: Sequence[Notes]) -> npt.NDArray[np.int64]:
    """All intervals from note to note, in semitones, negative if down."""
    return np.concatenate([np.diff(each.pitches.astype(np.int64)) for each in answers])


def _clipped(answers: Sequence[Notes]) -> npt.NDArray[np.int64]:
    """How often each interval comes, from WIDEST down to WIDEST up."""
    clipped = np.clip(_intervals(answers), -WIDEST, WIDEST) + WIDEST
    return np.bincount(clipped, minlength=2 * WIDEST + 1)


def _last_letters(answers: Sequence[Notes]) -> npt.NDArray[np.int64]:
    return np.bincount([int(each.degrees[-1]) for each in answers], minlength=SIZE)


def _divergence(found: npt.NDArray[np.int64], expected: npt.NDArray[np.int64]) -> float:
    ours, theirs = ((each + SMOOTHING) / (each + SMOOTHING).sum() for each in (found, expected))
    return float((ours * np.log2(ours / theirs)).sum())


def _mean(values: npt.NDArray[np.floating] | npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else 0.0
