"""Remembers what was played: how often each letter followed the contexts that end now.

A context is the newest few letters. No table of contexts is kept. Instead, each remembered letter
has the length of the match that ends there: how many letters up to it are the same as the newest
ones. What followed such a match may follow again, and the longer the match, the likelier. All
arrays are allocated once, and only the newest letters are remembered.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.music.keys import SIZE, Degree

ORDERS = 16
"""The longest context that a session's memory looks for, in letters."""

CAPACITY = 8192
"""How many letters a session's memory holds: half an hour of five letters a second."""

Counts: TypeAlias = npt.NDArray[np.float64]
"""How much each letter weighs among those that followed contexts: shape (…, lengths, 7)."""


class Memory:
    """Remembers the newest `capacity` letters of a line, and what followed their contexts.

    `lengths` are those of the contexts, in letters, in rising order.
    """

    def __init__(
        self, capacity: int = CAPACITY, lengths: Sequence[int] = range(1, ORDERS + 1)
    ) -> None:
        self._reach = capacity - 1  # the age of the oldest letter; the newest has none
        self._longest = lengths[-1]
        self._ranks = len(lengths) + 1
        # By the length of a match: how many contexts it is long enough for, times 7.
        rank = np.searchsorted(lengths, np.arange(self._longest + 2), side="right") * SIZE
        self._rank, self._rank_lengthened = rank[:-1], rank[1:]
        # The newest letter comes first, so that a letter's place is its age. New ones are put
        # before it until there is no room left.
        self._kept = capacity + self._longest
        self._newest = 2 * self._kept
        self._letters = np.zeros(self._newest + 1, dtype=np.int64)
        self._weights = np.ones(self._newest + 1)
        self._length = 0
        # How many letters up to those of age 1, 2, 3, … are the same as the newest ones.
        self._matches = np.zeros(self._reach, dtype=np.int64)
        self._ages = np.arange(self._reach)

    def __len__(self) -> int:
        return min(self._length, self._reach + 1)

    def add(self, degree: Degree, weight: float = 1.0) -> None:
        """Remember one more letter, which counts with a weight above 0."""
        known = min(self._length, self._reach)
        before = self._newest
        matches = self._matches[:known]
        matches += 1
        matches *= self._letters[before : before + known] == degree
        if before == 1:  # the place before the newest letter always stays free
            before = self._move_back()
        self._newest = before - 1
        self._letters[self._newest] = degree
        self._weights[self._newest] = weight
        self._length += 1

    def begin(self, degrees: npt.NDArray[np.int64]) -> None:
        """Forget everything, and remember these letters as if each were added, but faster."""
        kept = degrees[-self._kept :]
        self._length = len(kept)
        self._newest = 2 * self._kept - self._length
        self._letters[self._newest : -1] = kept[::-1]
        self._weights[self._newest : -1] = 1.0
        self._match_anew()

    def replace(self, age: int, degree: Degree) -> None:
        """Replace the letter of an age; 0 is the newest. A forgotten one stays forgotten."""
        if age < len(self):
            self._letters[self._newest + age] = degree
            self._match_anew()

    def drop(self, count: int) -> None:
        """Take back the newest letters."""
        count = min(count, self._length)
        self._newest += count
        self._length -= count
        self._match_anew()

    def forget(self) -> None:
        """Forget everything."""
        self._length = 0
        self._matches[:] = 0

    def counts(self) -> Counts:
        """The weights of what followed the contexts that end now, shape (lengths, 7)."""
        known = self._known
        keys = self._rank.take(self._matches[:known], mode="clip")
        keys += self._letters[self._newest : self._newest + known]
        weights = self._weights[self._newest : self._newest + known]
        return _add_up(np.bincount(keys, weights, self._ranks * SIZE).reshape(self._ranks, SIZE))

    def counts_after_each_letter(self) -> Counts:
        """What `counts` would be after each of the seven letters, shape (7, lengths, 7)."""
        keys, followers = self._ranks_after_each_letter()
        keys += self._letters[followers]
        self._weights[self._newest - 1] = 1.0
        sums = np.bincount(keys, self._weights[followers], SIZE * self._ranks * SIZE)
        return _add_up(sums.reshape(SIZE, self._ranks, SIZE))

    def latest(self) -> npt.NDArray[np.int64]:
        """The letter after the latest match of each length, or 7 for none; shape (lengths,)."""
        known = self._known
        ranks = self._rank.take(self._matches[:known], mode="clip")
        return self._latest(ranks, self._newest, 1).ravel()

    def latest_after_each_letter(self) -> npt.NDArray[np.int64]:
        """What `latest` would be after each of the seven letters, shape (7, lengths)."""
        ranks, followers = self._ranks_after_each_letter()
        return self._latest(ranks, followers.start, SIZE)

    @property
    def _known(self) -> int:
        """The number of letters that something followed."""
        return max(0, min(self._length - 1, self._reach))

    def _ranks_after_each_letter(self) -> tuple[npt.NDArray[np.int64], slice]:
        """What each remembered letter adds to a key of counts if it comes next, and its follower.

        The followers are returned as a slice of `_letters` and `_weights`.
        """
        first, known = self._newest, min(self._length, self._reach)
        ranks = self._rank_lengthened.take(self._matches[:known], mode="clip")
        ranks += self._letters[first : first + known] * (self._ranks * SIZE)
        # The newest letter's follower would be the added letter, which would be the same one.
        self._letters[first - 1 : first] = self._letters[first : first + 1]
        return ranks, slice(first - 1, first - 1 + known)

    def _latest(
        self, ranks: npt.NDArray[np.int64], first: int, letters: int
    ) -> npt.NDArray[np.int64]:
        """What followed the latest match, by (letter, length), of letters from `first` on."""
        nowhere = self._reach
        found = np.full(letters * self._ranks * SIZE, nowhere)
        # Of several at one place NumPy keeps the last, which is the newest.
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
        """Make room for more letters, and forget those that can't matter any more."""
        self._length = kept = self._kept
        for each in (self._letters, self._weights):
            each[kept:-1] = each[self._newest : self._newest + kept].copy()
        return kept


def _add_up(counts: npt.NDArray[Any]) -> Counts:
    """Counts from sums by the longest context that matched, which count for shorter ones too."""
    return counts[..., :0:-1, :].cumsum(axis=-2, dtype=np.float64)[..., ::-1, :]
