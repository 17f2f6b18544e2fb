"""Draws notes from what a model expects: their letters, octaves, lengths, and when they come."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from midigen.instrument.panel import Panel
from midigen.midi.messages import Beats
from midigen.music.keys import SIZE, Degree
from midigen.prediction.mixture import Probabilities
from midigen.prediction.outlook import Outlook
from midigen.prediction.sampling import Sampler, Weights
from midigen.prediction.steps import GAPS, OCTAVES, SHARES
from midigen.settings.sections import Sampling

_ANY = np.float32(1 / SIZE)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A note that was drawn. Of a model that knows letters only, the rest is None.

    `octave` is -1, 0 or 1 (see `steps.OCTAVES`), and `share` how much of the time to the next note
    it sounds, 0 to 1.
    """

    degree: Degree
    octave: int | None = None
    share: float | None = None


class Drawing:
    """Draws with the sampling settings in force.

    A note is drawn with the same random numbers until it is taken. Octaves, lengths and gaps have
    random numbers of their own, so that which letters are drawn doesn't depend on them.
    """

    def __init__(self, panel: Panel, rng: np.random.Generator) -> None:
        self._panel = panel
        self.letters = new_sampler(panel.settings.sampling, rng)
        """Draws the letters, and limits their repetitions."""
        self._octaves, self._shares, self._gaps = map(Sampler, rng.spawn(3))

    def notes(self, outlook: Outlook, weights: Weights | None) -> list[Drawn | None]:
        """A note from each row; None for a row of zeros, which a failing model gives.

        `weights` say how much each letter counts.
        """
        sampling, likely = self._panel.settings.sampling, outlook.letters
        _adjust(self.letters, sampling)
        self.letters.max_repeat = sampling.most_repeats
        known: list[bool] = (likely > 0).any(axis=1).tolist()  # type: ignore[assignment]
        if not all(known):
            likely = np.where(likely.any(axis=1, keepdims=True), likely, _ANY)
        letters = self.letters.draw(likely, weights)
        octaves: list[int | None] = [None] * len(letters)
        shares: list[float | None] = [None] * len(letters)
        if outlook.octaves is not None:
            given = outlook.octaves[np.arange(len(letters)), letters]
            octaves = [OCTAVES[drawn] for drawn in _draw(self._octaves, given, sampling)]
        if outlook.shares is not None:
            shares = [SHARES[drawn] for drawn in _draw(self._shares, outlook.shares, sampling)]
        notes = map(Drawn, letters, octaves, shares)
        return [note if is_known else None for note, is_known in zip(notes, known, strict=True)]

    def take(self, note: Drawn) -> None:
        """Take a note that was drawn. The next one gets other random numbers."""
        self.letters.take(note.degree)
        self._octaves.take(0)
        self._shares.take(0)

    def gap(self, likely: Probabilities, possible: Collection[Beats]) -> Beats:
        """Draw and take one of some gaps, one or more. The probabilities have the shape (1, 18)."""
        weights = np.array([gap in possible for gap in GAPS], dtype=np.float64)
        (drawn,) = _draw(self._gaps, likely, self._panel.settings.sampling, weights)
        self._gaps.take(drawn)
        return GAPS[drawn]


def new_sampler(sampling: Sampling, rng: np.random.Generator) -> Sampler:
    """A sampler of letters with these settings."""
    sampler = Sampler(rng)
    _adjust(sampler, sampling)
    sampler.max_repeat = sampling.most_repeats
    return sampler


def _draw(
    sampler: Sampler, likely: Probabilities, sampling: Sampling, weights: Weights | None = None
) -> list[int]:
    _adjust(sampler, sampling)
    return sampler.draw(likely, weights)


def _adjust(sampler: Sampler, sampling: Sampling) -> None:
    sampler.temperature = sampling.temperature
    sampler.top_p = sampling.top_p
