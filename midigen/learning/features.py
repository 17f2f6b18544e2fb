"""What the judge hears of an answer to a call: numbers about its pitches and its rhythm.

All are shares, semitones, beats or ratios, and none tells how many notes the answer has, nor
whether its rhythm is the call's; `judge` says why. What a short answer doesn't have is NaN.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.learning.answerers import key_of
from midigen.learning.comparison import are_motifs, contour
from midigen.learning.notes import Notes
from midigen.midi.messages import Pitch
from midigen.music.keys import SIZE

_WIDEST: Pitch = 12  # wider intervals are counted with this one
_RATIOS = np.log2([0.3, 0.45, 0.7, 0.9, 1.1, 1.4, 2.2, 3.2])  # between kinds of ratios of steps
_CHORD = (0, 2, 4)  # C, E, G
_DECIMALS = 6  # of a beat: played notes were in seconds in between
_SHORTEST = 1e-3  # beats
_LONG = 1.4  # times the usual step: such a note is long
_LEAP = 2  # semitones: a wider move is no step of the scale
_HIGHEST: Pitch = 127

_Numbers: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Line:
    """A phrase as the judge hears it. Moves and steps go from each note to the next."""

    pitches: _Numbers
    moves: _Numbers
    degrees: npt.NDArray[np.int64]
    steps: _Numbers
    lengths: _Numbers


def features(call: Notes, answer: Notes) -> list[float]:
    """The numbers for one answer, which has one note or more: always as many, in the same order."""
    call, answer = in_key(call), in_key(answer)
    asked, line = _line(call), _line(answer)
    return [
        *_register(asked, line),
        *_motion(line),
        *_letters(asked, line),
        *_likeness(asked, line),
        _mean(are_motifs(call, answer)),
        _or_nan(contour(call, answer)),
        *_rhythm(line),
        *_pitch_in_rhythm(line),
    ]


def in_key(notes: Notes) -> Notes:
    """The notes, with each at the pitch of its letter, which is a semitone away at most."""
    key = key_of(notes)
    pitches = [
        key.nearest(degree, pitch, 0, _HIGHEST)
        for degree, pitch in zip(notes.degrees.tolist(), notes.pitches.tolist(), strict=True)
    ]
    return replace(notes, pitches=np.array(pitches, dtype=np.int16))


def _line(notes: Notes) -> _Line:
    pitches = notes.pitches.astype(np.float64)
    steps = np.maximum(np.diff(notes.onsets).round(_DECIMALS), _SHORTEST)
    lengths = notes.lengths.round(_DECIMALS)
    return _Line(pitches, np.diff(pitches), notes.degrees.astype(np.int64), steps, lengths)


def _register(call: _Line, line: _Line) -> list[float]:
    """Where the answer is, beside the call, in semitones."""
    theirs, own = call.pitches, line.pitches
    away = own.mean() - theirs.mean()
    return [
        *(away, abs(away)),
        *(own.max() - theirs.max(), own.min() - theirs.min(), np.ptp(own) - np.ptp(theirs)),
        *(own[0] - theirs[-1], own[0] - theirs[0], own[-1] - theirs[-1], own[-1] - own[0]),
        *(own[-1] - own.mean(), np.ptp(own), own.std()),
    ]


def _motion(line: _Line) -> list[float]:
    """How it moves: the shares of intervals, its last ones, and how often it turns or stays."""
    sizes = np.abs(line.moves)
    counts = np.bincount(np.minimum(sizes, _WIDEST).astype(int), minlength=_WIDEST + 1)
    signs = np.sign(line.moves[line.moves != 0])
    return [
        *(counts / max(len(sizes), 1)),
        *(_mean(sizes), _mean(line.moves), _mean(signs[1:] != signs[:-1])),
        _mean((sizes[1:] == 0) & (sizes[:-1] == 0)),
        _mean((sizes[:-1] > _LEAP) & (sizes[1:] > _LEAP)),
        *(_at(line.moves, back) for back in (1, 2, 3)),
        _at(line.moves, -1),
    ]


def _letters(call: _Line, line: _Line) -> list[float]:
    """Its letters: how often each comes, the first and last ones, and those after the call's."""
    counts = np.bincount(line.degrees, minlength=SIZE) / len(line.degrees)
    return [
        *counts,
        *(float(_at(line.degrees, back)) for back in (1, 2, 3)),
        *(float(line.degrees[0]), float(call.degrees[-1])),
        float(line.degrees[-1] == call.degrees[-1]),
        *(float(line.degrees[0] == call.degrees[each]) for each in (0, -1)),
        float(np.abs(counts - np.bincount(call.degrees, minlength=SIZE) / len(call.degrees)).sum()),
        len({*line.pitches.tolist()} & {*call.pitches.tolist()}) / len({*line.pitches.tolist()}),
    ]


def _likeness(call: _Line, line: _Line) -> list[float]:
    """How much of the call it repeats: note by note, in moves, and in groups of three."""
    count = min(len(call.pitches), len(line.pitches))
    moves = min(len(call.moves), len(line.moves))
    threes = [
        {tuple(each) for each in _groups(values)}
        for values in (call.pitches, line.pitches, line.moves)
    ]
    return [
        _mean(call.pitches[:count] == line.pitches[:count]),
        _mean(call.moves[:moves] == line.moves[:moves]),
        _mean(np.sign(call.moves[:moves]) == np.sign(line.moves[:moves])),
        len(threes[0] & threes[1]) / max(len(threes[1]), 1),
        len(threes[2]) / max(len(line.moves) - 2, 1),
    ]


def _rhythm(line: _Line) -> list[float]:
    """Its own rhythm: the kinds of steps, how they follow each other, and how long notes sound."""
    if not len(line.steps):
        return [np.nan] * (6 + len(_RATIOS) + 1)
    usual = float(np.median(line.steps))
    ratios = np.diff(np.log2(line.steps))
    kinds = np.bincount(np.digitize(ratios, _RATIOS), minlength=len(_RATIOS) + 1)
    return [
        *(usual, line.steps.max() / usual, line.steps.min() / usual),
        *(_mean(line.steps == usual), float(np.log2(line.steps).std())),
        _mean(np.minimum(line.lengths[:-1] / line.steps, 1.0)),
        *(kinds / max(len(ratios), 1)),
    ]


def _pitch_in_rhythm(line: _Line) -> list[float]:
    """What its pitches do in its rhythm: on long notes, and around them."""
    usual = float(np.median(line.steps)) if len(line.steps) else 0.0
    is_long = line.steps >= _LONG * usual
    on_chord = np.isin(line.degrees[:-1], _CHORD)
    sizes = np.abs(line.moves)
    return [
        *(_mean(on_chord[is_long]), _mean(on_chord[~is_long])),
        *(_mean(sizes[is_long]), _mean(sizes[~is_long])),
        _mean(sizes[:-1][is_long[1:]]),
        _mean(line.moves[:-1][is_long[1:]]),
        _mean(sizes[line.steps < usual / _LONG]),
        _mean(sizes[1:][line.steps[1:] == line.steps[:-1]]),
    ]


def _groups(values: _Numbers) -> list[_Numbers]:
    """Each three values in a row."""
    return [values[start : start + 3] for start in range(len(values) - 2)]


def _at(values: npt.NDArray[np.floating] | npt.NDArray[np.int64], back: int) -> float:
    """The value so many places from the end, or from the beginning if negative; NaN if none is."""
    return float(values[-back if back > 0 else -back - 1]) if len(values) >= abs(back) else np.nan


def _mean(values: npt.NDArray[np.floating] | npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else np.nan


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value
