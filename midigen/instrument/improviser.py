"""Chooses the next letter: asks for forecasts ahead of time, and draws from them.

The loop needs a forecast of one letter; duet needs the answers to all seven letters that the
player may strike, in one batch. Questions go to `asks`, and a forecast comes back through `take`,
perhaps much later. Nothing here waits for it.

With the letter a model that knows steps gives its octave, how long it sounds, and when the next one
comes. Its forecast counts only for what was decided of the note when it was asked for (`Coming`).
"""

from collections.abc import Callable, Collection
from typing import TypeAlias

import numpy as np

from midigen.instrument.drawing import Drawing, Drawn
from midigen.instrument.panel import Panel
from midigen.midi.messages import Beats
from midigen.music.keys import Degree
from midigen.prediction.foresight import Forecast, Foresight, Move, Question
from midigen.prediction.mixture import Probabilities
from midigen.prediction.outlook import Outlook
from midigen.prediction.predictor import Predictor, StepPredictor
from midigen.prediction.session import TAKEN_BACK
from midigen.prediction.steps import GAPS, NOTHING_DECIDED, USUAL, Coming, Step
from midigen.prediction.variety import Call, Variety

_SHOWN = 3  # of the likeliest gaps

Rhythm: TypeAlias = tuple[tuple[Beats, float], ...]
"""Times to the next note, each with its probability."""


class Improviser:
    """Takes in the steps that are heard and played, and draws the next one."""

    def __init__(self, predictor: Predictor, panel: Panel, rng: np.random.Generator) -> None:
        self.foresight = Foresight(predictor)
        """Answers the questions."""
        self.asks: Callable[[Question], None] | None = None
        """Where questions go; None to answer them at once."""
        self.trouble = ""
        """What is wrong with the model; else empty."""
        self.owed: tuple[int, Degree] | None = None
        """How many moves came before the player's letter whose answer isn't known yet, and that
        letter; None if none waits."""
        self.drawing = Drawing(panel, rng)
        """Draws the notes."""
        self._variety = Variety()
        self._panel = panel
        self._meet(predictor)
        self._letters = 0
        self._own = 0  # midigen's letters after the player's newest
        self._number = 0  # how many moves there were
        self._used_at = 0  # the number of moves when this model came
        self._moves: list[Move] = []  # not yet sent with a question
        self._asked: Question | None = None  # not answered yet
        self._known: Forecast | None = None  # what comes next
        self._ahead: list[Drawn | None] = []  # drawn from each of its rows
        self._answer: Drawn | None = None
        self._shown: tuple[Outlook, int] | None = None  # and its row

    @property
    def probabilities(self) -> Probabilities | None:
        """The probabilities of the next letter, shape (7,); None while they aren't known."""
        if self._shown is None:
            return None
        outlook, row = self._shown
        likely: Probabilities = outlook.letters[row]
        return likely

    @property
    def rhythm(self) -> Rhythm:
        """How soon it comes after the newest note, and how likely that is: the three likeliest."""
        outlook, row = self._shown or (None, 0)
        if outlook is None or outlook.gaps is None:
            return ()
        likely = outlook.gaps[row].tolist()
        return tuple(sorted(zip(GAPS, likely, strict=True), key=lambda each: -each[1])[:_SHOWN])

    @property
    def missing(self) -> int:
        """How many more letters the model needs before it can predict."""
        return max(0, self._min_notes - self._letters)

    @property
    def can_begin(self) -> bool:
        """Whether midigen may play the first letter: it has none yet, and one is enough."""
        return not self._letters and self._min_notes <= 1

    def can_play(self, coming: Coming) -> bool:
        """Whether midigen's own next letter is known, given what is decided of it."""
        return self.asks is None or self.can_begin or self._knows(coming)

    def prepare(self, coming: Coming, *, answers: bool, is_urgent: bool = False) -> None:
        """Ask for the next letter, or with `answers` for the one after each of the seven."""
        is_known = self._foresees if answers else self._knows(coming)
        if self._asked is None and not is_known and self.missing <= answers:
            self._ask(coming, answers=answers, is_urgent=is_urgent)

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

    def hear(self, step: Step, *, replaces: bool) -> bool:
        """Add the player's step. Returns whether its `answer` is already known."""
        known = self._known if self._foresees and not replaces else None
        if known is not None:
            self._answer = self._ahead[step.degree]
            self._shown = known.outlook, step.degree
        if replaces:
            self._move(lambda session: session.replace(step))
        else:
            self._move(lambda session: session.hear(step))
            self._letters += 1
            self._own = 0
        return known is not None

    def owe(self, degree: Degree) -> None:
        """Find the answer to the letter just heard, as soon as possible; see `owed`."""
        self.owed = self._number - 1, degree
        if self._asked is None:
            self._ask(NOTHING_DECIDED, answers=False, is_urgent=True)

    def answer(self) -> Drawn | None:
        """The answer to the player's letter; None if the model gives none."""
        if self._answer is not None:
            self.drawing.take(self._answer)
            self._known = None  # the random numbers are used up
        return self._answer

    def gap(self, coming: Coming, possible: Collection[Beats]) -> Beats | None:
        """Draw how long after the newest note the next one comes, from some of GAPS.

        None while it isn't known. A failing model's gap is the commonest one.
        """
        if self.asks is None and not self._knows(coming):
            self._ask(coming, answers=False)
        if self._known is None or not self._knows(coming):
            return None
        likely = self._known.outlook.gaps
        return USUAL if likely is None else self.drawing.gap(likely, possible)

    def draw(self, first: Degree, coming: Coming) -> Drawn | None:
        """Draw midigen's next note, which `play` adds; None if the model gives none.

        If nothing was heard or played before, it is `first`.
        """
        if self.can_begin:
            self.drawing.letters.count(first)
            return Drawn(first)
        if not self._knows(coming):
            self._ask(coming, answers=False)  # answered at once, since `can_play`
        (drawn,) = self._ahead
        self._known = None  # its random numbers are used up; or it failed, perhaps only this time
        if drawn is not None:
            self.drawing.take(drawn)
        return drawn

    def play(self, step: Step) -> None:
        """Add midigen's step."""
        self._variety.add(step.degree)
        self._move(lambda session: session.play(step))
        self._letters += 1
        self._own += 1

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
        self.drawing.letters.begin_line()

    def forget(self) -> None:
        """Forget everything that was heard and played."""
        self._move(lambda session: session.forget())
        self._variety.forget()
        self._letters = self._own = 0
        self.owed = None
        self._shown = None

    def redraw(self) -> None:
        """Draw from the forecast, with the present sampling settings."""
        if self._known is not None:
            self._ahead = self.drawing.notes(self._known.outlook, self._variety.weights)
            if not self._known.answers:
                self._shown = self._known.outlook, 0

    def reconsider(self) -> None:
        """Drop the forecast: the weight of the memory has changed."""
        self._number += 1
        self._known = None

    def use(self, predictor: Predictor) -> None:
        """Change the model; line and memory stay."""
        self._meet(predictor)
        self._move(lambda session: session.use(predictor))
        self._used_at = self._number
        self.trouble = ""

    def _meet(self, predictor: Predictor) -> None:
        self._min_notes = predictor.min_notes
        self.has_rhythm = isinstance(predictor, StepPredictor)
        """Whether the model gives notes a rhythm, and octaves."""

    def _move(self, move: Move) -> None:
        self._moves.append(move)
        self._number += 1
        self._known = None

    def _knows(self, coming: Coming) -> bool:
        """Whether the next letter is known, given what is decided of it."""
        known = self._known
        if known is None or known.answers:
            return False
        return not self.has_rhythm or known.coming == coming

    @property
    def _foresees(self) -> bool:
        """Whether the answers to the seven letters are known."""
        return self._known is not None and self._known.answers

    def _ask(self, coming: Coming, *, answers: bool, is_urgent: bool = False) -> None:
        amount = self._panel.settings.memory.amount
        moves = tuple(self._moves)
        question = Question(self._number, moves, amount, answers, coming, is_urgent)
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
            self._ask(NOTHING_DECIDED, answers=False, is_urgent=True)
            return
        self.owed = None
        self._shown = forecast.outlook, row
        (self._answer,) = self.drawing.notes(forecast.outlook.row(row), self._variety.weights)
