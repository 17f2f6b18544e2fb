"""What may come next, found wherever there is time for it.

The improviser puts a `Question`: what has happened since its last one, and what it wants
to know. A `Foresight` answers with a `Forecast`. It alone has the session, so it may
work on another thread than the one that plays: what is played never waits for a model.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from midigen.music.keys import SIZE
from midigen.prediction.mixture import Probabilities
from midigen.prediction.predictor import Predictor
from midigen.prediction.session import Session

Move: TypeAlias = Callable[[Session], None]
"""Something that the session is to hear of: a letter, another model."""


@dataclass(frozen=True, slots=True)
class Question:
    """What comes next; with `answers`, what comes after each of the seven letters."""

    number: int
    """How many moves there have been."""
    moves: tuple[Move, ...]
    """Those since the last question, oldest first."""
    memory_amount: float
    """How much the memory says, 0 to 1."""
    answers: bool
    is_urgent: bool = False
    """A note waits for it, or soon will."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The answer to the question of this number."""

    number: int
    answers: bool
    likely: Probabilities
    """A row of the next letter, or seven (`answers`). A row of zeros: there is nothing to go by."""
    trouble: str = ""
    """What is wrong with the model, where these are the memory's alone."""


class Foresight:
    """Knows what was heard and played, and predicts. For one thread."""

    def __init__(self, predictor: Predictor) -> None:
        self._session = Session(predictor, memory_amount=0.0)

    def answer(self, question: Question) -> Forecast:
        """Predict, by the model and the memory; where the model fails, by the memory alone."""
        for move in question.moves:
            move(self._session)
        self._session.memory_amount = question.memory_amount
        try:
            likely = self._predict(answers=question.answers)
            trouble = _fault(likely, rows=SIZE if question.answers else 1)
        except Exception as exc:  # whatever a model does, the set goes on
            said = " ".join(str(exc).split())  # it may be several lines
            trouble = f"{type(exc).__name__}: {said}" if said else type(exc).__name__
        if trouble:
            likely = self._session.recall(answers=question.answers)
        return Forecast(question.number, question.answers, likely, trouble)

    def _predict(self, *, answers: bool) -> Probabilities:
        return self._session.predict_after_each_letter() if answers else self._session.predict()


def _fault(likely: Probabilities, *, rows: int) -> str:
    """What is wrong with what a model gives, if anything is."""
    if likely.shape != (rows, SIZE):
        return f"it gives an array of shape {likely.shape}"
    if not ((likely >= 0) & (likely < np.inf)).all() or not likely.any(axis=1).all():
        return "it gives numbers that aren't probabilities"
    return ""
