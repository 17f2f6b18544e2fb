import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midigen.sampling import distributions, draw

Weights = np.ndarray[tuple[int], np.dtype[np.float32]]


def sample(probabilities: Weights, temperature: float, rng: np.random.Generator) -> int:
    """Both steps on one row."""
    return draw(distributions(probabilities[None], temperature)[0], rng)


weights = arrays(np.float32, 7, elements=st.floats(0, 1, width=32)).filter(lambda w: w.sum() > 0.01)


@given(weights, st.floats(0, 5), st.integers(0, 2**32))
def test_only_possible_letters_are_drawn(drawn: Weights, temperature: float, seed: int) -> None:
    probabilities = drawn / drawn.sum()
    letter = sample(probabilities, temperature, np.random.default_rng(seed))
    assert probabilities[letter] > 0


@given(weights, st.integers(0, 2**32))
def test_temperature_0_is_argmax(probabilities: Weights, seed: int) -> None:
    letter = sample(probabilities, 0, np.random.default_rng(seed))
    assert letter == int(np.argmax(probabilities))


@given(weights, st.floats(0, 5), st.integers(0, 2**32))
def test_one_number_is_drawn_at_any_temperature(
    probabilities: Weights, temperature: float, seed: int
) -> None:
    """So that a change of temperature doesn't move what is drawn after it."""
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed)
    sample(probabilities, temperature, rng)
    other.random()
    assert rng.random() == other.random()


@given(st.lists(weights, min_size=1, max_size=7), st.floats(0, 5))
def test_rows_do_not_mix(rows: list[Weights], temperature: float) -> None:
    together = distributions(np.array(rows), temperature)
    assert together == [distributions(row[None], temperature)[0] for row in rows]


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
