"""Chooses the next letter: asks for forecasts ahead of time, and draws from them.

The loop needs a forecast of one letter; duet needs the answers to all seven letters that the
player may strike, in one batch. Questions go to `asks`, and a forecast comes back through `take`,
perhaps much later. Nothing here waits for it.
"""

from collections.abc import Callable

import numpy as np

from midigen.instrument.panel import Panel
from midigen.music.keys import SIZE, Degree
from midigen.prediction.foresight import Forecast, Foresight, Move, Question
from midigen.prediction.mixture import Probabilities
from midigen.prediction.predictor import Predictor
from midigen.prediction.sampling import Sampler
from midigen.prediction.session import TAKEN_BACK
from midigen.prediction.variety import Call, Variety
from midigen.settings.sections import Sampling

_ANY = np.float32(1 / SIZE)


class Improviser:
    """Takes in the letters that are heard and played, and draws the next one."""

    def __init__(self, predictor: Predictor, panel: Panel, rng: np.random.Generator) -> None:
        self.foresight = Foresight(predictor)
        """Answers the questions."""
        self.asks: Callable[[Question], None] | None = None
        """Where questions go; None to answer them at once."""
        self.probabilities: Probabilities | None = None
        """The probabilities of the next letter, shape (7,); None while they aren't known."""
        self.trouble = ""
        """What is wrong with the model; else empty."""
        self.owed: tuple[int, Degree] | None = None
        """How many moves came before the player's letter whose answer isn't known yet, and that
        letter; None if none waits."""
        self.sampler = new_sampler(panel.settings.sampling, rng)
        """Draws the letters."""
        self._variety = Variety()
        self._panel = panel
        self._min_notes = predictor.min_notes
        self._letters = 0
        self._own = 0  # midigen's letters after the player's newest
        self._number = 0  # how many moves there were
        self._used_at = 0  # the number of moves when this model came
        self._moves: list[Move] = []  # not yet sent with a question
        self._asked: Question | None = None  # not answered yet
        self._known: Forecast | None = None  # what comes next
        self._ahead: list[Degree | None] = []  # a letter drawn from each of its rows
        self._answer: Degree | None = None

    @property
    def missing(self) -> int:
        """How many more letters the model needs before it can predict."""
        return max(0, self._min_notes - self._letters)

    @property
    def can_begin(self) -> bool:
        """Whether midigen may play the first letter: it has none yet, and one is enough."""
        return not self._letters and self._min_notes <= 1

    @property
    def can_play(self) -> bool:
        """Whether midigen's own next letter is known."""
        return self.asks is None or self._knows(answers=False) or self.can_begin

    def prepare(self, *, answers: bool, is_urgent: bool = False) -> None:
        """Ask for the next letter, or with `answers` for the one after each of the seven."""
        if self._asked is None and not self._knows(answers=answers) and self.missing <= answers:
            self._ask(answers=answers, is_urgent=is_urgent)

    def take(self, forecast: Forecast) -> None:
        """Take the answer to a question; it may be outdated by now."""
        self._asked = None
        if forecast.number >= self._used_at:
            self.trouble = forecast.trouble
        if forecast.number == self._number:
            self._known = forecast
            self.redraw()
        if self.owed is not None:
            self._settle(*self.owed, forecast)

    def hear(self, degree: Degree, *, replaces: bool) -> bool:
        """Add the player's letter. Returns whether its `answer` is already known."""
        known = self._known if self._knows(answers=True) and not replaces else None
        if known is not None:
            self._answer = self._ahead[degree]
            self.probabilities = known.likely[degree]
        if replaces:
            self._move(lambda session: session.replace(degree))
        else:
            self._move(lambda session: session.hear(degree))
            self._letters += 1
            self._own = 0
        return known is not None

    def owe(self, degree: Degree) -> None:
        """Find the answer to the letter just heard, as soon as possible; see `owed`."""
        self.owed = self._number - 1, degree
        if self._asked is None:
            self._ask(answers=False, is_urgent=True)

    def answer(self) -> Degree | None:
        """The answer to the player's letter; None if the model gives none."""
        if self._answer is not None:
            self.sampler.take(self._answer)
            self._known = None  # the random number is used up
        return self._answer

    def play(self, first: Degree) -> Degree | None:
        """Draw and add midigen's next letter; None if the model gives none.

        If nothing was heard or played before, it is `first`.
        """
        letter = first
        if self.can_begin:
            self.sampler.count(letter)
        else:
            if not self._knows(answers=False):
                self._ask(answers=False)  # answered at once, since `can_play`
            (drawn,) = self._ahead
            if drawn is None:
                self._known = None  # the model may fail only now and then: ask again
                return None
            letter = drawn
            self.sampler.take(letter)
        self._variety.add(letter)
        self._move(lambda session: session.play(letter))
        self._letters += 1
        self._own += 1
        return letter

    def begin_answer(self, call: Call) -> None:
        """What `play` adds from now on answers a call, otherwise than it was answered before."""
        self._variety.begin(call)
        self.redraw()

    def end_answer(self) -> None:
        """The answer is over."""
        self._variety.end()

    def rewind(self) -> None:
        """Take back midigen's letters since the player's newest one."""
        self._move(lambda session: session.take_back())
        if self._own <= TAKEN_BACK:
            self._letters -= self._own
            self._own = 0
        self.sampler.begin_line()

    def forget(self) -> None:
        """Forget everything that was heard and played."""
        self._move(lambda session: session.forget())
        self._variety.forget()
        self._letters = self._own = 0
        self.owed = None
        self.probabilities = None

    def redraw(self) -> None:
        """Draw from the forecast, with the present sampling settings."""
        if self._known is not None:
            self._ahead = self._drawn(self._known.likely)
            if not self._known.answers:
                self.probabilities = self._known.likely[0]

    def reconsider(self) -> None:
        """Drop the forecast: the weight of the memory has changed."""
        self._number += 1
        self._known = None

    def use(self, predictor: Predictor) -> None:
        """Change the model; window and memory stay."""
        self._min_notes = predictor.min_notes
        self._move(lambda session: session.use(predictor))
        self._used_at = self._number
        self.trouble = ""

    def _move(self, move: Move) -> None:
        self._moves.append(move)
        self._number += 1
        self._known = None

    def _knows(self, *, answers: bool) -> bool:
        return self._known is not None and self._known.answers is answers

    def _ask(self, *, answers: bool, is_urgent: bool = False) -> None:
        amount = self._panel.settings.memory.amount
        question = Question(self._number, tuple(self._moves), amount, answers, is_urgent)
        self._moves.clear()
        if self.asks is None:
            self.take(self.foresight.answer(question))
        else:
            self._asked = question
            self.asks(question)

    def _settle(self, number: int, degree: Degree, forecast: Forecast) -> None:
        """Draw the pending answer, or ask again if the forecast was made before the letter came."""
        if forecast.answers and forecast.number == number:
            row = degree
        elif not forecast.answers and forecast.number > number:
            row = 0
        else:
            self._ask(answers=False, is_urgent=True)
            return
        self.owed = None
        self.probabilities = forecast.likely[row]
        (self._answer,) = self._drawn(forecast.likely[row : row + 1])

    def _drawn(self, likely: Probabilities) -> list[Degree | None]:
        """A letter from each row; None for a row of zeros, which a failing model gives."""
        _adjust(self.sampler, self._panel.settings.sampling)
        weights = self._variety.weights
        known: list[bool] = (likely > 0).any(axis=1).tolist()  # type: ignore[assignment]
        if all(known):
            return list(self.sampler.draw(likely, weights))
        likely = np.where(likely.any(axis=1, keepdims=True), likely, _ANY)
        drawn = self.sampler.draw(likely, weights)
        return [letter if is_known else None for letter, is_known in zip(drawn, known, strict=True)]


def new_sampler(sampling: Sampling, rng: np.random.Generator) -> Sampler:
    """A sampler with these settings."""
    sampler = Sampler(rng)
    _adjust(sampler, sampling)
    return sampler


def _adjust(sampler: Sampler, sampling: Sampling) -> None:
    sampler.temperature = sampling.temperature
    sampler.top_p = sampling.top_p
    sampler.max_repeat = sampling.most_repeats
