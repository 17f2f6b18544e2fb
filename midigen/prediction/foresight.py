"""Predicts on whichever thread has time for it.

The improviser asks a `Question`, which tells what has happened since the last one. A `Foresight`
answers it with a `Forecast`. It alone has the session, so it may work on another thread than the
one that plays, which never waits for a model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from midigen.music.keys import SIZE
from midigen.prediction.outlook import Outlook
from midigen.prediction.predictor import Predictor
from midigen.prediction.session import Session
from midigen.prediction.steps import GAPS, NOTHING_DECIDED, OCTAVES, SHARES, Coming

Move: TypeAlias = Callable[[Session], None]
"""Something to tell the session: a step, or another model."""


@dataclass(frozen=True, slots=True)
class Question:
    """What comes next; with `answers`, what comes after each of the seven letters."""

    number: int
    """How many moves there have been so far."""
    moves: tuple[Move, ...]
    """The moves since the last question, oldest first."""
    memory_amount: float
    """How much the memory says, 0 to 1."""
    answers: bool
    coming: Coming = NOTHING_DECIDED
    """What is decided of that note."""
    is_urgent: bool = False
    """A note is waiting for the answer, or soon will be."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The answer to the question of this number."""

    number: int
    answers: bool
    coming: Coming
    outlook: Outlook
    """A batch of one, or of seven for `answers`. Letters all 0 mean that nothing is known."""
    trouble: str = ""
    """What is wrong with the model. If anything is, the memory alone has predicted."""


class Foresight:
    """Keeps the session and predicts from it. It may be used by one thread only."""

    def __init__(self, predictor: Predictor) -> None:
        self._session = Session(predictor, memory_amount=0.0)

    def answer(self, question: Question) -> Forecast:
        """Predict by the model and the memory, or if the model fails, by the memory alone."""
        for move in question.moves:
            move(self._session)
        self._session.memory_amount = question.memory_amount
        try:
            outlook = self._session.predict(question.coming, answers=question.answers)
            trouble = _fault(outlook, rows=SIZE if question.answers else 1)
        except Exception as exc:  # whatever a model does, the music goes on
            said = " ".join(str(exc).split())  # it may be several lines
            trouble = f"{type(exc).__name__}: {said}" if said else type(exc).__name__
        if trouble:
            outlook = Outlook(self._session.recall(answers=question.answers))
        return Forecast(question.number, question.answers, question.coming, outlook, trouble)


def _fault(outlook: Outlook, *, rows: int) -> str:
    """What is wrong with a model's output; empty if nothing is."""
    others = (
        (outlook.octaves, (rows, SIZE, len(OCTAVES))),
        (outlook.gaps, (rows, len(GAPS))),
        (outlook.shares, (rows, len(SHARES))),
    )
    known = [(likely, shape) for likely, shape in others if likely is not None]
    for likely, shape in [(outlook.letters, (rows, SIZE)), *known]:
        if likely.shape != shape:
            return f"it gives an array of shape {likely.shape}"
        if not ((likely >= 0) & (likely < np.inf)).all() or not likely.any(axis=-1).all():
            return "it gives numbers that aren't probabilities"
    return ""
