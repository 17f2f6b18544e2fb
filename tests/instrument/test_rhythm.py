"""Patterns: the grid, a phrase's own rhythm, and how hard its notes are struck."""

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.instrument.rhythm import Learned, Mirror, Pattern, Place, Steady, contour, mirror
from midigen.instrument.turns import Phrase, Played
from midigen.music.timeline import Timeline
from midigen.prediction.steps import GAPS

SECONDS = Timeline(0.0, 0.0, 60.0)


def phrase(*steps: tuple[float, float], velocities: tuple[int, ...] = ()) -> Phrase:
    """A phrase of steps that begin and end at these beats, which are seconds too."""
    result = Phrase()
    for index, (beat, end) in enumerate(steps):
        velocity = velocities[index] if velocities else 80
        result.add(Played(60, velocity, beat, end))
    result.over = True
    return result


def places(pattern: Pattern, count: int) -> list[tuple[float, float]]:
    found = [pattern.place(index) for index in range(count)]
    return [(round(place.onset, 6), round(place.length, 6)) for place in found]


class TestSteady:
    def test_straight_steps(self) -> None:
        steady = Steady(2, 0.8, 0.5, [70, 90])
        assert places(steady, 4) == [(0, 0.4), (0.5, 0.4), (1, 0.4), (1.5, 0.4)]
        assert [steady.place(index).velocity for index in range(4)] == [70, 90, 70, 90]

    def test_swing_delays_every_second_step_and_lengthens_the_first(self) -> None:
        steady = Steady(2, 0.5, 0.625, [80])
        assert places(steady, 3) == [(0, 0.3125), (0.625, 0.1875), (1, 0.3125)]

    @given(st.integers(1, 8), st.floats(0.5, 0.75), st.floats(0, 100))
    def test_the_first_step_from_a_place_on(self, steps: int, swing: float, place: float) -> None:
        steady = Steady(steps, 0.8, swing, [80])
        index = steady.index_from(place)
        assert steady.place(index).onset >= place - 1e-5
        assert index == 0 or steady.place(index - 1).onset < place


class TestLearned:
    def test_steps_are_where_they_were_put(self) -> None:
        """Those that weren't yet are expected in usual steps, half a beat of the model each."""
        pattern = Learned([60, 90], unit=2.0)
        pattern.add(0.25)
        pattern.add(1.5)
        assert places(pattern, 5) == [(0, 1), (0.5, 1), (3.5, 1), (4.5, 1), (5.5, 1)]
        assert [pattern.place(index).velocity for index in range(3)] == [60, 90, 60]
        assert pattern.longest == 12

    @given(st.lists(st.sampled_from(GAPS), max_size=9), st.floats(0.1, 4), st.floats(0, 100))
    def test_the_first_step_from_a_place_on(
        self, gaps: list[float], unit: float, place: float
    ) -> None:
        pattern = Learned([80], unit)
        for gap in gaps:
            pattern.add(gap)
        index = pattern.index_from(place)
        assert pattern.place(index).onset >= place - 1e-5
        assert index == 0 or pattern.place(index - 1).onset < place


class TestMirror:
    def test_steps_lengths_and_accents_are_the_phrases_own(self) -> None:
        played = phrase((3.1, 3.4), (3.6, 3.7), (4.6, 5.2), velocities=(60, 90, 100))
        pattern = mirror(played, SECONDS, aligned=False)
        assert places(pattern, 3) == [(0, 0.3), (0.5, 0.1), (1.5, 0.6)]
        assert [pattern.place(index).velocity for index in range(4)] == [60, 90, 100, 60]

    @given(st.lists(st.floats(0.1, 3), min_size=1, max_size=9), st.booleans(), st.floats(0, 100))
    def test_the_first_step_from_a_place_on(
        self, gaps: list[float], aligned: bool, place: float
    ) -> None:
        beats = [*accumulate(gaps)]
        pattern = mirror(phrase(*((beat, beat + 0.05) for beat in beats)), SECONDS, aligned=aligned)
        index = pattern.index_from(place)
        assert pattern.place(index).onset >= place - 1e-5
        assert index == 0 or pattern.place(index - 1).onset < place

    def test_it_goes_on_after_the_usual_step(self) -> None:
        """Steps of 0.5, 0.5 and 0.5 beats: the next round begins 0.5 after the last one."""
        pattern = mirror(phrase((0, 0.4), (0.5, 0.9), (1, 1.4), (1.5, 1.7)), SECONDS, aligned=False)
        assert places(pattern, 6)[4:] == [(2.0, 0.4), (2.5, 0.4)]

    def test_a_long_last_note_is_heard_out_before_it_begins_again(self) -> None:
        pattern = mirror(phrase((0, 0.2), (0.25, 0.45), (0.5, 2.5)), SECONDS, aligned=False)
        assert places(pattern, 4)[2:] == [(0.5, 2.0), (2.5, 0.2)]

    def test_legato_ends_with_the_next_step(self) -> None:
        pattern = mirror(phrase((0, 0.7), (0.5, 1.3), (1.0, 1.5)), SECONDS, aligned=False)
        assert places(pattern, 3) == [(0, 0.5), (0.5, 0.5), (1.0, 0.5)]

    def test_aligned_steps_are_on_sixteenths_and_the_round_is_whole_beats(self) -> None:
        played = phrase((7.98, 8.2), (8.27, 8.5), (8.49, 8.9), (9.52, 9.9))
        assert places(mirror(played, SECONDS, aligned=True), 5) == [
            (0, 0.22),
            (0.25, 0.23),
            (0.5, 0.41),
            (1.5, 0.38),
            (2.0, 0.22),
        ]

    def test_triplets_stay_triplets(self) -> None:
        third = 1 / 3
        played = phrase((0.02, 0.3), (third, 0.6), (2 * third - 0.02, 0.9), (1.01, 1.3))
        onsets = [onset for onset, _ in places(mirror(played, SECONDS, aligned=True), 4)]
        assert onsets == pytest.approx([0, third, 2 * third, 1], abs=1e-5)

    def test_what_is_too_quick_for_sixteenths_is_on_a_finer_grid(self) -> None:
        onsets = [onset for onset, _ in places(
            mirror(phrase((0, 0.1), (0.12, 0.2), (0.26, 0.3)), SECONDS, aligned=True), 3
        )]  # fmt: skip
        assert onsets == [0, 0.125, 0.25]

    def test_it_knows_the_part_of_a_beat_that_it_began_on(self) -> None:
        pattern = mirror(phrase((7.49, 7.6), (8, 8.2)), SECONDS, aligned=True)
        assert isinstance(pattern, Mirror)
        assert pattern.begins == 0.5

    def test_a_single_step(self) -> None:
        assert places(mirror(phrase((2, 2.3)), SECONDS, aligned=False), 2) == [(0, 0.3), (1, 0.3)]
        assert places(mirror(phrase((2, 4)), SECONDS, aligned=False), 2) == [(0, 2), (2, 2)]

    @given(
        st.lists(
            st.tuples(st.floats(0, 2), st.floats(0, 3)).map(lambda step: (step[0], step[1])),
            min_size=1,
            max_size=12,
        ),
        st.booleans(),
    )
    def test_it_never_stands_still(self, gaps: list[tuple[float, float]], aligned: bool) -> None:
        """Whatever was played, keys struck at the same moment included."""
        beat = 0.0
        steps = []
        for gap, length in gaps:
            beat += gap
            steps.append((beat, beat + length))
        pattern = mirror(phrase(*steps), SECONDS, aligned=aligned)
        found = [pattern.place(index) for index in range(3 * len(steps) + 1)]
        for place, after in pairwise(found):
            assert after.onset - place.onset > 0.02
            assert 0 < place.length <= after.onset - place.onset + 1e-6


def test_a_contour_is_stretched_over_the_answer() -> None:
    assert contour([60, 100], 5) == [60, 70, 80, 90, 100]
    assert contour([60, 100, 60], 3) == [60, 100, 60]
    assert contour([40, 80, 60, 100], 2) == [40, 100]
    assert contour([70], 3) == [70, 70, 70]
    assert contour([60, 100], 1) == [80]


def test_a_place_is_a_value() -> None:
    assert Steady(1, 0.5, 0.5, [80]).place(3) == Place(3.0, 0.5, 80)
