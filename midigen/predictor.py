"""What a predictor is, and how a model and the session's memory predict together."""

from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.memory import ORDERS, Counts
from midigen.vocabulary import SIZE
from midigen.window import Degrees

Probabilities: TypeAlias = npt.NDArray[np.float32]
"""Rows of seven probabilities, each row summing to 1."""

OFTEN = np.array([1.0, 2.0, 3.0, 6.0])
"""The steps in how often a context was heard: up to once, up to twice … more than six times."""

KINDS = 3
"""How many different letters followed it, counted up to this."""

BUCKETS = (len(OFTEN) + 1) * KINDS


@dataclass(frozen=True)
class Mixture:
    """How far to trust the memory, calibrated on songs that the model didn't learn from.

    Context by context, from the shortest to the longest, what followed it is
    mixed into the model's prediction with the weight `trust[order - 1, bucket]`, shape
    (16, 15), where the bucket says how often the context was heard and how many
    different letters followed (see `buckets`). Then both, the mixture m and the
    model's own p, are sharpened against each other: m**a * p**b with (a, b) =
    `exponents[longest match]`, shape (17, 2). Where no context was heard
    before, the prediction is the model's.
    """

    trust: npt.NDArray[np.float32]
    exponents: npt.NDArray[np.float32]

    def mix(self, model: Probabilities, counts: Counts, amount: float) -> Probabilities:
        """Probabilities (batch, 7) of model and memory together.

        `model` is the model's, `counts` the memory's, shape (batch, 16, 7). `amount`
        0 is the model alone, 1 the mixture as it was calibrated.
        """
        heard = counts @ _ONES
        if not amount or not heard[:, 0].any():
            return model
        known = heard > 0
        trust = amount * self.trust[_ORDER_INDEX, buckets(counts)] * known
        passed_down = (1 - trust)[:, ::-1].cumprod(axis=1)[:, ::-1]  # by all orders from k up
        trust[:, :-1] *= passed_down[:, 1:]
        trust /= np.maximum(heard, _TINY)
        mixed = (trust[:, np.newaxis] @ counts)[:, 0] + passed_down[:, :1] * model
        exponents = _UNMIXED + amount * (self.exponents[known.sum(axis=1)] - _UNMIXED)
        logs = np.log(np.maximum(np.array([mixed, model]), _TINY))
        likely = np.exp(exponents[:, :1] * logs[0] + exponents[:, 1:] * logs[1])
        likely /= (likely @ _ONES)[:, np.newaxis]
        return np.where(known[:, :1], likely, model).astype(np.float32)


_ONES = np.ones(SIZE)  # to add seven up by: much faster than a sum of an axis
_ORDER_INDEX = np.arange(ORDERS)
_UNMIXED = np.array([1.0, 0.0], dtype=np.float32)
_TINY = 1e-9


def buckets(counts: Counts) -> npt.NDArray[np.intp]:
    """The column of `Mixture.trust` for each context: shape (…, 16) for counts (…, 16, 7)."""
    often = OFTEN.searchsorted(counts @ _ONES)
    columns: npt.NDArray[np.intp] = often * KINDS + _KIND[(counts > 0).sum(axis=-1)]
    return columns


_KIND = np.clip(np.arange(SIZE + 1), 1, KINDS) - 1


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
