import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.prediction.window import Window, scale, sliding_windows

letters = st.lists(st.integers(0, 6), max_size=40)


@given(letters, st.integers(1, 16))
def test_the_window_keeps_the_newest(played: list[int], length: int) -> None:
    window = Window(length)
    for degree in played:
        window.push(degree)
    assert window.as_batch().tolist() == [played[-length:]]
    assert len(window) == min(len(played), length)


@given(letters, st.integers(1, 16))
def test_windows_after_each_letter_are_those_made_later(played: list[int], length: int) -> None:
    window = Window(length)
    for degree in played:
        window.push(degree)
    expected = [[*played, degree][-length:] for degree in range(7)]
    assert window.as_batch_after_each_letter().tolist() == expected


def test_a_letter_in_the_window_can_be_replaced() -> None:
    window = Window(3)
    for degree in (0, 1, 2):
        window.push(degree)
    window.replace(0, 6)
    window.replace(2, 5)
    window.replace(3, 4)
    assert window.as_batch().tolist() == [[5, 1, 6]]


def test_a_batch_is_a_copy() -> None:
    window = Window(3)
    window.push(1)
    batch = window.as_batch()
    window.push(2)
    assert batch.tolist() == [[1]]


@given(letters.filter(len), st.integers(1, 8))
def test_live_and_training_windows_are_the_same(played: list[int], length: int) -> None:
    if len(played) <= length:
        with pytest.raises(ValueError, match="make no window"):
            sliding_windows(played, length)
        return
    windows, targets = sliding_windows(played, length)
    live = Window(length)
    for index, degree in enumerate(played):
        if index >= length:
            assert windows[index - length].tolist() == live.as_batch()[0].tolist()
            assert targets[index - length] == degree
        live.push(degree)
    assert len(windows) == len(targets) == len(played) - length


def test_the_notebooks_encoding() -> None:
    encoded = scale(np.array([[0, 1, 6]]))
    assert encoded.dtype == np.float32
    assert encoded.shape == (1, 3, 1)
    np.testing.assert_allclose(encoded[0, :, 0], [0, 1 / 7, 6 / 7], rtol=1e-6)
