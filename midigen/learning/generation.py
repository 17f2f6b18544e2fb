"""What a model plays: openings of songs that it carries on, beside how the songs go on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.errors import MidigenError
from midigen.learning.baselines import Baselines
from midigen.learning.corpus import Song
from midigen.learning.notes import Letters
from midigen.music.keys import SIZE
from midigen.prediction.predictor import Predictor
from midigen.prediction.sampling import Sampler
from midigen.prediction.session import Session

OPENING = 16
"""The length of an opening, in letters."""

CONTINUATION = 32
"""The length of a continuation, in letters."""

PHRASE = 8
"""The length of a phrase, in letters: one that is found elsewhere counts as copied."""

LONGEST_PERIOD = 4
ROUNDS = 4
"""A loop is up to LONGEST_PERIOD letters that come ROUNDS times in a row."""

Lines: TypeAlias = npt.NDArray[np.uint8]
"""Pieces of melodies, all of one length, shape (openings, letters)."""


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
    for period in range(1, LONGEST_PERIOD + 1):
        run = 0
        for same in line[period:] == line[:-period]:
            run = run + 1 if same else 0
            if run == period * (ROUNDS - 1):
                return True
    return False


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
    phrases, own = (
        [bytes(letters[i : i + PHRASE]) for i in range(len(letters) - PHRASE + 1)]
        for letters in (opening, line)
    )
    return sum(phrase in phrases for phrase in own) / len(own)


def _intervals(lines: Lines) -> npt.NDArray[np.int64]:
    """The intervals from each letter to the next, 0 to 6 letters up."""
    signed = lines.astype(np.int64)
    return (signed[:, 1:] - signed[:, :-1]) % SIZE


def _divergence(found: npt.NDArray[np.integer], expected: npt.NDArray[np.integer]) -> float:
    """How far the shares of letters or intervals are from the expected ones, in bits."""
    counts = (np.bincount(each.ravel(), minlength=SIZE) for each in (found, expected))
    ours, theirs = ((each + 1.0) / (each + 1.0).sum() for each in counts)  # none is impossible
    return float((ours * np.log2(ours / theirs)).sum())
