"""Measures how well a model predicts songs, note by note as in live play, beside baselines.

And what it plays: openings of songs that it carries on, beside how the songs go on.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.errors import MidigenError
from midigen.learning.baselines import Baselines, PerNote
from midigen.learning.corpus import Song
from midigen.learning.notes import Letters
from midigen.music.keys import SIZE
from midigen.prediction.predictor import Predictor
from midigen.prediction.sampling import Sampler
from midigen.prediction.session import Session

OPENING, CONTINUATION = 16, 32
"""The lengths of an opening and of what carries it on, in letters."""

PHRASE = 8
"""The length of a phrase, in letters: one that is found elsewhere counts as copied."""

_LOOP = re.compile(rb"(.{1,4})\1{3}", re.DOTALL)  # up to 4 letters that come 4 times in a row

Way: TypeAlias = Callable[[Letters], PerNote]
"""A way to predict a song: probabilities for each note, from the notes before it."""

Lines: TypeAlias = npt.NDArray[np.uint8]
"""Pieces of melodies, all of one length, shape (openings, letters)."""


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


@dataclass(frozen=True)
class Character:
    """What some continuations are like.

    `from_opening` and `from_training` are the shares of their phrases that are also in the opening
    or in a training song, and `loops` is the share of continuations with a loop, all 0 to 1.
    `letters` and `intervals` tell how far their distributions are from those of the songs: the
    Kullback–Leibler divergence in bits, where 0 means that they are the same.
    """

    from_opening: float
    from_training: float
    loops: float
    letters: float
    intervals: float


@dataclass(frozen=True)
class Report:
    """What a model plays after some openings, and what the songs do."""

    openings: int
    played: Character
    real: Character


def report(
    predictor: Predictor,
    songs: Sequence[Song],
    baselines: Baselines,
    openings: int,
    *,
    new_sampler: Callable[[np.random.Generator], Sampler],
    memory_amount: float,
    seed: int,
) -> Report:
    """Carry on so many openings, taken from anywhere in the songs.

    The same seed gives the same openings and continuations. Raises MidigenError if all songs are
    too short.
    """
    rng = np.random.default_rng(seed)
    long_enough = [song.letters for song in songs if len(song.letters) >= OPENING + CONTINUATION]
    if not long_enough:
        raise MidigenError(f"no song has the {OPENING + CONTINUATION} notes that --generate needs")
    excerpts = np.array([_excerpt(long_enough, rng) for _ in range(openings)])
    beginnings, real = excerpts[:, :OPENING], excerpts[:, OPENING:]
    played = np.array(
        [carry_on(predictor, each, new_sampler(rng), memory_amount) for each in beginnings]
    )
    return Report(
        openings,
        _character(beginnings, played, real, baselines),
        _character(beginnings, real, real, baselines),
    )


def carry_on(
    predictor: Predictor, opening: Letters, sampler: Sampler, memory_amount: float
) -> Letters:
    """The 32 letters that live play would answer an opening with, if it were a whole phrase."""
    session = Session(predictor, memory_amount)
    for degree in opening:
        session.hear(int(degree))
    played = np.zeros(CONTINUATION, dtype=np.uint8)
    for note in range(CONTINUATION):
        (degree,) = sampler.draw(session.predict())
        sampler.take(degree)
        session.play(degree)
        played[note] = degree
    return played


def has_loop(line: Letters) -> bool:
    """Whether a line has a loop: up to 4 letters that come 4 times in a row."""
    return _LOOP.search(bytes(line)) is not None


def _excerpt(songs: Sequence[Letters], rng: np.random.Generator) -> Letters:
    song = songs[int(rng.integers(len(songs)))]
    start = int(rng.integers(len(song) - OPENING - CONTINUATION + 1))
    return song[start : start + OPENING + CONTINUATION]


def _character(openings: Lines, lines: Lines, real: Lines, baselines: Baselines) -> Character:
    return Character(
        from_opening=float(np.mean([_copied(*pair) for pair in zip(openings, lines, strict=True)])),
        from_training=float(
            np.mean([baselines.known(line, PHRASE)[PHRASE - 1 :].mean() for line in lines])
        ),
        loops=float(np.mean([has_loop(line) for line in lines])),
        letters=_divergence(lines, real),
        intervals=_divergence(_intervals(lines), _intervals(real)),
    )


def _copied(opening: Letters, line: Letters) -> float:
    """The share of a line's phrases that are also in its opening."""
    phrases = [bytes(line[start : start + PHRASE]) for start in range(len(line) - PHRASE + 1)]
    return sum(phrase in bytes(opening) for phrase in phrases) / len(phrases)


def _intervals(lines: Lines) -> npt.NDArray[np.int64]:
    """The intervals from each letter to the next, 0 to 6 letters up."""
    signed = lines.astype(np.int64)
    return (signed[:, 1:] - signed[:, :-1]) % SIZE


def _divergence(found: npt.NDArray[np.integer], expected: npt.NDArray[np.integer]) -> float:
    """How far the shares of letters or intervals are from the expected ones, in bits."""
    counts = (np.bincount(each.ravel(), minlength=SIZE) for each in (found, expected))
    ours, theirs = ((each + 1.0) / (each + 1.0).sum() for each in counts)  # none is impossible
    return float((ours * np.log2(ours / theirs)).sum())
