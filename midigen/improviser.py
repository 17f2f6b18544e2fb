"""Which letter comes next: the session's prediction, and what is drawn from it.

What can be is found ahead of its time: in the loop one letter, in duet the answers to
all seven that the player may strike, as one batch. An answer that was found ahead goes
out before the session has heard what it answers.
"""

import numpy as np

from midigen.predictor import Predictor, Probabilities
from midigen.session import Session
from midigen.settings import Settings
from midigen.vocabulary import Degree


class Improviser:
    """Hears letters and plays letters."""

    def __init__(self, predictor: Predictor, settings: Settings, rng: np.random.Generator) -> None:
        self._session = Session(predictor, settings.memory.amount)
        self._sampler = settings.sampling.sampler(rng)
        self._likely: Probabilities | None = None  # that of the next letter or, by letter, answer
        self._ahead: list[Degree] | None = None
        self._unheard: Degree | None = None  # answered, and to be heard when there is time
        self.probabilities: Probabilities | None = None
        """Of the letter that comes next, as far as that is known: shape (7,)."""

    @property
    def missing(self) -> int:
        """How many more letters it must hear before it can play."""
        self._catch_up()
        return self._session.missing

    def prepare(self, *, answers: bool) -> None:
        """Find ahead what can be: the next letter, or (`answers`) that after each of the seven."""
        self._catch_up()
        if self._ahead is not None:
            return
        if answers and self._session.missing <= 1:
            self._likely = self._session.predict_after_each_letter()
        elif not answers and not self._session.missing:
            self._likely = self._session.predict()
            self.probabilities = self._likely[0]
        else:
            return
        self._ahead = self._sampler.draw(self._likely)

    def hear(self, degree: Degree, *, replaces: bool, answers: bool) -> Degree | None:
        """The player plays a letter; gives the answer to it where that was found ahead."""
        self._catch_up()
        ahead, self._ahead = self._ahead, None
        if replaces:
            self._session.replace(degree)
        elif ahead is None or not answers or self._likely is None:
            self._session.hear(degree)
        else:
            self._unheard = degree
            self.probabilities = self._likely[degree]
            return ahead[degree]
        return None

    def answer(self, ahead: Degree | None) -> Degree:
        """The answer to the letter just heard: what was found ahead, or drawn now."""
        if ahead is None:
            self._catch_up()
            likely = self._session.predict()
            self.probabilities = likely[0]
            (ahead,) = self._sampler.draw(likely)
        self._sampler.take(ahead)
        return ahead

    def play(self) -> Degree:
        """The next letter of the machine's own line, which it hears too."""
        if self._ahead is None:
            self.prepare(answers=False)
        assert self._ahead is not None  # nothing is played while letters are missing
        (degree,) = self._ahead
        self._sampler.take(degree)
        self._session.play(degree)
        self._ahead = None
        return degree

    def begin_line(self) -> None:
        """What the machine has played before doesn't count as a repetition any more."""
        self._sampler.begin_line()

    def rewind(self) -> None:
        """Unhear what it has played since the player's newest letter."""
        self._catch_up()
        self._session.take_back()
        self._sampler.begin_line()
        self._ahead = None

    def forget(self) -> None:
        """Forget everything that was heard and played."""
        self._unheard = None
        self._session.forget()
        self._ahead = None
        self.probabilities = None

    def obey(self, settings: Settings) -> None:
        """Draw by other settings from the next letter on."""
        self._sampler.temperature = settings.sampling.temperature
        self._sampler.top_p = settings.sampling.top_p
        self._session.memory_amount = settings.memory.amount
        self._ahead = None

    def use(self, predictor: Predictor) -> None:
        """Go on with another model, knowing all that was heard and played."""
        self._session.use(predictor)
        self._ahead = None

    def look_again(self) -> None:
        """What was found ahead is for another mode."""
        self._ahead = None

    def _catch_up(self) -> None:
        """Let the session hear what was answered before it could."""
        if self._unheard is not None:
            degree, self._unheard = self._unheard, None
            self._session.hear(degree)
