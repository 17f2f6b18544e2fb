"""A line of steps as rows of numbers, and what is decided of the next one."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.music.keys import SIZE
from midigen.prediction.line import (
    BARS,
    COMING,
    COMING_BEGINS,
    COMING_GAP,
    COMING_LEFT,
    COMING_PLACE,
    FEATURES,
    INTERVALS,
    KEPT,
    LATEST,
    LEFT,
    LENGTHS,
    PITCH,
    REACH,
    ROWS,
    SAME_TIME,
    SEVENS,
    TIMES,
    Line,
    move_letters,
    place_in_bar,
)
from midigen.prediction.steps import GAPS, NOTHING_DECIDED, Coming, Step

letters = st.integers(0, 2) | st.integers(0, SIZE - 1)
lines = st.lists(st.integers(0, 2), min_size=1, max_size=90) | st.builds(
    lambda phrase, times: phrase * times,
    st.lists(st.integers(0, SIZE - 1), min_size=3, max_size=20),
    st.integers(2, 4),
)
"""Letters among which contexts repeat."""

OCTAVES_BY_LETTER = slice(SEVENS * SIZE, PITCH.start)

gaps = st.none() | st.sampled_from([0.25, 0.5, 0.5, 1.0, 5.0])
steps = st.builds(
    Step,
    degree=letters,
    pitch=st.none() | st.integers(50, 80),
    gap=gaps,
    share=st.none() | st.floats(0, 1),
    place=st.none() | st.sampled_from([0.0, 0.5, 1.0, 2 / 3, 3.75]),
    bar=st.sampled_from([None, 4.0]),
    begins_phrase=st.sampled_from([False, False, False, True]),
)
comings = st.builds(
    Coming,
    gap=gaps,
    place=st.none() | st.sampled_from([0.0, 1.5]),
    bar=st.sampled_from([None, 4.0]),
    left=st.none() | st.integers(1, 30),
    begins_phrase=st.booleans(),
)


def line_of(pushed: Iterable[Step]) -> Line:
    line = Line()
    for step in pushed:
        line.push(step)
    return line


def assert_alike(one: Line, other: Line) -> None:
    assert len(one) == len(other)
    if len(one):
        np.testing.assert_array_equal(one.rows(), other.rows())
    np.testing.assert_array_equal(one.rows_after_each_letter(), other.rows_after_each_letter())
    for coming in (NOTHING_DECIDED, Coming(0.5, 1.0, 4.0, 3), Coming(1.0, begins_phrase=True)):
        np.testing.assert_array_equal(one.coming(coming), other.coming(coming))


# --- echoes


def plain(line: list[int]) -> npt.NDArray[np.float64]:
    """The echoes of letters and of intervals in a line, computed the slow and simple way."""
    intervals = [(to - came) % SIZE for came, to in itertools.pairwise(line)]
    rows = []
    for end, degree in enumerate(line):
        features = [np.eye(SIZE)[degree]]
        features += echoes(line[: end + 1], LENGTHS, LATEST)
        for relative in echoes(intervals[:end], INTERVALS, LATEST):
            features.append(np.roll(relative, degree))
        rows.append(np.concatenate(features))
    return np.array(rows)


def echoes(
    line: list[int], lengths: Sequence[int], latest: Sequence[int]
) -> list[npt.NDArray[np.float64]]:
    """The shares of followers for each length of match, and the latest followers, one-hot."""
    features = []
    for length in lengths:
        counts = np.zeros(SIZE)
        for place in matches(line, length):
            counts[line[place]] += 1
        features.append(counts / (counts.sum() + 0.5))
    for length in latest:
        places = matches(line, length)
        features.append(np.eye(SIZE)[line[places[-1]]] if places else np.zeros(SIZE))
    return features


def matches(line: list[int], length: int) -> list[int]:
    """Where the last so many letters of a line were followed by something before."""
    first = max(length, len(line) - REACH + 1)
    context = line[max(0, len(line) - length) :]
    return [place for place in range(first, len(line)) if line[place - length : place] == context]


@given(lines)
@effort(deadline=None)
def test_an_echo_is_what_followed_the_same_letters_before(line: list[int]) -> None:
    expected = plain(line)[-ROWS:]
    (rows,) = line_of(map(Step, line)).rows()
    assert rows.shape == (min(len(line), ROWS), FEATURES)
    np.testing.assert_allclose(rows[:, : expected.shape[1]], expected, atol=1e-3)


def test_an_echo_goes_no_farther_back_than_its_reach() -> None:
    line = [6, 5, *[0, 1, 2, 3] * ((REACH + 40) // 4), 6]
    expected = plain(line)[-3:]
    rows = line_of(map(Step, line)).rows()[0, -3:]
    assert not rows[-1, SIZE : SEVENS * SIZE].any()
    np.testing.assert_allclose(rows[:, : expected.shape[1]], expected, atol=1e-3)


def test_an_echo_in_time_is_what_followed_the_same_letters_in_the_same_time() -> None:
    """C D in quarters was followed by E, and in eighths by G."""
    quarters = [Step(degree, gap=1.0) for degree in (0, 1, 2)]
    eighths = [Step(degree, gap=0.5) for degree in (0, 1, 4)]
    for call, expected in ((quarters, 2), (eighths, 4)):
        row = line_of([*quarters, *eighths, *call[:2]]).rows()[0, -1]
        by_length = row[SAME_TIME].reshape(len(TIMES), SIZE)
        assert by_length[:2].tolist() == np.eye(SIZE)[[expected] * 2].tolist()


@given(st.lists(steps, max_size=30), st.lists(steps, max_size=10), st.integers(0, SIZE - 1))
@effort(deadline=None)
def test_what_is_disregarded_makes_no_echo(
    before: list[Step], answer: list[Step], degree: int
) -> None:
    """But it is still there, as what was played before."""
    line = line_of([*before, *answer])
    line.disregard(len(answer))
    line.push(Step(degree))
    row = line.rows()[0, -1, SIZE : SEVENS * SIZE].reshape(-1, SIZE)[0]
    newest = [(step, Step(degree)) for step in [*before, *answer][-1:]]
    followers = {
        then.degree
        for step, then in [*itertools.pairwise(before), *newest]
        if step.degree == degree
    }  # fmt: skip
    assert set(np.flatnonzero(row)) <= followers


# --- a line that changes


@given(st.lists(steps, max_size=40), letters)
@effort(deadline=None)
def test_rows_after_each_letter_are_those_made_later(before: list[Step], degree: int) -> None:
    ahead = line_of(before).rows_after_each_letter()
    assert ahead.shape == (SIZE, min(len(before) + 1, ROWS), FEATURES)
    (later,) = line_of([*before, Step(degree)]).rows()
    later[-1, OCTAVES_BY_LETTER] = ahead[degree, -1, OCTAVES_BY_LETTER]  # its own isn't known yet
    np.testing.assert_allclose(ahead[degree], later, atol=1e-3)


@given(st.lists(steps, max_size=40), st.lists(steps, max_size=10), st.lists(steps, max_size=3))
@effort(deadline=None)
def test_steps_can_be_taken_back(kept: list[Step], dropped: list[Step], then: list[Step]) -> None:
    line = line_of([*kept, *dropped])
    line.drop(len(dropped))
    for step in then:
        line.push(step)
    assert_alike(line, line_of([*kept, *then]))


@given(st.lists(steps, min_size=1, max_size=30), steps, st.data())
@effort(deadline=None)
def test_a_replaced_step_counts_as_if_it_came_first(
    pushed: list[Step], step: Step, data: st.DataObject
) -> None:
    age = data.draw(st.integers(0, len(pushed) - 1))
    line = line_of(pushed)
    line.replace(len(pushed), step)  # it isn't there
    line.replace(age, step)
    pushed[len(pushed) - 1 - age] = step
    assert_alike(line, line_of(pushed))


def test_a_line_goes_on_for_ever() -> None:
    """What it has forgotten changes nothing."""
    rng = np.random.default_rng(4)
    pushed = [
        Step(int(degree), 60 + int(degree), 0.5, begins_phrase=place % 8 == 0)
        for place, degree in enumerate(rng.integers(0, 2, 4 * KEPT + 7))
    ]
    line = line_of(pushed)
    assert KEPT <= len(line) < 2 * KEPT
    short = line_of(pushed[-KEPT:])
    np.testing.assert_array_equal(line.rows(), short.rows())
    coming = Coming(0.5, begins_phrase=True)
    np.testing.assert_array_equal(line.coming(coming), short.coming(coming))
    assert line.letters(5).tolist() == [step.degree for step in pushed[-5:]]


@given(st.lists(steps, min_size=1, max_size=30), comings, st.integers(1, SIZE - 1))
@effort(deadline=None)
def test_letters_can_be_moved_in_rows(pushed: list[Step], coming: Coming, by: int) -> None:
    line = line_of(pushed)
    rows, decided = line.rows(), line.coming(coming)
    move_letters(rows, decided, by)
    moved = line_of(replace(step, degree=(step.degree + by) % SIZE) for step in pushed)
    np.testing.assert_allclose(rows, moved.rows(), atol=1e-3)
    np.testing.assert_array_equal(decided, moved.coming(coming))


# --- what is decided of the next note


def test_nothing_decided_tells_nothing_of_it() -> None:
    row = line_of([Step(0, 60, 0.5, begins_phrase=True)]).coming(NOTHING_DECIDED)
    assert row.shape == (1, COMING)
    assert not row.any()


@pytest.mark.parametrize(("left", "told"), [(1, 1), (8, 8), (9, 8), (11, 10), (1000, 24)])
def test_what_is_decided_is_told(left: int, told: int) -> None:
    (row,) = Line().coming(Coming(1.5, 2.5, 4.0, left, begins_phrase=True))
    assert np.flatnonzero(row[COMING_GAP]).tolist() == [GAPS.index(1.5)]
    np.testing.assert_array_equal(row[COMING_PLACE], place_in_bar(2.5, 4.0))
    assert np.flatnonzero(row[COMING_LEFT]).tolist() == [LEFT.index(told)]
    assert row[COMING_BEGINS] == 1


def test_the_same_place_in_the_two_phrases_before_is_told() -> None:
    """The third note of each: E, then A."""
    first = [Step(0, 60, begins_phrase=True), Step(1, 62), Step(2, 64)]
    second = [Step(3, 65, begins_phrase=True), Step(4, 67), Step(5, 69)]
    line = line_of([*first, *second, Step(0, 60, begins_phrase=True), Step(1, 62)])
    (row,) = line.coming(NOTHING_DECIDED)
    assert row[: 2 * SIZE].reshape(2, SIZE).tolist() == np.eye(SIZE)[[5, 2]].tolist()
    (row,) = line.coming(Coming(begins_phrase=True))
    assert row[: 2 * SIZE].reshape(2, SIZE).tolist() == np.eye(SIZE)[[0, 3]].tolist()


def test_what_sounded_bars_ago_is_told_and_whether_it_began_there() -> None:
    quarters = [Step(degree, gap=1.0, place=float(degree % 4), bar=4.0) for degree in range(6)]
    line = line_of(quarters)
    for gap, began in ((1.0, True), (1.5, False)):
        (row,) = line.coming(Coming(gap, place=2.0, bar=4.0))
        bars = row[2 * SIZE : (2 + len(BARS)) * SIZE].reshape(len(BARS), SIZE)
        assert np.flatnonzero(bars[0]).tolist() == [2]  # the first letter was at beat 1
        assert not bars[1:].any()
        assert bool(row[COMING_BEGINS + 3]) is began


@pytest.mark.parametrize(
    ("place", "bar", "expected"),
    [
        (0.0, 4.0, (0, 7 + 0, 14 + 3)),
        (2.5, 4.0, (3, 7 + 2, 14 + 3)),
        (1 / 3, 3.0, (2, 7 + 0, 14 + 2)),
        (1.99, 2.0, (0, 7 + 0, 14 + 1)),  # of the next bar
        (1.1, 4.0, (6, 7 + 1, 14 + 3)),  # between the usual places
    ],
)
def test_a_place_is_told_as_beat_part_and_bar(
    place: float, bar: float, expected: tuple[int, ...]
) -> None:
    row = place_in_bar(place, bar)
    assert tuple(np.flatnonzero(row)) == expected
