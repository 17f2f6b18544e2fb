"""From probabilities to letters."""

import numpy as np

from midigen.predictor import Probabilities
from midigen.vocabulary import SIZE, Degree


def sample(probabilities: Probabilities, temperature: float, number: float) -> list[Degree]:
    """The letter that a random number draws from each row of probabilities.

    `probabilities` has the shape (batch, 7), `number` is in 0 to 1 (without 1).
    `temperature` 0 takes the likeliest letter, 1 draws by the probabilities as
    they are, and more makes them more equal (each is raised to 1/temperature).
    """
    if temperature == 0:
        likeliest: list[Degree] = probabilities.argmax(axis=1).tolist()
        return likeliest
    # Letters of probability 0 stay impossible, and a tiny temperature makes all but the likeliest
    # so: their logarithms become minus infinity, quietly.
    with np.errstate(divide="ignore", over="ignore"):
        logs = np.log(probabilities, dtype=np.float64)
        weights = np.exp((logs - logs.max(axis=1, keepdims=True)) / temperature)
    rising = np.cumsum(weights, axis=1)
    passed = rising[:, : SIZE - 1] <= number * rising[:, SIZE - 1 :]
    letters: list[Degree] = passed.sum(axis=1).tolist()
    return letters
