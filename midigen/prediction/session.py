"""What has been played tonight and what may follow: window, memory and model as one.

Live play and evaluation both predict by this.
"""

import numpy as np

from midigen.music.keys import Degree
from midigen.prediction.memory import Memory
from midigen.prediction.mixture import Probabilities
from midigen.prediction.predictor import Predictor
from midigen.prediction.window import KEPT, Window

TAKEN_BACK = KEPT // 2
"""The most letters that can be unheard."""

OWN_WEIGHT = 0.5
"""How much a note of the machine's own counts in memory, where one of the player's is 1."""


class Session:
    """Everything heard and played, and the prediction of what comes next."""

    def __init__(self, predictor: Predictor, memory_amount: float) -> None:
        self.memory_amount = memory_amount
        """How much the memory says in a prediction, from 0 (nothing) to 1; may be changed."""
        self._predictor = predictor
        self._window = Window(predictor.max_notes)
        self._memory = Memory()
        self._since_heard = 0  # the machine's notes after the player's newest

    @property
    def missing(self) -> int:
        """How many more notes it must hear before it can predict."""
        return max(0, self._predictor.min_notes - len(self._window))

    def hear(self, degree: Degree) -> None:
        """The player plays a letter."""
        self._window.push(degree)
        self._memory.add(degree)
        self._since_heard = 0

    def replace(self, degree: Degree) -> None:
        """The player's newest letter is another one after all."""
        self._window.replace(self._since_heard, degree)
        self._memory.replace(self._since_heard, degree)

    def play(self, degree: Degree) -> None:
        """The machine plays a letter, and hears it too."""
        self._window.push(degree)
        self._memory.add(degree, OWN_WEIGHT)
        self._since_heard += 1

    def take_back(self) -> None:
        """Unhear what the machine has played since the player's newest letter.

        After a very long answer the phrase is forgotten, and nothing is taken back.
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
        """Go on with another model; what was heard and played stays known."""
        self._predictor = predictor
        self._window.length = predictor.max_notes

    def recall(self, *, answers: bool) -> Probabilities:
        """What the memory alone says: shape (1, 7), or with `answers` (7, 7) as below.

        Each letter is as likely as it followed the longest context that was heard before;
        where none was, the row is of zeros.
        """
        memory = self._memory
        counts = memory.counts_after_each_letter() if answers else memory.counts()[None]
        longest = np.maximum((counts > 0).any(axis=-1).sum(axis=-1) - 1, 0)
        followed = counts[np.arange(len(counts)), longest]
        total = followed.sum(axis=1, keepdims=True)
        shares: Probabilities = (followed / np.where(total > 0, total, 1)).astype(np.float32)
        return shares

    def predict(self) -> Probabilities:
        """Probabilities of the next letter, shape (1, 7)."""
        model = self._predictor.predict(self._window.as_batch())
        mixture = self._predictor.mixture
        if mixture is None or not self.memory_amount:
            return model
        return mixture.mix(model, self._memory.counts()[None], self.memory_amount)

    def predict_after_each_letter(self) -> Probabilities:
        """Probabilities of the letter after the next, for each that the player may play next.

        Row d of the (7, 7) is what `predict` would give once the player has played d.
        """
        model = self._predictor.predict(self._window.as_batch_after_each_letter())
        mixture = self._predictor.mixture
        if mixture is None or not self.memory_amount:
            return model
        return mixture.mix(model, self._memory.counts_after_each_letter(), self.memory_amount)
