from itertools import groupby
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midigen.prediction.sampling import Sampler, sample

Weights = np.ndarray[tuple[int], np.dtype[np.float32]]

weights = arrays(np.float32, 7, elements=st.floats(0, 1, width=32)).filter(lambda w: w.sum() > 0.01)

numbers = st.floats(0, 1, exclude_max=True)
temperatures = st.sampled_from([0.0, 1.0]) | st.floats(0, 5)
top_ps = st.just(1.0) | st.floats(0.01, 1)
degrees = st.integers(0, 6)


@given(weights, st.floats(0, 5), numbers)
def test_only_possible_letters_are_drawn(drawn: Weights, temperature: float, number: float) -> None:
    probabilities = drawn / drawn.sum()
    (letter,) = sample(probabilities[None], number, temperature=temperature)
    assert probabilities[letter] > 0


@given(weights, numbers)
def test_temperature_0_takes_the_likeliest(probabilities: Weights, number: float) -> None:
    assert sample(probabilities[None], number, temperature=0) == [int(np.argmax(probabilities))]


@given(st.lists(weights, min_size=1, max_size=7), st.floats(0, 5), numbers)
def test_rows_are_independent(rows: list[Weights], temperature: float, number: float) -> None:
    together = sample(np.array(rows), number, temperature=temperature)
    assert together == [sample(row[None], number, temperature=temperature)[0] for row in rows]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_letters_are_drawn_by_their_probabilities(temperature: float) -> None:
    """Numbers spread evenly from 0 to 1 draw each letter by its share."""
    probabilities = np.array([[0.4, 0.3, 0.1, 0.1, 0.06, 0.04, 0.0]], dtype=np.float32)
    expected = probabilities[0] ** (1 / temperature)
    expected /= expected.sum()
    draws = 10_000
    letters = [sample(probabilities, i / draws, temperature=temperature)[0] for i in range(draws)]
    assert letters == sorted(letters)
    shares = np.bincount(letters, minlength=7) / draws
    np.testing.assert_allclose(shares, expected, atol=2 / draws)


# --- top-p


@given(st.lists(weights, min_size=1, max_size=7), temperatures, numbers)
def test_a_top_p_of_1_changes_nothing(
    rows: list[Weights], temperature: float, number: float
) -> None:
    together = np.array(rows)
    limited = sample(together, number, temperature=temperature, top_p=1.0)
    assert limited == sample(together, number, temperature=temperature)


@given(weights, st.floats(0.01, 0.99), numbers)
def test_top_p_draws_only_the_likeliest(drawn: Weights, top_p: float, number: float) -> None:
    """The letters that are likelier than the drawn one don't make up top_p by themselves."""
    probabilities = drawn / drawn.sum()
    (letter,) = sample(probabilities[None], number, top_p=top_p)
    likelier = probabilities[probabilities > probabilities[letter]].sum(dtype=np.float64)
    assert likelier < top_p + 1e-6
    assert probabilities[letter] > 0


@given(weights, numbers)
def test_top_p_always_leaves_the_likeliest(probabilities: Weights, number: float) -> None:
    (letter,) = sample(probabilities[None], number, top_p=1e-12)
    assert [letter] == sample(probabilities[None], number, temperature=0)


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.35, 1), (0.65, 2), (0.75, 3), (0.95, 5), (0.97, 6), (1.0, 6)]
)
def test_top_p_keeps_the_shares_of_what_is_left(top_p: float, kept: int) -> None:
    probabilities = np.array([[0.04, 0.3, 0.1, 0.4, 0.06, 0.1, 0.0]], dtype=np.float32)
    by_likelihood = [3, 1, 2, 5, 4, 0]
    expected = np.zeros(7)
    expected[by_likelihood[:kept]] = probabilities[0, by_likelihood[:kept]]
    draws = 2000
    letters = [sample(probabilities, i / draws, top_p=top_p)[0] for i in range(draws)]
    shares = np.bincount(letters, minlength=7) / draws
    np.testing.assert_allclose(shares, expected / expected.sum(), atol=2 / draws)


def test_top_p_is_applied_after_the_temperature() -> None:
    probabilities = np.array([[0.6, 0.4, 0, 0, 0, 0, 0]], dtype=np.float32)
    assert sample(probabilities, 0.99, temperature=1.0, top_p=0.65) == [1]
    assert sample(probabilities, 0.99, temperature=0.2, top_p=0.65) == [0]


# --- weights


def without(*barred: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    counts = np.ones(7)
    counts[[*barred]] = 0
    return counts


@given(weights, arrays(np.float64, 7, elements=st.floats(0.1, 1)), temperatures, top_ps, numbers)
def test_a_weight_multiplies_a_probability(
    drawn: Weights,
    counts: np.ndarray[tuple[int], np.dtype[np.float64]],
    temperature: float,
    top_p: float,
    number: float,
) -> None:
    products: Any = (drawn * counts)[None]
    assert sample(
        drawn[None], number, temperature=temperature, top_p=top_p, weights=counts
    ) == sample(products, number, temperature=temperature, top_p=top_p)


# --- a barred letter


@given(st.lists(weights, min_size=1, max_size=7), temperatures, top_ps, numbers, degrees)
def test_a_barred_letter_is_never_drawn(
    rows: list[Weights], temperature: float, top_p: float, number: float, barred: int
) -> None:
    together = np.array(rows)
    copy = together.copy()
    letters = sample(
        together, number, temperature=temperature, top_p=top_p, weights=without(barred)
    )
    assert barred not in letters
    for row, letter in zip(together, letters, strict=True):
        others = np.delete(row, barred)
        assert row[letter] > 0 or not others.any()
    np.testing.assert_array_equal(together, copy)


@given(weights, temperatures, top_ps, numbers, degrees)
def test_barring_a_letter_makes_it_impossible(
    drawn: Weights, temperature: float, top_p: float, number: float, barred: int
) -> None:
    others = drawn.copy()
    others[barred] = 0
    if others.any():
        assert sample(
            drawn[None], number, temperature=temperature, top_p=top_p, weights=without(barred)
        ) == sample(others[None], number, temperature=temperature, top_p=top_p)


@given(degrees)
def test_when_only_the_barred_letter_is_possible_all_others_are_equally_likely(only: int) -> None:
    sure = np.eye(7, dtype=np.float32)[[only, (only + 1) % 7]]
    letters = [sample(sure, i / 6, weights=without(only)) for i in range(6)]
    assert [first for first, _ in letters] == [letter for letter in range(7) if letter != only]
    assert {second for _, second in letters} == {(only + 1) % 7}  # the other row is independent


# --- a sampler


def sampler(
    seed: int = 0,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_repeat: int | None = None,
) -> Sampler:
    rng = np.random.default_rng(seed)
    return Sampler(rng, temperature=temperature, top_p=top_p, max_repeat=max_repeat)


def line(drawing: Sampler, rows: list[Weights]) -> list[int]:
    """Draw and take a letter from each row."""
    letters: list[int] = []
    for row in rows:
        letters += drawing.draw(row[None])
        drawing.take(letters[-1])
    return letters


def longest_run(letters: list[int]) -> int:
    return max((len(list(run)) for _, run in groupby(letters)), default=0)


stubborn = degrees.map(lambda degree: np.eye(7, dtype=np.float32)[degree])
"""Rows in which only one letter is possible."""


@given(
    st.lists(weights | stubborn, max_size=30) | stubborn.map(lambda row: [row] * 30),
    temperatures,
    top_ps,
    st.integers(1, 5),
    st.integers(0, 9),
)
def test_repetitions_are_limited(
    rows: list[Weights], temperature: float, top_p: float, max_repeat: int, seed: int
) -> None:
    drawing = sampler(seed, temperature=temperature, top_p=top_p, max_repeat=max_repeat)
    assert longest_run(line(drawing, rows)) <= max_repeat


@pytest.mark.parametrize("before", [None, 5, 9])
@pytest.mark.parametrize("lowered", [1, 2, 4])
def test_a_lowered_limit_bars_at_once(before: int | None, lowered: int) -> None:
    likely = np.eye(7, dtype=np.float32)[[3]] * 0.9 + 0.01
    drawing = sampler(top_p=0.5, max_repeat=before)
    for _ in range(5):
        assert drawing.draw(likely) == [3]
        drawing.take(3)
    drawing.max_repeat = lowered
    assert drawing.draw(likely) != [3]


@pytest.mark.parametrize("max_repeat", [1, 2, 4])
def test_as_many_repetitions_come_as_are_allowed(max_repeat: int) -> None:
    rows = [np.eye(7, dtype=np.float32)[3]] * 20
    assert longest_run(line(sampler(max_repeat=max_repeat), rows)) == max_repeat
    assert line(sampler(max_repeat=None), rows) == [3] * 20


def test_a_new_line_may_begin_as_the_last_one_ended() -> None:
    rows = [np.eye(7, dtype=np.float32)[3]] * 2
    drawing = sampler(max_repeat=2)
    assert line(drawing, rows) == [3, 3]
    drawing.begin_line()
    assert line(drawing, rows) == [3, 3]
    assert line(drawing, rows) != [3, 3]


@given(st.lists(weights, min_size=1, max_size=7), st.integers(0, 9))
def test_draws_are_the_same_until_one_is_taken(rows: list[Weights], seed: int) -> None:
    together = np.array(rows)
    drawing = sampler(seed)
    letters = drawing.draw(together)
    assert drawing.draw(together) == letters
    assert [drawing.draw(row[None])[0] for row in rows] == letters


def test_every_note_takes_one_random_number() -> None:
    rng = np.random.default_rng(5)
    drawing = Sampler(rng, temperature=1.0, top_p=0.9, max_repeat=2)
    even = np.full((7, 7), 1 / 7, dtype=np.float32)
    for _ in range(20):
        for _ in range(3):
            letters = drawing.draw(even)
        drawing.take(letters[0])
    other = np.random.default_rng(5)
    other.random(20)
    assert rng.random() == other.random()


@given(st.lists(weights, max_size=20), st.integers(0, 9))
def test_the_same_seed_draws_the_same(rows: list[Weights], seed: int) -> None:
    one, again = (line(sampler(seed, max_repeat=2, top_p=0.9), rows) for _ in range(2))
    assert one == again
    numbers = np.random.default_rng(seed).random(len(rows)).tolist()
    drawn = [sample(row[None], number)[0] for row, number in zip(rows, numbers, strict=True)]
    assert line(sampler(seed), rows) == drawn


@given(st.lists(weights, max_size=20), st.integers(0, 9))
def test_a_sampler_at_temperature_0_takes_the_likeliest(rows: list[Weights], seed: int) -> None:
    found = line(sampler(seed, temperature=0.0, top_p=0.5), rows)
    assert found == [int(row.argmax()) for row in rows]
