import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midigen.sampling import sample

Weights = np.ndarray[tuple[int], np.dtype[np.float32]]

weights = arrays(np.float32, 7, elements=st.floats(0, 1, width=32)).filter(lambda w: w.sum() > 0.01)


numbers = st.floats(0, 1, exclude_max=True)


@given(weights, st.floats(0, 5), numbers)
def test_only_possible_letters_are_drawn(drawn: Weights, temperature: float, number: float) -> None:
    probabilities = drawn / drawn.sum()
    (letter,) = sample(probabilities[None], number, temperature=temperature)
    assert probabilities[letter] > 0


@given(weights, numbers)
def test_temperature_0_is_argmax(probabilities: Weights, number: float) -> None:
    assert sample(probabilities[None], number, temperature=0) == [int(np.argmax(probabilities))]


@given(st.lists(weights, min_size=1, max_size=7), st.floats(0, 5), numbers)
def test_rows_do_not_mix(rows: list[Weights], temperature: float, number: float) -> None:
    together = sample(np.array(rows), number, temperature=temperature)
    assert together == [sample(row[None], number, temperature=temperature)[0] for row in rows]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_letters_come_as_often_as_they_should(temperature: float) -> None:
    """A number that runs evenly from 0 to 1 gives each letter its share of the way."""
    probabilities = np.array([[0.4, 0.3, 0.1, 0.1, 0.06, 0.04, 0.0]], dtype=np.float32)
    expected = probabilities[0] ** (1 / temperature)
    expected /= expected.sum()
    draws = 10_000
    letters = [sample(probabilities, i / draws, temperature=temperature)[0] for i in range(draws)]
    assert letters == sorted(letters)
    shares = np.bincount(letters, minlength=7) / draws
    np.testing.assert_allclose(shares, expected, atol=2 / draws)
