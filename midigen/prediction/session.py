"""What has been played tonight, and what may follow: line, memory and model together.

Live play and evaluation both predict with it.
"""

import numpy as np

from midigen.prediction.line import KEPT, Line
from midigen.prediction.memory import Counts, Memory
from midigen.prediction.mixture import Probabilities
from midigen.prediction.outlook import Outlook
from midigen.prediction.predictor import Predictor, StepPredictor
from midigen.prediction.steps import NOTHING_DECIDED, Coming, Step
from midigen.prediction.window import after_each_letter

TAKEN_BACK = KEPT
"""The most steps that can be taken back."""

OWN_WEIGHT = 0.5
"""How much one of midigen's notes counts in memory while its answer lasts.

One of the player's counts 1. Once the player plays on, midigen's notes before that count no more.
Else it would learn its own answers, and give the same one to the same call each time.
"""


class Session:
    """Everything heard and played, and the prediction of what comes next."""

    def __init__(self, predictor: Predictor, memory_amount: float) -> None:
        self.memory_amount = memory_amount
        """How much the memory counts in predictions, 0 (not at all) to 1. It may be changed."""
        self.use(predictor)
        self._line = Line()
        self._memory = Memory()
        self._since_heard = 0  # midigen's notes after the player's newest

    @property
    def missing(self) -> int:
        """How many more notes are needed before the model can predict."""
        return max(0, self._predictor.min_notes - len(self._line))

    def hear(self, step: Step) -> None:
        """The player plays a step."""
        self._line.disregard(self._since_heard)
        self._memory.disregard(self._since_heard)
        self._line.push(step)
        self._memory.add(step.degree)
        self._since_heard = 0

    def replace(self, step: Step) -> None:
        """Replace the player's newest step."""
        self._line.replace(self._since_heard, step)
        self._memory.replace(self._since_heard, step.degree)

    def play(self, step: Step) -> None:
        """Add a step that midigen plays."""
        self._line.push(step)
        self._memory.add(step.degree, weight=OWN_WEIGHT)
        self._since_heard += 1

    def take_back(self) -> None:
        """Take back what midigen has played since the player's newest step.

        After a very long answer the phrase before it is forgotten, and nothing is taken back.
        """
        if self._since_heard > TAKEN_BACK:
            return
        self._line.drop(self._since_heard)
        self._memory.drop(self._since_heard)
        self._since_heard = 0

    def forget(self) -> None:
        """Forget everything that was heard and played."""
        self._line = Line()
        self._memory.forget()
        self._since_heard = 0

    def use(self, predictor: Predictor) -> None:
        """Go on with another model. What was heard and played is kept."""
        self._predictor = predictor
        self._steps = predictor if isinstance(predictor, StepPredictor) else None

    def predict(self, coming: Coming = NOTHING_DECIDED, *, answers: bool = False) -> Outlook:
        """What to expect of the next note, as a batch of one.

        With `answers`, what to expect of the note after the next one, for each of the seven
        letters that may be: a batch of seven, where row d holds once the player has played d. (If
        midigen has played since the player's newest step, it still counts that; see OWN_WEIGHT.)
        """
        outlook = self._expect(coming, answers=answers)
        mixture = self._predictor.mixture
        if mixture is None or not self.memory_amount:
            return outlook
        counts = self._counts(answers=answers)
        return outlook.with_letters(mixture.mix(outlook.letters, counts, self.memory_amount))

    def recall(self, *, answers: bool) -> Probabilities:
        """The letters that the memory alone predicts, shape (1, 7), or (7, 7) with `answers`.

        Each letter is as likely as it followed the longest context that was heard before. If no
        context was, the row is all zeros.
        """
        counts = self._counts(answers=answers)
        longest = np.maximum((counts > 0).any(axis=-1).sum(axis=-1) - 1, 0)
        followed = counts[np.arange(len(counts)), longest]
        total = followed.sum(axis=1, keepdims=True)
        shares: Probabilities = (followed / np.where(total > 0, total, 1)).astype(np.float32)
        return shares

    def _expect(self, coming: Coming, *, answers: bool) -> Outlook:
        line, predictor = self._line, self._predictor
        if self._steps is not None:
            rows = line.rows_after_each_letter() if answers else line.rows()
            return self._steps.expect(rows, np.repeat(line.coming(coming), len(rows), axis=0))
        window = line.letters(predictor.max_notes)
        windows = after_each_letter(window, predictor.max_notes) if answers else window[np.newaxis]
        return Outlook(predictor.predict(windows))

    def _counts(self, *, answers: bool) -> Counts:
        memory = self._memory
        return memory.counts_after_each() if answers else memory.counts()[np.newaxis]
