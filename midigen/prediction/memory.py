"""Remembers what was played: how often each letter followed the contexts that end now.

A context is the newest few letters. No table of contexts is kept. Instead, each remembered letter
has the length of the match that ends there: how many letters up to it are the same as the newest
ones. What followed such a match may follow again, and the longer the match, the likelier. All
arrays are allocated once, and only the newest letters are remembered.

Other lines of symbols, such as intervals or steps in time, are remembered in the same way.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE

ORDERS = 16
"""The longest context that a session's memory looks for, in letters."""

CAPACITY = 8192
"""How many letters a session's memory holds: half an hour of five letters a second."""

Counts: TypeAlias = npt.NDArray[np.float64]
"""How much each symbol weighs among those that followed contexts: shape (…, lengths, size)."""

Followers: TypeAlias = npt.NDArray[np.int64]
"""What followed the latest match of each length, or a column's size for nothing."""


class Memory:
    """Remembers the newest `capacity` symbols of a line, and what followed their contexts.

    `lengths` are those of the contexts, in symbols, in rising order. A symbol is a number from 0
    to `size` - 1. With each come values of further `columns`, which have sizes of their own. The
    symbols themselves are column 0.
    """

    def __init__(
        self,
        capacity: int = CAPACITY,
        lengths: Sequence[int] = range(1, ORDERS + 1),
        *,
        size: int = SIZE,
        columns: Sequence[int] = (),
    ) -> None:
        self._reach = capacity - 1  # the age of the oldest symbol; the newest has none
        self._longest = lengths[-1]
        self._ranks = len(lengths) + 1
        self._sizes = (size, *columns)
        # By the length of a match: how many contexts it is long enough for.
        rank = np.searchsorted(lengths, np.arange(self._longest + 2), side="right")
        self._rank, self._rank_lengthened = rank[:-1], rank[1:]
        # The newest symbol comes first, so that a symbol's place is its age. New ones are put
        # before it until there is no room left.
        self._kept = capacity + self._longest
        self._newest = 2 * self._kept
        self._values = np.zeros((len(self._sizes), self._newest + 1), dtype=np.int64)
        self._symbols = self._values[0]
        self._weights = np.ones(self._newest + 1)
        self._length = 0
        # How many symbols up to those of age 1, 2, 3, … are the same as the newest ones.
        self._matches = np.zeros(self._reach, dtype=np.int64)
        self._ages = np.arange(self._reach)

    def __len__(self) -> int:
        return min(self._length, self._reach + 1)

    def add(self, symbol: int, *values: int, weight: float = 1.0) -> None:
        """Remember one more symbol and its values. One of weight 0 counts as context only."""
        known = min(self._length, self._reach)
        before = self._newest
        matches = self._matches[:known]
        matches += 1
        matches *= self._symbols[before : before + known] == symbol
        if before == 1:  # the place before the newest symbol always stays free
            before = self._move_back()
        self._newest = before - 1
        self._values[:, self._newest] = symbol, *values
        self._weights[self._newest] = weight
        self._length += 1

    def disregard(self, count: int) -> None:
        """Let the newest symbols count as context only from now on: they have no weight."""
        self._weights[self._newest : self._newest + min(count, self._length)] = 0.0

    def replace(self, age: int, symbol: int) -> None:
        """Replace the symbol of an age; 0 is the newest. A forgotten one stays forgotten."""
        if age < len(self):
            self._symbols[self._newest + age] = symbol
            self._match_anew()

    def drop(self, count: int) -> None:
        """Take back the newest symbols."""
        count = min(count, self._length)
        self._newest += count
        self._length -= count
        self._match_anew()

    def forget(self) -> None:
        """Forget everything."""
        self._length = 0
        self._matches[:] = 0

    def counts(self, column: int = 0) -> Counts:
        """The weights of what followed the contexts that end now, shape (lengths, size)."""
        size, first, known = self._sizes[column], self._newest, self._known
        keys = self._rank.take(self._matches[:known], mode="clip") * size
        keys += self._values[column, first : first + known]
        sums = np.bincount(keys, self._weights[first : first + known], self._ranks * size)
        return _add_up(sums.reshape(self._ranks, size))

    def counts_after_each(self, column: int = 0) -> Counts:
        """What `counts` would be after each symbol, shape (symbols, lengths, size).

        The values that would come with it aren't known, so they aren't counted.
        """
        size = self._sizes[column]
        ranks, followers = self._ranks_after_each()
        self._weights[followers.start] = column == 0
        keys = ranks * size + np.minimum(self._values[column, followers], size - 1)
        places = self._sizes[0] * self._ranks
        sums = np.bincount(keys, self._weights[followers], places * size)
        return _add_up(sums.reshape(self._sizes[0], self._ranks, size))

    def latest(self, *columns: int) -> Followers:
        """What followed the latest match of each length, shape (columns, lengths)."""
        ranks = self._rank.take(self._matches[: self._known], mode="clip")
        followers = slice(self._newest, self._newest + len(ranks))
        return self._latest(ranks, followers, 1, columns or (0,))[:, 0]

    def latest_after_each(self, *columns: int) -> Followers:
        """What `latest` would be after each symbol, shape (columns, symbols, lengths)."""
        ranks, followers = self._ranks_after_each()
        self._weights[followers.start] = 1.0
        return self._latest(ranks, followers, self._sizes[0], columns or (0,))

    @property
    def _known(self) -> int:
        """The number of symbols that something followed."""
        return max(0, min(self._length - 1, self._reach))

    def _ranks_after_each(self) -> tuple[npt.NDArray[np.int64], slice]:
        """What each remembered symbol adds to a key of counts if it comes next, and its follower.

        The followers are returned as a slice of `_values` and `_weights`.
        """
        first, known = self._newest, min(self._length, self._reach)
        ranks = self._rank_lengthened.take(self._matches[:known], mode="clip")
        ranks += self._symbols[first : first + known] * self._ranks
        # The newest symbol's follower would be the added one, which would be the same.
        self._values[:, first - 1] = self._symbols[first], *self._sizes[1:]
        return ranks, slice(first - 1, first - 1 + known)

    def _latest(
        self,
        ranks: npt.NDArray[np.int64],
        followers: slice,
        symbols: int,
        columns: tuple[int, ...],
    ) -> Followers:
        nowhere = self._reach
        found = np.full(symbols * self._ranks, nowhere)
        ages = self._ages[: len(ranks)]
        weightless = self._weights[followers] == 0
        if weightless.any():  # they must not hide older ones
            ranks, ages = ranks[~weightless], ages[~weightless]
        # Of several at one place NumPy keeps the last, which is the newest.
        found[ranks[::-1]] = ages[::-1]
        by_rank = found.reshape(symbols, self._ranks)
        latest = np.minimum.accumulate(by_rank[:, :0:-1], axis=1)[:, ::-1]
        places = np.minimum(followers.start + latest, len(self._weights) - 1)
        return np.array(
            [
                np.where(latest < nowhere, self._values[column, places], self._sizes[column])
                for column in columns
            ]
        )

    def _match_anew(self) -> None:
        known = self._known
        self._matches[:] = 0
        symbols = self._symbols[self._newest : self._newest + self._length]
        same = np.ones(known, dtype=bool)
        for back in range(min(self._longest, self._length - 1)):
            there = symbols[back + 1 : back + 1 + known]
            same = same[: len(there)] & (there == symbols[back])
            if not same.any():
                break
            self._matches[: len(same)] += same

    def _move_back(self) -> int:
        """Make room for more symbols, and forget those that can't matter any more."""
        self._length = kept = self._kept
        newest = slice(self._newest, self._newest + kept)
        self._values[:, kept:-1] = self._values[:, newest].copy()
        self._weights[kept:-1] = self._weights[newest].copy()
        return kept


def _add_up(counts: npt.NDArray[Any]) -> Counts:
    """Counts from sums by the longest context that matched, which count for shorter ones too."""
    return counts[..., :0:-1, :].cumsum(axis=-2, dtype=np.float64)[..., ::-1, :]
