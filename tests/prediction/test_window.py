import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.prediction.window import after_each_letter, scale, sliding_windows

letters = st.lists(st.integers(0, 6), max_size=40)


@given(letters, st.integers(1, 16))
def test_windows_after_each_letter_are_those_made_later(played: list[int], length: int) -> None:
    window = np.array(played[-length:], dtype=np.int64)
    expected = [[*played, degree][-length:] for degree in range(7)]
    assert after_each_letter(window, length).tolist() == expected


@given(letters.filter(len), st.integers(1, 8))
def test_live_and_training_windows_are_the_same(played: list[int], length: int) -> None:
    if len(played) <= length:
        with pytest.raises(ValueError, match="make no window"):
            sliding_windows(played, length)
        return
    windows, targets = sliding_windows(played, length)
    for place, target in enumerate(targets.tolist()):
        assert windows[place].tolist() == played[place : place + length]
        assert target == played[place + length]
    assert len(windows) == len(targets) == len(played) - length


def test_the_notebooks_encoding() -> None:
    encoded = scale(np.array([[0, 1, 6]]))
    assert encoded.dtype == np.float32
    assert encoded.shape == (1, 3, 1)
    np.testing.assert_allclose(encoded[0, :, 0], [0, 1 / 7, 6 / 7], rtol=1e-6)
