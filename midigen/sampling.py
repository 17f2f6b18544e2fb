"""From seven probabilities to one letter, in two steps.

The first can be done ahead; the second is all that is left to do when a note is due.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from midigen.predictor import Probabilities
from midigen.vocabulary import SIZE, Degree

Distribution: TypeAlias = Sequence[float]
"""Seven rising numbers: a letter is drawn as often as its number exceeds the one before."""


def distributions(probabilities: Probabilities, temperature: float) -> list[Distribution]:
    """What to draw from, for each row of probabilities of shape (batch, 7).

    `temperature` 0 takes the likeliest letter, 1 draws by the probabilities as
    they are, and more makes them more equal (each is raised to 1/temperature).
    """
    if temperature == 0:
        weights = np.eye(SIZE)[probabilities.argmax(axis=1)]
    else:
        # Letters of probability 0 stay impossible, and a tiny temperature makes all but the
        # likeliest so: their logarithms become minus infinity, quietly.
        with np.errstate(divide="ignore", over="ignore"):
            logs = np.log(probabilities, dtype=np.float64)
            weights = np.exp((logs - logs.max(axis=1, keepdims=True)) / temperature)
    rows: list[Distribution] = np.cumsum(weights, axis=1).tolist()
    return rows


def draw(distribution: Distribution, rng: np.random.Generator) -> Degree:
    """Draw a letter. Takes one number from `rng`, at any temperature."""
    return bisect_right(distribution, rng.random() * distribution[-1], hi=SIZE - 1)
