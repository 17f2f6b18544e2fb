"""The interfaces of predictors, and of whatever provides those of scenes."""

from typing import Protocol, runtime_checkable

from midigen.prediction.line import Rows
from midigen.prediction.mixture import Mixture, Probabilities
from midigen.prediction.outlook import Outlook
from midigen.prediction.window import Degrees


class Predictor(Protocol):
    """Predicts the next letter from a window of `min_notes` to `max_notes` letters."""

    @property
    def min_notes(self) -> int:
        """The shortest window it can predict from, 1 or more."""

    @property
    def max_notes(self) -> int:
        """The longest window it makes use of."""

    @property
    def mixture(self) -> Mixture | None:
        """How to mix it with the session's memory; None if it plays without one."""

    def predict(self, windows: Degrees) -> Probabilities:
        """Probabilities of shape (batch, 7) for windows of shape (batch, notes)."""


@runtime_checkable
class StepPredictor(Protocol):
    """A predictor that takes steps, and expects more of the next note than its letter."""

    def expect(self, rows: Rows, coming: Rows) -> Outlook:
        """The outlook from rows of steps, shape (batch, steps, FEATURES), and of what comes next.

        `coming` has the shape (batch, COMING); for both see `line`.
        """


class Models(Protocol):
    """Provides the models of scenes."""

    def get(self, name: str) -> Predictor | None:
        """A model that is loaded and warm, or None if it isn't yet; this call never waits.

        Raises ModelError if the model can't be loaded.
        """
