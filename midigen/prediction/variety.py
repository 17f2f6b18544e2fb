"""Makes an answer another one than the former answers to the same call.

The session's memory learns midigen's own answers, so by itself it would soon give the same one each
time. Instead, while an answer goes on as a former one did, the next letter of that one is half as
likely, and its last letter is barred. So the answer mostly turns off where another letter is nearly
as good. It does so at the last letter at the latest: a letter that is all but certain, or the only
one at temperature 0, stays so when it is halved, but not when it is barred.
"""

from collections import deque
from typing import TypeAlias

import numpy as np

from midigen.music.keys import SIZE, Degree
from midigen.prediction.sampling import Weights

Call: TypeAlias = tuple[int, ...]
"""What an answer is given to. Calls that are equal are the same."""

REMEMBERED = 32
"""How many of the newest answers are remembered."""

DIFFERENT = SIZE - 2
"""From how many of the newest answers to its call an answer differs.

Each of them may bar a letter, and `max_repeat` another one: so one is always left.
"""

LONGEST = 256
"""How many letters of an answer are remembered: the first ones."""

_LESS = 0.5


class Variety:
    """Remembers answers, and weighs the letters of the next one."""

    def __init__(self) -> None:
        self._answers: deque[tuple[Call, list[Degree]]] = deque(maxlen=REMEMBERED)
        self._present: tuple[Call, list[Degree]] | None = None  # the answer that is being given
        self._alike: list[list[Degree]] = []  # former answers that it has been the same as so far

    def begin(self, call: Call) -> None:
        """Begin an answer."""
        self._alike = [answer for former, answer in self._answers if former == call][-DIFFERENT:]
        self._present = (call, [])

    def add(self, degree: Degree) -> None:
        """Add a letter to the answer, if one has begun."""
        if self._present is None:
            return
        _, answer = self._present
        place = len(answer)
        if not answer:  # one that is broken off before its first letter is none
            self._answers.append(self._present)
        if place < LONGEST:
            answer.append(degree)
        self._alike = [
            former for former in self._alike if former[place] == degree and len(former) > place + 1
        ]

    def end(self) -> None:
        """End the answer: it is complete, or broken off."""
        self._present = None
        self._alike = []

    def forget(self) -> None:
        """Forget all answers."""
        self.end()
        self._answers.clear()

    @property
    def weights(self) -> Weights | None:
        """How much each letter counts as the answer's next one; None if all count the same."""
        if self._present is None or not self._alike:
            return None
        place = len(self._present[1])
        weights = np.ones(SIZE)
        for former in self._alike:
            weights[former[place]] *= _LESS if len(former) > place + 1 else 0.0
        return weights
