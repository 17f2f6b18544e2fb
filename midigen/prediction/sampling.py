"""Draws letters from their probabilities."""

from dataclasses import KW_ONLY, dataclass, field

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree
from midigen.prediction.mixture import Probabilities


def sample(
    probabilities: Probabilities,
    number: float,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    barred: Degree | None = None,
) -> list[Degree]:
    """The letter that a random number draws from each row of probabilities, shape (batch, 7).

    `number` is from 0 up to, but not including, 1. A `barred` letter is left out first. Then each
    probability is raised to 1/`temperature`: 0 takes the likeliest letter, 1 keeps the
    probabilities as they are, and more makes them more equal. Finally only the likeliest letters
    that together make up `top_p`, above 0 up to 1, are drawn from.
    """
    # Letters of probability 0 stay impossible, and a tiny temperature makes all but the likeliest
    # impossible: their logarithms become minus infinity, without a warning.
    with np.errstate(divide="ignore", over="ignore"):
        logs = np.log(probabilities, dtype=np.float64)
        if barred is not None:
            _bar(logs, barred)
        if temperature == 0:
            likeliest: list[Degree] = logs.argmax(axis=1).tolist()
            return likeliest
        weights = np.exp((logs - logs.max(axis=1, keepdims=True)) / temperature)
    if top_p < 1:
        _keep_likeliest(weights, top_p)
    rising = np.cumsum(weights, axis=1)
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

    def draw(self, probabilities: Probabilities) -> list[Degree]:
        """A letter from each row of probabilities, by the same number until one is taken."""
        if self._number is None:
            self._number = self.rng.random()
        is_enough = self.max_repeat is not None and self._repeats >= self.max_repeat
        return sample(
            probabilities,
            self._number,
            temperature=self.temperature,
            top_p=self.top_p,
            barred=self._newest if is_enough else None,
        )

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


def _bar(logs: npt.NDArray[np.float64], barred: Degree) -> None:
    """Make a letter impossible. If no other one is possible, the others become equally likely."""
    logs[:, barred] = -np.inf
    only = logs.max(axis=1) == -np.inf
    logs[only] = 0.0
    logs[only, barred] = -np.inf


def _keep_likeliest(weights: npt.NDArray[np.float64], top_p: float) -> None:
    """Set all weights to 0 but the largest ones, which together make up `top_p` of a row."""
    order = np.argsort(-weights, axis=1, kind="stable")
    falling = np.take_along_axis(weights, order, axis=1)
    before = np.cumsum(falling, axis=1) - falling
    surplus = before >= top_p * falling.sum(axis=1, keepdims=True)
    falling[surplus] = 0.0
    np.put_along_axis(weights, order, falling, axis=1)
