"""What the network sees: songs as rows, cut into blocks of 8 steps, in batches.

A song is encoded once, as live play would hear it, and cut at another place in every epoch.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from midigen.learning.notes import Letters
from midigen.music.keys import SIZE
from midigen.prediction import echoes

NO_LETTER = SIZE
"""The target of a step that a block doesn't have."""


@dataclass(frozen=True)
class Steps:
    """Rows and the letter after each.

    Those of a song have the shapes (notes - 1, 203) and (notes - 1,), those of blocks, which are
    pieces of songs, (blocks, 8, 203) and (blocks, 8). A block that is shorter than 8 steps ends
    with empty rows, whose target is NO_LETTER.
    """

    rows: npt.NDArray[np.float16]
    targets: npt.NDArray[np.uint8]


def encode(song: Letters) -> Steps:
    """Encode a song. The rows are float16 to save memory."""
    return Steps(echoes.encode_line(song[:-1]).astype(np.float16), song[1:])


def cut_blocks(songs: Sequence[Steps], rng: np.random.Generator | None = None) -> Steps:
    """Cut songs into blocks, from their beginnings or, with an `rng`, from a random place on."""
    rows: list[npt.NDArray[np.float16]] = []
    targets: list[npt.NDArray[np.uint8]] = []
    for song in songs:
        notes = len(song.targets)
        phase = int(rng.integers(echoes.STEPS)) if rng is not None else 0
        cuts = sorted({0, notes, *range(phase, notes, echoes.STEPS)})
        for start, end in itertools.pairwise(cuts):
            rows.append(_filled(song.rows[start:end], echoes.STEPS, 0))
            targets.append(_filled(song.targets[start:end], echoes.STEPS, NO_LETTER))
    return Steps(np.array(rows), np.array(targets))


def move_letters(rows: npt.NDArray[np.float16], targets: npt.NDArray[np.uint8], by: int) -> None:
    """Move all letters of a block up by 1 to 6, round the seven, in place.

    A row is made of sevens of numbers, one number for each letter.
    """
    letters = rows.reshape(echoes.STEPS, -1, SIZE)
    letters[:] = np.roll(letters, by, axis=-1)
    real = targets != NO_LETTER
    targets[real] = (targets[real] + by) % SIZE


class TrainingBatches:
    """The training songs in random batches of `batch` blocks, other ones for each `epoch`.

    The share `moved` of the blocks has its letters moved (see `move_letters`).
    """

    def __init__(self, songs: Sequence[Letters], batch: int, moved: float, seed: int) -> None:
        self.epoch = 0
        """The epoch that the next batches are for."""
        self._batch = batch
        self._moved = moved
        self._songs = [encode(song) for song in songs]
        self._seed = seed
        self.notes = sum(len(song.targets) for song in self._songs)
        """The notes of an epoch."""
        # Keras wants the same number in every epoch; some cuts make a few more, which are left out.
        counts = (math.ceil(len(song.targets) / echoes.STEPS) for song in self._songs)
        self.batches = math.ceil(sum(counts) / batch)
        self.notes_per_batch = math.ceil(self.notes / self.batches)
        """About how many notes a batch has."""

    def dataset(self) -> tf.data.Dataset:
        """The batches of one epoch after another, prepared while the network learns."""
        signature = (
            tf.TensorSpec((self._batch, echoes.STEPS, echoes.FEATURES), tf.float16),
            tf.TensorSpec((self._batch, echoes.STEPS), tf.uint8),
        )
        batches = tf.data.Dataset.from_generator(self._make_batches, output_signature=signature)
        return _weighted(batches.apply(tf.data.experimental.assert_cardinality(self.batches)))

    def _make_batches(self) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        rng = np.random.default_rng([self._seed, self.epoch])
        blocks = cut_blocks(self._songs, rng)
        order = rng.permutation(len(blocks.targets))[: self.batches * self._batch]
        for start in range(0, self.batches * self._batch, self._batch):
            chosen = order[start : start + self._batch]
            rows = _filled(blocks.rows[chosen], self._batch, 0)
            targets = _filled(blocks.targets[chosen], self._batch, NO_LETTER)
            for block in np.flatnonzero(rng.random(self._batch) < self._moved):
                move_letters(rows[block], targets[block], int(rng.integers(1, SIZE)))
            yield rows, targets


def validation_batches(songs: Sequence[Letters], batch: int) -> tf.data.Dataset:
    """All of the songs in batches of `batch` blocks, the same each time."""
    blocks = cut_blocks([encode(song) for song in songs])
    size = math.ceil(len(blocks.targets) / batch) * batch
    rows, targets = _filled(blocks.rows, size, 0), _filled(blocks.targets, size, NO_LETTER)
    single = tf.data.Dataset.from_tensor_slices((rows, targets))
    return _weighted(single.batch(batch, drop_remainder=True))


def _filled(array: npt.NDArray[Any], length: int, empty: int) -> npt.NDArray[Any]:
    """An array that is filled up to a length."""
    result = np.full((length, *array.shape[1:]), empty, array.dtype)
    result[: len(array)] = array
    return result


def _weighted(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Batches as Keras takes them: (rows, letters, weights), where an empty step weighs 0."""

    def weigh(rows: Any, targets: Any) -> Any:
        real = targets != NO_LETTER
        return tf.cast(rows, tf.float32), tf.where(real, targets, 0), tf.cast(real, tf.float32)

    return batches.map(weigh).prefetch(tf.data.AUTOTUNE)
