"""How well a model's other heads predict: octaves, steps in time, and lengths.

Each head's scores are by the name of a way to predict:

    octaves   nearest, and lstm: given the right letter
    gaps      uniform, markov-2 and ltm+stm, which count steps in time as those of letters do;
              lstm, which is told nothing of the note that comes; lstm-told, which is told if a
              phrase begins and how many notes it has left
    shares    uniform, and lstm
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from midigen.learning.baselines import Baselines
from midigen.learning.encoding import GAP, LETTER, OCTAVE, SHARE, UNKNOWN, Encoded
from midigen.learning.listening import expect_all
from midigen.prediction.line import COMING_PHRASE
from midigen.prediction.outlook import Outlook
from midigen.prediction.predictor import StepPredictor

_BEGINNING = 31  # notes after the first one
_NEAREST = np.array([0.035, 0.93, 0.035])  # the octaves of all letters, as songs have them
_LEAST = 1e-12


@dataclass(frozen=True)
class HeadScore:
    """How well something of notes was predicted.

    `bits` is the mean of -log2 of its probability, and `right` the share of notes, 0 to 1, of which
    the likeliest was true. `first32` are the bits of the first 32 notes of each song.
    """

    bits: float
    right: float
    first32: float


class HeadTallies:
    """Sums over songs: bits, what was right, and notes, of all notes and of the first ones.

    `gaps` are the baselines of steps in time, if they are known.
    """

    def __init__(self, gaps: Baselines | None) -> None:
        self._gaps = gaps
        self._sums: dict[tuple[str, str], npt.NDArray[np.float64]] = defaultdict(
            lambda: np.zeros(5)
        )

    def add(self, predictor: StepPredictor, song: Encoded, outlook: Outlook) -> None:
        """Add a song, and what was expected of it."""
        assert outlook.octaves is not None
        assert outlook.shares is not None
        targets = song.targets.astype(np.int64)
        octaves = outlook.octaves[np.arange(len(targets)), targets[:, LETTER]]
        nearest = np.tile(_NEAREST, (len(targets), 1))
        self._add("octaves", "nearest", nearest, targets[:, OCTAVE], OCTAVE)
        self._add("octaves", "lstm", octaves, targets[:, OCTAVE], OCTAVE)
        self._add_gaps(predictor, song, outlook)
        uniform = np.full(outlook.shares.shape, 1 / outlook.shares.shape[1])
        self._add("shares", "uniform", uniform, targets[:, SHARE], SHARE)
        self._add("shares", "lstm", outlook.shares, targets[:, SHARE], SHARE)

    def scores(self) -> Mapping[str, Mapping[str, HeadScore]]:
        """The scores by head and way; none if there were no notes."""
        found: dict[str, dict[str, HeadScore]] = {}
        for (head, way), (bits, right, notes, first, beginning) in self._sums.items():
            score = HeadScore(bits / notes, right / notes, first / max(beginning, 1))
            found.setdefault(head, {})[way] = score
        return found

    def _add_gaps(self, predictor: StepPredictor, song: Encoded, outlook: Outlook) -> None:
        assert outlook.gaps is not None
        gaps = song.targets[:, GAP]
        untold = Encoded(song.rows, song.coming.copy(), song.targets)
        untold.coming[:, COMING_PHRASE] = 0
        expected = expect_all(predictor, untold).gaps
        assert expected is not None
        ways = {"uniform": np.full(expected.shape, 1 / expected.shape[1])}
        if self._gaps is not None and (gaps < UNKNOWN[GAP]).all():
            ways["markov-2"] = self._gaps.markov(gaps, 2)
            ways["ltm+stm"] = self._gaps.long_and_short_term(gaps)
        ways |= {"lstm": expected, "lstm-told": outlook.gaps}
        for way, rows in ways.items():
            self._add("gaps", way, rows, gaps.astype(np.int64), GAP)

    def _add(
        self,
        head: str,
        way: str,
        rows: npt.NDArray[np.floating],
        targets: npt.NDArray[np.int64],
        column: int,
    ) -> None:
        known = targets < UNKNOWN[column]
        if not known.any():
            return
        rows, targets = rows[known], targets[known]
        bits = -np.log2(np.maximum(rows[np.arange(len(rows)), targets], _LEAST))
        is_first = np.flatnonzero(known) < _BEGINNING
        right = rows.argmax(axis=1) == targets
        self._sums[head, way] += [
            bits.sum(),
            right.sum(),
            len(bits),
            bits[is_first].sum(),
            is_first.sum(),
        ]
