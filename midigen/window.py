"""The rolling window of letters, and the same windows for training.

`encode` is the only place where letters become a network's input: live play
and training both go through it.
"""

from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.vocabulary import SIZE, Degree

Degrees: TypeAlias = npt.NDArray[np.int64]
"""Letters as integers 0–6."""


class Encoding(StrEnum):
    """How a network takes its letters."""

    SCALED = "scaled"
    """Degrees divided by 7, as float32 of shape (windows, notes, 1)."""

    LETTERS = "letters"
    """The degrees themselves, as int32 of shape (windows, notes)."""


class Window:
    """The newest letters, `length` of them at the most."""

    def __init__(self, length: int) -> None:
        self._degrees: deque[Degree] = deque(maxlen=length)

    def __len__(self) -> int:
        return len(self._degrees)

    def push(self, degree: Degree) -> None:
        """Add a letter; the oldest falls out when the window is full."""
        self._degrees.append(degree)

    def replace(self, age: int, degree: Degree) -> None:
        """Put another letter in the place of one: age 0 is the newest.

        One that has fallen out already stays out.
        """
        if age < len(self._degrees):
            self._degrees[-1 - age] = degree

    def as_batch(self) -> Degrees:
        """A copy of the letters, oldest first, as a batch of one: shape (1, notes)."""
        return np.array([self._degrees], dtype=np.int64)

    def as_batch_after_each_letter(self) -> Degrees:
        """What the window would be with each of the seven letters added: shape (7, notes)."""
        room = self._degrees.maxlen or 0
        kept = list(self._degrees)[max(0, len(self) + 1 - room) :]
        return np.array([[*kept, degree] for degree in range(SIZE)], dtype=np.int64)


def sliding_windows(sequence: Sequence[Degree], length: int) -> tuple[Degrees, Degrees]:
    """Every window of `length` letters in a sequence, and the letter after each.

    Returns arrays of shapes (windows, length) and (windows,).
    Raises ValueError if the sequence is too short for one window.
    """
    letters = np.asarray(sequence, dtype=np.int64)
    if len(letters) <= length:
        raise ValueError(f"{len(letters)} notes make no window of {length} and the note after it")
    windows = np.lib.stride_tricks.sliding_window_view(letters[:-1], length)
    return windows.copy(), letters[length:]


def encode(windows: Degrees, encoding: Encoding) -> npt.NDArray[Any]:
    """A network's input for windows of shape (windows, notes): see `Encoding`."""
    match encoding:
        case Encoding.SCALED:
            return (windows[..., np.newaxis] / SIZE).astype(np.float32)
        case Encoding.LETTERS:
            return windows.astype(np.int32)
