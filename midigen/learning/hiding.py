"""Hides at random what live play may not know, so that the network does without it.

Without a shared beat there are no bars. While the player plays, nobody knows the next note's time,
nor how long the phrase will be. The answers to the keys that may be struck next are predicted
before their octave and time are known.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.prediction import line

PLACES = 0.25
"""In this share of blocks no place in a bar is known."""

COMING_GAPS = 0.15
"""In this share of blocks, which are some of those, it isn't known when the next note comes."""

TIMES = 0.1
"""In this share of blocks nothing at all is known of time."""

OWN_TIMES = 0.1
"""Of this share of steps neither the octave nor the time is known."""

LEFT = 0.3
"""In this share of blocks it isn't known how many notes a phrase still has."""

BEGINS = 0.15
"""In this share of blocks, which are some of those, it isn't known either if a phrase begins."""

Blocks: TypeAlias = npt.NDArray[np.floating[Any]]
"""Rows of blocks of songs, shape (blocks, steps, FEATURES or COMING)."""


def hide(rows: Blocks, coming: Blocks, rng: np.random.Generator) -> None:
    """Hide some knowledge in blocks, in place."""
    blocks = len(rows)
    chance = rng.random(blocks)
    _hide_places(rows, coming, chance < PLACES)
    coming[chance < COMING_GAPS, :, line.COMING_GAP] = 0
    _hide_times(rows, coming, rng.random(blocks) < TIMES)
    _hide_own_times(rows, rng.random(rows.shape[:2]) < OWN_TIMES)
    chance = rng.random(blocks)
    coming[chance < LEFT, :, line.COMING_LEFT] = 0
    coming[chance < BEGINS, :, line.COMING_BEGINS] = 0


def _hide_places(rows: Blocks, coming: Blocks, where: npt.NDArray[np.bool_]) -> None:
    rows[where, :, line.PLACE] = 0
    coming[where, :, line.COMING_PLACE] = 0
    for column in line.COMING_BARS.tolist():
        coming[where, :, column] = 0


def _hide_times(rows: Blocks, coming: Blocks, where: npt.NDArray[np.bool_]) -> None:
    for part in (line.SAME_TIME, line.NEXT_TIME, line.TIME):
        rows[where, :, part] = 0
    _hide_places(rows, coming, where)
    coming[where, :, line.COMING_GAP] = 0


def _hide_own_times(rows: Blocks, where: npt.NDArray[np.bool_]) -> None:
    """Hide what `rows_after_each_letter` can't tell of the newest step."""
    for part in (line.SAME_TIME, line.PITCH, line.BEGINS, line.TIME):
        rows[where, part] = 0
