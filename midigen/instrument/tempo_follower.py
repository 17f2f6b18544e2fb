"""The tempo and beat of a player, by the onsets of what is played.

For each beat that could be, from 50 to 200 a minute, onsets are laid round a circle that
the beat goes once: where they gather at one place, or at two or four places equally far
apart, and leave few of these empty, that beat is likely (the periodogram of the onsets
at the beat and its halves and quarters). Beats near 105 a minute are likelier to begin
with, as people's are (for the bell curve over the logarithm of the tempo see Parncutt, A
Perceptual Model of Pulse Salience and Metrical Accent in Musical Rhythms, Music
Perception 11, 1994).
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from midigen.midi.messages import Seconds
from midigen.music.timeline import Timeline

RECENT = 24
"""The onsets that say what the tempo is now."""

HALF_LIFE: Seconds = 2.0
"""An onset that was so long ago says half as much."""

LONGEST: Seconds = 10.0
"""Older onsets say nothing any more."""

FEWEST = 5
"""Of fewer onsets no tempo is guessed."""

CERTAIN = 0.7
"""Onsets that gather less than this (0 to 1) have no beat that could be followed."""

KEPT = 1.15
"""Another tempo must be this many times likelier than the one that holds."""

_TEMPI = 50 * (200 / 50) ** np.linspace(0, 1, 140)  # beats per minute, a hundredth apart
_PARTS = np.array([1, 2, 4])  # of a beat that a note may begin on
_WORTH = np.array([1.0, 0.95, 0.85])[:, np.newaxis]  # of each: simple is likelier
_USUAL, _SPREAD = 105, 0.5  # beats per minute, octaves
_PRIOR = np.exp(-0.5 * (np.log2(_TEMPI / _USUAL) / _SPREAD) ** 2)
_NEAR = 0.08  # tempi closer than this, as a ratio, are one that wavers


class TempoFollower:
    """Listens to onsets. Times may not go back."""

    def __init__(self) -> None:
        self._onsets: deque[Seconds] = deque(maxlen=RECENT)
        self._bpm: float | None = None

    def hear(self, onset: Seconds, line: Timeline) -> Timeline | None:
        """The beat by all that was heard, counted on from that of `line`; None if unclear."""
        self._onsets.append(onset)
        while onset - self._onsets[0] > LONGEST:
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

    def _choose(self, likely: npt.NDArray[np.float64]) -> int:
        best = int(likely.argmax())
        if self._bpm is None:
            return best
        near = abs(np.log(_TEMPI / self._bpm)) < _NEAR
        held = int(np.where(near, likely, 0).argmax())
        return best if likely[best] > KEPT * likely[held] else held


def _gathered(
    onsets: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> npt.NDArray[np.complex128]:
    """How much the onsets gather, and where, on each beat's circle and its parts: (3, tempi)."""
    turns = np.multiply.outer(_PARTS, np.multiply.outer(_TEMPI / 60, onsets))
    circled: npt.NDArray[np.complex128] = np.exp(2j * np.pi * turns) @ weights / weights.sum()
    return circled


def _filled(onsets: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The part of each beat's places, and its parts', that onsets are on: shape (3, tempi)."""
    beats = (onsets[-1] - onsets[0]) * _TEMPI / 60
    filled: npt.NDArray[np.float64] = len(onsets) / (np.multiply.outer(_PARTS, beats) + 1)
    return filled.clip(max=1.0)


def _fit(
    onsets: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    bpm: float,
    gathered: npt.NDArray[np.complex128],
) -> tuple[float, Seconds]:
    """The tempo and a beat's time by least squares over the finest part that onsets gather on."""
    sure = abs(gathered) >= max(CERTAIN, 0.9 * abs(gathered).max())
    part = int(_PARTS[sure].max())
    step = 60 / bpm / part
    first = np.angle(gathered[part == _PARTS][0]) / (2 * np.pi) * step
    places = np.round((onsets - first) / step)
    if len(set(places)) > 1:
        step, first = (float(each) for each in np.polyfit(places, onsets, 1, w=np.sqrt(weights)))
    return 60 / step / part, first + _beat_place(places, part) * step


def _beat_place(places: npt.NDArray[np.float64], part: int) -> float:
    """Which of the places is a beat: the one most onsets are on; of equals, that of the first."""
    votes = [int((places % part == each).sum()) for each in range(part)]
    first = int(places[0] % part)
    most = max(votes)
    return float(first if votes[first] == most else votes.index(most))
