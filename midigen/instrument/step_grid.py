"""The player's own pulse: the steps in which a phrase was played, and where the next ones fall.

No beat is needed for it. Players waver by some 20 ms, mix long and short values, and hold a note
for as long as they like. So the step is the one that makes the times between the onsets likeliest:
most of them are a few steps, give or take, and some are anything.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from midigen.midi.messages import Seconds

LONGEST: Seconds = 0.75
"""Longer steps are halved, so that nobody waits long."""

SHORTEST: Seconds = 0.08
"""Shorter steps aren't looked for: in any of them a wavering player fits."""

_RECENT = 16  # how many of the newest onsets are used
_WAVER: Seconds = 0.03  # of the time between two onsets: a standard deviation
_ODD = 0.05  # the part of the times that are no number of steps
_PARTS = np.array([1, 2, 3])  # into which a time between onsets is divided to find the step
_MOST = 4  # how many steps a time may be; longer ones say little about the step
_TOO_FAR = 0.25  # of a step: an onset so far from the grid begins it anew
_ROUNDING = 1e-6  # of a step

_Times = npt.NDArray[np.float64]


def next_step(onsets: Sequence[Seconds], time: Seconds) -> Seconds:
    """The first step at or after a time, if the player's steps went on after these onsets.

    Fewer than two onsets have no steps: then it is the time itself.
    """
    newest = np.array(onsets[-_RECENT:], dtype=np.float64)
    step = _step(np.diff(newest))
    if step is None:
        return time
    origin, step = _grid(newest, step)
    while step > LONGEST:
        step /= 2
    return origin + float(np.ceil((time - origin) / step - _ROUNDING)) * step


def _step(gaps: _Times) -> Seconds | None:
    """The step that makes the times between onsets likeliest; None if all are too short."""
    steps = np.unique(np.outer(gaps, 1 / _PARTS))
    steps = steps[steps >= SHORTEST]
    if not len(steps):
        return None
    counts = np.maximum(np.rint(gaps / steps[:, np.newaxis]), 1)  # shape (steps, gaps)
    off = (gaps - counts * steps[:, np.newaxis]) / _WAVER
    # The squares prefer one step to many, and so a large step to a small one that fits by chance.
    regular = np.exp(-0.5 * off**2) / _WAVER / counts**2 * (counts <= _MOST)
    likelihoods = np.log((1 - _ODD) * regular + _ODD).sum(axis=1)
    return float(steps[likelihoods.argmax()])


def _grid(onsets: _Times, step: Seconds) -> tuple[Seconds, Seconds]:
    """The origin and the step of the grid that fits the onsets best, by least squares.

    An onset that is off the grid, as after a held note, begins it anew: then the step is that of
    all parts together, and the origin that of the last.
    """
    gaps = np.diff(onsets) / step
    counts = np.rint(gaps)
    breaks = (abs(gaps - counts) > _TOO_FAR) | (counts > _MOST)
    part = np.append(0, breaks.cumsum())
    places = np.append(0.0, np.where(breaks, 0.0, counts).cumsum())
    sizes = np.bincount(part)
    place_of_part = np.bincount(part, places) / sizes
    time_of_part = np.bincount(part, onsets) / sizes
    off = places - place_of_part[part]
    if off.any():
        step = float(off @ (onsets - time_of_part[part]) / (off @ off))
    return float(time_of_part[-1] - place_of_part[-1] * step), step
