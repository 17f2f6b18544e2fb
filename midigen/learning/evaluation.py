"""Measures how well a model predicts songs, note by note as in live play, beside baselines."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from midigen.learning.baselines import Baselines, PerNote
from midigen.learning.corpus import Song
from midigen.learning.encoding import encode
from midigen.learning.heads import HeadScore, HeadTallies
from midigen.learning.listening import (
    expect_all,
    predict_alone,
    predict_song,
    uniform,
    with_memory,
)
from midigen.learning.notes import Letters
from midigen.prediction.predictor import Predictor, StepPredictor

BEGINNING = 32
"""How many notes of each song are scored on their own, too: those with little to repeat."""

POSITIONS = (0, 8, 16, 32, 64, 128)
"""Where parts of songs begin whose notes are scored on their own; each ends where the next does."""


@dataclass(frozen=True)
class Score:
    """How well the notes of some songs were predicted.

    `bits_per_note` is the mean of -log2 of each note's probability. `top1` and `top3` are the
    shares of notes, 0 to 1, that were the likeliest letter or among the three likeliest. A note
    that ties with others counts by chance: one of two equally likely letters is half right.
    `first32` are the bits per note of the first 32 notes of each song, and `by_position` those of
    notes 1 to 8, 9 to 16, 17 to 32, 33 to 64, 65 to 128, and all later ones; 0 where there are no
    notes.
    """

    name: str
    bits_per_note: float
    top1: float
    top3: float
    first32: float
    by_position: tuple[float, ...]


@dataclass(frozen=True)
class Evaluation:
    """The scores of several ways to predict letters, the best ones last, and those of the heads.

    `heads` are by the name of the head and of the way; see `heads`.
    """

    scores: Sequence[Score]
    heads: Mapping[str, Mapping[str, HeadScore]]

    def rows(self) -> list[dict[str, Any]]:
        """The scores as JSON has them."""
        return [asdict(score) for score in self.scores]

    def heads_by_name(self) -> dict[str, dict[str, Any]]:
        """The scores of the heads as JSON has them."""
        return {
            head: {way: asdict(score) for way, score in ways.items()}
            for head, ways in self.heads.items()
        }


def evaluate(
    predictor: Predictor,
    songs: Sequence[Song],
    baselines: Baselines,
    notebook: Predictor | None = None,
    each: Callable[[Iterable[Song]], Iterable[Song]] = iter,
) -> Evaluation:
    """The scores of the baselines, of the notebook's model if it is given, and of the model.

    Each song is predicted from its own notes alone: nothing is remembered from song to song.
    `each` passes the songs on, and may show the progress.
    """
    tallies = {name: _Tally() for name in _names(notebook)}
    heads = HeadTallies(baselines.gaps)
    for song in each(songs):
        alone = _alone(predictor, song, heads)
        ways = predictions(predictor, song, baselines, notebook, alone)
        for name, rows in ways.items():
            tallies[name].add(rows, song.letters)
    return Evaluation([tally.score(name) for name, tally in tallies.items()], heads.scores())


def predictions(
    predictor: Predictor,
    song: Song,
    baselines: Baselines,
    notebook: Predictor | None = None,
    alone: PerNote | None = None,
) -> dict[str, PerNote]:
    """What is predicted for each note of a song, by the ways' names in a table of scores.

    `alone` is what the model predicts without memory, if that is known already.
    """
    letters = song.letters
    ways = {"uniform": uniform(letters)}
    ways |= {f"markov-{order}": baselines.markov(letters, order) for order in (0, 1, 2, 4)}
    ways["ltm+stm"] = baselines.long_and_short_term(letters)
    if notebook is not None:
        ways["notebook"] = predict_song(notebook, song, memory_amount=0.0)
    ways["lstm"] = predict_alone(predictor, song) if alone is None else alone
    ways["lstm+memory"] = with_memory(predictor, ways["lstm"], letters, memory_amount=1.0)
    return ways


def _names(notebook: Predictor | None) -> list[str]:
    chains = [f"markov-{order}" for order in (0, 1, 2, 4)]
    taught = [] if notebook is None else ["notebook"]
    return ["uniform", *chains, "ltm+stm", *taught, "lstm", "lstm+memory"]


def _alone(predictor: Predictor, song: Song, heads: HeadTallies) -> PerNote | None:
    """What a model that takes steps predicts without memory. Its heads are scored on the way."""
    encoded = encode(song)
    if not isinstance(predictor, StepPredictor) or not len(encoded):
        return None
    outlook = expect_all(predictor, encoded)
    heads.add(predictor, encoded, outlook)
    rows = uniform(song.letters)
    rows[1:] = outlook.letters
    return rows


class _Tally:
    """What is summed over the notes of songs for a score."""

    def __init__(self) -> None:
        self._right = np.zeros(2)
        self._bits, self._notes = np.zeros((2, len(POSITIONS)))

    def add(self, rows: PerNote, song: Letters) -> None:
        """Add a song and what was predicted for its notes."""
        own = rows[np.arange(len(song)), song][:, None]
        likelier = (rows > own).sum(axis=1)
        equal = (rows == own).sum(axis=1)
        self._right += [np.clip((places - likelier) / equal, 0, 1).sum() for places in (1, 3)]
        bits = -np.log2(np.maximum(own[:, 0], 1e-12))
        part = np.searchsorted(POSITIONS, np.arange(len(song)), side="right") - 1
        self._bits += np.bincount(part, bits, len(POSITIONS))
        self._notes += np.bincount(part, minlength=len(POSITIONS))

    def score(self, name: str) -> Score:
        first = POSITIONS.index(BEGINNING)
        top1, top3 = (self._right / max(self._notes.sum(), 1)).tolist()
        return Score(
            name,
            _mean(self._bits, self._notes),
            top1,
            top3,
            _mean(self._bits[:first], self._notes[:first]),
            tuple((self._bits / np.maximum(self._notes, 1)).tolist()),
        )


def _mean(sums: npt.NDArray[np.float64], counts: npt.NDArray[np.float64]) -> float:
    return float(sums.sum() / max(counts.sum(), 1))
