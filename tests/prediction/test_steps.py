"""The classes of steps: in time, in length and in octaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.music.keys import MODE_NAMES, Key
from midigen.prediction.steps import (
    GAPS,
    OCTAVES,
    SHARES,
    gap_class,
    octave_class,
    share_class,
)
from midigen.settings.table import Settings

RANGE = Settings().range


@pytest.mark.parametrize("gap", GAPS)
def test_a_gap_is_of_the_class_nearest_by_ratio(gap: float) -> None:
    assert GAPS[gap_class(gap)] == gap
    assert GAPS[gap_class(gap * 1.03)] == gap
    assert GAPS[gap_class(gap / 1.03)] == gap


def test_gaps_beyond_all_classes_are_of_the_outermost() -> None:
    assert (gap_class(0.0), gap_class(1e9)) == (0, len(GAPS) - 1)
    assert gap_class(None) == len(GAPS)


def test_a_length_is_of_a_class() -> None:
    assert [share_class(share) for share in SHARES] == [*range(len(SHARES))]
    assert [share_class(share) for share in (0.0, 0.94, None)] == [0, 3, len(SHARES)]


@given(
    st.sampled_from(MODE_NAMES).map(lambda mode: Key.named(f"E {mode}")),
    st.integers(0, 6),
    st.integers(RANGE.low + 12, RANGE.high - 12),
    st.sampled_from(OCTAVES),
)
def test_the_nearest_octave_is_the_one_in_which_a_letter_is_played(
    key: Key, degree: int, before: int, octave: int
) -> None:
    nearest = key.nearest(degree, before, RANGE.low, RANGE.high)
    assert OCTAVES[octave_class(nearest + 12 * octave, before)] == octave


def test_an_unknown_pitch_has_no_octave() -> None:
    assert octave_class(None, 60) == octave_class(60, None) == len(OCTAVES)
