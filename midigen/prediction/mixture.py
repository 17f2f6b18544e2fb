"""Mixes the predictions of a model and of the session's memory."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE
from midigen.prediction.memory import ORDERS, Counts

Probabilities: TypeAlias = npt.NDArray[np.float32]
"""Probabilities of the seven letters, shape (batch, 7). Each row sums to 1."""

OFTEN = np.array([1.0, 2.0, 3.0, 6.0])
"""Steps of how often a context was heard: up to 1, 2, 3 or 6 times, or more."""

KINDS = 3
"""Up to how many different followers of a context are told apart."""

BUCKETS = (len(OFTEN) + 1) * KINDS
"""The classes of contexts, by how often they were heard and how many letters followed."""


@dataclass(frozen=True)
class Mixture:
    """How far to trust the memory, calibrated on songs that the model didn't learn from.

    What followed each context, from the shortest to the longest, is mixed into the model's
    prediction with the weight `trust[order - 1, bucket]`, 0 to 1, shape (16, 15). The bucket says
    how often the context was heard and how many different letters followed it (see `buckets`).
    Then the mixture m and the model's own p are combined as m**a * p**b, with (a, b) =
    `exponents[longest match]`, shape (17, 2). If no context was heard before, the prediction is
    the model's.
    """

    trust: npt.NDArray[np.float32]
    exponents: npt.NDArray[np.float32]

    def mix(self, model: Probabilities, counts: Counts, amount: float) -> Probabilities:
        """The probabilities of model and memory together, shape (batch, 7).

        `model` are the model's, shape (batch, 7), and `counts` the memory's, shape (batch, 16, 7).
        With an `amount` of 0 the result is the model's, with 1 the mixture as calibrated.
        """
        heard = counts @ _ONES
        if not amount or not heard[:, 0].any():
            return model
        known = heard > 0
        trust = amount * self.trust[_ORDER_INDEX, buckets(counts)] * known
        passed_down = (1 - trust)[:, ::-1].cumprod(axis=1)[:, ::-1]  # what orders from k up leave
        trust[:, :-1] *= passed_down[:, 1:]
        trust /= np.maximum(heard, _TINY)
        mixed = (trust[:, np.newaxis] @ counts)[:, 0] + passed_down[:, :1] * model
        exponents = _UNMIXED + amount * (self.exponents[known.sum(axis=1)] - _UNMIXED)
        logs = np.log(np.maximum(np.array([mixed, model]), _TINY))
        likely = np.exp(exponents[:, :1] * logs[0] + exponents[:, 1:] * logs[1])
        likely /= (likely @ _ONES)[:, np.newaxis]
        return np.where(known[:, :1], likely, model).astype(np.float32)


_ONES = np.ones(SIZE)  # a product with it adds up seven, much faster than `sum`
_ORDER_INDEX = np.arange(ORDERS)
_UNMIXED = np.array([1.0, 0.0], dtype=np.float32)
_TINY = 1e-9


def buckets(counts: Counts) -> npt.NDArray[np.intp]:
    """The column of `Mixture.trust` for each context: shape (…, 16), for counts (…, 16, 7)."""
    often = OFTEN.searchsorted(counts @ _ONES)
    columns: npt.NDArray[np.intp] = often * KINDS + _KIND[(counts > 0).sum(axis=-1)]
    return columns


_KIND = np.clip(np.arange(SIZE + 1), 1, KINDS) - 1
