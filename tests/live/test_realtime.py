"""What the interpreter and the operating system are asked for."""

import sys

import pytest

from midigen.live.realtime import SWITCH_INTERVAL, switch_interval, undisturbed


@pytest.mark.parametrize("processors", [2, 4, 64])
def test_with_a_processor_to_spare_nobody_keeps_the_interpreter_long(processors: int) -> None:
    assert switch_interval(processors) == SWITCH_INTERVAL


def test_on_one_processor_the_interpreters_own_interval_stays() -> None:
    assert switch_interval(1) == sys.getswitchinterval()


def test_afterwards_it_is_as_it_was() -> None:
    before = sys.getswitchinterval()
    with undisturbed():
        assert sys.getswitchinterval() <= before
    assert sys.getswitchinterval() == before
