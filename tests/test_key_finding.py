import numpy as np
import pytest

from midigen.key_finding import estimate_key
from midigen.vocabulary import Key

TUNES = {
    "C major": [0, 0, 7, 7, 9, 9, 7, 5, 5, 4, 4, 2, 2, 11, 0],
    "G major": [7, 9, 11, 0, 2, 2, 4, 0, 2, 11, 9, 7, 6, 7],
    "Eb major": [3, 5, 7, 3, 10, 8, 7, 5, 2, 3],
}


@pytest.mark.parametrize("name", TUNES)
@pytest.mark.parametrize("transposition", range(12))
def test_the_key_moves_with_the_tune(name: str, transposition: int) -> None:
    pitch_classes = [(each + transposition) % 12 for each in TUNES[name]]
    key = estimate_key(np.bincount(pitch_classes, minlength=12))
    tonic = (Key.named(name).pitch_classes[0] + transposition) % 12
    assert key.pitch_classes[0] == tonic
