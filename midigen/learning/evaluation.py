"""Measures how well a model predicts songs, note by note as in live play, beside baselines."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.learning.baselines import Baselines, PerNote
from midigen.learning.corpus import Song
from midigen.learning.notes import Letters
from midigen.music.keys import SIZE
from midigen.prediction.predictor import Predictor
from midigen.prediction.session import Session

Way: TypeAlias = Callable[[Letters], PerNote]
"""A way to predict a song: probabilities for each note, from the notes before it."""


BEGINNING = 32
"""How many notes of each song are scored on their own, too: those with little to repeat."""


@dataclass(frozen=True)
class Score:
    """How well the notes of some songs were predicted.

    `bits_per_note` is the mean of -log2 of each note's probability. `top1` and `top3` are the
    shares of notes, 0 to 1, that were the likeliest letter or among the three likeliest. A note
    that ties with others counts by chance: one of two equally likely letters is half right.
    `first32` are the bits per note of the first 32 notes of each song.
    """

    name: str
    bits_per_note: float
    top1: float
    top3: float
    first32: float


def evaluate(
    predictor: Predictor,
    songs: Sequence[Song],
    baselines: Baselines,
    notebook: Predictor | None = None,
    each: Callable[[Iterable[Song]], Iterable[Song]] = iter,
) -> list[Score]:
    """The scores of the baselines, of the notebook's model if it is given, and of the model.

    Each song is predicted from its own notes alone: nothing is remembered from song to song.
    `each` passes the songs on, and may show the progress.
    """
    ways = ways_to_predict(predictor, baselines, notebook)
    tallies = {name: np.zeros(4) for name in ways}
    notes = beginning = 0
    for song in each(songs):
        notes += len(song.letters)
        beginning += min(len(song.letters), BEGINNING)
        for name, way in ways.items():
            tallies[name] += _tally(way(song.letters), song.letters)
    counts = np.maximum([notes, notes, notes, beginning], 1)
    return [Score(name, *(tally / counts).tolist()) for name, tally in tallies.items()]


def ways_to_predict(
    predictor: Predictor, baselines: Baselines, notebook: Predictor | None = None
) -> dict[str, Way]:
    """The ways to predict a song, by their names in a table of scores, the best ones last."""
    ways: dict[str, Way] = {"uniform": _uniform}
    ways |= {f"markov-{order}": partial(baselines.markov, order=order) for order in (0, 1, 2, 4)}
    ways["ltm+stm"] = baselines.long_and_short_term
    if notebook is not None:
        ways["notebook"] = partial(predict_song, notebook, memory_amount=0.0)
    ways["lstm"] = partial(predict_song, predictor, memory_amount=0.0)
    ways["lstm+memory"] = partial(predict_song, predictor, memory_amount=1.0)
    return ways


def predict_song(predictor: Predictor, song: Letters, memory_amount: float) -> PerNote:
    """What live play would predict for each note of a song, shape (notes, 7).

    Before the model has enough notes to predict, all letters are equally likely.
    """
    session = Session(predictor, memory_amount)
    rows = _uniform(song)
    for note, degree in enumerate(song):
        if not session.missing:
            rows[note] = session.predict()[0]
        session.hear(int(degree))
    return rows


def _uniform(song: Letters) -> PerNote:
    return np.full((len(song), SIZE), 1 / SIZE)


def _tally(rows: PerNote, song: Letters) -> npt.NDArray[np.float64]:
    """What is summed over the notes of songs, shape (4,).

    It is the bits, the notes that were the likeliest letter, those that were among the three
    likeliest, and the bits of the first notes.
    """
    own = rows[np.arange(len(song)), song][:, None]
    likelier = (rows > own).sum(axis=1)
    equal = (rows == own).sum(axis=1)
    right = [np.clip((places - likelier) / equal, 0, 1).sum() for places in (1, 3)]
    bits = -np.log2(np.maximum(own, 1e-12))
    return np.array([bits.sum(), *right, bits[:BEGINNING].sum()])
