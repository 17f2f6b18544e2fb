"""Draws letters from their probabilities."""

from dataclasses import KW_ONLY, dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree
from midigen.prediction.mixture import Probabilities

Weights: TypeAlias = npt.NDArray[np.float64]
"""How much each letter counts, shape (7,): 1 leaves its probability as it is, 0 bars it."""


def sample(
    probabilities: Probabilities,
    number: float,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    weights: Weights | None = None,
) -> list[Degree]:
    """The letter that a random number draws from each row of probabilities, shape (batch, 7).

    `number` is from 0 up to, but not including, 1. First each probability is multiplied by the
    letter's weight; one of them at least must be above 0. Then it is raised to 1/`temperature`: 0
    takes the likeliest letter, 1 keeps the probabilities as they are, and more makes them more
    equal. Finally only the likeliest letters that together make up `top_p`, above 0 up to 1, are
    drawn from.
    """
    # Letters of probability 0 stay impossible, and a tiny temperature makes all but the likeliest
    # impossible: their logarithms become minus infinity, without a warning.
    with np.errstate(divide="ignore", over="ignore"):
        likely = probabilities if weights is None else _weighed(probabilities, weights)
        logs = np.log(likely, dtype=np.float64)
        if temperature == 0:
            likeliest: list[Degree] = logs.argmax(axis=1).tolist()
            return likeliest
        shares = np.exp((logs - logs.max(axis=1, keepdims=True)) / temperature)
    if top_p < 1:
        _keep_likeliest(shares, top_p)
    rising = np.cumsum(shares, axis=1)
    passed = rising[:, : SIZE - 1] <= number * rising[:, SIZE - 1 :]
    letters: list[Degree] = passed.sum(axis=1).tolist()
    return letters


@dataclass
class Sampler:
    """Draws midigen's notes with one random number each, and limits repetitions.

    `max_repeat` is how often the same letter may come in a row, or None for no limit. For
    `temperature` and `top_p` see `sample`.
    """

    rng: np.random.Generator
    _: KW_ONLY
    temperature: float = 1.0
    top_p: float = 1.0
    max_repeat: int | None = None
    _number: float | None = field(default=None, init=False)  # draws the next note until it is taken
    _newest: Degree | None = field(default=None, init=False)
    _repeats: int = field(default=0, init=False)  # how often in a row the newest letter came

    def draw(self, probabilities: Probabilities, weights: Weights | None = None) -> list[Degree]:
        """A letter from each row of probabilities, by the same number until one is taken.

        For `weights` see `sample`; two of them at least must be above 0.
        """
        if self._number is None:
            self._number = self.rng.random()
        return sample(
            probabilities,
            self._number,
            temperature=self.temperature,
            top_p=self.top_p,
            weights=self._weights(weights),
        )

    def _weights(self, weights: Weights | None) -> Weights | None:
        """Weights by which a letter that has come as often as it may is barred too."""
        if self.max_repeat is None or self._repeats < self.max_repeat:
            return weights
        limited = np.ones(SIZE) if weights is None else weights.copy()
        limited[self._newest] = 0.0
        return limited

    def take(self, degree: Degree) -> None:
        """Take a letter that was drawn. The next one gets another number."""
        self._number = None
        self.count(degree)

    def count(self, degree: Degree) -> None:
        """Count a letter that is played, but wasn't drawn here."""
        self._repeats = self._repeats + 1 if degree == self._newest else 1
        self._newest = degree

    def begin_line(self) -> None:
        """Begin a new line: what was played before no longer counts as a repetition."""
        self._newest = None
        self._repeats = 0


def _weighed(probabilities: Probabilities, weights: Weights) -> npt.NDArray[np.float64]:
    """The products. Where no letter is left possible, the weights alone count."""
    products = probabilities * weights
    return np.where(products.any(axis=1, keepdims=True), products, weights)


def _keep_likeliest(shares: npt.NDArray[np.float64], top_p: float) -> None:
    """Set all shares to 0 but the largest ones, which together make up `top_p` of a row."""
    order = np.argsort(-shares, axis=1, kind="stable")
    falling = np.take_along_axis(shares, order, axis=1)
    before = np.cumsum(falling, axis=1) - falling
    surplus = before >= top_p * falling.sum(axis=1, keepdims=True)
    falling[surplus] = 0.0
    np.put_along_axis(shares, order, falling, axis=1)
