"""Follows a player: finds the tempo and the beat by the onsets of what is played.

Each tempo from 50 to 200 bpm is tried: the onsets are wound round a circle, one turn a beat. A
tempo is likely if they gather at one place of the circle, or at two or four places equally far
apart, and if few of these places are empty. (This is the periodogram of the onsets at the beat,
its halves and its quarters.) Tempos near 105 bpm are preferred, as they are by people: a bell
curve over the logarithm of the tempo, after Parncutt, A Perceptual Model of Pulse Salience and
Metrical Accent in Musical Rhythms, Music Perception 11, 1994.
"""

from collections import deque
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.midi.messages import Seconds
from midigen.music.timeline import Timeline

Floats: TypeAlias = npt.NDArray[np.float64]
Circled: TypeAlias = npt.NDArray[np.complex128]

RECENT = 24  # how many of the newest onsets are used
HALF_LIFE: Seconds = 2.0  # after this long an onset has half its weight
MEMORY: Seconds = 10.0  # older onsets are forgotten
FEWEST = 5  # with fewer onsets no tempo is guessed
CERTAIN = 0.7  # how closely onsets must gather, 0 to 1, to have a beat that can be followed
KEPT = 1.15  # another tempo must be this many times likelier than the present one
_TEMPI = 50 * (200 / 50) ** np.linspace(0, 1, 140)  # beats per minute, a hundredth apart
_PARTS = np.array([1, 2, 4])  # of a beat that a note may begin on
_WORTH = np.array([1.0, 0.95, 0.85])[:, np.newaxis]  # of each: the simplest is preferred
_USUAL, _SPREAD = 105, 0.5  # beats per minute, octaves
_PRIOR = np.exp(-0.5 * (np.log2(_TEMPI / _USUAL) / _SPREAD) ** 2)
_NEAR = 0.08  # a tempo that differs by less, as a ratio, is the same one wavering


class TempoFollower:
    """Listens to onsets. Times may not go back."""

    def __init__(self) -> None:
        self._onsets: deque[Seconds] = deque(maxlen=RECENT)
        self._bpm: float | None = None

    def hear(self, onset: Seconds, line: Timeline) -> Timeline | None:
        """The beat that the onsets have, counted on from that of `line`; None if none is clear."""
        self._onsets.append(onset)
        while onset - self._onsets[0] > MEMORY:
            self._onsets.popleft()
        if len(self._onsets) < FEWEST:
            return None
        onsets = np.array(self._onsets) - onset  # the newest is at 0
        weights = 0.5 ** (-onsets / HALF_LIFE)
        gathered = _gathered(onsets, weights)
        explained = _WORTH * abs(gathered) * np.sqrt(_filled(onsets))
        likely = explained.max(axis=0) * _PRIOR
        best = self._choose(likely)
        if abs(gathered[:, best]).max() < CERTAIN:
            return None
        self._bpm, phase = _fit(onsets, weights, _TEMPI[best], gathered[:, best])
        beat = round(line.beat_at(onset + phase))
        return Timeline(beat, onset + phase, self._bpm)

    def _choose(self, likely: Floats) -> int:
        best = int(likely.argmax())
        if self._bpm is None:
            return best
        near = abs(np.log(_TEMPI / self._bpm)) < _NEAR
        held = int(np.where(near, likely, 0).argmax())
        return best if likely[best] > KEPT * likely[held] else held


def _gathered(onsets: Floats, weights: Floats) -> Circled:
    """How closely the onsets gather on each circle, and at which angle: shape (3, tempos)."""
    turns = np.multiply.outer(_PARTS, np.multiply.outer(_TEMPI / 60, onsets))
    circled: Circled = np.exp(2j * np.pi * turns) @ weights / weights.sum()
    return circled


def _filled(onsets: Floats) -> Floats:
    """The share of the places on each circle that have an onset: shape (3, tempos)."""
    beats = (onsets[-1] - onsets[0]) * _TEMPI / 60
    filled: Floats = len(onsets) / (np.multiply.outer(_PARTS, beats) + 1)
    return filled.clip(max=1.0)


def _fit(onsets: Floats, weights: Floats, bpm: float, gathered: Circled) -> tuple[float, Seconds]:
    """The tempo and the time of a beat, by least squares on the finest grid with onsets."""
    sure = abs(gathered) >= max(CERTAIN, 0.9 * abs(gathered).max())
    part = int(_PARTS[sure].max())
    step = 60 / bpm / part
    first = np.angle(gathered[part == _PARTS][0]) / (2 * np.pi) * step
    places = np.round((onsets - first) / step)
    if len(set(places)) > 1:
        step, first = (float(each) for each in np.polyfit(places, onsets, 1, w=np.sqrt(weights)))
    return 60 / step / part, first + _beat_place(places, part) * step


def _beat_place(places: Floats, part: int) -> float:
    """Which place of the grid is the beat: the one with most onsets; of several, the first's."""
    votes = [int((places % part == each).sum()) for each in range(part)]
    first = int(places[0] % part)
    most = max(votes)
    return float(first if votes[first] == most else votes.index(most))
