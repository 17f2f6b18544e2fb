"""Learning a mapping: what of all that is moved is meant."""

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from midigen.errors import MidigenError
from midigen.instrument.events import EndOfPhrase, Event
from midigen.instrument.learner import Learner, source_of
from midigen.midi.messages import ChannelMessage, Clock, NoteOff, NoteOn
from midigen.settings.controls import Control


def turned(cc: int, value: int, channel: int = 1) -> ChannelMessage:
    return ChannelMessage(0xB0, (cc, value), channel)


@pytest.mark.parametrize(
    ("message", "source"),
    [
        (turned(21, 64), {"cc": 21, "channel": 1}),
        (ChannelMessage(0xC0, (5,), 16), {"program": 5, "channel": 16}),
        (NoteOn(36, 100, 10), {"note": 36, "channel": 10}),
        (NoteOff(36, 10), None),
        (ChannelMessage(0xE0, (0, 64)), None),
        (ChannelMessage(0xD0, (64,)), None),
        (ChannelMessage(0xA0, (36, 64)), None),
        (Clock.TICK, None),
        (Control("tempo", 96), None),
        (EndOfPhrase(), None),
    ],
)
def test_sources(message: Event, source: dict[str, int] | None) -> None:
    assert source_of(message) == source


def test_a_controller_is_taken_when_it_moves() -> None:
    learner = Learner()
    stray = [turned(1, 0), turned(21, 64), turned(1, 0), turned(21, 9, channel=2), turned(21, 64)]
    assert [learner.hear(message) for message in stray] == [None] * 5
    assert learner.hear(turned(21, 65)) == {"cc": 21, "channel": 1}


def learned(*messages: ChannelMessage) -> dict[str, int] | None:
    learner = Learner()
    return next((found for message in messages if (found := learner.hear(message))), None)


@pytest.mark.parametrize("fine_first", [True, False])
@pytest.mark.parametrize("number", [1, 7, 31])
@pytest.mark.parametrize("step", [1, 40, 300])
def test_a_knob_of_14_bits_is_learned_by_its_coarser_half(
    number: int, step: int, fine_first: bool
) -> None:
    messages: list[ChannelMessage] = []
    for value in range(8000, 8000 + 12 * step, step):
        both = [turned(number, value >> 7), turned(number + 32, value & 0x7F)]
        messages += reversed(both) if fine_first else both
    assert learned(*messages) == {"cc": number, "channel": 1}


def test_a_knob_that_sends_its_coarser_half_only_when_that_moves_is_learned_by_it() -> None:
    fine = [turned(33, value) for value in (0, 40, 80, 120)]
    assert learned(*fine, turned(1, 65), turned(33, 20)) == {"cc": 1, "channel": 1}


def test_a_slow_knob_that_sends_its_finer_half_for_long_is_learned_by_its_coarser_one() -> None:
    fine = [turned(33, value) for value in range(128)]
    assert learned(*fine, turned(1, 65)) == {"cc": 1, "channel": 1}


@pytest.mark.parametrize("values", [(127, 0), (20, 21, 22), (0, 127, 0)])
@pytest.mark.parametrize("number", [32, 41, 63])
def test_a_button_or_knob_that_has_such_a_number_is_learned_when_it_rests(
    number: int, values: tuple[int, ...]
) -> None:
    learner = Learner()
    assert [learner.hear(turned(number, value)) for value in values] == [None] * len(values)
    assert learner.rest() == {"cc": number, "channel": 1}


def test_a_finer_half_that_stands_does_not_make_an_encoder_of_its_coarser_one() -> None:
    learner = Learner()
    for value in (65, 65, 65, 65, 65, 65):
        assert learner.hear(turned(7, value)) is None
        assert learner.hear(turned(39, 0)) is None
        assert learner.rest() is None
    assert learner.hear(turned(7, 66)) == {"cc": 7, "channel": 1}


@pytest.mark.parametrize("select", [(101, 100), (99, 98)])
@pytest.mark.parametrize("by", [(6, 10), (6, 10, 38, 3), (96, 0), (97, 127)])
def test_parameters_are_refused_by_name(select: tuple[int, int], by: tuple[int, ...]) -> None:
    coarse, fine = select
    once = [turned(coarse, 1), turned(fine, 8)]
    values = [turned(number, value) for number, value in zip(by[::2], by[1::2], strict=True)]
    again = [turned(message.data[0], message.data[1] - 1) for message in values]
    with pytest.raises(MidigenError, match="it sends a parameter"):
        learned(*once, *values, *once, *(again if by[0] == 6 else values))


@pytest.mark.parametrize("number", [98, 99, 100, 101])
def test_parameters_that_are_selected_by_turning_are_refused_too(number: int) -> None:
    with pytest.raises(MidigenError, match="it sends a parameter"):
        learned(*(turned(number, value) for value in (3, 4)))


def test_a_setting_that_a_keyboard_sends_by_itself_is_no_parameter_that_is_turned() -> None:
    bend_range = [(101, 0), (100, 0), (6, 2), (38, 0), (101, 127), (100, 127)]
    stray = [turned(number, value) for number, value in bend_range]
    assert learned(*stray, *stray, turned(21, 30), turned(21, 31)) == {"cc": 21, "channel": 1}


@pytest.mark.parametrize(
    "values",
    [
        *([1] * 5, [127] * 5, [1, 1, 2, 1, 1], [127, 126, 127, 127, 1]),
        *([65] * 5, [63] * 5, [65, 63, 65, 66, 65], [1, 65, 1, 1, 1], [3, 1, 2, 5, 1]),
        *([1, 1, 2, 4, 7], [1, 2, 5, 7, 7], [127, 125, 122, 127, 126], [1, 127, 1, 127, 1]),
    ],
)
def test_a_knob_that_sends_steps_is_refused_by_name(values: list[int]) -> None:
    assert learned(*(turned(21, value) for value in values[:4])) is None
    with pytest.raises(MidigenError, match="it sends steps"):
        learned(*(turned(21, value) for value in values))


@pytest.mark.parametrize("values", [[1], [1, 1], [1, 127], [127, 1], [65, 63], [1, 65], [63, 63]])
def test_a_few_steps_are_not_taken_for_a_knob_when_they_rest(values: list[int]) -> None:
    learner = Learner()
    assert [learner.hear(turned(21, value)) for value in values] == [None] * len(values)
    assert learner.rest() is None


STEPS = {
    "two's complement": lambda step: step % 128,
    "binary offset": lambda step: 64 + step,
    "sign and magnitude": lambda step: step if step > 0 else 64 - step,
}


@pytest.mark.parametrize("written", STEPS.values(), ids=STEPS)
@given(st.lists(st.integers(1, 7), min_size=2, max_size=10), st.booleans())
def test_a_knob_without_ends_is_never_learned_for_one_with_ends(
    written: Callable[[int], int], speeds: list[int], is_up: bool
) -> None:
    """It is turned there and back, as quickly as it may be, and its first step comes twice."""
    way = [speeds[0], *speeds] if is_up else [-speeds[0], *(-speed for speed in speeds)]
    learner = Learner()
    found = []
    with pytest.raises(MidigenError, match="it sends steps"):  # noqa: PT012  while it is turned
        for step in [*way, *(-step for step in way)] * 2:
            found += [learner.hear(turned(21, written(step))), learner.rest()]
    assert not any(found)


@pytest.mark.parametrize("values", [[65, 66], [66, 65, 64], [3, 4, 5], [127, 126], [113, 120]])
def test_a_knob_that_is_moved_a_little_is_learned_when_it_rests(values: list[int]) -> None:
    learner = Learner()
    for value in values:
        if learner.hear(turned(21, value)):
            return
    assert learner.rest() == {"cc": 21, "channel": 1}


@pytest.mark.parametrize(
    "values", [[67, 68, 69, 68, 67], [2, 3, 4, 3, 2], [125, 123, 122, 124, 126]]
)
def test_a_knob_that_is_moved_to_and_fro_is_no_encoder(values: list[int]) -> None:
    assert learned(*(turned(21, value) for value in values)) == {"cc": 21, "channel": 1}


@given(st.integers(0, 127), st.sampled_from([-3, -2, -1, 1, 2, 3]), st.integers(5, 20))
def test_a_knob_that_sends_where_it_is_is_learned_wherever_it_is_turned(
    start: int, step: int, count: int
) -> None:
    """Slowly, and not to its ends."""
    way = [start + step * place for place in range(count)]
    values = [value for value in way if 0 <= value <= 127]
    assume(len(values) >= 5)
    assert learned(*(turned(21, value) for value in values)) == {"cc": 21, "channel": 1}


@pytest.mark.parametrize("values", [(127, 0), (0, 127), (64, 0), (0, 1), (100, 20)])
def test_a_button_or_pedal_is_learned_as_it_comes_up(values: tuple[int, int]) -> None:
    assert learned(*(turned(64, value) for value in values)) == {"cc": 64, "channel": 1}


def test_a_key_and_a_program_are_taken_at_once() -> None:
    assert Learner().hear(NoteOn(36, 100)) == {"note": 36, "channel": 1}
    assert Learner().hear(ChannelMessage(0xC0, (5,))) == {"program": 5, "channel": 1}
    assert Learner().hear(NoteOff(36)) is None
