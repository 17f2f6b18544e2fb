"""What a predictor is: windows of letters in, probabilities of the next letter out."""

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.window import Degrees

Probabilities: TypeAlias = npt.NDArray[np.float32]
"""Rows of seven probabilities, each row summing to 1."""


class Predictor(Protocol):
    """Predicts the next letter from a window of `min_notes`…`max_notes` letters."""

    @property
    def min_notes(self) -> int:
        """The shortest window it can predict from, 1 or more."""

    @property
    def max_notes(self) -> int:
        """The longest window it makes use of."""

    def predict(self, windows: Degrees) -> Probabilities:
        """Probabilities of shape (batch, 7) for windows of shape (batch, notes)."""
