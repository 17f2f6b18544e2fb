"""The rolling window of letters, the same windows for training, and how they are encoded.

Live play and training use the same encoders: those here and in `echoes`.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree
from midigen.prediction.echoes import EchoEncoder

Degrees: TypeAlias = npt.NDArray[np.int64]
"""Letters as integers 0–6, usually windows of shape (batch, notes)."""


class Encoding(StrEnum):
    """How letters become a network's input."""

    SCALED = "scaled"
    """Degrees divided by 7, as float32 of shape (batch, notes, 1)."""

    ECHO = "echo-2"
    """Letters with their echoes, as float32 of shape (batch, 8 or fewer, 203): see `echoes`.

    The number in its name goes up whenever the contents of a row change.
    """


KEPT = 2048
"""How many letters a window keeps, so that it can grow and letters can be taken back."""


class Window:
    """The newest letters, at most `length` of them. The length may be changed."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._kept = max(length, KEPT)
        self._degrees = np.zeros(2 * self._kept, dtype=np.int64)  # moved to the front when full
        self._end = 0

    def __len__(self) -> int:
        return min(self._end, self.length)

    def push(self, degree: Degree) -> None:
        """Add a letter. When the window is full, the oldest letter leaves it."""
        if self._end == len(self._degrees):
            self._degrees[: self._kept] = self._degrees[-self._kept :].copy()
            self._end = self._kept
        self._degrees[self._end] = degree
        self._end += 1

    def replace(self, age: int, degree: Degree) -> None:
        """Replace the letter of an age, 0 for the newest, unless it has left the window."""
        if age < len(self):
            self._degrees[self._end - 1 - age] = degree

    def drop(self, count: int) -> None:
        """Take back the newest letters."""
        self._end = max(0, self._end - count)

    def clear(self) -> None:
        """Forget all letters."""
        self._end = 0

    def as_batch(self) -> Degrees:
        """A copy of the letters, oldest first, as a batch of one: shape (1, notes)."""
        return self._degrees[np.newaxis, self._end - len(self) : self._end].copy()

    def as_batch_after_each_letter(self) -> Degrees:
        """What the window would be after each of the seven letters, shape (7, notes)."""
        start = max(0, self._end + 1 - self.length)
        windows = np.empty((SIZE, self._end - start + 1), dtype=np.int64)
        windows[:, :-1] = self._degrees[start : self._end]
        windows[:, -1] = np.arange(SIZE)
        return windows


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


def new_encoder(encoding: Encoding) -> Callable[[Degrees], npt.NDArray[np.float32]]:
    """A new encoder of windows. One that has a memory is for the windows of one session."""
    return scale if encoding is Encoding.SCALED else EchoEncoder()


def scale(windows: Degrees) -> npt.NDArray[np.float32]:
    """Degrees divided by 7, shape (batch, notes, 1): see `Encoding.SCALED`."""
    return (windows[..., np.newaxis] / SIZE).astype(np.float32)
