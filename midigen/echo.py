"""Echoes: what followed, earlier in the window, wherever the letters were the same as now.

An LSTM is bad at finding by itself where a phrase that it hears was heard before, so it
is told. Each letter of the window becomes a row of numbers: the letter itself, one-hot,
and for matches of several lengths with what was heard before, the share of each letter
among those that followed there, and the one that followed the latest. What to make of
it is for the network to learn.
"""

import numpy as np
import numpy.typing as npt

from midigen.memory import Counts, SessionMemory
from midigen.vocabulary import SIZE, Degree

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""How many letters must match, one echo each."""

LATEST = (2, 4, 8, 16)
"""The same, for the letter that followed the latest match."""

FEATURES = SIZE * (1 + len(LENGTHS) + len(LATEST))
"""The numbers in a row."""

REACH = 512
"""An echo may begin this many letters back."""

STEPS = 16
"""Rows of the newest letters, which the network goes through."""

MAX_NOTES = REACH + STEPS + LENGTHS[-1] - 2
"""Letters of a window that make a difference: the longest match at the far end of the first row."""

Rows = npt.NDArray[np.float32]
"""Encoded letters, shape (…, 119)."""

_TAKEN_BACK = 4  # letters at the most; of more, the window is encoded anew
_KEPT = STEPS + _TAKEN_BACK  # rows
_MOVES = [
    (dropped, added) for dropped in range(_TAKEN_BACK + 1) for added in (1, 0, *range(2, STEPS + 1))
]
_DOUBT = 0.5  # a share of few is taken for less: of one, two thirds
_ORDERS = np.array(LENGTHS) - 1


def encode_line(letters: npt.NDArray[np.integer]) -> Rows:
    """The rows of all letters of a line, as each was heard: shape (notes, 119)."""
    line = _Line()
    rows = [line.push(int(degree)) for degree in letters]
    return np.array(rows, dtype=np.float32).reshape(-1, FEATURES)


class EchoEncoder:
    """Encodes windows, fast where they follow each other as in live play.

    It remembers the last window, so that one that goes on from it costs a row, not
    hundreds; what it returns depends on the windows alone.
    """

    def __init__(self) -> None:
        self._line = _Line()

    def __call__(self, windows: npt.NDArray[np.int64]) -> Rows:
        """The newest rows of windows of shape (batch, notes): shape (batch, steps, 119).

        `steps` is 16, or as many as there are notes.
        """
        is_full = windows.shape[1] >= MAX_NOTES
        if len(windows) == SIZE and _differ_in_last_only(windows):
            self._follow(windows[0, :-1], is_full)
            return self._line.rows_after_each_letter()
        batch: list[Rows] = []
        for window in windows:
            self._follow(window, is_full)
            batch.append(self._line.rows())
        rows: Rows = np.array(batch)
        return rows

    def _follow(self, window: npt.NDArray[np.int64], is_full: bool) -> None:
        """Bring the line to where this window is: a little on or back, or all anew.

        What the line knows from before a full window makes no difference.
        """
        for dropped, added in _MOVES:
            if self._line.goes_on_to(window, dropped, added, is_full):
                break
        else:
            self._line, dropped, added = _Line(), 0, len(window)
        if dropped:
            self._line.drop(dropped)
        for degree in window[len(window) - added :]:
            self._line.push(int(degree))


class _Line:
    """Letters as they come, with the rows of the newest."""

    def __init__(self) -> None:
        self._heard = SessionMemory(4 * REACH, LENGTHS[-1])
        self._rows: list[Rows] = []

    def push(self, degree: Degree) -> Rows:
        self._heard.add(degree)
        counts, latest = self._heard.counts(REACH), self._heard.latest(LATEST, REACH)
        row: Rows = _rows(np.array([degree]), counts[None], latest[None])[0]
        self._rows.append(row)
        del self._rows[:-_KEPT]
        return row

    def drop(self, count: int) -> None:
        self._heard.drop(count)
        del self._rows[-count:]

    def rows(self) -> Rows:
        return np.array(self._rows[-STEPS:])

    def rows_after_each_letter(self) -> Rows:
        counts = self._heard.counts_after_each_letter(REACH)
        latest = self._heard.latest_after_each_letter(LATEST, REACH)
        before = self._rows[-(STEPS - 1) :]
        rows = np.empty((SIZE, len(before) + 1, FEATURES), dtype=np.float32)
        if before:
            rows[:, :-1] = before
        rows[:, -1] = _rows(np.arange(SIZE), counts, latest)
        return rows

    def goes_on_to(
        self, window: npt.NDArray[np.int64], dropped: int, added: int, is_full: bool
    ) -> bool:
        """Whether, with so many letters dropped and added, this would be the line of a window."""
        kept = len(self._heard) - dropped
        common = len(window) - added
        if common < 0 or kept < common or (kept > common and not is_full):
            return False
        if len(self._rows) - dropped + added < min(STEPS, len(window)):
            return False
        return np.array_equal(self._heard.letters[kept - common : kept], window[:common])


def _rows(degrees: npt.NDArray[np.int64], counts: Counts, latest: npt.NDArray[np.int64]) -> Rows:
    """Rows for letters (batch,), of what followed their contexts and their latest matches.

    `counts` has the shape (batch, orders, 7), `latest` (batch, 4).
    """
    followed = counts[:, _ORDERS]
    shares = followed / (followed.sum(axis=-1, keepdims=True) + _DOUBT)
    rows = np.empty((len(degrees), FEATURES), dtype=np.float32)
    rows[:, :SIZE] = _ONE_HOT[degrees]
    rows[:, SIZE:_LATEST_BEGIN] = shares.reshape(len(degrees), -1)
    rows[:, _LATEST_BEGIN:] = _ONE_HOT[latest].reshape(len(degrees), -1)
    return rows


_LATEST_BEGIN = SIZE * (1 + len(LENGTHS))
_ONE_HOT = np.eye(SIZE + 1, SIZE, dtype=np.float32)  # of no letter, all 0


def _differ_in_last_only(windows: npt.NDArray[np.int64]) -> bool:
    """Whether these are one window with each of the seven letters at its end."""
    return bool(
        (windows[:, -1] == np.arange(SIZE)).all() and (windows[:, :-1] == windows[0, :-1]).all()
    )
