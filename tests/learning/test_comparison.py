"""What answers are like beside real ones, by hand and in general."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.learning.answerers import again, shuffled
from midigen.learning.comparison import Comparison, compare, contour, endings
from midigen.learning.notes import Notes
from tests.phrases import phrase

CALL = phrase([60, 62, 64, 65])  # C D E F, mean 62.75
lines = st.lists(st.integers(40, 90), min_size=4, max_size=12).map(phrase)


def one(*pitches: int, call: Notes = CALL, real: Notes = CALL) -> Comparison:
    return compare([call], [phrase(pitches)], [real])


def test_the_share_that_ends_on_the_tonic() -> None:
    answers = [phrase(pitches) for pitches in ([60, 72], [62, 64], [64, 60], [64, 71])]
    found = compare([CALL] * 4, answers, answers)
    assert found.ends_on_tonic == 0.5
    assert endings(answers).tolist() == [0.5, 0, 0.25, 0, 0, 0, 0.25]


def test_the_tonic_is_that_of_the_signature() -> None:
    answer = phrase([66, 67], signature=1)
    assert compare([CALL], [answer], [answer]).ends_on_tonic == 1


def test_the_divergence_of_endings_by_hand() -> None:
    """Smoothed, one answer in C has 1.5 of 4.5 on C, and one in D has 0.5 of 4.5 there."""
    expected = (1.5 * math.log2(3) - 0.5 * math.log2(3)) / 4.5
    assert one(64, 60, real=phrase([64, 62])).divergence_of_endings == pytest.approx(expected)


def test_the_divergence_of_intervals_by_hand() -> None:
    """One interval, of 27 that are possible: up and down are two of them."""
    up, down = phrase([60, 62]), phrase([62, 60])
    expected = (1.5 * math.log2(3) - 0.5 * math.log2(3)) / (1 + 27 / 2)
    found = compare([CALL], [up], [down]).divergence_of_intervals
    assert found == pytest.approx(expected)


def test_intervals_over_13_semitones_count_as_13() -> None:
    wide, wider = phrase([60, 73]), phrase([60, 80])
    assert compare([CALL], [wide], [wider]).divergence_of_intervals == 0
    octave = phrase([60, 72])
    assert compare([CALL], [octave], [wider]).divergence_of_intervals > 0


def test_register_is_the_mean_distance_up_or_down() -> None:
    answers = [phrase([67, 69]), phrase([55, 57])]
    found = compare([phrase([60, 62])] * 2, answers, answers)
    assert found.register == 6


@pytest.mark.parametrize(("pitch", "far"), [(68, 1), (67, 0), (60, 0), (53, 0), (52, 1)])
def test_far_is_over_seven_semitones_up_or_down(pitch: int, far: float) -> None:
    assert one(pitch, pitch, call=phrase([60] * 4)).far == far


def test_inside_is_at_most_two_semitones_outside() -> None:
    assert one(57, 58, 59, 64, 67, 68).inside == pytest.approx(4 / 6)


def test_leaps_are_over_seven_semitones() -> None:
    assert one(60, 67, 59, 68, 60).leaps == 0.75


def test_motifs_are_pairs_of_intervals_of_the_call() -> None:
    """The call has (2, 2) and (2, 1). The answer has (2, 2), (2, 2) and (2, -1)."""
    assert one(65, 67, 69, 71, 70).motifs == pytest.approx(2 / 3)
    assert one(65, 67).motifs == 0


def test_the_contour_of_a_longer_answer_is_squeezed() -> None:
    line = phrase([60, 64, 62])
    assert contour(line, phrase([60, 62, 64, 63, 62])) == pytest.approx(1)
    assert contour(line, phrase([64, 60, 62])) == pytest.approx(-1)
    by_hand = np.corrcoef([60, 64, 62], [60, 61, 62])[0, 1]
    assert contour(line, phrase([60, 62])) == pytest.approx(by_hand)


def test_what_stays_on_one_pitch_has_no_contour() -> None:
    flat = phrase([60] * 4)
    assert contour(CALL, flat) is None
    assert contour(flat, CALL) is None
    assert compare([CALL] * 2, [flat, CALL], [CALL] * 2).contour == pytest.approx(1)
    assert one(60, 60, 60).contour == 0


def test_all_notes_count_the_same() -> None:
    """One note of one answer is inside, and none of four of the other."""
    answers = [phrase([60]), phrase([90] * 4)]
    assert compare([CALL] * 2, answers, answers).inside == pytest.approx(1 / 5)


@given(st.lists(st.tuples(lines, lines), min_size=1, max_size=5))
def test_real_answers_have_no_divergence(pairs: list[tuple[Notes, Notes]]) -> None:
    calls, real = zip(*pairs, strict=True)
    found = compare(calls, real, real)
    assert found.divergence_of_endings == 0
    assert found.divergence_of_intervals == 0
    assert all(math.isfinite(value) for value in astuple(found))


@given(lines, st.integers(0, 99))
def test_a_shuffled_call_keeps_its_register(call: Notes, seed: int) -> None:
    found = compare([call], [shuffled(call, np.random.default_rng(seed))], [call])
    assert (found.register, found.far, found.inside) == (0, 0, 1)


@given(lines.filter(lambda line: np.ptp(line.pitches) > 0))
def test_the_call_again_is_all_from_the_call(call: Notes) -> None:
    found = compare([call], [again(call, np.random.default_rng(0))], [call])
    assert found.contour == pytest.approx(1)
    assert (found.motifs, found.register, found.inside) == (1, 0, 1)
