"""The rolling window of letters, and the same windows for training.

What encodes a window for a network is here and in `echo`, the same for live play and
for training.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree
from midigen.prediction.echoes import EchoEncoder

Degrees: TypeAlias = npt.NDArray[np.int64]
"""Letters as integers 0–6."""


class Encoding(StrEnum):
    """How a network takes its letters."""

    SCALED = "scaled"
    """Degrees divided by 7, as float32 of shape (windows, notes, 1)."""

    ECHO = "echo-2"
    """Letters with their echoes, as float32 of shape (windows, 8 or fewer, 203): see `echo`.

    Its number goes up with every change of what a row holds.
    """


Encoder: TypeAlias = Callable[[Degrees], npt.NDArray[np.float32]]
"""Makes a network's input of windows of shape (windows, notes)."""


KEPT = 2048
"""Letters that a window remembers beyond its length: for a longer one, and to take some back."""


class Window:
    """The newest letters, `length` of them at the most; its length may change."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._kept = max(length, KEPT)
        self._degrees = np.zeros(2 * self._kept, dtype=np.int64)  # moved to the front when full
        self._end = 0

    def __len__(self) -> int:
        return min(self._end, self.length)

    def push(self, degree: Degree) -> None:
        """Add a letter; the oldest falls out when the window is full."""
        if self._end == len(self._degrees):
            self._degrees[: self._kept] = self._degrees[-self._kept :].copy()
            self._end = self._kept
        self._degrees[self._end] = degree
        self._end += 1

    def replace(self, age: int, degree: Degree) -> None:
        """Put another letter in the place of one: age 0 is the newest.

        One that has fallen out already stays out.
        """
        if age < len(self):
            self._degrees[self._end - 1 - age] = degree

    def drop(self, count: int) -> None:
        """Take the newest letters back."""
        self._end = max(0, self._end - count)

    def clear(self) -> None:
        """Forget all letters."""
        self._end = 0

    def as_batch(self) -> Degrees:
        """A copy of the letters, oldest first, as a batch of one: shape (1, notes)."""
        return self._degrees[np.newaxis, self._end - len(self) : self._end].copy()

    def as_batch_after_each_letter(self) -> Degrees:
        """What the window would be with each of the seven letters added: shape (7, notes)."""
        start = max(0, self._end + 1 - self.length)
        windows = np.empty((SIZE, self._end - start + 1), dtype=np.int64)
        windows[:, :-1] = self._degrees[start : self._end]
        windows[:, -1] = np.arange(SIZE)
        return windows


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


def new_encoder(encoding: Encoding) -> Encoder:
    """What encodes windows for a network that takes its letters so."""
    match encoding:
        case Encoding.SCALED:
            return scale
        case Encoding.ECHO:
            return EchoEncoder()


def scale(windows: Degrees) -> npt.NDArray[np.float32]:
    """Degrees divided by 7: `Encoding.SCALED`."""
    return (windows[..., np.newaxis] / SIZE).astype(np.float32)
