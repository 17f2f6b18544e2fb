import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midigen.sampling import sample

weights = arrays(np.float32, 7, elements=st.floats(0, 1, width=32)).filter(lambda w: w.sum() > 0.01)


@given(weights, st.floats(0, 5), st.integers(0, 2**32))
def test_only_possible_letters_are_drawn(
    drawn: np.ndarray[tuple[int], np.dtype[np.float32]], temperature: float, seed: int
) -> None:
    probabilities = drawn / drawn.sum()
    letter = sample(probabilities, temperature, np.random.default_rng(seed))
    assert probabilities[letter] > 0


@given(weights, st.integers(0, 2**32))
def test_temperature_0_is_argmax_and_draws_nothing(
    probabilities: np.ndarray[tuple[int], np.dtype[np.float32]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    assert sample(probabilities, 0, rng) == int(np.argmax(probabilities))
    assert rng.random() == np.random.default_rng(seed).random()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_letters_come_as_often_as_they_should(temperature: float) -> None:
    probabilities = np.array([0.4, 0.3, 0.1, 0.1, 0.06, 0.04, 0.0], dtype=np.float32)
    expected = probabilities ** (1 / temperature)
    expected /= expected.sum()
    rng = np.random.default_rng(0)
    draws = 20_000
    counts = np.bincount(
        [sample(probabilities, temperature, rng) for _ in range(draws)], minlength=7
    )
    deviation = np.sqrt(expected * (1 - expected) / draws)
    assert (np.abs(counts / draws - expected) <= 5 * deviation).all()
