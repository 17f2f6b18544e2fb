"""What was played: how often each letter followed every context of a line of letters.

A context is the newest few letters. No table of contexts is kept: for every letter
heard there stands the length of the match that ends there, that is, how many letters
up to it are the same as the newest ones. What followed there once may follow now,
the longer the match the likelier. Everything is allocated once; when it is full, the
older half is forgotten.
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.vocabulary import SIZE, Degree

ORDERS = 16
"""The longest context of a session's memory, in letters."""

CAPACITY = 8192
"""Letters that are remembered: at five a second, the last half hour at the least half of it."""

Counts: TypeAlias = npt.NDArray[np.float64]
"""What followed contexts of 1, 2, 3 … letters: the weight of each, shape (…, orders, 7)."""


class SessionMemory:
    """Counts of what followed, for a line of letters that grows.

    `orders` is the length of the longest context.
    """

    def __init__(self, capacity: int = CAPACITY, orders: int = ORDERS) -> None:
        self._orders = orders
        self._letters = np.zeros(capacity, dtype=np.int64)
        self._weights = np.zeros(capacity)
        self._matches = np.zeros(capacity, dtype=np.int64)  # their lengths, `orders` at the most
        self._scratch = np.zeros(capacity, dtype=np.int64)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def letters(self) -> npt.NDArray[np.int64]:
        """The letters that are remembered, oldest first: a view that doesn't stay true."""
        return self._letters[: self._length]

    def add(self, degree: Degree, weight: float = 1.0) -> None:
        """Remember one more letter, which counts as much as its weight (more than 0)."""
        self._extend_matches(self._length, degree)
        self._letters[self._length] = degree
        self._weights[self._length] = weight
        self._matches[self._length] = 0
        self._length += 1
        if self._length == len(self._letters):
            self._forget_older_half()

    def replace(self, age: int, degree: Degree) -> None:
        """Put another letter in the place of one: age 0 is the newest."""
        if age >= self._length:
            return
        self._letters[self._length - 1 - age] = degree
        self._match_anew()

    def drop(self, count: int) -> None:
        """Take the newest letters back."""
        self._length = max(0, self._length - count)
        self._match_anew()

    def forget(self) -> None:
        """Forget everything."""
        self._length = 0

    def counts(self, reach: int = CAPACITY) -> Counts:
        """What followed the contexts that end now, shape (orders, 7).

        Only contexts that ended in the last `reach` letters count.
        """
        known = max(0, self._length - 1)  # letters that something followed
        first = min(known, max(0, self._length - reach))
        keys = np.multiply(self._matches[first:known], SIZE, out=self._scratch[first:known])
        keys += self._letters[first + 1 : known + 1]
        return self._by_order(keys, self._weights[first + 1 : known + 1], ())

    def counts_after_each_letter(self, reach: int = CAPACITY) -> Counts:
        """What `counts` would be with each of the seven letters added, shape (7, orders, 7)."""
        if not self._length or reach < 2:  # noqa: PLR2004  the newest letter and one before it
            return np.zeros((SIZE, self._orders, SIZE))
        newest = self._length - 1
        first = min(newest, max(0, self._length + 1 - reach))
        keys = self._scratch[:newest]
        keys[:1] = 1
        np.add(self._matches[: max(0, newest - 1)], 1, out=keys[1:])
        keys = keys[first:]
        np.minimum(keys, self._orders, out=keys)
        keys += self._letters[first:newest] * (self._orders + 1)
        keys *= SIZE
        keys += self._letters[first + 1 : newest + 1]
        counts = self._by_order(keys, self._weights[first + 1 : newest + 1], (SIZE,))
        # The newest letter's follower would be the added one: it matches if that is the same.
        letter = int(self._letters[newest])
        match = min(int(self._matches[newest - 1]) + 1, self._orders) if newest else 1
        counts[letter, :match, letter] += 1.0
        return counts

    def latest(self, lengths: Sequence[int], reach: int = CAPACITY) -> npt.NDArray[np.int64]:
        """What followed the latest match of each length: letters, or 7 where there was none.

        `lengths` rise.
        """
        known = max(0, self._length - 1)
        first = min(known, max(0, self._length - reach))
        matches = self._matches[first:known]
        found = np.full(len(lengths), SIZE)
        ends = np.flatnonzero(matches >= lengths[0])
        for place, length in enumerate(lengths):
            ends = ends[matches[ends] >= length]
            if not len(ends):
                break
            found[place] = self._letters[first + ends[-1] + 1]
        return found

    def latest_after_each_letter(
        self, lengths: Sequence[int], reach: int = CAPACITY
    ) -> npt.NDArray[np.int64]:
        """What `latest` would be with each of the seven letters added, shape (7, lengths)."""
        found = np.full((SIZE, len(lengths)), SIZE)
        if not self._length or reach < 2:  # noqa: PLR2004  as above
            return found
        first = max(0, self._length + 1 - reach)
        letters = self._letters[first : self._length]
        matches = np.ones(len(letters), dtype=np.int64)
        matches[1:] += self._matches[first : self._length - 1]
        if first:
            matches[0] += self._matches[first - 1]
        for place, length in enumerate(lengths):
            ends = np.flatnonzero(matches >= length)
            last = np.full(SIZE, -1)
            last[letters[ends]] = ends  # of several, the last one stays
            here = last >= 0
            # After the newest letter comes the added one, which is the letter that matched.
            follower = np.append(letters[1:], letters[-1])
            found[here, place] = follower[last[here]]
        return found

    def _match_anew(self) -> None:
        self._matches[:] = 0
        for end in range(max(0, self._length - self._orders), self._length):
            self._extend_matches(end, int(self._letters[end]))

    def _extend_matches(self, end: int, degree: Degree) -> None:
        """Lengthen or end the matches of all positions before `end`, where a letter is added."""
        matches = self._matches[:end]
        matches[1:] = matches[:-1]
        matches[:1] = 0
        matches += 1
        matches *= self._letters[:end] == degree
        np.minimum(matches, self._orders, out=matches)

    def _forget_older_half(self) -> None:
        kept = self._length // 2
        for each in (self._letters, self._weights, self._matches):
            each[:kept] = each[self._length - kept : self._length].copy()
        self._length = kept

    def _by_order(
        self,
        keys: npt.NDArray[np.int64],
        weights: npt.NDArray[np.float64],
        shape: tuple[int, ...],
    ) -> Counts:
        """Sum weights by (…, match length, letter); each match counts at every shorter order."""
        shape = (*shape, self._orders + 1, SIZE)
        sums = np.bincount(keys, weights, minlength=math.prod(shape))
        by_length = sums.astype(np.float64, copy=False).reshape(shape)  # of nothing they are ints
        return by_length[..., ::-1, :].cumsum(axis=-2)[..., ::-1, :][..., 1:, :]
