"""How long a pause ends a phrase."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.instrument.turns import UNKNOWN, Turns
from midigen.settings.sections import OutputSettings, Turn
from midigen.settings.table import Settings
from tests.players import panel


def new_turns(settings: Turn) -> Turns:
    return Turns(panel(Settings(turn=settings)), [])


def played(settings: Turn, step: float, count: int) -> Turns:
    """A phrase of so many steps, each key down half the time, from second 0 on."""
    turns = new_turns(settings)
    for index in range(count):
        turns.press((1, 60), 0.0)
        turns.step(index * step)
        turns.release((1, 60), (index + 0.5) * step)
    return turns


def test_a_fixed_pause() -> None:
    turns = played(Turn(silence=0.8), 0.25, 4)
    assert turns.next_time == pytest.approx(0.875 + 0.8)


@pytest.mark.parametrize(
    ("step", "pause"), [(0.125, 0.35), (0.25, 0.375), (0.5, 0.75), (1.0, 1.5), (2.0, 2.0)]
)
def test_auto_is_one_and_a_half_of_the_players_steps_within_its_bounds(
    step: float, pause: float
) -> None:
    assert played(Turn(), step, 8).silence == pytest.approx(pause)


def test_the_longer_steps_count() -> None:
    """Long, short, short: the pause is longer than the long one."""
    turns, now = new_turns(Turn()), 0.0
    for step in (0.5, 0.25, 0.25) * 3:
        turns.press((1, 60), 0.0)
        turns.step(now)
        turns.release((1, 60), now + 0.1)
        now += step
    assert turns.silence == pytest.approx(0.75)


def test_before_any_step_it_waits_a_second() -> None:
    assert played(Turn(), 1.0, 1).silence == UNKNOWN


def test_what_lies_between_phrases_is_no_step() -> None:
    turns = played(Turn(), 0.25, 4)
    turns.give()
    turns.press((1, 60), 0.0)
    turns.step(30.0)
    turns.release((1, 60), 30.1)
    assert turns.silence == pytest.approx(0.375)


def test_held_keys_and_pedals_are_playing() -> None:
    turns = new_turns(Turn(silence=0.5))
    turns.press((1, 60), 0.0)
    turns.step(0.0)
    turns.pedal(1, down=True, now=0.1)
    turns.press((2, 64), 0.0)
    turns.release((1, 60), 0.2)
    turns.release((2, 64), 0.3)
    assert turns.is_held
    assert turns.next_time is None
    turns.pedal(1, down=False, now=2.0)
    assert turns.next_time == 2.5


def test_a_pedal_that_is_lifted_twice_changes_nothing() -> None:
    turns = played(Turn(silence=0.5), 0.25, 2)
    end = turns.next_time
    turns.pedal(1, down=False, now=5.0)
    assert turns.next_time == end


def test_what_must_be_known_before_is_waited_for() -> None:
    early = Settings(turn=Turn(silence=0.1), output=OutputSettings(offset_ms=-500))
    turns = Turns(panel(early), [])
    turns.press((1, 60), 0.0)
    turns.step(0.0)
    turns.release((1, 60), 0.1)
    assert turns.next_time == pytest.approx(0.6 - turns.lead)


@given(st.lists(st.floats(0, 20), max_size=20), st.floats(0.05, 2), st.floats(2, 10))
def test_auto_stays_within_its_bounds(steps: list[float], low: float, high: float) -> None:
    turns, now = new_turns(Turn(min=low, max=high)), 0.0
    for step in steps:
        turns.step(now)
        now += step
    assert low <= turns.silence <= high
