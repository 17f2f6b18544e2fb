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
    ahead = remembering(line).counts_after_each_letter()
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
    assert not memory.counts_after_each_letter().any()
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
            memory.counts_after_each_letter()[1], remembering([*newest, 1], 50).counts()
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
        assert memory.latest()[place] == expected
    ahead = memory.latest_after_each_letter()
    counts = memory.counts_after_each_letter()
    for degree in range(SIZE):
        longer = remembering([*line, degree], capacity, lengths)
        assert ahead[degree].tolist() == longer.latest().tolist()
        np.testing.assert_array_equal(counts[degree], longer.counts())


@given(lines, lines, st.integers(2, 40))
def test_adding_letters_at_once_equals_adding_one_by_one(
    before: list[int], line: list[int], capacity: int
) -> None:
    """Whatever was there before, and whatever comes after."""
    at_once, one_by_one = remembering(before, capacity), remembering(line, capacity)
    at_once.begin(np.array(line, dtype=np.int64))
    assert len(at_once) == len(one_by_one)
    for degree in (None, 0, 1):
        if degree is not None:
            at_once.add(degree)
            one_by_one.add(degree)
        np.testing.assert_array_equal(at_once.counts(), one_by_one.counts())
        np.testing.assert_array_equal(at_once.latest(), one_by_one.latest())
