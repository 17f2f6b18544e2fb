"""What has been played tonight, and what may follow: window, memory and model together.

Live play and evaluation both predict with it.
"""

import numpy as np

from midigen.music.keys import Degree
from midigen.prediction.memory import Counts, Memory
from midigen.prediction.mixture import Probabilities
from midigen.prediction.predictor import Predictor
from midigen.prediction.window import KEPT, Window

TAKEN_BACK = KEPT // 2
"""The most letters that can be taken back."""

OWN_WEIGHT = 0.5
"""How much one of midigen's own notes counts in memory; one of the player's counts 1."""


class Session:
    """Everything heard and played, and the prediction of what comes next."""

    def __init__(self, predictor: Predictor, memory_amount: float) -> None:
        self.memory_amount = memory_amount
        """How much the memory counts in predictions, 0 (not at all) to 1. It may be changed."""
        self._predictor = predictor
        self._window = Window(predictor.max_notes)
        self._memory = Memory()
        self._since_heard = 0  # midigen's notes after the player's newest

    @property
    def missing(self) -> int:
        """How many more notes are needed before the model can predict."""
        return max(0, self._predictor.min_notes - len(self._window))

    def hear(self, degree: Degree) -> None:
        """The player plays a letter."""
        self._window.push(degree)
        self._memory.add(degree)
        self._since_heard = 0

    def replace(self, degree: Degree) -> None:
        """Replace the player's newest letter."""
        self._window.replace(self._since_heard, degree)
        self._memory.replace(self._since_heard, degree)

    def play(self, degree: Degree) -> None:
        """Add a letter that midigen plays; it counts as heard too."""
        self._window.push(degree)
        self._memory.add(degree, OWN_WEIGHT)
        self._since_heard += 1

    def take_back(self) -> None:
        """Take back what midigen has played since the player's newest letter.

        After a very long answer the phrase before it is forgotten, and nothing is taken back.
        """
        if self._since_heard > TAKEN_BACK:
            return
        self._window.drop(self._since_heard)
        self._memory.drop(self._since_heard)
        self._since_heard = 0

    def forget(self) -> None:
        """Forget everything that was heard and played."""
        self._window.clear()
        self._memory.forget()
        self._since_heard = 0

    def use(self, predictor: Predictor) -> None:
        """Go on with another model. What was heard and played is kept."""
        self._predictor = predictor
        self._window.length = predictor.max_notes

    def predict(self, *, answers: bool = False) -> Probabilities:
        """The probabilities of the next letter, shape (1, 7).

        With `answers`, those of the letter after the next one, for each of the seven it may be:
        shape (7, 7), where row d is what would be predicted once the player has played d.
        """
        window = self._window
        windows = window.as_batch_after_each_letter() if answers else window.as_batch()
        model = self._predictor.predict(windows)
        mixture = self._predictor.mixture
        if mixture is None or not self.memory_amount:
            return model
        return mixture.mix(model, self._counts(answers=answers), self.memory_amount)

    def recall(self, *, answers: bool) -> Probabilities:
        """What the memory alone predicts, in the shapes of `predict`.

        Each letter is as likely as it followed the longest context that was heard before. If no
        context was, the row is all zeros.
        """
        counts = self._counts(answers=answers)
        longest = np.maximum((counts > 0).any(axis=-1).sum(axis=-1) - 1, 0)
        followed = counts[np.arange(len(counts)), longest]
        total = followed.sum(axis=1, keepdims=True)
        shares: Probabilities = (followed / np.where(total > 0, total, 1)).astype(np.float32)
        return shares

    def _counts(self, *, answers: bool) -> Counts:
        """What the memory counts, shape (1, 16, 7), or (7, 16, 7) for `answers`."""
        memory = self._memory
        return memory.counts_after_each_letter() if answers else memory.counts()[None]
