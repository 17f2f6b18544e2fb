"""Windows of letters, in play and in training, and how the notebook's model takes them.

Models that know more than letters take steps: see `line`.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree

Degrees: TypeAlias = npt.NDArray[np.int64]
"""Letters as integers 0–6, usually windows of shape (batch, notes)."""


class Encoding(StrEnum):
    """How a melody becomes a network's input."""

    SCALED = "scaled"
    """Degrees divided by 7, as float32 of shape (batch, notes, 1)."""

    STEPS = "steps-1"
    """Steps with their echoes, and what is decided of the next one: see `line`.

    The number in its name goes up whenever the contents of a row change.
    """


def sliding_windows(sequence: Sequence[Degree], length: int) -> tuple[Degrees, Degrees]:
    """All windows of `length` letters in a sequence, and the letter after each of them.

    Returns arrays of the shapes (windows, length) and (windows,). Raises ValueError if the sequence
    is too short for a single window.
    """
    letters = np.asarray(sequence, dtype=np.int64)
    if len(letters) <= length:
        raise ValueError(f"{len(letters)} notes make no window of {length} and the note after it")
    windows = np.lib.stride_tricks.sliding_window_view(letters[:-1], length)
    return windows.copy(), letters[length:]


def after_each_letter(window: Degrees, length: int) -> Degrees:
    """What a window, shape (notes,), would be after each of the seven letters: shape (7, notes).

    Of more than `length` notes, the oldest leaves.
    """
    kept = window[max(0, len(window) + 1 - length) :]
    windows = np.empty((SIZE, len(kept) + 1), dtype=np.int64)
    windows[:, :-1] = kept
    windows[:, -1] = np.arange(SIZE)
    return windows


def scale(windows: Degrees) -> npt.NDArray[np.float32]:
    """Degrees divided by 7, shape (batch, notes, 1): see `Encoding.SCALED`."""
    return (windows[..., np.newaxis] / SIZE).astype(np.float32)
