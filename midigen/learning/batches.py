"""What the network sees: songs as rows, cut into blocks of 8 steps, in batches.

A song is encoded once, as live play would hear it, and cut at another place in every epoch.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from midigen.learning.corpus import Song
from midigen.learning.encoding import LETTER, OCTAVE, UNKNOWN, Encoded, encode
from midigen.learning.excerpts import excerpts
from midigen.learning.hiding import hide
from midigen.learning.processes import spread
from midigen.music.keys import SIZE
from midigen.prediction.line import COMING, FEATURES, ROWS, move_letters
from midigen.prediction.steps import OCTAVES

Cuts: TypeAlias = npt.NDArray[np.int64]
"""Blocks of songs as (song, first step, steps), shape (blocks, 3)."""


def cut_blocks(lengths: Sequence[int], rng: np.random.Generator | None = None) -> Cuts:
    """Cut songs of so many steps into blocks of 8 or fewer.

    They are cut from their beginnings or, with an `rng`, from a random place on.
    """
    blocks: list[tuple[int, int, int]] = []
    for song, steps in enumerate(lengths):
        phase = int(rng.integers(ROWS)) if rng is not None else 0
        cuts = sorted({0, steps, *range(phase, steps, ROWS)})
        blocks += [(song, start, end - start) for start, end in itertools.pairwise(cuts)]
    return np.array(blocks, dtype=np.int64).reshape(-1, 3)


def gather(songs: Sequence[Encoded], blocks: Cuts, size: int) -> Encoded:
    """A batch of so many blocks, whose arrays have the shape (size, 8, …).

    A block that is shorter than 8 steps ends with empty rows, whose targets are unknown, and so
    does a batch that has fewer blocks.
    """
    batch = Encoded(
        np.zeros((size, ROWS, FEATURES), dtype=np.float16),
        np.zeros((size, ROWS, COMING), dtype=np.float16),
        np.tile(UNKNOWN, (size, ROWS, 1)),
    )
    for index, (song, start, steps) in enumerate(blocks.tolist()):
        part = slice(start, start + steps)
        batch.rows[index, :steps] = songs[song].rows[part]
        batch.coming[index, :steps] = songs[song].coming[part]
        batch.targets[index, :steps] = songs[song].targets[part]
    return batch


def move(batch: Encoded, by: npt.NDArray[np.int64]) -> None:
    """Move all letters of each block up by 0 to 6, shape (blocks,), round the seven, in place."""
    for step in set(by.tolist()) - {0}:
        where = np.flatnonzero(by == step)
        rows, coming = batch.rows[where], batch.coming[where]
        move_letters(rows, coming, step)
        batch.rows[where], batch.coming[where] = rows, coming
    letters = batch.targets[..., LETTER]
    moved = (letters + by[:, np.newaxis]) % SIZE
    batch.targets[..., LETTER] = np.where(letters < SIZE, moved, letters)


class TrainingBatches:
    """The training songs in random batches of `batch` blocks, other ones for each `epoch`.

    Their excerpts are among them. Some knowledge is hidden in all blocks (see `hiding`), and the
    share `moved` of them has its letters moved (see `move`).
    """

    def __init__(self, songs: Sequence[Song], batch: int, moved: float, seed: int) -> None:
        self.epoch = 0
        """The epoch that the next batches are for."""
        self._batch = batch
        self._moved = moved
        self._seed = seed
        cold = excerpts(songs, np.random.default_rng(seed))
        self._songs = list(spread(encode, [*songs, *cold]))
        self._lengths = [len(song) for song in self._songs]
        self.notes = sum(self._lengths)
        """The notes of an epoch."""
        # Keras wants the same number in every epoch. Some cuts make a few blocks more, which are
        # left out, or a few less, which leaves some of a batch empty.
        self.batches = math.ceil(
            len(cut_blocks(self._lengths, np.random.default_rng(seed))) / batch
        )
        self.notes_per_batch = math.ceil(self.notes / self.batches)
        """About how many notes a batch has."""

    def dataset(self) -> tf.data.Dataset:
        """The batches of one epoch after another, prepared while the network learns."""
        return _dataset(self._make_batches, self._batch, self.batches)

    def _make_batches(self) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        rng = np.random.default_rng([self._seed, self.epoch])
        blocks = cut_blocks(self._lengths, rng)
        order = rng.permutation(len(blocks))[: self.batches * self._batch]
        for start in range(0, self.batches * self._batch, self._batch):
            batch = gather(self._songs, blocks[order[start : start + self._batch]], self._batch)
            is_moved = rng.random(self._batch) < self._moved
            move(batch, is_moved * rng.integers(1, SIZE, self._batch))
            hide(batch.rows, batch.coming, rng)
            yield batch.rows, batch.coming, batch.targets


def validation_batches(songs: Sequence[Song], batch: int) -> tf.data.Dataset:
    """All of the songs in batches of `batch` blocks, the same each time."""
    encoded = list(spread(encode, songs))
    blocks = cut_blocks([len(song) for song in encoded])
    batches = math.ceil(len(blocks) / batch)
    return _dataset(partial(_in_order, encoded, blocks, batch), batch, batches)


def _in_order(
    songs: Sequence[Encoded], blocks: Cuts, size: int
) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    for start in range(0, len(blocks), size):
        batch = gather(songs, blocks[start : start + size], size)
        yield batch.rows, batch.coming, batch.targets


def _dataset(make: Any, size: int, batches: int) -> tf.data.Dataset:
    """Batches as Keras takes them: inputs, targets and weights.

    The targets are those of the network's heads. An unknown one weighs 0.
    """
    signature = (
        tf.TensorSpec((size, ROWS, FEATURES), tf.float16),
        tf.TensorSpec((size, ROWS, COMING), tf.float16),
        tf.TensorSpec((size, ROWS, len(UNKNOWN)), tf.uint8),
    )

    def weigh(rows: Any, coming: Any, targets: Any) -> Any:
        known = targets != UNKNOWN
        heads = tf.unstack(tf.cast(tf.where(known, targets, 0), tf.int32), axis=-1)
        heads[OCTAVE] += heads[LETTER] * len(OCTAVES)  # see `network.octave_nats`
        weights = tf.unstack(tf.cast(known, tf.float32), axis=-1)
        inputs = tf.cast(rows, tf.float32), tf.cast(coming, tf.float32)
        return inputs, tuple(heads), tuple(weights)

    batches_of = tf.data.Dataset.from_generator(make, output_signature=signature)
    known = batches_of.apply(tf.data.experimental.assert_cardinality(batches))
    return known.map(weigh).prefetch(tf.data.AUTOTUNE)
