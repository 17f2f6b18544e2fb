"""How a model and the session's memory predict together."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE
from midigen.prediction.memory import ORDERS, Counts

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
