"""What a model expects of the next note."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from midigen.prediction.mixture import Probabilities


@dataclass(frozen=True, slots=True)
class Outlook:
    """Probabilities of the next note's letter, and of what else a model expects.

    `letters` has the shape (batch, 7). `octaves`, given the letter, is of shape (batch, 7, 3),
    `gaps` of (batch, 18) and `shares` of (batch, 5); for their classes see `steps`. A model that
    knows letters only has None for these.
    """

    letters: Probabilities
    octaves: npt.NDArray[np.float32] | None = None
    gaps: npt.NDArray[np.float32] | None = None
    shares: npt.NDArray[np.float32] | None = None

    def row(self, row: int) -> "Outlook":
        """One row, as a batch of one."""
        others = (
            None if part is None else part[row : row + 1]
            for part in (self.octaves, self.gaps, self.shares)
        )
        return Outlook(self.letters[row : row + 1], *others)

    def with_letters(self, letters: Probabilities) -> "Outlook":
        """The same with other probabilities of the letters."""
        return replace(self, letters=letters)
