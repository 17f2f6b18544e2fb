"""Encodes a melody for the network: a row of numbers for each step, and one for what comes next.

An LSTM is bad at noticing by itself that a phrase has been heard before, so it is told, by echoes:
what followed where the same was heard before. There are echoes of letters (which letter, octave and
step in time came next), of the intervals between letters, since a phrase may return higher or
lower, of steps in time, and of both together. Other numbers tell where a note lies in its register,
bar and phrase. What all this means is for the network to learn. A number that isn't known is 0.

Live play and training songs are encoded by the same code.
"""

from bisect import bisect_right
from statistics import fmean

import numpy as np
import numpy.typing as npt

from midigen.midi.messages import Beats
from midigen.music.keys import SIZE
from midigen.prediction.memory import Counts, Followers, Memory
from midigen.prediction.steps import (
    GAPS,
    OCTAVES,
    SHARES,
    Coming,
    Step,
    gap_class,
    octave_class,
    share_class,
)

ROWS = 8
"""The number of newest steps whose rows the network takes."""

REACH = 512
"""How far back an echo may be, in steps."""

KEPT = 1024
"""How many steps a line keeps at least, so that they can be taken back."""

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""The lengths of matches in letters, each with its echo."""

INTERVALS = (1, 2, 3, 4, 6, 8, 12, 16)
"""The lengths of matches in intervals, each with its echo."""

LATEST = (1, 2, 4, 8, 16)
"""The lengths of matches in letters, intervals or time whose latest follower is told."""

SHORT = (1, 2, 4)
"""The lengths of matches in letters, each with the octaves that followed by letter."""

TIMES = (1, 2, 4, 8)
"""The lengths of matches in time, each with its echo, and of matches in letters and time."""

BARS = (1, 2, 4, 8)
"""How many bars before the next note the line is looked up."""

LEFT = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24)
"""The classes of how many notes a phrase still has: so many or more."""

SEVENS = 1 + len(LENGTHS) + len(INTERVALS) + 2 * len(LATEST) + len(TIMES)
"""A row begins with so many sevens of numbers, one for each letter; see `move_letters`."""

_PLACE = 7 + 7 + 6
_OCTAVES = SEVENS * SIZE + np.arange(len(SHORT) * SIZE * len(OCTAVES))
_REST = int(_OCTAVES[-1]) + 1
_TIME = _REST + 9 + len(LATEST) * (len(OCTAVES) + len(GAPS))  # where what tells of time begins
FEATURES = _TIME + len(GAPS) + len(SHARES) + _PLACE + len(GAPS) * (len(LATEST) + len(TIMES))
"""The length of a row."""

COMING = SIZE * (2 + len(BARS)) + len(GAPS) + _PLACE + len(LEFT) + 1 + 2 + len(BARS)
"""The length of the row for what comes next."""

Rows = npt.NDArray[np.float32]
"""Encoded steps, shape (…, FEATURES), or what comes next, shape (…, COMING)."""

_DOUBT = 0.5  # makes shares of a few followers smaller: of a single one, 2/3
_NOTES = 16  # the newest ones make the register
_NO_GAP = len(GAPS)
_NEAREST = OCTAVES.index(0)
_BROKEN: Beats = 1e6  # between two onsets whose distance isn't known
_AT: Beats = 0.03  # onsets closer than this are at the same place
_OF_BEAT = np.array([0, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1])
_OF_BARS = np.array([1.5, 2, 3, 4, 4.5, 6])


class Line:
    """Steps as they come, with their rows. A step of weight 0 is context, but makes no echo."""

    def __init__(self) -> None:
        self._letters = Memory(REACH, LENGTHS, columns=(3, len(GAPS), SIZE * 3))
        self._intervals = Memory(REACH, INTERVALS)
        self._times = Memory(REACH, LATEST, size=len(GAPS) + 1)
        self._both = Memory(REACH, TIMES, size=SIZE * (len(GAPS) + 1), columns=(SIZE,))
        self._steps: list[Step] = []
        self._onsets: list[Beats] = []
        self._starts: list[int] = []  # of phrases, as places in the steps
        self._rows: list[npt.NDArray[np.float16]] = []

    def __len__(self) -> int:
        return len(self._steps)

    def push(self, step: Step) -> None:
        """Add a step."""
        before = self._steps[-1] if self._steps else None
        octave = octave_class(step.pitch, None if before is None else before.pitch)
        gap = gap_class(step.gap)
        if before is None or step.begins_phrase:
            self._starts.append(len(self._steps))
        if before is not None:
            self._intervals.add((step.degree - before.degree) % SIZE)
        joint = step.degree * len(OCTAVES) + (octave if octave < len(OCTAVES) else _NEAREST)
        self._letters.add(step.degree, octave, gap, joint)
        self._times.add(gap)
        self._both.add(step.degree * (_NO_GAP + 1) + gap, step.degree)
        onset = self._onsets[-1] if self._onsets else 0.0
        self._onsets.append(onset + (_BROKEN if step.gap is None else step.gap))
        self._steps.append(step)
        self._rows.append(self._row(step, octave, gap))
        if len(self._steps) == 2 * KEPT:
            self._forget_oldest(KEPT)

    def drop(self, count: int) -> None:
        """Take back the newest steps, as many as are kept."""
        count = min(count, len(self._steps))
        if not count:
            return
        self._letters.drop(count)
        self._intervals.drop(count)
        self._times.drop(count)
        self._both.drop(count)
        for each in (self._steps, self._onsets, self._rows):
            del each[-count:]
        while self._starts and self._starts[-1] >= len(self._steps):
            self._starts.pop()

    def replace(self, age: int, step: Step) -> None:
        """Replace the step of an age; 0 is the newest. One that isn't kept stays as it was."""
        if age >= len(self._steps):
            return
        later = self._steps[len(self._steps) - age :]
        self.drop(age + 1)
        for each in (step, *later):
            self.push(each)

    def disregard(self, count: int) -> None:
        """Let the newest steps make no echoes from now on."""
        for memory in (self._letters, self._intervals, self._times, self._both):
            memory.disregard(count)

    def letters(self, count: int) -> npt.NDArray[np.int64]:
        """The newest letters, at most `count`, oldest first: shape (letters,)."""
        return np.array([step.degree for step in self._steps[-count:]], dtype=np.int64)

    def rows(self) -> Rows:
        """The newest rows, as a batch of one: shape (1, steps, FEATURES), with 8 steps or fewer."""
        return np.array(self._rows[-ROWS:], dtype=np.float32)[np.newaxis]

    def newest_row(self) -> npt.NDArray[np.float16]:
        """The row of the newest step, shape (FEATURES,)."""
        return self._rows[-1]

    def rows_after_each_letter(self) -> Rows:
        """What `rows` would be after each of the seven letters, shape (7, steps, FEATURES).

        The octave and the time of that letter aren't known yet.
        """
        before = self._rows[-(ROWS - 1) :]
        rows = np.zeros((SIZE, len(before) + 1, FEATURES), dtype=np.float32)
        if before:
            rows[:, :-1] = before
        newest = rows[:, -1]
        letters, octaves, gaps = self._letters.latest_after_each(0, 1, 2)
        sevens = newest[:, : SEVENS * SIZE].reshape(SIZE, SEVENS, SIZE)  # a view
        sevens[:, 0] = np.eye(SIZE)
        of_letters = _echoes(self._letters.counts_after_each(), letters[:, _AT_LATEST])
        sevens[:, 1:_INTERVALS_BEGIN] = of_letters
        if self._steps:
            of_intervals = _echoes(
                self._intervals.counts_after_each(),
                self._intervals.latest_after_each()[0][:, _AT_LATEST_INTERVALS],
            )
            added = _INTERVALS_FROM[self._steps[-1].degree]
            sevens[:, _INTERVALS_BEGIN:_BOTH_BEGIN] = of_intervals[
                added[:, None, None], _EACH, _INTERVALS_FROM[:, None]
            ]
        newest[:, _OCTAVES] = _shares(self._letters.counts_after_each(3)[:, _AT_SHORT]).reshape(
            SIZE, -1
        )
        newest[:, _REST + 7] = min(len(self._steps) - self._start, _NOTES) / _NOTES
        newest[:, _REST + 9 : _TIME] = np.concatenate(
            [
                _OCTAVE_OF[octaves[:, _AT_LATEST]].reshape(SIZE, -1),
                _GAP_OF[gaps[:, _AT_LATEST]].reshape(SIZE, -1),
            ],
            axis=1,
        )
        return rows

    def coming(self, coming: Coming) -> Rows:
        """What is decided of the next note, and what was at parallel places: shape (1, COMING).

        Parallel places are those in the two phrases before, counted from their first notes, and
        those one or more bars before, if the bar and all times since then are known.
        """
        row = np.zeros((1, COMING), dtype=np.float32)
        new = row[0]
        count = len(self._steps)
        starts = [*self._starts, count] if coming.begins_phrase else self._starts
        for back in (1, 2):
            if len(starts) > back:
                place = starts[-1 - back] + count - starts[-1]
                if place < starts[-back]:
                    self._tell_parallel(new, back - 1, place)
        onset = self._onsets[-1] if self._onsets else 0.0
        if coming.gap is not None and coming.bar is not None:
            for index, bars in enumerate(BARS):
                self._tell_bars_before(new, index, onset + coming.gap, bars * coming.bar)
        if coming.gap is not None:
            new[_COMING_GAP + gap_class(coming.gap)] = 1
        if coming.place is not None and coming.bar is not None:
            new[_COMING_PLACE : _COMING_PLACE + _PLACE] = place_in_bar(coming.place, coming.bar)
        if coming.left is not None:
            new[_COMING_LEFT + bisect_right(LEFT, coming.left) - 1] = 1
        new[_COMING_BEGINS] = coming.begins_phrase
        return row

    def _tell_parallel(self, new: Rows, seven: int, place: int) -> None:
        there, newest = self._steps[place], self._steps[-1]
        new[seven * SIZE + there.degree] = 1
        if there.pitch is not None and newest.pitch is not None:
            higher = (there.pitch - newest.pitch) / 12
            new[_COMING_BEGINS + 1 + seven] = min(max(higher, -2), 2)

    def _tell_bars_before(self, new: Rows, index: int, onset: Beats, bars: Beats) -> None:
        """Tell which letter sounded so long before, and whether it began there."""
        time = onset - bars
        place = bisect_right(self._onsets, time + _AT) - 1
        if place >= 0 and time - self._onsets[place] < bars:
            new[(2 + index) * SIZE + self._steps[place].degree] = 1
            new[_COMING_BEGINS + 3 + index] = abs(self._onsets[place] - time) < _AT

    @property
    def _start(self) -> int:
        """Where the present phrase begins."""
        return self._starts[-1] if self._starts else 0

    def _row(self, step: Step, octave: int, gap: int) -> npt.NDArray[np.float16]:
        letters, octaves, gaps = self._letters.latest(0, 1, 2)[:, _AT_LATEST]
        of_letters = _echoes(self._letters.counts(), letters)
        of_intervals = _echoes(
            self._intervals.counts(), self._intervals.latest()[0, _AT_LATEST_INTERVALS]
        )
        in_phrase = (len(self._steps) - 1 - self._start) / _NOTES
        parts: list[npt.NDArray[np.floating]] = [
            _ONE_HOT[step.degree],
            of_letters.ravel(),
            of_intervals[:, _INTERVALS_FROM[step.degree]].ravel(),
            *self._echoes_of_both(gap),
            _shares(self._letters.counts(3)[_AT_SHORT]).ravel(),
            _OCTAVE_OF[octave],
            self._register(step),
            np.array([min(in_phrase, 1.0), in_phrase == 0]),
            _OCTAVE_OF[octaves].ravel(),
            _GAP_OF[gaps].ravel(),
            _GAP_OF[gap],
            _SHARE_OF[share_class(step.share)],
            _NOWHERE
            if step.place is None or step.bar is None
            else place_in_bar(step.place, step.bar),
            *self._echoes_of_time(gap),
        ]
        return np.concatenate(parts, dtype=np.float16, casting="same_kind")

    def _echoes_of_both(self, gap: int) -> list[npt.NDArray[np.float64]]:
        if gap == _NO_GAP:
            return [np.zeros(len(TIMES) * SIZE)]
        return [_ONE_HOT[self._both.latest(1)[0]].ravel()]

    def _echoes_of_time(self, gap: int) -> list[npt.NDArray[np.float64]]:
        if gap == _NO_GAP:
            return [np.zeros((len(LATEST) + len(TIMES)) * len(GAPS))]
        return [
            _GAP_OF[self._times.latest()[0]].ravel(),
            _shares(self._times.counts()[_AT_TIMES])[:, :-1].ravel(),
        ]

    def _register(self, step: Step) -> npt.NDArray[np.float64]:
        """Where a pitch is among the newest and those of the phrase before: shape (4,)."""
        if step.pitch is None:
            return np.zeros(4)
        newest = [each.pitch for each in self._steps[-_NOTES:] if each.pitch is not None]
        before = newest
        if len(self._starts) > 1:
            phrase = self._steps[self._starts[-2] : self._starts[-1]]
            before = [each.pitch for each in phrase if each.pitch is not None] or newest
        distances = (
            (step.pitch - fmean(newest)) / 8,
            (step.pitch - fmean(before)) / 8,
            (step.pitch - min(newest)) / 12,
            (max(newest) - step.pitch) / 12,
        )
        return np.clip(distances, -2, 2)

    def _forget_oldest(self, count: int) -> None:
        for each in (self._steps, self._onsets, self._rows):
            del each[:count]
        kept = [start - count for start in self._starts if start >= count]
        self._starts = kept if kept and kept[0] == 0 else [0, *kept]


def place_in_bar(place: Beats, bar: Beats) -> npt.NDArray[np.float64]:
    """A place in a bar, as the place in its beat, the beat, and the length of the bar: (20,)."""
    row = np.zeros(_PLACE)
    beat, part = divmod(place, 1)
    distances = abs(_OF_BEAT - part)
    nearest = int(distances.argmin())
    if nearest == len(_OF_BEAT) - 1:
        beat, nearest = beat + 1, 0
        beat = beat if beat < bar else 0
    row[nearest if distances.min() < _AT else 6] = 1
    row[7 + min(int(beat), 6)] = 1
    row[14 + int(abs(_OF_BARS - bar).argmin())] = 1
    return row


def move_letters(rows: npt.NDArray[np.floating], coming: npt.NDArray[np.floating], by: int) -> None:
    """Move all letters of rows up by 1 to 6, round the seven, in place.

    `rows` has the shape (…, FEATURES), and `coming` (…, COMING).
    """
    for part in (rows[..., : SEVENS * SIZE], coming[..., : SIZE * (2 + len(BARS))]):
        letters = part.reshape(*part.shape[:-1], -1, SIZE)
        part[...] = np.roll(letters, by, axis=-1).reshape(part.shape)
    octaves = rows[..., _OCTAVES]
    letters = octaves.reshape(*octaves.shape[:-1], -1, SIZE, len(OCTAVES))
    rows[..., _OCTAVES] = np.roll(letters, by, axis=-2).reshape(octaves.shape)


def _echoes(counts: Counts, latest: Followers) -> npt.NDArray[np.float64]:
    """Seven numbers for each length of match: the shares of followers, and the latest, one-hot.

    `counts` has the shape (…, lengths, 7), `latest` (…, lengths).
    """
    return np.concatenate([_shares(counts), _ONE_HOT[latest]], axis=-2)


def _shares(counts: Counts) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = counts / (counts.sum(axis=-1, keepdims=True) + _DOUBT)
    return shares


# The last rows of each stand for what isn't known.
_ONE_HOT = np.eye(SIZE + 1, SIZE)
_OCTAVE_OF = np.eye(len(OCTAVES) + 1, len(OCTAVES))
_GAP_OF = np.eye(len(GAPS) + 2, len(GAPS))
_SHARE_OF = np.eye(len(SHARES) + 1, len(SHARES))
_NOWHERE = np.zeros(_PLACE)
_AT_LATEST = np.array([LENGTHS.index(length) for length in LATEST])
_AT_LATEST_INTERVALS = np.array([INTERVALS.index(length) for length in LATEST])
_AT_SHORT = np.array([LENGTHS.index(length) for length in SHORT])
_AT_TIMES = np.array([LATEST.index(length) for length in TIMES])
_INTERVALS_BEGIN = 1 + len(LENGTHS) + len(LATEST)
_BOTH_BEGIN = SEVENS - len(TIMES)
_EACH = np.arange(_BOTH_BEGIN - _INTERVALS_BEGIN)[:, None]
_INTERVALS_FROM = (np.arange(SIZE) - np.arange(SIZE)[:, None]) % SIZE  # [from, to]
_COMING_GAP = SIZE * (2 + len(BARS))
_COMING_PLACE = _COMING_GAP + len(GAPS)
_COMING_LEFT = _COMING_PLACE + _PLACE
_COMING_BEGINS = _COMING_LEFT + len(LEFT)

# Which columns of a row tell what.
SAME_TIME = slice(_BOTH_BEGIN * SIZE, SEVENS * SIZE)
"""What followed where both the letters and the steps in time were the same."""
PITCH = slice(_REST, _REST + 7)
"""The octave of a step, and where it lies in its register."""
BEGINS = _REST + 8
"""Whether a step begins a phrase."""
NEXT_TIME = slice(_REST + 9 + len(LATEST) * len(OCTAVES), _TIME)
"""Which steps in time followed where the letters were the same."""
TIME = slice(_TIME, FEATURES)
"""When a step comes, how long the note before sounded, and the echoes of that."""
PLACE = slice(_TIME + len(GAPS) + len(SHARES), _TIME + len(GAPS) + len(SHARES) + _PLACE)
"""Where in its bar a step begins; a part of TIME."""

# The same for the row of what comes next.
COMING_BARS = np.r_[2 * SIZE : _COMING_GAP, _COMING_BEGINS + 3 : COMING]
"""What was at the same place so many bars before."""
COMING_GAP = slice(_COMING_GAP, _COMING_PLACE)
"""When it comes."""
COMING_PLACE = slice(_COMING_PLACE, _COMING_LEFT)
"""Where in its bar it begins."""
COMING_LEFT = slice(_COMING_LEFT, _COMING_BEGINS)
"""How many notes the phrase still has."""
COMING_BEGINS = _COMING_BEGINS
"""Whether it begins a phrase."""
COMING_PHRASE = slice(_COMING_LEFT, _COMING_BEGINS + 1)
"""The last two together."""
