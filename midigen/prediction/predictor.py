"""What a predictor is, and where scenes find theirs."""

from typing import Protocol

from midigen.prediction.mixture import Mixture, Probabilities
from midigen.prediction.window import Degrees


class Predictor(Protocol):
    """Predicts the next letter from a window of `min_notes`…`max_notes` letters."""

    @property
    def min_notes(self) -> int:
        """The shortest window it can predict from, 1 or more."""

    @property
    def max_notes(self) -> int:
        """The longest window it makes use of."""

    @property
    def mixture(self) -> Mixture | None:
        """How to mix it with a memory; None if it was trained without one."""

    def predict(self, windows: Degrees) -> Probabilities:
        """Probabilities of shape (batch, 7) for windows of shape (batch, notes)."""


class Models(Protocol):
    """Where a scene's model comes from."""

    def get(self, name: str) -> Predictor | None:
        """A model that is loaded and warm, or None while that is under way; it never waits.

        Raises ModelError if it can't be loaded.
        """
