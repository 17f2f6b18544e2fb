from hypothesis import given
from hypothesis import strategies as st

from midigen.instrument.ledger import Ledger
from midigen.midi.messages import ChannelMessage, Message, NoteOff, NoteOn

PEDAL_DOWN, PEDAL_UP = ChannelMessage(0xB0, (64, 127), 9), ChannelMessage(0xB0, (64, 0), 9)


def test_a_shared_pitch_ends_with_its_last_holder() -> None:
    ledger = Ledger(3)
    assert ledger.begin(60, 80, "player") == [NoteOn(60, 80, 3)]
    assert ledger.begin(60, 90, "machine") == [NoteOff(60, 3), NoteOn(60, 90, 3)]
    assert ledger.end(60, "player") == []
    assert ledger.sounding == {60}
    assert ledger.end(60, "machine") == [NoteOff(60, 3)]
    assert ledger.end(60, "machine") == []
    assert not ledger.sounding


def test_the_pedal_is_lifted_with_the_flush() -> None:
    ledger = Ledger(2)
    assert ledger.pass_on(PEDAL_DOWN) == [ChannelMessage(0xB0, (64, 127), 2)]
    ledger.begin(60, 80, "player")
    assert ledger.flush() == [NoteOff(60, 2), ChannelMessage(0xB0, (64, 0), 2)]
    assert ledger.flush() == []
    ledger.pass_on(PEDAL_DOWN)
    ledger.pass_on(PEDAL_UP)
    assert ledger.flush() == []


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 2))))
def test_what_goes_out_is_on_off_on_off_and_ends_with_silence(
    moves: list[tuple[bool, int, int]],
) -> None:
    ledger = Ledger(1)
    sent: list[Message] = []
    for begins, pitch, holder in moves:
        sent += ledger.begin(pitch, 80, holder) if begins else ledger.end(pitch, holder)
    sent += ledger.flush()
    for pitch in range(4):
        kinds = [type(m) for m in sent if isinstance(m, NoteOn | NoteOff) and m.pitch == pitch]
        assert kinds == [NoteOn, NoteOff] * (len(kinds) // 2)
        assert bool(kinds) == any(begins and struck == pitch for begins, struck, _ in moves)
