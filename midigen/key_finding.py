"""The key that fits some notes."""

import numpy as np
import numpy.typing as npt

from midigen.vocabulary import Key

_TONICS = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")

# How often each pitch class occurs in a melody, above the tonic of the major key with its
# signature. Counted in the songs of POP909 and the OpenScore Lieder Corpus that train the shipped
# models, half from each.
_PROFILE = np.array(
    [0.165, 0.009, 0.148, 0.011, 0.182, 0.061, 0.015, 0.154, 0.015, 0.152, 0.011, 0.077]
)


def estimate_key(weights: npt.NDArray[np.integer | np.floating]) -> Key:
    """The major key whose seven notes are the likeliest for a melody.

    `weights`, shape (12,), says how much of each pitch class (C first) there is in it.
    The likelihood is that of notes drawn from one profile, moved to each of the keys.
    """
    likelihoods = [np.roll(np.log(_PROFILE), tonic) @ weights for tonic in range(12)]
    return Key.named(f"{_TONICS[int(np.argmax(likelihoods))]} major")
