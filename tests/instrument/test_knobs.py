"""Knobs, buttons, pads and programs, and the controls that they set."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.instrument.events import Notice, Output
from midigen.instrument.panel import Knobs, Panel
from midigen.midi.messages import ChannelMessage, Message, NoteOff, NoteOn
from midigen.settings.choices import TempoSource
from midigen.settings.controls import Control
from midigen.settings.sections import Knob
from midigen.settings.table import Settings


def cc(number: int, value: int, channel: int = 1) -> ChannelMessage:
    return ChannelMessage(0xB0, (number, value), channel)


def said(knob: Knob, *messages: Message, at: Any = None) -> list[object]:
    """What a knob asks for at each message, its control standing `at` this all along."""
    knobs = Knobs([knob])
    return [
        None if control is None else control.value
        for control in (knobs.turn(message, lambda _: at) for message in messages)
    ]


def turned(knob: Knob, *values: int, start: float) -> list[float]:
    """Where its control is after each position of a knob that obeys."""
    knobs, at, found = Knobs([knob]), start, []
    for value in values:
        control = knobs.turn(cc(21, value), lambda _: at)  # noqa: B023  called at once
        if control is not None:
            at = float(control.value)
        found.append(round(at, 3))
    return found


KNOB = Knob(name="temperature", cc=21, low=0.0, high=1.27)
"""A hundredth a position."""


class TestAddresses:
    def test_it_takes_its_own_messages_only(self) -> None:
        knobs = Knobs([KNOB, Knob(name="again", note=36, channel=3), Knob(name="panic", program=5)])
        assert knobs.takes(cc(21, 0, 7))
        assert knobs.takes(NoteOn(36, 1, 3))
        assert knobs.takes(NoteOff(36, 3))
        assert knobs.takes(ChannelMessage(0xC0, (5,), 9))
        for other in (
            cc(22, 0),
            NoteOn(36, 1, 2),
            NoteOff(37, 3),
            ChannelMessage(0xC0, (6,)),
            ChannelMessage(0xE0, (21, 0)),
        ):
            assert not knobs.takes(other)
        assert not Knobs([]).takes(cc(21, 0))


class TestSoftTakeOver:
    def test_a_knob_elsewhere_does_nothing_until_it_comes_past(self) -> None:
        assert turned(KNOB, 10, 30, 60, 90, 120, start=0.75) == [0.75, 0.75, 0.75, 0.9, 1.2]

    def test_from_above_too(self) -> None:
        assert turned(KNOB, 120, 90, 60, 30, start=0.75) == [0.75, 0.75, 0.6, 0.3]

    def test_near_it_takes_over_at_once(self) -> None:
        assert turned(KNOB, 77, 79, start=0.75) == [0.77, 0.79]

    def test_after_another_way_in_has_moved_it_it_waits_again(self) -> None:
        knobs, at = Knobs([KNOB]), 0.5
        control = knobs.turn(cc(21, 50), lambda _: at)
        assert control is None  # it is there already
        at = 1.0
        assert knobs.turn(cc(21, 60), lambda _: at) is None
        control = knobs.turn(cc(21, 101), lambda _: at)
        assert control is not None
        assert control.value == pytest.approx(1.01)

    def test_a_control_that_comes_back_has_to_be_fetched_all_the_same(self) -> None:
        """A scene moves it away and another back, and the knob was turned meanwhile."""
        knobs, at = Knobs([KNOB]), 0.79
        knobs.turn(cc(21, 79), lambda _: at)
        at = 1.2
        assert knobs.turn(cc(21, 20), lambda _: at) is None
        at = 0.79
        assert knobs.turn(cc(21, 14), lambda _: at) is None

    def test_a_control_beyond_the_knobs_range_can_be_fetched(self) -> None:
        assert turned(KNOB, 40, start=3.0) == [0.4]

    def test_a_knob_may_go_backwards(self) -> None:
        backwards = Knob(name="temperature", cc=21, low=1.27, high=0.0)
        assert turned(backwards, 27, 37, start=1.0) == [1.0, 0.9]

    def test_a_word_in_the_controls_place_is_taken_over(self) -> None:
        assert said(Knob(name="length", cc=21, low=1, high=128), cc(21, 7), at="match") == [8]

    @given(st.lists(st.integers(0, 127), min_size=1), st.floats(0, 1.27))
    def test_it_never_jumps_at_first_and_then_obeys(self, values: list[int], start: float) -> None:
        before, has_it = start, False
        for place, after in enumerate(turned(KNOB, *values, start=start)):
            value = values[place]
            if has_it:
                assert after == pytest.approx(value / 100, abs=0.006)
            elif after != round(before, 3):
                way = [each / 100 for each in values[max(place - 1, 0) : place + 1]]
                assert min(way) - 0.03 < start < max(way) + 0.03  # past it, or near
                has_it = True
            before = after


class TestButtons:
    def test_a_pedal_presses_once_as_it_goes_down(self) -> None:
        assert said(Knob(name="again", cc=64), *(cc(64, v) for v in (0, 70, 127, 60, 0, 127))) == [
            *(None, "", None, None, None, ""),
        ]

    def test_a_switch_that_says_nothing_but_127_presses_each_time(self) -> None:
        assert said(Knob(name="again", cc=64), cc(64, 127), cc(64, 127)) == ["", ""]

    def test_a_pad_presses_as_it_is_struck(self) -> None:
        pad = Knob(name="again", note=36)
        messages = (NoteOn(36, 5), NoteOff(36), NoteOn(36, 90))
        assert said(pad, *messages) == ["", None, ""]

    def test_a_program_presses_each_time_it_comes(self) -> None:
        program = Knob(name="scene", program=2, value="verse")
        message = ChannelMessage(0xC0, (2,))
        assert said(program, message, message) == ["verse", "verse"]

    def test_a_switch_is_on_while_its_button_is_down(self) -> None:
        mute = Knob(name="mute", cc=21)
        assert said(mute, *(cc(21, v) for v in (127, 127, 0)), at=False) == [True, None, False]

    def test_a_key_turns_a_switch_over(self) -> None:
        hold = Knob(name="hold", note=36)
        assert said(hold, NoteOn(36, 9), NoteOff(36), at=True) == [False, None]
        assert said(hold, NoteOn(36, 9), at=False) == [True]

    def test_a_knob_goes_through_a_few_words(self) -> None:
        mode = Knob(name="mode", cc=21)
        assert said(mode, cc(21, 0), cc(21, 64), cc(21, 127), at="duet") == [
            "call-response",
            None,
            "solo",
        ]


def test_a_panel_says_where_knobs_have_come_to_rest() -> None:
    outbox: list[Output] = []
    panel = Panel(Settings(control=(KNOB,)), outbox)
    assert panel["temperature"] == 1.0
    assert panel["again"] is None
    panel.settings = panel.changed("temperature", 0.25)
    panel.settings = panel.changed("mute", value=True)
    assert panel.settings.sampling.temperature == 0.25
    panel.tell_of(Control("temperature", is_moving=True), 5.0)
    panel.tell_of(Control("mute", is_moving=True), 5.3)
    assert panel.next_time == pytest.approx(5.7)
    assert outbox == []
    panel.tell()
    assert outbox == [Notice("mute on"), Notice("temperature 0.25")]
    assert panel.next_time is None


def test_only_who_follows_a_clock_hears_it() -> None:
    assert not Settings().hears_clock
    assert Settings().changed("tempo.source", TempoSource.CLOCK).hears_clock
