"""How well answers compare with real ones: the same calls for several answerers, and the judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midigen.errors import MidigenError
from midigen.learning.answerers import Answerer, again, random_walk, shuffled
from midigen.learning.comparison import Comparison, compare, endings
from midigen.learning.corpus import Song
from midigen.learning.judge import judge
from midigen.learning.notes import Notes
from midigen.learning.phrases import FEWEST, Exchange, exchanges

REAL = "real"
MIDIGEN = "midigen"
WALK = "random-walk"
"""Names of answerers; each stands for whose answers they are."""


@dataclass(frozen=True, eq=False)
class AnswerReport:
    """What the answers to some calls are like, by the answerers' names."""

    calls: int
    answers: Mapping[str, Comparison]
    """Of `real`, `midigen`, `random-walk`, `shuffled` and `again`, in this order."""
    endings: Mapping[str, npt.NDArray[np.float64]]
    """The shares of the seven letters among the last notes, shape (7,)."""
    judge: Mapping[str, float]
    """The judge's AUC, 0 to 1, of `midigen` and of `random-walk`; see `judge`."""


def report(songs: Sequence[Song], count: int, midigen: Answerer, seed: int) -> AnswerReport:
    """Have so many calls answered, drawn from all of the songs; of all calls, if they are fewer.

    The same seed gives the same calls, and the same random numbers to all answerers for each
    of them. Raises MidigenError if there is no call, an answer is empty, or the judge can't learn.
    """
    chosen = _drawn(exchanges(songs), count, seed)
    calls, real = [each.call for each in chosen], [each.answer for each in chosen]
    ways: dict[str, Answerer] = {
        MIDIGEN: midigen, WALK: random_walk, "shuffled": shuffled, "again": again
    }  # fmt: skip
    answers = {REAL: real} | {name: _answered(way, calls, seed) for name, way in ways.items()}
    if not all(map(len, answers[MIDIGEN])):
        raise MidigenError("midigen doesn't answer: output.mute must be off for --answers")
    names = [each.song for each in chosen]
    return AnswerReport(
        len(chosen),
        {name: compare(calls, each, real) for name, each in answers.items()},
        {name: endings(each) for name, each in answers.items()},
        {name: judge(names, calls, real, answers[name], seed) for name in (MIDIGEN, WALK)},
    )


def _drawn(found: Sequence[Exchange], count: int, seed: int) -> list[Exchange]:
    """So many of them by the seed, in their own order."""
    if not found:
        raise MidigenError(
            f"no song has two phrases in a row of {FEWEST} notes or more, which --answers needs"
        )
    order = np.random.default_rng(seed).permutation(len(found))
    return [found[index] for index in sorted(order[:count].tolist())]


def _answered(answerer: Answerer, calls: Sequence[Notes], seed: int) -> list[Notes]:
    return [
        answerer(call, np.random.default_rng([seed, number])) for number, call in enumerate(calls)
    ]
