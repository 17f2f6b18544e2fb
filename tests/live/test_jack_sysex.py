"""Over real ports: a SysEx that is cut short doesn't keep midigen from hearing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from midigen.errors import ExitCode
from midigen.midi.messages import ChannelMessage, NoteOff, NoteOn
from tests.jack import SETTLES, Hand, Midigen, pause

Start = Callable[..., Midigen]
THRU = ("--set", "thru=true", "--set", "output.mute=true")
CUT: dict[str, list[tuple[int, ...]]] = {
    "two bytes": [(0xF0, 0x43, 0x00)],
    "only its beginning": [(0xF0,)],
    "pieces with a tick between": [(0xF0, 0x43, 0x00), (0x10, 0x20, 0x30), (0xF8,), (0x01,)],
    "one that was whole before": [(0xF0, 0x7E, 0xF7), (0xF0, 0x7E, 0x00)],
    "two without an end": [(0xF0, 0x7E, 0x00), (0xF0, 0x7E, 0x00)],
}


@contextmanager
def keyboard() -> Iterator[Hand]:
    """A keyboard whose name midigen is told."""
    hand = Hand("keys")
    hand.open_virtual("Keys")
    try:
        yield hand
    finally:
        hand.close()


def strike_until_heard(running: Midigen, hand: Hand, pitch: int) -> None:
    """A player who strikes a key again and again until it sounds."""
    for _ in range(200):
        hand.strike(pitch)
        pause(0.05)
        hand.release(pitch)
        if any(note.pitch == pitch for note in running.ear.of(NoteOn)):
            return
    pytest.fail(f"deaf for 10 s: {running.ear.messages}")


def assert_recovers(running: Midigen, hand: Hand, cut: Sequence[Sequence[int]]) -> None:
    """Keys and pedal that are down come up, and the next key is heard."""
    hand.strike(60)
    hand.turn(64, 127)
    running.ear.wait_for(1)
    for data in cut:
        hand.send(*data)
    hand.release(60)
    hand.turn(64, 0)
    running.ear.wait_for(1, NoteOff)
    strike_until_heard(running, hand, 62)
    running.ear.wait_for(2, NoteOff)
    assert not running.ear.hanging()
    pedal = [each for each in running.ear.of(ChannelMessage) if each.data[0] == 64]
    assert pedal[-1].data == (64, 0)


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
def test_a_sysex_without_its_end_is_ended(midigen: Start, cut: Sequence[Sequence[int]]) -> None:
    running = midigen(*THRU)
    assert_recovers(running, running.hand, cut)
    running.read_until('an unfinished SysEx blocked "midigen-in:midigen in"')
    assert running.stop() == ExitCode.OK


def test_so_it_is_at_each_input(midigen: Start) -> None:
    with keyboard() as keys:
        running = midigen(*THRU, "--input", "Keys")
        assert_recovers(running, keys, CUT["two bytes"])
        running.read_until('an unfinished SysEx blocked "keys:Keys"')
        assert running.stop() == ExitCode.OK


def test_a_keyboard_that_is_plugged_in_again_is_heard(midigen: Start) -> None:
    """Even though its SysEx broke off when it was unplugged."""
    running = midigen(*THRU, "--input", "Keys", "--wait")
    for _ in range(2):
        with keyboard() as keys:
            running.read_until('"keys:Keys" is connected')
            pause(SETTLES)
            running.ear.heard.clear()
            strike_until_heard(running, keys, 60)
            keys.send(0xF0, 0x43, 0x00)
            pause(SETTLES)
        running.read_until('"keys:Keys" is gone')
    assert running.stop() == ExitCode.OK


def test_a_long_sysex_in_pieces_does_no_harm(midigen: Start) -> None:
    """It takes longer than checking the ports, and keys played meanwhile are heard."""
    running = midigen(*THRU)
    running.hand.strike(60)
    running.ear.wait_for(1)
    running.hand.send(0xF0, 0x43, 0x00)
    for _ in range(40):
        running.hand.send(64, 80, 90)
        pause(0.05)
    running.hand.send(1, 0xF7)
    running.hand.strike(62)
    running.ear.wait_for(2)
    assert running.ear.of(NoteOff) == []
    assert [note.pitch for note in running.ear.of(NoteOn)] == [60, 62]
    assert running.stop() == ExitCode.OK
    assert not any("from hearing" in line for line in running.lines)


def test_the_port_that_ends_a_sysex_must_have_its_name(midigen: Start) -> None:
    """Otherwise it couldn't be found, and midigen would go deaf some day."""
    hand = Hand("midigen-out-sysex")
    hand.open_virtual("ends SysEx")
    try:
        running = midigen(connects=False)
        assert running.wait() == ExitCode.PORT
        assert 'the port "midigen-out-sysex:ends SysEx" exists already' in running.lines[-1]
    finally:
        hand.close()
