"""What a model plays by itself: openings of songs carried on, beside how they really go on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.errors import MidigenError
from midigen.learning.baselines import Baselines
from midigen.learning.corpus import Letters, Song
from midigen.music.keys import SIZE
from midigen.prediction.predictor import Predictor
from midigen.prediction.sampling import Sampler
from midigen.prediction.session import Session

OPENING = 16
"""Letters of an opening."""

CONTINUATION = 32
"""Letters that carry it on."""

PHRASE = 8
"""Letters that make a phrase: so many in a row, found elsewhere, are a copy."""

LONGEST_PERIOD = 4
ROUNDS = 4
"""A loop is up to so many letters, so many times in a row."""

Shares: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Character:
    """What some continuations are like. All but the divergences are shares, 0 to 1.

    `from_opening` and `from_training` are the phrases of 8 letters that stand in the
    opening and in a training song; `loops` the continuations in which up to 4 letters come
    4 times in a row; `letters` and `intervals` how far the letters and the steps between
    them are spread otherwise than in the songs, in bits (Kullback–Leibler, 0 is alike).
    """

    from_opening: float
    from_training: float
    loops: float
    letters: float
    intervals: float


@dataclass(frozen=True)
class Report:
    """What a model plays, and the songs' own continuations of the same openings."""

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
    """Carry on openings from anywhere in songs. Raises MidigenError if all are too short.

    The same seed gives the same openings and continuations.
    """
    rng = np.random.default_rng(seed)
    long_enough = [song.letters for song in songs if len(song.letters) >= OPENING + CONTINUATION]
    if not long_enough:
        raise MidigenError(f"no song has the {OPENING + CONTINUATION} notes that --generate needs")
    excerpts = [_excerpt(long_enough, rng) for _ in range(openings)]
    beginnings = [excerpt[:OPENING] for excerpt in excerpts]
    played = [
        carry_on(predictor, beginning, new_sampler(rng), memory_amount) for beginning in beginnings
    ]
    real = [excerpt[OPENING:] for excerpt in excerpts]
    return Report(
        openings,
        _character(beginnings, played, real, baselines),
        _character(beginnings, real, real, baselines),
    )


def carry_on(
    predictor: Predictor, opening: Letters, sampler: Sampler, memory_amount: float
) -> Letters:
    """The continuation that live play would give an opening, as a phrase of its own."""
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
    """Whether up to 4 letters come 4 times in a row somewhere in a line."""
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


def _character(
    openings: Sequence[Letters],
    lines: Sequence[Letters],
    real: Sequence[Letters],
    baselines: Baselines,
) -> Character:
    return Character(
        from_opening=float(np.mean([_copied(*pair) for pair in zip(openings, lines, strict=True)])),
        from_training=float(
            np.mean([baselines.known(line, PHRASE)[PHRASE - 1 :].mean() for line in lines])
        ),
        loops=float(np.mean([has_loop(line) for line in lines])),
        letters=_divergence(_letters(lines), _letters(real)),
        intervals=_divergence(_intervals(lines), _intervals(real)),
    )


def _copied(opening: Letters, line: Letters) -> float:
    """The share of a line's phrases that stand in its opening."""
    phrases = {bytes(opening[i : i + PHRASE]) for i in range(len(opening) - PHRASE + 1)}
    own = [bytes(line[i : i + PHRASE]) for i in range(len(line) - PHRASE + 1)]
    return sum(phrase in phrases for phrase in own) / len(own)


def _letters(lines: Sequence[Letters]) -> Shares:
    return _shares(np.concatenate(lines))


def _intervals(lines: Sequence[Letters]) -> Shares:
    """Of the steps from a letter to the next, upwards round the seven."""
    signed = [line.astype(np.int64) for line in lines]
    return _shares(np.concatenate([(line[1:] - line[:-1]) % SIZE for line in signed]))


def _shares(values: npt.NDArray[np.integer]) -> Shares:
    counts = np.bincount(values, minlength=SIZE) + 1.0  # so that nothing is impossible
    shares: Shares = counts / counts.sum()
    return shares


def _divergence(found: Shares, expected: Shares) -> float:
    return float((found * np.log2(found / expected)).sum())
