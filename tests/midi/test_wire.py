import mido
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midigen.midi.messages import ChannelMessage, Clock, Message, NoteOff, NoteOn, SongPosition
from midigen.midi.wire import Decoder, encode

channels = st.integers(1, 16)
seven_bits = st.integers(0, 127)
messages: st.SearchStrategy[Message] = st.one_of(
    st.builds(NoteOn, seven_bits, st.integers(1, 127), channels),
    st.builds(NoteOff, seven_bits, channels),
    st.builds(
        ChannelMessage,
        st.sampled_from([0xA0, 0xB0, 0xE0]),
        st.tuples(seven_bits, seven_bits),
        channels,
    ),
    st.builds(ChannelMessage, st.sampled_from([0xC0, 0xD0]), st.tuples(seven_bits), channels),
    st.sampled_from(Clock),
    st.builds(SongPosition, st.integers(0, 0x3FFF)),
)


CLOCK_NAMES = {
    Clock.TICK: "clock",
    Clock.START: "start",
    Clock.CONTINUE: "continue",
    Clock.STOP: "stop",
}


@given(st.lists(messages))
def test_messages_are_decoded_as_they_were_encoded(sent: list[Message]) -> None:
    decoder = Decoder()
    assert [got for message in sent for got in decoder.feed(bytes(encode(message)))] == sent


@given(messages)
def test_bytes_are_those_that_mido_writes(message: Message) -> None:
    parsed = mido.Message.from_bytes(encode(message))
    if isinstance(message, Clock):
        assert parsed.type == CLOCK_NAMES[message]
        return
    if isinstance(message, SongPosition):
        assert (parsed.type, parsed.pos) == ("songpos", message.sixteenths)
        return
    assert parsed.channel == message.channel - 1
    if isinstance(message, NoteOn | NoteOff):
        assert parsed.note == message.pitch
        assert (parsed.type == "note_on") == isinstance(message, NoteOn)


@given(st.lists(messages), st.lists(st.integers(0xF8, 0xFF), max_size=5), st.integers(1, 7))
def test_cuts_and_realtime_bytes_in_between_do_no_harm(
    sent: list[Message], realtime: list[int], piece: int
) -> None:
    sent = [message for message in sent if not isinstance(message, Clock)]
    data = [byte for message in sent for byte in encode(message)]
    for index, byte in enumerate(realtime):
        data.insert(min(len(data), 2 * index + 1), byte)
    decoder = Decoder()
    pieces = [bytes(data[start : start + piece]) for start in range(0, len(data), piece)]
    found = [got for each in pieces for got in decoder.feed(each)]
    assert [each for each in found if not isinstance(each, Clock)] == sent
    clocks = [Clock(byte) for byte in data if byte in {clock.value for clock in Clock}]
    assert [each for each in found if isinstance(each, Clock)] == clocks


@given(st.binary(max_size=60))
@example(b"\x90\x3c")
@example(b"\xf0\x90\x3c\x40")
def test_garbage_never_raises_and_is_recovered_from(garbage: bytes) -> None:
    decoder = Decoder()
    decoder.feed(garbage)
    assert decoder.feed(b"\x90\x3c\x40") == [NoteOn(60, 64)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x90\x3c\x00", [NoteOff(60)]),  # velocity 0
        (b"\x90\x3c\x40\x3e\x41\x3c\x00", [NoteOn(60, 64), NoteOn(62, 65), NoteOff(60)]),  # running
        (b"\xf0\x7e\x7f\x09\x01\xf7\x80\x3c\x40", [NoteOff(60)]),  # sysex
        (b"\xf8\xfe", [Clock.TICK]),  # clock, active sensing
        (b"\x3c\x40", []),  # data without a status
        (
            b"\x90\x3c\x40\xf2\x10\x20\x3c\x40",
            [NoteOn(60, 64), SongPosition(0x1010)],
        ),  # song position ends running status
        (b"\x9f\x3c\x40", [NoteOn(60, 64, 16)]),
    ],
)
def test_streams_of_bytes_are_decoded(data: bytes, expected: list[Message]) -> None:
    assert Decoder().feed(data) == expected
