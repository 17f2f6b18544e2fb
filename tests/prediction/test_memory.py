from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from midigen.music.keys import SIZE
from midigen.prediction.memory import ORDERS, Memory

letters = st.integers(0, SIZE - 1)
lines = st.lists(st.integers(0, 2), max_size=60) | st.lists(letters, max_size=60)
"""Lines of few different letters, in which long contexts repeat, or of all letters."""


def remembering(
    line: Sequence[int], capacity: int = 64, lengths: Sequence[int] = range(1, ORDERS + 1)
) -> Memory:
    memory = Memory(capacity, lengths)
    for degree in line:
        memory.add(degree)
    return memory


def counted(line: Sequence[int]) -> npt.NDArray[np.float64]:
    """What followed every context at the end of a line, counted the slow and simple way."""
    counts = np.zeros((ORDERS, SIZE))
    for order in range(1, ORDERS + 1):
        for start in range(len(line) - order):
            if line[start : start + order] == line[len(line) - order :]:
                counts[order - 1, line[start + order]] += 1
    return counts


@given(lines)
def test_memory_counts_what_followed_every_context(line: list[int]) -> None:
    np.testing.assert_array_equal(remembering(line).counts(), counted(line))


@given(lines)
def test_memory_counts_what_would_follow_each_letter(line: list[int]) -> None:
    ahead = remembering(line).counts_after_each()
    for degree in range(SIZE):
        np.testing.assert_array_equal(ahead[degree], remembering([*line, degree]).counts())


@given(lines.filter(bool), letters, st.data())
def test_a_replaced_letter_counts_as_if_it_came_first(
    line: list[int], degree: int, data: st.DataObject
) -> None:
    age = data.draw(st.integers(0, len(line) - 1))
    memory = remembering(line)
    memory.replace(age, degree)
    line[len(line) - 1 - age] = degree
    np.testing.assert_array_equal(memory.counts(), remembering(line).counts())
    memory.add(0)  # it goes on from there
    np.testing.assert_array_equal(memory.counts(), remembering([*line, 0]).counts())


@given(lines, st.integers(2, 40))
def test_only_the_newest_letters_are_remembered(line: list[int], capacity: int) -> None:
    memory = remembering(line, capacity)
    assert len(memory) == min(len(line), capacity)
    counts = np.zeros((ORDERS, SIZE))
    for order in range(1, ORDERS + 1):
        for end in range(max(order, len(line) - capacity + 1), len(line)):
            if line[end - order : end] == line[len(line) - order :]:
                counts[order - 1, line[end]] += 1
    np.testing.assert_array_equal(memory.counts(), counts)


@given(lines, st.integers(0, 70))
def test_letters_can_be_taken_back(line: list[int], count: int) -> None:
    memory, kept = remembering(line), line[: max(0, len(line) - count)]
    memory.drop(count)
    assert len(memory) == len(kept)
    memory.add(1)
    np.testing.assert_array_equal(memory.counts(), remembering([*kept, 1]).counts())


def test_a_letter_counts_by_its_weight() -> None:
    memory = Memory(8)
    for degree, weight in ((0, 1.0), (3, 0.25), (0, 1.0), (5, 1.0), (0, 1.0)):
        memory.add(degree, weight=weight)
    counts = memory.counts()
    assert counts[0].tolist() == [0, 0, 0, 0.25, 0, 1, 0]
    assert counts[1:].sum() == 0


def test_memory_can_be_emptied() -> None:
    memory = remembering([0, 1, 2] * 5)
    memory.forget()
    assert len(memory) == 0
    assert not memory.counts().any()
    assert not memory.counts_after_each().any()
    memory.replace(0, 3)  # there is nothing to replace
    for degree in (4, 5, 4):
        memory.add(degree)
    np.testing.assert_array_equal(memory.counts(), counted([4, 5, 4]))


def test_memory_keeps_working_for_ever() -> None:
    """Its arrays don't grow: now and then their contents are moved back."""
    rng = np.random.default_rng(5)
    line = rng.integers(0, 2, 1000).tolist()
    memory = Memory(capacity=50)
    for note, degree in enumerate(line):
        memory.add(degree)
        newest = line[max(0, note + 1 - 50 - ORDERS) : note + 1]
        np.testing.assert_array_equal(memory.counts(), remembering(newest, 50).counts())
        np.testing.assert_array_equal(
            memory.counts_after_each()[1], remembering([*newest, 1], 50).counts()
        )


@given(lines, st.integers(2, 70))
def test_memory_finds_what_followed_the_latest_match(line: list[int], capacity: int) -> None:
    lengths = (1, 2, 5)
    memory = remembering(line, capacity, lengths)
    for place, length in enumerate(lengths):
        ends = [
            end
            for end in range(max(length - 1, len(line) - capacity), len(line) - 1)
            if len(line) >= length and line[end - length + 1 : end + 1] == line[-length:]
        ]
        expected = line[ends[-1] + 1] if ends else SIZE
        assert memory.latest()[0, place] == expected
    (ahead,) = memory.latest_after_each()
    counts = memory.counts_after_each()
    for degree in range(SIZE):
        longer = remembering([*line, degree], capacity, lengths)
        assert [ahead[degree].tolist()] == longer.latest().tolist()
        np.testing.assert_array_equal(counts[degree], longer.counts())


VALUES = 3


def valued(line: Sequence[int]) -> list[int]:
    """A value that comes with each letter of a line."""
    return [(7 * degree + place) % VALUES for place, degree in enumerate(line)]


@given(lines)
def test_values_that_came_with_followers_are_counted_too(line: list[int]) -> None:
    memory = Memory(64, columns=(VALUES,))
    for degree, value in zip(line, valued(line), strict=True):
        memory.add(degree, value)
    counts, latest = np.zeros((ORDERS, VALUES)), [VALUES] * ORDERS
    for order in range(1, ORDERS + 1):
        for start in range(len(line) - order):
            if line[start : start + order] == line[len(line) - order :]:
                latest[order - 1] = valued(line)[start + order]
                counts[order - 1, latest[order - 1]] += 1
    np.testing.assert_array_equal(memory.counts(1), counts)
    np.testing.assert_array_equal(memory.counts(), counted(line))
    assert memory.latest(1).tolist() == [latest]


@given(lines, st.integers(0, SIZE - 1))
def test_a_value_that_is_still_to_come_is_not_counted(line: list[int], degree: int) -> None:
    memory, later = Memory(64, columns=(VALUES,)), Memory(64, columns=(VALUES,))
    for letter, value in zip(line, valued(line), strict=True):
        memory.add(letter, value)
        later.add(letter, value)
    ahead = memory.counts_after_each(1)[degree]
    later.add(degree, 0)
    own = later.counts(1) - ahead
    own[:, 0] = 0  # only the value that came with it differs
    assert not own.any()


@given(lines, st.integers(0, 70))
def test_what_is_disregarded_is_context_only(line: list[int], count: int) -> None:
    kept = max(0, len(line) - count)
    memory, weighed = remembering(line), Memory(64)
    memory.disregard(count)
    for place, degree in enumerate(line):
        weighed.add(degree, weight=float(place < kept))
    for each in (memory, weighed):
        each.add(1)
    np.testing.assert_array_equal(memory.counts(), weighed.counts())
    np.testing.assert_array_equal(memory.latest(), weighed.latest())


def test_other_symbols_are_remembered_alike() -> None:
    memory = Memory(8, (1, 2), size=20)
    for symbol in (19, 3, 11, 19, 3):
        memory.add(symbol)
    assert np.flatnonzero(memory.counts()[1]).tolist() == [11]
    assert memory.latest().tolist() == [[11, 11]]
    assert memory.counts_after_each().shape == (20, 2, 20)
