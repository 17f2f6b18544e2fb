"""What a model must beat: Markov chains, and a long-term and a short-term model as in IDyOM.

All of them count what followed each context in the training songs, and are smoothed
in the same way. Sources: Witten and Bell (1991), "The zero-frequency problem", method C, which
interpolated is also PPM's escape method C; Pearce (2005), "The construction and
evaluation of statistical models of melodic structure", for the long-term and
short-term models and their combination weighted by entropy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen import files
from midigen.errors import ModelError
from midigen.music.keys import SIZE
from midigen.prediction.memory import ORDERS, Memory
from midigen.prediction.steps import GAPS

COUNTED_ORDER = 8
"""The longest context that is counted, in letters."""

LONG_TERM_ORDER = 4
"""The longest context of the long-term model: longer ones of letters only made it worse.

Of steps in time, none that is longer is counted.
"""

BIAS = 1.0
"""How sharply the more certain of the two models is preferred.

The best of 1, 2, 4 and 7 on the validation songs of both corpora: with 4 letters of
context 1.26, 1.31, 1.35 and 1.38 bits a note on POP909's. IDyOM's own default is 7.
"""

Symbols: TypeAlias = npt.NDArray[np.uint8]
"""A line of symbols from 0 to `size` - 1: the letters of a song, or the classes of its gaps."""

_OF_GAPS = "gaps_"  # in the names of a file's arrays

PerNote: TypeAlias = npt.NDArray[np.float64]
"""Probabilities or counts for each symbol of a line, shape (symbols, size): of seven letters,
(notes, 7), or of 18 steps in time."""


@dataclass(frozen=True)
class Baselines:
    """Counts of what followed every context of 0 to 8 letters in the training songs.

    Those of letters may have those of steps in time, `gaps`, with them, whose contexts are shorter.
    There are `size` symbols of either kind.
    """

    _contexts: Sequence[npt.NDArray[np.int64]]  # of each order, as numbers in base `size`, rising
    _counts: Sequence[PerNote]
    size: int = SIZE
    gaps: "Baselines | None" = None

    @classmethod
    def count(
        cls,
        songs: Sequence[Symbols],
        gaps: Sequence[Symbols] | None = None,
        *,
        size: int = SIZE,
        longest: int = COUNTED_ORDER,
    ) -> "Baselines":
        """Count in training songs, and in their steps in time if they are given.

        No context reaches from one song into the next.
        """
        contexts: list[npt.NDArray[np.int64]] = []
        counts: list[PerNote] = []
        for order in range(longest + 1):
            codes = np.concatenate([_context_codes(song, order, size)[order:] for song in songs])
            followers = np.concatenate([song[order:] for song in songs])
            found, index = np.unique(codes, return_inverse=True)
            table = np.zeros((len(found), size))
            np.add.at(table, (index, followers), 1)
            contexts.append(found)
            counts.append(table)
        if gaps is None:
            return cls(contexts, counts, size)
        of_gaps = cls.count(gaps, size=len(GAPS), longest=LONG_TERM_ORDER)
        return cls(contexts, counts, size, of_gaps)

    def save(self, path: Path) -> None:
        """Write the counts as a compressed .npz file."""
        arrays = self.arrays() | ({} if self.gaps is None else self.gaps.arrays(_OF_GAPS))
        with files.replacing(path) as new, new.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # NumPy's own stub

    def arrays(self, prefix: str = "") -> dict[str, npt.NDArray[Any]]:
        """The contexts and counts by the names that they have in a file."""
        arrays: dict[str, npt.NDArray[Any]] = {}
        for order, (contexts, counts) in enumerate(zip(self._contexts, self._counts, strict=True)):
            arrays[f"{prefix}contexts_{order}"] = contexts
            arrays[f"{prefix}counts_{order}"] = counts.astype(np.uint32)
        return arrays

    @classmethod
    def load(cls, path: Path) -> "Baselines":
        """Read what `save` wrote. Raises ModelError if it is missing or damaged."""
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                has_gaps = any(name.startswith(_OF_GAPS) for name in arrays)
                gaps = cls._read(arrays, _OF_GAPS, len(GAPS), LONG_TERM_ORDER) if has_gaps else None
                baselines = replace(cls._read(arrays, "", SIZE, COUNTED_ORDER), gaps=gaps)
        except FileNotFoundError as exc:
            raise ModelError(f"{path}: missing; `midigen train` writes it with the model") from exc
        except Exception as exc:  # NumPy's, zipfile's and zlib's errors have no common parent
            raise ModelError(f"{path}: not the baselines of a model: {exc}") from exc
        return baselines

    @classmethod
    def _read(cls, arrays: Mapping[str, Any], prefix: str, size: int, longest: int) -> "Baselines":
        """One of the tables in a file. Raises ValueError if it is damaged."""
        orders = range(longest + 1)
        contexts = [arrays[f"{prefix}contexts_{order}"] for order in orders]
        counts = [arrays[f"{prefix}counts_{order}"].astype(np.float64) for order in orders]
        if not all(map(partial(_is_table, size), contexts, counts)):
            raise ValueError("it holds no tables of counts")
        return cls(contexts, counts, size)

    def followers(self, song: Symbols, order: int = COUNTED_ORDER) -> npt.NDArray[np.float64]:
        """What followed the contexts before each symbol, order 0 first.

        The shape is (symbols, order + 1, size).
        """
        result = np.zeros((len(song), order + 1, self.size))
        for each, contexts in enumerate(self._contexts[: order + 1]):
            if not len(contexts):
                break  # no training song has as many notes
            codes = _context_codes(song, each, self.size)
            found = np.minimum(np.searchsorted(contexts, codes), len(contexts) - 1)
            known = contexts[found] == codes
            known[:each] = False  # there is no context of that many letters yet
            result[known, each] = self._counts[each][found[known]]
        return result

    def known(self, song: Symbols, length: int) -> npt.NDArray[np.bool_]:
        """Whether the `length` letters, 2 to 9, up to each note are in a training song."""
        followers = self.followers(song, length - 1)[:, length - 1]
        known: npt.NDArray[np.bool_] = followers[np.arange(len(song)), song] > 0
        return known

    def markov(self, song: Symbols, order: int) -> PerNote:
        """A Markov chain's probabilities for each note of a song."""
        return witten_bell(self.followers(song, order))

    def long_and_short_term(self, song: Symbols) -> PerNote:
        """Probabilities from the training songs and the song so far, combined as in IDyOM.

        It doesn't copy IDyOM's defaults, but it is at least as strong.
        """
        return combine(self.markov(song, LONG_TERM_ORDER), witten_bell(short_term(song, self.size)))


def short_term(song: Symbols, size: int = SIZE) -> npt.NDArray[np.float64]:
    """What followed the contexts in the song so far, (symbols, 17, size), order 0 first."""
    memory = Memory(max(1, len(song)), size=size)
    result = np.zeros((len(song), ORDERS + 1, size))
    for note, symbol in enumerate(song):
        result[note, 0] = np.bincount(song[:note], minlength=size)
        result[note, 1:] = memory.counts()
        memory.add(int(symbol))
    return result


def witten_bell(followers: npt.NDArray[np.float64]) -> PerNote:
    """Probabilities from counts of shape (symbols, orders, size), lowest order first.

    Each order is interpolated with the one below it, and the lowest with a uniform distribution.
    """
    size = followers.shape[2]
    probabilities = np.full((len(followers), size), 1 / size)
    for order in range(followers.shape[1]):
        counts = followers[:, order]
        kinds = (counts > 0).sum(axis=1, keepdims=True)
        total = counts.sum(axis=1, keepdims=True) + kinds
        mixed = (counts + kinds * probabilities) / np.maximum(total, 1)
        probabilities = np.where(kinds, mixed, probabilities)
    return probabilities


def combine(*models: PerNote) -> PerNote:
    """The geometric mean of models, each weighted by its certainty to the power of BIAS.

    A model's certainty is 1 / its entropy, relative to that of a uniform distribution.
    """
    each = np.stack(models)  # (models, symbols, size)
    logs = np.log(each)
    entropy = -(each * logs).sum(axis=2, keepdims=True) / np.log(each.shape[2])
    weights = np.maximum(entropy, 1e-3) ** -BIAS
    likely = np.exp((weights * logs).sum(axis=0) / weights.sum(axis=0))
    normalized: PerNote = likely / likely.sum(axis=1, keepdims=True)
    return normalized


def _is_table(size: int, contexts: npt.NDArray[np.int64], counts: PerNote) -> bool:
    """Whether these are contexts in rising order, and counts for each of them."""
    return bool(
        contexts.ndim == 1
        and contexts.dtype.kind in "iu"
        and counts.shape == (len(contexts), size)
        and (contexts[:-1] < contexts[1:]).all()
        and np.isfinite(counts).all()
        and (counts >= 0).all()
    )


def _context_codes(song: Symbols, order: int, size: int) -> npt.NDArray[np.int64]:
    """The `order` symbols before each one as a number in base `size` (fewer at the beginning)."""
    codes = np.zeros(len(song), dtype=np.int64)
    for back in range(order, 0, -1):
        codes *= size
        codes[back:] += song[:-back]
    return codes
