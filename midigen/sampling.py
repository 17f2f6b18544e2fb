"""From seven probabilities to one letter."""

import numpy as np

from midigen.predictor import Probabilities
from midigen.vocabulary import Degree


def sample(probabilities: Probabilities, temperature: float, rng: np.random.Generator) -> Degree:
    """Draw a letter from probabilities of shape (7,).

    `temperature` 0 takes the likeliest letter, 1 draws by the probabilities as
    they are, and more makes them more equal (each is raised to 1/temperature).
    """
    if temperature == 0:
        return int(np.argmax(probabilities))
    # Letters of probability 0 stay impossible, and a tiny temperature makes all but the
    # likeliest so: their logarithms become minus infinity, quietly.
    with np.errstate(divide="ignore", over="ignore"):
        logs = np.log(probabilities, dtype=np.float64)
        cumulative = np.cumsum(np.exp((logs - logs.max()) / temperature))
    return int(np.searchsorted(cumulative[:-1], rng.random() * cumulative[-1], side="right"))
