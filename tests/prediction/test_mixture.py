from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from midigen.music.keys import SIZE
from midigen.prediction.memory import ORDERS, Counts, Memory
from midigen.prediction.mixture import BUCKETS, Mixture, Probabilities, buckets
from tests.models import CONSTANT, any_mixture

letters = st.integers(0, SIZE - 1)
lines = st.lists(st.integers(0, 2), max_size=40) | st.lists(letters, max_size=40)
amounts = st.floats(0, 1)
weights = arrays(np.float32, SIZE, elements=st.floats(0, 1, width=32)).filter(
    lambda row: row.sum() > 0.01
)
rows = weights.map(lambda row: row / row.sum())
mixtures = st.integers(0, 99).map(any_mixture)


def heard(line: list[int]) -> Counts:
    memory = Memory(64)
    for note, degree in enumerate(line):
        memory.add(degree, weight=1.0 if note % 3 else 0.5)
    return memory.counts()


def mixed(
    mixture: Mixture, model: Probabilities, counts: Counts, amount: float
) -> npt.NDArray[np.float64]:
    """The mixture of one row, context by context, as the docstring describes it."""
    probabilities = model.astype(np.float64)
    matches = [order for order in range(ORDERS) if counts[order].any()]
    if not matches:
        return probabilities
    for order in matches:
        often = sum(counts[order].sum() > step for step in (1, 2, 3, 6))
        kinds = min(3, np.count_nonzero(counts[order]))
        trust = amount * mixture.trust[order, often * 3 + kinds - 1]
        share = counts[order] / counts[order].sum()
        probabilities = trust * share + (1 - trust) * probabilities
    a, b = mixture.exponents[matches[-1] + 1]
    a, b = 1 + amount * (a - 1), amount * b
    likely = np.maximum(probabilities, 1e-9) ** a * np.maximum(model, 1e-9) ** b
    return np.asarray(likely / likely.sum())


@given(mixtures, rows, lines, amounts)
def test_contexts_are_mixed_from_the_shortest_to_the_longest(
    mixture: Mixture, model: Probabilities, line: list[int], amount: float
) -> None:
    counts = heard(line)
    (result,) = mixture.mix(model[None], counts[None], amount)
    np.testing.assert_allclose(result, mixed(mixture, model, counts, amount), atol=1e-5)


def test_a_mixture_computed_by_hand() -> None:
    """After C came D twice and E once. That counts 0.3, and the model 0.7."""
    counts = np.zeros((1, ORDERS, SIZE))
    counts[0, 0, 1:3] = 2, 1
    (result,) = CONSTANT.mix(np.full((1, SIZE), 1 / SIZE, dtype=np.float32), counts, 1.0)
    np.testing.assert_allclose(result, [0.1, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1], atol=1e-6)


@given(mixtures, st.lists(st.tuples(rows, lines), min_size=1, max_size=7), amounts)
def test_rows_are_probabilities_and_independent_of_their_batch(
    mixture: Mixture, batch: list[tuple[Probabilities, list[int]]], amount: float
) -> None:
    models = np.array([model for model, _ in batch])
    counts = np.array([heard(line) for _, line in batch])
    together = mixture.mix(models, counts, amount)
    assert together.dtype == np.float32
    assert (together >= 0).all()
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    for row, model, each in zip(together, models, counts, strict=True):
        alone = mixture.mix(model[None], each[None], amount)
        np.testing.assert_allclose(row, alone[0], atol=1e-6)


@given(mixtures, rows, lines)
def test_with_an_amount_of_0_the_model_decides(
    mixture: Mixture, model: Probabilities, line: list[int]
) -> None:
    assert mixture.mix(model[None], heard(line)[None], 0.0).tolist() == [model.tolist()]


@given(mixtures, rows, lines, amounts)
def test_without_a_match_the_model_decides(
    mixture: Mixture, model: Probabilities, line: list[int], amount: float
) -> None:
    """Both alone and beside a row that has a match."""
    nothing = np.zeros((1, ORDERS, SIZE))
    assert mixture.mix(model[None], nothing, amount).tolist() == [model.tolist()]
    beside = np.concatenate([nothing, heard([0, *line, 0])[None]])
    assert mixture.mix(np.array([model] * 2), beside, amount)[0].tolist() == model.tolist()


@given(rows, st.lists(letters, min_size=1, max_size=ORDERS), letters, letters, st.floats(0.05, 1))
def test_a_letter_that_followed_more_often_is_likelier(
    model: Probabilities, line: list[int], degree: int, other: int, amount: float
) -> None:
    """So far, another letter has followed the line."""
    assume(degree != other)
    counts = heard([*line, other, *line])[None]
    before = CONSTANT.mix(model[None], counts, amount)[0, degree]
    counts[:, : len(line), degree] += 1
    after = CONSTANT.mix(model[None], counts, amount)[0, degree]
    assert after > before


ROUNDING = 1e-6
"""Of sums of seven float32."""


@given(rows, lines, letters)
def test_a_larger_amount_moves_farther_from_the_model(
    model: Probabilities, line: list[int], degree: int
) -> None:
    counts = heard([*line, degree, degree, degree])[None]
    steps = [CONSTANT.mix(model[None], counts, amount)[0] for amount in (0, 0.25, 0.5, 0.75, 1)]
    distances = [float(abs(step - model).sum()) for step in steps]
    assert all(later > earlier - ROUNDING for earlier, later in pairwise(distances))


@given(mixtures, rows, lines, amounts)
def test_the_arguments_are_not_changed(
    mixture: Mixture, model: Probabilities, line: list[int], amount: float
) -> None:
    given_ = model[None], heard(line)[None], mixture.trust, mixture.exponents
    copies = [array.copy() for array in given_]
    mixture.mix(given_[0], given_[1], amount)
    for array, copy in zip(given_, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_an_impossible_letter_becomes_possible_once_heard() -> None:
    model = np.eye(SIZE, dtype=np.float32)[:1]  # sure of C
    (result,) = any_mixture().mix(model, heard([4, 4, 4])[None], 1.0)
    assert np.isfinite(result).all()
    assert result[4] > 0.01


@pytest.mark.parametrize(
    ("counts", "bucket"),
    [
        ([0.5], 0),
        ([1], 0),
        ([1, 1], 3 + 1),
        ([1, 1, 1], 6 + 2),
        ([2.5], 6),
        ([4], 9),
        ([6.5], 12),
        ([4, 1, 1, 1], 12 + 2),
        ([1000, 1, 1, 1, 1, 1, 1], 12 + 2),
    ],
)
def test_the_bucket_of_a_context(counts: list[float], bucket: int) -> None:
    rows = np.zeros((1, ORDERS, SIZE))
    rows[0, 2, : len(counts)] = counts
    columns = buckets(rows)
    assert columns.shape == (1, ORDERS)
    assert columns[0, 2] == bucket
    assert 0 <= columns.min() <= columns.max() < BUCKETS
