"""What was played: how often each letter followed every context of a line of letters.

A context is the newest few letters. No table of contexts is kept: for every letter
heard there stands the length of the match that ends there, that is, how many letters
up to it are the same as the newest ones. What followed there once may follow now,
the longer the match the likelier. Everything is allocated once; only the newest
letters are remembered.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree

ORDERS = 16
"""The longest context of a session's memory, in letters."""

CAPACITY = 8192
"""Letters that a session's memory holds: at five a second, the last half hour."""

Counts: TypeAlias = npt.NDArray[np.float64]
"""What followed contexts of several lengths: the weight of each letter, shape (…, lengths, 7)."""


class Memory:
    """What followed contexts, for a line of letters that grows.

    It holds the newest `capacity` letters, and looks for contexts of `lengths`
    letters, which rise.
    """

    def __init__(
        self, capacity: int = CAPACITY, lengths: Sequence[int] = range(1, ORDERS + 1)
    ) -> None:
        self._reach = capacity - 1  # the age of the oldest letter; the newest has none
        self._longest = lengths[-1]
        self._ranks = len(lengths) + 1
        # How many contexts a match serves, by its length, times the letters that may follow.
        rank = np.searchsorted(lengths, np.arange(self._longest + 2), side="right") * SIZE
        self._rank, self._rank_lengthened = rank[:-1], rank[1:]
        # The newest letter comes first, so that a letter's place is its age; new ones are
        # put before it until there is no room left.
        self._kept = capacity + self._longest
        self._newest = 2 * self._kept
        self._letters = np.zeros(self._newest + 1, dtype=np.int64)
        self._weights = np.ones(self._newest + 1)
        self._length = 0
        # How many letters up to the one of age 1, 2, 3 … are the same as the newest ones.
        self._matches = np.zeros(self._reach, dtype=np.int64)
        self._ages = np.arange(self._reach)

    def __len__(self) -> int:
        return min(self._length, self._reach + 1)

    def add(self, degree: Degree, weight: float = 1.0) -> None:
        """Remember one more letter, which counts as much as its weight (more than 0)."""
        known = min(self._length, self._reach)
        before = self._newest
        matches = self._matches[:known]
        matches += 1
        matches *= self._letters[before : before + known] == degree
        if before == 1:  # the place before the newest is always free
            before = self._move_back()
        self._newest = before - 1
        self._letters[self._newest] = degree
        self._weights[self._newest] = weight
        self._length += 1

    def begin(self, degrees: npt.NDArray[np.int64]) -> None:
        """Remember these letters and none else: as if each were added, but all at once."""
        kept = degrees[-self._kept :]
        self._length = len(kept)
        self._newest = 2 * self._kept - self._length
        self._letters[self._newest : -1] = kept[::-1]
        self._weights[self._newest : -1] = 1.0
        self._match_anew()

    def replace(self, age: int, degree: Degree) -> None:
        """Put another letter in the place of one: age 0 is the newest."""
        if age < len(self):
            self._letters[self._newest + age] = degree
            self._match_anew()

    def drop(self, count: int) -> None:
        """Take the newest letters back."""
        count = min(count, self._length)
        self._newest += count
        self._length -= count
        self._match_anew()

    def forget(self) -> None:
        """Forget everything."""
        self._length = 0
        self._matches[:] = 0

    def counts(self) -> Counts:
        """What followed the contexts that end now, shape (lengths, 7)."""
        known = self._known
        keys = self._rank.take(self._matches[:known], mode="clip")
        keys += self._letters[self._newest : self._newest + known]
        weights = self._weights[self._newest : self._newest + known]
        return _add_up(np.bincount(keys, weights, self._ranks * SIZE).reshape(self._ranks, SIZE))

    def counts_after_each_letter(self) -> Counts:
        """What `counts` would be with each of the seven letters added, shape (7, lengths, 7)."""
        keys, followers = self._ranks_after_each_letter()
        keys += self._letters[followers]
        self._weights[self._newest - 1] = 1.0
        sums = np.bincount(keys, self._weights[followers], SIZE * self._ranks * SIZE)
        return _add_up(sums.reshape(SIZE, self._ranks, SIZE))

    def latest(self) -> npt.NDArray[np.int64]:
        """What followed the latest match of each length: letters, or 7 where there was none."""
        known = self._known
        ranks = self._rank.take(self._matches[:known], mode="clip")
        return self._latest(ranks, self._newest, 1).ravel()

    def latest_after_each_letter(self) -> npt.NDArray[np.int64]:
        """What `latest` would be with each of the seven letters added, shape (7, lengths)."""
        ranks, followers = self._ranks_after_each_letter()
        return self._latest(ranks, followers.start, SIZE)

    @property
    def _known(self) -> int:
        """The letters that something followed."""
        return max(0, min(self._length - 1, self._reach))

    def _ranks_after_each_letter(self) -> tuple[npt.NDArray[np.int64], slice]:
        """What each letter adds to a key of counts, were it the newest again; what followed it.

        The latter as a slice of `_letters` and `_weights`.
        """
        first, known = self._newest, min(self._length, self._reach)
        ranks = self._rank_lengthened.take(self._matches[:known], mode="clip")
        ranks += self._letters[first : first + known] * (self._ranks * SIZE)
        # The newest letter's follower would be the added one, which would be the same letter.
        self._letters[first - 1 : first] = self._letters[first : first + 1]
        return ranks, slice(first - 1, first - 1 + known)

    def _latest(
        self, ranks: npt.NDArray[np.int64], first: int, letters: int
    ) -> npt.NDArray[np.int64]:
        """The letters, from `first` on, of the latest match by (letter, length)."""
        nowhere = self._reach
        found = np.full(letters * self._ranks * SIZE, nowhere)
        # Of several at one place the last one stays: the newest.
        found[ranks[::-1]] = self._ages[: len(ranks)][::-1]
        by_rank = found[::SIZE].reshape(letters, self._ranks)
        ages = np.minimum.accumulate(by_rank[:, :0:-1], axis=1)[:, ::-1]
        return np.where(ages < nowhere, self._letters.take(first + ages, mode="clip"), SIZE)

    def _match_anew(self) -> None:
        known = self._known
        self._matches[:] = 0
        letters = self._letters[self._newest : self._newest + self._length]
        same = np.ones(known, dtype=bool)
        for back in range(min(self._longest, self._length - 1)):
            there = letters[back + 1 : back + 1 + known]
            same = same[: len(there)] & (there == letters[back])
            if not same.any():
                break
            self._matches[: len(same)] += same

    def _move_back(self) -> int:
        """Make room for more letters; what can't matter any more is forgotten."""
        self._length = kept = self._kept
        for each in (self._letters, self._weights):
            each[kept:-1] = each[self._newest : self._newest + kept].copy()
        return kept


def _add_up(counts: npt.NDArray[Any]) -> Counts:
    """Of sums by the longest context that matched: a match counts for the shorter ones too."""
    return counts[..., :0:-1, :].cumsum(axis=-2, dtype=np.float64)[..., ::-1, :]
