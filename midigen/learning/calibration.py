"""Finds how far to trust the session's memory beside a model, on songs that it didn't learn."""

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from midigen.learning.corpus import Song
from midigen.learning.listening import memory_counts, predict_alone
from midigen.prediction.memory import ORDERS, Counts
from midigen.prediction.mixture import BUCKETS, Mixture, Probabilities, buckets
from midigen.prediction.predictor import Predictor

_MOST_NOTES = 50_000  # that it is found by: more tell hardly anything new
_STEPS = 600
_LEARNING_RATE = 0.02
_CAUTION = -1.0  # where trust starts, and stays for contexts that never came: at 0.27
_TRUST_DOUBT, _EXPONENT_DOUBT = 0.3, 3.0  # 1 / variance of the prior: more holds them back more
_CERTAIN = 0.999  # the most that a context is trusted, so that every letter stays possible
_UNMIXED = np.array([[1.0, 0.0]], dtype=np.float32)  # exponents that leave the model as it is


def calibrate(predictor: Predictor, songs: Sequence[Song]) -> Mixture:
    """The mixture that predicts the notes of songs with the fewest bits a note.

    It is found by gradient descent on what `Mixture.mix` computes, for all notes at once. A normal
    prior about the starting point holds it back, so that a few songs don't count for too much.
    """
    chosen = _some(songs)
    alone = [predict_alone(predictor, song)[1:] for song in chosen]
    model = np.concatenate(alone).astype(np.float32)
    counts = np.concatenate([memory_counts(song.letters)[1:] for song in chosen])
    letters = np.concatenate([song.letters[1:] for song in chosen]).astype(np.int64)
    mixing = _Mixing(model, counts)
    optimizer = keras.optimizers.Adam(
        keras.optimizers.schedules.CosineDecay(_LEARNING_RATE, _STEPS)
    )
    optimizer.build(mixing.variables)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def descend() -> None:
        with tf.GradientTape() as tape:
            nats = tf.nn.sparse_softmax_cross_entropy_with_logits(letters, mixing.logits())
            loss = tf.reduce_mean(nats) + mixing.surprise() / len(letters)
        gradients = tape.gradient(loss, mixing.variables)
        optimizer.apply_gradients(zip(gradients, mixing.variables, strict=True))

    for _ in range(_STEPS):
        descend()
    return mixing.mixture()


def _some(songs: Sequence[Song]) -> Sequence[Song]:
    """Songs from all over the collection, if they have too many notes together."""
    notes = sum(len(song.letters) for song in songs)
    return songs[:: math.ceil(notes / _MOST_NOTES)] if notes else songs


class _Mixing:
    """`Mixture.mix` in TensorFlow, which gives gradients."""

    def __init__(self, model: Probabilities, counts: Counts) -> None:
        heard = counts.sum(axis=-1)
        self._model = tf.constant(model)
        self._shares = tf.constant((counts / np.maximum(heard, 1)[..., None]).astype(np.float32))
        self._known = tf.constant((heard > 0).astype(np.float32))
        self._columns = tf.constant(np.arange(ORDERS) * BUCKETS + buckets(counts))
        self._longest = tf.constant((heard > 0).sum(axis=1))
        self._trust = tf.Variable(np.full(ORDERS * BUCKETS, _CAUTION, dtype=np.float32))
        self._exponents = tf.Variable(np.tile(_UNMIXED, (ORDERS, 1)))  # for 1 match and more
        self.variables = [self._trust, self._exponents]

    def logits(self) -> tf.Tensor:
        trust = tf.sigmoid(tf.gather(self._trust, self._columns)) * self._known * _CERTAIN
        passed_down = tf.math.cumprod(1 - trust, axis=1, reverse=True)
        above = tf.math.cumprod(1 - trust, axis=1, reverse=True, exclusive=True)
        mixed = tf.reduce_sum((trust * above)[..., None] * self._shares, axis=1)
        mixed += passed_down[:, :1] * self._model
        exponents = tf.gather(tf.concat([_UNMIXED, self._exponents], axis=0), self._longest)
        logs = exponents[:, :1] * tf.math.log(mixed)
        return logs + exponents[:, 1:] * tf.math.log(self._model)

    def surprise(self) -> tf.Tensor:
        """How unlikely the variables are by the prior, in nats above its likeliest point."""
        trust = tf.reduce_sum((self._trust - _CAUTION) ** 2) * _TRUST_DOUBT / 2
        return trust + tf.reduce_sum((self._exponents - _UNMIXED) ** 2) * _EXPONENT_DOUBT / 2

    def mixture(self) -> Mixture:
        trust = tf.sigmoid(self._trust).numpy().reshape(ORDERS, BUCKETS) * _CERTAIN
        return Mixture(trust, np.concatenate([_UNMIXED, self._exponents.numpy()]))
