"""What of the player's is passed on, and what would do harm at the receiver."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.events import Notice, Output
from midigen.instrument.performer import Performer
from midigen.midi.messages import ChannelMessage, Message, NoteOff, NoteOn, Pitch, Seconds
from midigen.settings.choices import Mode
from midigen.settings.controls import Control
from midigen.settings.table import Settings
from tests.players import TimedEvents, TimedOutputs, performer, run, settings

DUET = settings(mode=Mode.DUET, thru=True)
BEND, PRESSURE, CONTROLLER = 0xE0, 0xD0, 0xB0


def playing(chosen: Settings = DUET) -> Performer:
    started = performer(chosen)
    started.start(0.0)
    return started


def cc(number: int, value: int, channel: int = 1) -> ChannelMessage:
    return ChannelMessage(CONTROLLER, (number, value), channel)


def bend(value: int, channel: int) -> ChannelMessage:
    return ChannelMessage(BEND, (value & 0x7F, value >> 7), channel)


def expression(outputs: list[Output]) -> list[Output]:
    return [each for each in outputs if isinstance(each, ChannelMessage)]


def notices(outputs: list[Output]) -> list[str]:
    return [each.text for each in outputs if isinstance(each, Notice)]


@pytest.mark.parametrize("number", [120, 123, 124, 125, 126, 127])
def test_what_ends_all_notes_ends_the_players_and_not_midigens(number: int) -> None:
    """As some keyboards send it when the last key comes up, and a DAW when it stops."""
    chosen = settings(thru=True, turn={"silence": 0.5}, response={"length": 8})
    events: TimedEvents = [
        *((0.0, NoteOn(60, 80)), (0.1, NoteOff(60)), (0.1, cc(number, 0))),
        *((0.75, cc(number, 0)), (1.0, cc(number, 0))),
    ]
    outputs = run(chosen, events, 4.0)
    assert not [each for _, each in outputs if isinstance(each, ChannelMessage)]
    assert len([each for _, each in outputs if isinstance(each, NoteOn)]) == 9
    held = playing(chosen)
    held.handle(NoteOn(60, 80), 0.0)
    held.handle(NoteOn(72, 80, 2), 0.0)
    assert held.handle(cc(number, 0), 0.1) == [NoteOff(60)]


@pytest.mark.parametrize("apart", [0.0, 0.002, 0.029])
def test_a_layered_keyboards_key_is_struck_once_and_ends_with_its_last_channel(
    apart: Seconds,
) -> None:
    layered = playing(settings(thru=True))
    outputs = layered.handle(NoteOn(60, 80, 1), 1.0)
    outputs += layered.handle(NoteOn(60, 64, 2), 1.0 + apart)
    outputs += layered.handle(NoteOff(60, 1), 1.5)
    assert outputs == [NoteOn(60, 80)]
    assert layered.handle(NoteOff(60, 2), 1.5 + apart) == [NoteOff(60)]


@pytest.mark.parametrize(("second", "at"), [((60, 2), 1.2), ((60, 1), 1.01)])
def test_a_key_that_is_struck_again_is_no_layer(second: tuple[Pitch, int], at: Seconds) -> None:
    """By the other hand on another keyboard, or as its note-off was lost."""
    twice = playing(settings(thru=True))
    twice.handle(NoteOn(60, 80, 1), 1.0)
    pitch, channel = second
    assert twice.handle(NoteOn(pitch, 64, channel), at) == [NoteOff(60), NoteOn(60, 64)]


def test_a_layer_of_a_note_that_was_ended_is_struck() -> None:
    """By a change of mode, between the note-ons of both channels."""
    layered = playing(settings(thru=True))
    layered.handle(NoteOn(60, 80, 1), 1.0)
    assert NoteOff(60) in layered.handle(Control("mode", "call-response"), 1.001)
    assert layered.handle(NoteOn(60, 64, 2), 1.002) == [NoteOn(60, 64)]
    assert layered.handle(NoteOff(60, 2), 1.5) == [NoteOff(60)]


def test_a_layered_keyboard_gets_one_answer() -> None:
    layered = playing()
    outputs = layered.handle(NoteOn(60, 80, 1), 1.0) + layered.handle(NoteOn(60, 80, 2), 1.001)
    assert outputs == [NoteOn(60, 80), NoteOn(62, 80)]


class TestMpe:
    CONFIGURATION = (cc(101, 0), cc(100, 6), cc(6, 15))

    def test_as_it_says_so_its_notes_are_passed_on_unshaped_and_it_is_said_once(self) -> None:
        mpe = playing(settings(thru=True))
        said = [each for message in self.CONFIGURATION for each in mpe.handle(message, 0.0)]
        assert said[0] == cc(101, 0)
        (line,) = notices(said)
        assert line.startswith("this keyboard sends MPE, and thru has one channel")
        assert len(said) == 2
        outputs: list[Output] = []
        for message in (
            *(bend(8192, 2), cc(74, 10, 2), NoteOn(60, 80, 2), bend(9000, 2)),
            *(ChannelMessage(PRESSURE, (30,), 2), NoteOn(64, 80, 3), bend(7000, 3)),
            *(NoteOff(60, 2), NoteOff(64, 3)),
        ):
            outputs += mpe.handle(message, 1.0)
        assert outputs == [NoteOn(60, 80), NoteOn(64, 80), NoteOff(60), NoteOff(64)]
        assert notices([each for m in self.CONFIGURATION for each in mpe.handle(m, 2.0)]) == []

    def test_its_master_channel_is_passed_on(self) -> None:
        mpe = playing(settings(thru=True))
        for message in self.CONFIGURATION:
            mpe.handle(message, 0.0)
        for message in (bend(9000, 1), cc(64, 127), cc(1, 5)):
            assert mpe.handle(message, 1.0) == [message]

    def test_a_keyboard_that_stops_sending_mpe_may_bend_again(self) -> None:
        keyboard = playing(settings(thru=True))
        for message in (*self.CONFIGURATION, *self.CONFIGURATION[:2], cc(6, 0)):
            keyboard.handle(message, 0.0)
        assert keyboard.handle(bend(9000, 2), 1.0) == [bend(9000, 1)]

    def test_other_parameters_are_passed_on(self) -> None:
        keyboard = playing(settings(thru=True))
        others = (cc(101, 0), cc(100, 0), cc(6, 12), cc(99, 1), cc(98, 6), cc(6, 3))
        assert [each for m in others for each in keyboard.handle(m, 0.0)] == [*others]

    @pytest.mark.parametrize(
        ("shape", "rest"),
        [
            (bend(9000, 2), bend(8192, 1)),
            (ChannelMessage(PRESSURE, (30,), 2), ChannelMessage(PRESSURE, (0,))),
        ],
    )
    def test_it_is_known_by_its_notes_if_it_has_said_so_before_midigen_ran(
        self, shape: ChannelMessage, rest: ChannelMessage
    ) -> None:
        mpe = playing(settings(thru=True))
        mpe.handle(NoteOn(60, 80, 2), 0.0)
        assert len(expression(mpe.handle(shape, 0.1))) == 1  # it may be any keyboard's
        outputs = mpe.handle(NoteOn(64, 80, 3), 1.0)
        assert expression(outputs) == [rest]
        assert len(notices(outputs)) == 1
        assert mpe.handle(shape, 1.1) == []
        assert mpe.handle(bend(100, 3), 1.2) == []

    @pytest.mark.parametrize(
        "events",
        [
            (NoteOn(60, 80, 1), bend(9000, 1), NoteOn(64, 80, 2), bend(9000, 1)),  # two manuals
            (NoteOn(60, 80, 2), bend(9000, 2), NoteOn(60, 80, 3), bend(9000, 3)),  # a layer
            (NoteOn(60, 80, 2), bend(9000, 2), NoteOn(64, 80, 2), bend(8192, 2)),  # one channel
        ],
    )
    def test_other_keyboards_arent_taken_for_it(self, events: tuple[Message, ...]) -> None:
        keyboard = playing(settings(thru=True))
        outputs = [each for event in events for each in keyboard.handle(event, 0.0)]
        assert len(expression(outputs)) == 2
        assert not notices(outputs)


@given(
    st.lists(
        st.one_of(
            st.builds(NoteOn, st.integers(60, 63), st.just(80), st.integers(1, 16)),
            st.builds(NoteOff, st.integers(60, 63), st.integers(1, 16)),
            st.builds(bend, st.sampled_from([0, 8192, 16383]), st.integers(1, 16)),
            st.builds(cc, st.sampled_from([6, 74, 100, 101]), st.integers(0, 7), st.integers(1, 4)),
            st.builds(cc, st.sampled_from([64, 120, 123, 127]), st.just(0), st.integers(1, 16)),
        ),
        max_size=40,
    )
)
@effort(max_examples=300, deadline=None)
def test_whatever_comes_nothing_hangs_and_mpe_is_told_of_once(
    messages: list[Message],
) -> None:
    thru = playing(settings(thru=True, input={"channel": "all"}))
    outputs: TimedOutputs = []
    for number, message in enumerate(messages):
        outputs += [(float(number), each) for each in thru.handle(message, float(number))]
    outputs += [(99.0, each) for each in thru.stop()]
    sounding: set[Pitch] = set()
    for _, each in outputs:
        if isinstance(each, NoteOn):
            assert each.pitch not in sounding
            sounding.add(each.pitch)
        elif isinstance(each, NoteOff):
            sounding.remove(each.pitch)
        elif isinstance(each, ChannelMessage):
            assert each.data[0] not in (120, 123, 127) or each.status != CONTROLLER
    assert not sounding
    assert sum(isinstance(each, Notice) and "MPE" in each.text for _, each in outputs) <= 1


@pytest.mark.parametrize(("channel", "thru"), [*product(["all", 1, 10], [False, True])])
def test_drums_arent_melody_unless_their_channel_is_named(channel: int | str, thru: bool) -> None:
    drums = playing(settings(mode=Mode.DUET, thru=thru, input={"channel": channel}))
    outputs = drums.handle(NoteOn(60, 80, 10), 1.0) + drums.handle(NoteOff(60, 10), 1.1)
    struck = [each.pitch for each in outputs if isinstance(each, NoteOn)]
    assert struck == ([60, 62] if thru else [62]) * (channel == 10)
    assert len(notices(outputs)) == (channel != 10)
    assert drums.handle(NoteOn(60, 80, 10), 2.0) == [] or channel == 10
