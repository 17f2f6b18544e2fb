"""What a model plays: openings of songs that it carries on, beside how the songs go on."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.errors import MidigenError
from midigen.learning.answerers import key_of
from midigen.learning.baselines import Baselines
from midigen.learning.corpus import Song
from midigen.learning.encoding import steps_of
from midigen.learning.notes import Letters
from midigen.midi.messages import Pitch
from midigen.music.keys import SIZE, Degree
from midigen.prediction.outlook import Outlook
from midigen.prediction.predictor import Predictor
from midigen.prediction.sampling import Sampler
from midigen.prediction.session import Session
from midigen.prediction.steps import OCTAVES, Coming, Step

OPENING, CONTINUATION = 16, 32
"""The lengths of an opening and of what carries it on, in letters."""

PHRASE = 8
"""The length of a phrase, in letters: one that is found elsewhere counts as copied."""

_LOOP = re.compile(rb"(.{1,4})\1{3}", re.DOTALL)  # up to 4 letters that come 4 times in a row
_LOW: Pitch = 36
_HIGH: Pitch = 96

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
    long_enough = [song for song in songs if len(song.letters) >= OPENING + CONTINUATION]
    if not long_enough:
        raise MidigenError(f"no song has the {OPENING + CONTINUATION} notes that --generate needs")
    excerpts = [_excerpt(long_enough, rng) for _ in range(openings)]
    letters = np.array([each.letters for each in excerpts])
    beginnings, real = letters[:, :OPENING], letters[:, OPENING:]
    played = np.array(
        [
            carry_on(predictor, _part(each, 0, OPENING), new_sampler(rng), memory_amount)
            for each in excerpts
        ]
    )
    return Report(
        openings,
        _character(beginnings, played, real, baselines),
        _character(beginnings, real, real, baselines),
    )


def carry_on(
    predictor: Predictor, opening: Song, sampler: Sampler, memory_amount: float
) -> Letters:
    """The 32 letters that live play would answer an opening with, if it were a whole phrase.

    They come in the opening's rhythm. An opening has two notes or more.
    """
    session = Session(predictor, memory_amount)
    heard = steps_of(opening)
    for step in heard:
        session.hear(step)
    pitch = heard[-1].pitch
    played = np.zeros(CONTINUATION, dtype=np.uint8)
    for note in range(CONTINUATION):
        mirrored = heard[1 + note % (len(heard) - 1)]
        coming = Coming(mirrored.gap, left=CONTINUATION - note, begins_phrase=note == 0)
        outlook = session.predict(coming)
        (degree,) = sampler.draw(outlook.letters)
        sampler.take(degree)
        pitch = _pitch(opening, outlook, degree, pitch)
        session.play(Step(degree, pitch, mirrored.gap, mirrored.share, begins_phrase=note == 0))
        played[note] = degree
    return played


def _pitch(opening: Song, outlook: Outlook, degree: Degree, near: Pitch | None) -> Pitch | None:
    """The pitch of a letter in the likeliest octave; None if pitches aren't known."""
    if opening.notes is None or near is None:
        return None
    pitch = key_of(opening.notes).nearest(degree, near, _LOW, _HIGH)
    if outlook.octaves is not None:
        pitch += 12 * OCTAVES[int(outlook.octaves[0, degree].argmax())]
    return pitch if _LOW <= pitch <= _HIGH else near


def has_loop(line: Letters) -> bool:
    """Whether a line has a loop: up to 4 letters that come 4 times in a row."""
    return _LOOP.search(bytes(line)) is not None


def _excerpt(songs: Sequence[Song], rng: np.random.Generator) -> Song:
    song = songs[int(rng.integers(len(songs)))]
    start = int(rng.integers(len(song.letters) - OPENING - CONTINUATION + 1))
    return _part(song, start, start + OPENING + CONTINUATION)


def _part(song: Song, start: int, end: int) -> Song:
    notes = None if song.notes is None else song.notes[start:end]
    return Song(song.name, song.letters[start:end], notes)


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
