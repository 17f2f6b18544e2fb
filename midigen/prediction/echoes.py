"""Encodes letters with their echoes: what followed where the same letters were heard before.

An LSTM is bad at noticing by itself that a phrase has been heard before, so it is told. Each
letter of the window becomes a row of numbers. The first are the letter itself, one-hot. Then, for
matches of several lengths between the newest letters and earlier ones, come the share of each
letter among those that followed, and the letter that followed the latest match. The same is done
for the intervals between letters, since a phrase may return higher or lower. What all this means
is for the network to learn.
"""

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree
from midigen.prediction.memory import Counts, Memory

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""The lengths of matches, in letters, each with its echo."""

LATEST = (2, 4, 8, 16)
"""The lengths of matches whose latest follower is told, in letters and in intervals."""

INTERVALS = (1, 2, 3, 4, 6, 8, 12, 16)
"""The lengths of matches in intervals, each with its echo."""

FEATURES = SIZE * (1 + len(LENGTHS) + len(INTERVALS) + 2 * len(LATEST))
"""The length of a row: 203 numbers."""

REACH = 512
"""How far back a match may be, in letters."""

STEPS = 8
"""The number of newest letters whose rows the network takes."""

MAX_NOTES = REACH + STEPS + LENGTHS[-1] - 2
"""The longest window that makes a difference, in letters.

It reaches as far as the longest match that the first row can have.
"""

Rows = npt.NDArray[np.float32]
"""Encoded letters, shape (…, 203)."""

_TAKEN_BACK = 4  # letters at most; if more are taken back, the window is encoded anew
_KEPT = STEPS + _TAKEN_BACK  # rows
_MOVES = [
    (dropped, added) for dropped in range(_TAKEN_BACK + 1) for added in (1, 0, *range(2, STEPS + 1))
]
_ENOUGH = 2 * MAX_NOTES  # letters that are kept to compare with a window
_DOUBT = 0.5  # makes shares of a few followers smaller: of a single one, 2/3


def encode_line(letters: npt.NDArray[np.integer]) -> Rows:
    """The rows of all letters of a line, each as it was when heard: shape (notes, 203)."""
    line = _Line()
    rows = [line.push(int(degree)) for degree in letters]
    return np.array(rows, dtype=np.float32).reshape(-1, FEATURES)


class EchoEncoder:
    """Encodes windows, and is fast when each goes on from the last one, as in live play.

    It remembers the last window, so that only the rows of new letters are computed. The result
    depends on the given windows alone.
    """

    def __init__(self) -> None:
        self._line = _Line()

    def __call__(self, windows: npt.NDArray[np.int64]) -> Rows:
        """The newest rows of windows, shape (batch, notes), as shape (batch, steps, 203).

        `steps` is 8, or the number of notes if that is less.
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
        """Bring the line to where a window is: a little on, a little back, or from scratch.

        What the line holds from before a full window makes no difference.
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
    """Letters as they come, with the rows of the newest. It begins with `heard`, without rows."""

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
        """Take back the newest letters."""
        self._letters.drop(count)
        self._intervals.drop(count)
        del self._heard[-count:]
        del self._rows[-count:]

    def rows(self) -> Rows:
        """The newest rows, shape (steps, 203)."""
        return np.array(self._rows[-STEPS:])

    def rows_after_each_letter(self) -> Rows:
        """What `rows` would be after each of the seven letters, shape (7, steps, 203)."""
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
        """Whether this would be a window's line if so many letters were dropped, then added."""
        kept = len(self._heard) - dropped
        common = len(letters) - added
        if common < 0 or kept < common or (kept > common and not is_full):
            return False
        if len(self._rows) - dropped + added < min(STEPS, len(letters)):
            return False
        return self._heard.endswith(letters[:common], 0, kept)


def _echoes(counts: Counts, latest: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Seven numbers for each match length: the shares of followers, and the latest one, one-hot.

    `counts` has the shape (…, lengths, 7), `latest` (…, lengths).
    """
    shares = counts / (counts @ _ONES + _DOUBT)
    return np.concatenate([shares, _ONE_HOT[latest]], axis=-2)


_ONES = np.ones((SIZE, 1))
_ONE_HOT = np.eye(SIZE + 1, SIZE)  # the last row stands for no letter
_OF_LENGTHS = np.array([LENGTHS.index(length) for length in LATEST])
_OF_INTERVALS = np.array([INTERVALS.index(length) for length in LATEST])
_INTERVALS_BEGIN = 1 + len(LENGTHS) + len(LATEST)
_EACH = np.arange(len(INTERVALS) + len(LATEST))[:, None]
_INTERVALS_FROM = (np.arange(SIZE) - np.arange(SIZE)[:, None]) % SIZE  # [from, to]


def _differ_in_last_only(windows: npt.NDArray[np.int64]) -> bool:
    """Whether these are seven equal windows but for their last letters, 0 to 6."""
    return bool(
        (windows[:, -1] == np.arange(SIZE)).all() and (windows[:, :-1] == windows[0, :-1]).all()
    )
