"""Predictors and mixtures that have known results, or that fail."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.midi.messages import Beats
from midigen.music.keys import SIZE
from midigen.prediction.line import (
    COMING,
    COMING_BEGINS,
    COMING_GAP,
    COMING_LEFT,
    COMING_PHRASE,
    FEATURES,
    LEFT,
    ROWS,
    Rows,
)
from midigen.prediction.memory import ORDERS
from midigen.prediction.mixture import BUCKETS, Mixture, Probabilities
from midigen.prediction.outlook import Outlook
from midigen.prediction.steps import GAPS, OCTAVES, SHARES, USUAL
from midigen.prediction.window import Degrees
from tests.players import (
    AnyLetter,
    NextLetter,
)

CONSTANT = Mixture(
    np.full((ORDERS, BUCKETS), 0.3, dtype=np.float32),
    np.tile(np.array([1.0, 0.0], dtype=np.float32), (ORDERS + 1, 1)),
)
"""A mixture that trusts all contexts the same, and doesn't use the exponents."""


def any_mixture(seed: int = 0) -> Mixture:
    """A mixture with random numbers for all contexts and lengths of match, 0 included."""
    rng = np.random.default_rng(seed)
    trust = rng.uniform(0, 0.999, (ORDERS, BUCKETS)).astype(np.float32)
    exponents = rng.uniform((0.5, -0.5), (1.5, 0.5), (ORDERS + 1, 2)).astype(np.float32)
    return Mixture(trust, exponents)


class Leaning(AnyLetter):
    """A predictor that depends on the whole window, and for which every letter is possible."""

    def __init__(self, mixture: Mixture | None = None) -> None:
        super().__init__()
        self.mixture = mixture

    def predict(self, windows: Degrees) -> Probabilities:
        code = windows @ SIZE ** np.arange(windows.shape[1]) + windows.shape[1]
        weights = 1 + (code[:, None] * np.arange(1, SIZE + 1)) % 11
        probabilities: Probabilities = (weights / weights.sum(axis=1, keepdims=True)).astype(
            np.float32
        )
        return probabilities


class Stepping(AnyLetter):
    """A `StepPredictor` with random weights: all that it expects depends on all that it is told."""

    max_notes = ROWS

    def __init__(self, seed: int = 0, sharpness: float = 3.0) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        sizes = (SIZE, SIZE * len(OCTAVES), len(GAPS), len(SHARES))
        self._of_rows = [rng.normal(0, sharpness / 8, (FEATURES, size)) for size in sizes]
        self._of_coming = [rng.normal(0, sharpness / 2, (COMING, size)) for size in sizes]
        untold = np.delete(np.arange(COMING), COMING_PHRASE)
        self._of_coming[2][untold] = 0  # what it expects of a gap isn't told what is decided of it

    def expect(self, rows: Rows, coming: Rows) -> Outlook:
        fading = 0.7 ** np.arange(rows.shape[1])[::-1]
        heard = np.einsum("bsf,s->bf", rows, fading)
        letters, octaves, gaps, shares = (
            _softmax(logits.reshape(len(rows), -1, size))
            for logits, size in zip(
                (
                    heard @ of_rows + coming @ of_coming
                    for of_rows, of_coming in zip(self._of_rows, self._of_coming, strict=True)
                ),
                (SIZE, len(OCTAVES), len(GAPS), len(SHARES)),
                strict=True,
            )
        )
        return Outlook(letters[:, 0], octaves, gaps[:, 0], shares[:, 0])


class Sure(NextLetter):
    """A `StepPredictor` that is sure: of the next letter, its octave, its gap and its length.

    The `gaps` are those after C, D, E and so on, over and over.
    """

    max_notes = ROWS

    def __init__(self, *gaps: Beats, share: int = 1, octave: int = 0) -> None:
        """`share` is the index of the length in SHARES."""
        super().__init__()
        self._gaps = gaps or (USUAL,)
        self._share, self._octave = share, octave
        self.decided: list[tuple[int, bool, Beats | None]] = []
        """How many notes were left, whether the phrase began, and the gap, in each call in which
        it was told how many were left."""

    def expect(self, rows: Rows, coming: Rows) -> Outlook:
        count, newest = len(rows), rows[:, -1, :SIZE].argmax(axis=1)
        self._note(coming[0])
        octaves = np.zeros((count, SIZE, len(OCTAVES)), dtype=np.float32)
        octaves[:, :, OCTAVES.index(self._octave)] = 1
        gaps = [GAPS.index(self._gaps[degree % len(self._gaps)]) for degree in newest]
        return Outlook(
            np.eye(SIZE, dtype=np.float32)[(newest + 1) % SIZE],
            octaves,
            np.eye(len(GAPS), dtype=np.float32)[gaps],
            np.eye(len(SHARES), dtype=np.float32)[[self._share] * count],
        )

    def _note(self, coming: npt.NDArray[np.float32]) -> None:
        left, gap = np.flatnonzero(coming[COMING_LEFT]), np.flatnonzero(coming[COMING_GAP])
        if len(left):
            known = GAPS[gap[0]] if len(gap) else None
            self.decided.append((LEFT[left[0]], bool(coming[COMING_BEGINS]), known))


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    likely: npt.NDArray[np.float32] = weights / weights.sum(axis=-1, keepdims=True)
    return likely.astype(np.float32)


Predict: TypeAlias = Callable[[Degrees], Any]


class Moody(NextLetter):
    """A predictor that is sure of the next letter, except in the calls that fail."""

    def __init__(
        self,
        fault: Predict,
        fails: Callable[[int], bool] = lambda _: True,
        min_notes: int = 1,
    ) -> None:
        super().__init__(min_notes)
        self._fault = fault
        self._fails = fails
        self.calls = 0

    def predict(self, windows: Degrees) -> Probabilities:
        self.calls += 1
        if self._fails(self.calls):
            likely: Probabilities = self._fault(windows)
            return likely
        return super().predict(windows)


class AnyLetterAndMemory(AnyLetter):
    mixture = CONSTANT


class SameLetter(NextLetter):
    """A predictor that is sure that the newest letter is repeated."""

    def predict(self, windows: Degrees) -> Probabilities:
        return np.eye(SIZE, dtype=np.float32)[windows[:, -1]]


class SecondLetter(NextLetter):
    """A predictor that is sure: after C comes E."""

    def predict(self, windows: Degrees) -> Probabilities:
        probabilities: Probabilities = np.eye(SIZE, dtype=np.float32)[(windows[:, -1] + 2) % SIZE]
        return probabilities
