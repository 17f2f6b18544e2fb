from hypothesis import given
from hypothesis import strategies as st

from midigen.rhythm import ROUNDING, Grid, step_length


def test_steps_are_parts_of_a_beat() -> None:
    assert step_length(120, 2) == 0.25
    assert step_length(60, 1) == 1


@given(st.floats(-1e6, 1e6), st.floats(0.02, 3), st.integers(0, 10**6))
def test_the_next_step_is_not_before_and_less_than_a_step_after(
    origin: float, step: float, index: int
) -> None:
    grid = Grid(origin, step)
    time = origin + 0.37 * index * step
    following = grid.time(grid.index_from(time))
    assert time - 2 * ROUNDING <= following < time + step + 2 * ROUNDING


@given(st.floats(0, 1e5), st.floats(0.02, 3), st.integers(0, 10**5))
def test_a_time_on_the_grid_is_its_own_next_step(origin: float, step: float, index: int) -> None:
    grid = Grid(origin, step)
    assert grid.index_from(grid.time(index)) == index
