"""Echoes: what followed, earlier in the window, wherever the letters were the same as now.

An LSTM is bad at finding by itself where a phrase that it hears was heard before, so it
is told. Each letter of the window becomes a row of numbers: the letter itself, one-hot,
and for matches of several lengths with what was heard before, the share of each letter
among those that followed there, and the one that followed the latest. The same is told
of the intervals between letters: a phrase may return higher or lower. What to make of
it is for the network to learn.
"""

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree
from midigen.prediction.memory import Counts, Memory

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""How many letters must match, one echo each."""

LATEST = (2, 4, 8, 16)
"""The same, for the letter that followed the latest match; and for the interval."""

INTERVALS = (1, 2, 3, 4, 6, 8, 12, 16)
"""How many intervals must match, one echo each."""

FEATURES = SIZE * (1 + len(LENGTHS) + len(INTERVALS) + 2 * len(LATEST))
"""The numbers in a row."""

REACH = 512
"""An echo may begin this many letters back."""

STEPS = 8
"""Rows of the newest letters, which the network goes through."""

MAX_NOTES = REACH + STEPS + LENGTHS[-1] - 2
"""Letters of a window that make a difference: the longest match at the far end of the first row."""

Rows = npt.NDArray[np.float32]
"""Encoded letters, shape (…, 203)."""

_TAKEN_BACK = 4  # letters at the most; of more, the window is encoded anew
_KEPT = STEPS + _TAKEN_BACK  # rows
_MOVES = [
    (dropped, added) for dropped in range(_TAKEN_BACK + 1) for added in (1, 0, *range(2, STEPS + 1))
]
_ENOUGH = 2 * MAX_NOTES  # letters to compare with a window
_DOUBT = 0.5  # a share of few is taken for less: of one, two thirds


def encode_line(letters: npt.NDArray[np.integer]) -> Rows:
    """The rows of all letters of a line, as each was heard: shape (notes, 203)."""
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
        """The newest rows of windows of shape (batch, notes): shape (batch, steps, 203).

        `steps` is 8, or as many as there are notes.
        """
        if len(windows) == SIZE and _differ_in_last_only(windows):
            self._follow(windows[0, :-1], windows.shape[1] >= MAX_NOTES)
            return self._line.rows_after_each_letter()
        batch = []
        for window in windows:
            self._follow(window, len(window) >= MAX_NOTES)
            batch.append(self._line.rows())
        return np.array(batch)

    def _follow(self, window: npt.NDArray[np.int64], is_full: bool) -> None:
        """Bring the line to where this window is: a little on or back, or all anew.

        What the line knows from before a full window makes no difference.
        """
        letters = window.astype(np.uint8).tobytes()
        for dropped, added in _MOVES:
            if self._line.goes_on_to(letters, dropped, added, is_full):
                break
        else:
            dropped, added = 0, min(len(letters), STEPS)
            self._line = _Line(letters[: len(letters) - added])
        if dropped:
            self._line.drop(dropped)
        for degree in letters[len(letters) - added :]:
            self._line.push(degree)


class _Line:
    """Letters as they come, with the rows of the newest; none of what was `heard` before."""

    def __init__(self, heard: bytes = b"") -> None:
        self._heard = bytearray(heard)
        self._letters = Memory(REACH, LENGTHS)
        self._intervals = Memory(REACH, INTERVALS)
        self._rows: list[Rows] = []
        if heard:
            degrees = np.frombuffer(heard, np.uint8).astype(np.int64)
            self._letters.begin(degrees)
            self._intervals.begin(np.diff(degrees) % SIZE)

    def push(self, degree: Degree) -> Rows:
        """Hear one more letter and return its row."""
        if self._heard:
            self._intervals.add((degree - self._heard[-1]) % SIZE)
        self._letters.add(degree)
        self._heard.append(degree)
        letters = _echoes(self._letters.counts(), self._letters.latest()[_OF_LENGTHS])
        intervals = _echoes(self._intervals.counts(), self._intervals.latest()[_OF_INTERVALS])
        row: Rows = np.concatenate(
            [_ONE_HOT[degree], letters.ravel(), intervals[:, _INTERVALS_FROM[degree]].ravel()],
            dtype=np.float32,
        )
        self._rows.append(row)
        del self._rows[:-_KEPT]
        if len(self._heard) > 2 * _ENOUGH:
            del self._heard[:-_ENOUGH]
        return row

    def drop(self, count: int) -> None:
        """Take the newest letters back."""
        self._letters.drop(count)
        self._intervals.drop(count)
        del self._heard[-count:]
        del self._rows[-count:]

    def rows(self) -> Rows:
        """The newest rows, shape (steps, 203)."""
        return np.array(self._rows[-STEPS:])

    def rows_after_each_letter(self) -> Rows:
        """What `rows` would be with each of the seven letters added, shape (7, steps, 203)."""
        before = self._rows[-(STEPS - 1) :]
        rows = np.zeros((SIZE, len(before) + 1, FEATURES), dtype=np.float32)
        if before:
            rows[:, :-1] = before
        newest = rows[:, -1].reshape(SIZE, -1, SIZE)  # a view
        newest[:, 0] = _ONE_HOT[:SIZE]
        newest[:, 1:_INTERVALS_BEGIN] = _echoes(
            self._letters.counts_after_each_letter(),
            self._letters.latest_after_each_letter()[:, _OF_LENGTHS],
        )
        if self._heard:
            intervals = _echoes(
                self._intervals.counts_after_each_letter(),
                self._intervals.latest_after_each_letter()[:, _OF_INTERVALS],
            )
            added = _INTERVALS_FROM[self._heard[-1]]
            newest[:, _INTERVALS_BEGIN:] = intervals[
                added[:, None, None], _EACH, _INTERVALS_FROM[:, None]
            ]
        return rows

    def goes_on_to(self, letters: bytes, dropped: int, added: int, is_full: bool) -> bool:
        """Whether, with so many letters dropped and added, this would be the line of a window."""
        kept = len(self._heard) - dropped
        common = len(letters) - added
        if common < 0 or kept < common or (kept > common and not is_full):
            return False
        if len(self._rows) - dropped + added < min(STEPS, len(letters)):
            return False
        return self._heard.endswith(letters[:common], 0, kept)


def _echoes(counts: Counts, latest: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Of what followed contexts and their latest matches: seven numbers for each of both.

    `counts` has the shape (…, lengths, 7), `latest` (…, lengths).
    """
    shares = counts / (counts @ _ONES + _DOUBT)
    return np.concatenate([shares, _ONE_HOT[latest]], axis=-2)


_ONES = np.ones((SIZE, 1))
_ONE_HOT = np.eye(SIZE + 1, SIZE)  # of no letter, all 0
_OF_LENGTHS = np.array([LENGTHS.index(length) for length in LATEST])
_OF_INTERVALS = np.array([INTERVALS.index(length) for length in LATEST])
_INTERVALS_BEGIN = 1 + len(LENGTHS) + len(LATEST)
_EACH = np.arange(len(INTERVALS) + len(LATEST))[:, None]
_INTERVALS_FROM = (np.arange(SIZE) - np.arange(SIZE)[:, None]) % SIZE  # [from, to]


def _differ_in_last_only(windows: npt.NDArray[np.int64]) -> bool:
    """Whether these are one window with each of the seven letters at its end."""
    return bool(
        (windows[:, -1] == np.arange(SIZE)).all() and (windows[:, :-1] == windows[0, :-1]).all()
    )
