"""Floods are kept out, and nothing that was let in hangs, however far the worker lags."""

import itertools
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.live import realtime
from midigen.live.connection import Arrival
from midigen.live.feedback import Feedback
from midigen.live.intake import MOST, MOST_URGENT, Intake
from midigen.midi import wire
from midigen.midi.messages import ChannelMessage, Clock, Message, NoteOff, NoteOn

KEYS = 16 * (128 + 1)
"""Keys and pedals that may be down: so many ends may come on top of what waits."""

ON, OFF, PEDAL, ALL_OFF, TICK, BEND = (
    (0x90, 60, 80),
    (0x80, 60, 0),
    (0xB0, 64, 127),
    (0xB0, 123, 0),
    (0xF8,),
    (0xE0, 0, 64),
)


@pytest.fixture(autouse=True)
def _usual_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests' own thread from getting real-time priority."""
    monkeypatch.setattr(realtime, "raise_priority", lambda: "")


def events(arrival: Arrival) -> list[Message]:
    found = list(arrival.events(arrival.data))
    assert all(isinstance(event, Message) for event in found)
    return cast("list[Message]", found)


class Port:
    """A port that receives what a test plays, and a worker that lags behind."""

    def __init__(self) -> None:
        self.intake = Intake(self._enqueue, Feedback())
        self.waiting: deque[Arrival] = deque()
        self.let_in = 0
        self.handled: list[Message] = []

    def _enqueue(self, arrival: Arrival) -> None:
        self.waiting.append(arrival)
        self.let_in += 1

    def receive(self, data: Sequence[int]) -> bool:
        """Whether a message is let in."""
        before = self.let_in
        self.intake.on_message((list(data), 0.0))
        return self.let_in > before

    def work(self, most: int = 1_000_000) -> None:
        """The worker handles so many messages."""
        for _ in range(min(most, len(self.waiting))):
            self.handled += events(self.waiting.popleft())


def held(messages: Sequence[Message]) -> set[tuple[int, int]]:
    """Keys (channel, pitch) and pedals (channel, -1) that are down after all this."""
    down: set[tuple[int, int]] = set()
    for message in messages:
        match message:
            case NoteOn():
                down.add((message.channel, message.pitch))
            case NoteOff():
                down.discard((message.channel, message.pitch))
            case ChannelMessage(0xB0, (64, value)) if value >= 64:
                down.add((message.channel, -1))
            case ChannelMessage(0xB0, (64, _)):
                down.discard((message.channel, -1))
    return down


@dataclass(frozen=True)
class Work:
    """The worker handles so many messages."""

    most: int


@dataclass(frozen=True)
class Flood:
    """The same message again and again."""

    data: tuple[int, ...]
    times: int


channels = st.integers(0, 1)
pitches = st.integers(60, 63)


def _bytes(status: int, *data: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(channels.map(lambda channel: status | channel), *data)


begins = _bytes(0x90, pitches, st.integers(1, 127)) | _bytes(0xB0, st.just(64), st.just(127))
ends = (
    _bytes(0x80, pitches, st.just(0))
    | _bytes(0x90, pitches, st.just(0))
    | _bytes(0xB0, st.just(64), st.integers(0, 63))
)
plain = (
    _bytes(0xB0, st.integers(0, 63), st.integers(0, 127))
    | _bytes(0xC0, st.integers(0, 127))
    | _bytes(0xD0, st.integers(0, 127))
    | _bytes(0xE0, st.integers(0, 127), st.integers(0, 127))
)
urgent = st.sampled_from([(0xF8,), (0xFA,), (0xFC,), (0xF2, 1, 2)]) | _bytes(
    0xB0, st.sampled_from([120, 121, 123]), st.just(0)
)
messages = st.one_of(begins, begins, ends, ends, plain, urgent)
moves: st.SearchStrategy[tuple[int, ...] | Work | Flood] = st.one_of(
    messages,
    messages,
    st.builds(Work, st.integers(1, 200)),
    st.builds(Flood, messages, st.integers(1, 2 * MOST)),
)
scripts = st.lists(moves, min_size=10, max_size=60)


def played(script: Sequence[tuple[int, ...] | Work | Flood]) -> Iterator[tuple[int, ...] | Work]:
    for move in script:
        yield from [move.data] * move.times if isinstance(move, Flood) else [move]


@given(scripts)
@effort(max_examples=60, deadline=None)
def test_what_is_let_in_while_the_worker_lags(script: list[tuple[int, ...] | Work | Flood]) -> None:
    """Few messages that can be spared, more of those that can't, and all needed note-offs."""
    port = Port()
    down: set[tuple[int, int]] = set()  # of what was let in
    refused = 0
    for move in played(script):
        if isinstance(move, Work):
            port.work(move.most)
            continue
        waiting, message = len(port.waiting), decoded(move)
        key, begins = key_of(message), bool(held([message]))
        is_let_in = port.receive(move)
        if waiting < MOST or (key in down and not begins):
            assert is_let_in
        elif move[0] >= 0xF0 or (move[0] & 0xF0 == 0xB0 and move[1] >= 120):
            assert is_let_in == (waiting < MOST_URGENT)
        else:
            assert not is_let_in
        if is_let_in and key:
            down = down | {key} if begins else down - {key}
        refused += not is_let_in
        assert port.intake.dropped == refused
        assert len(port.waiting) <= MOST_URGENT + KEYS
    port.work()
    assert held(port.handled) == down


def decoded(data: tuple[int, ...]) -> Message:
    (message,) = wire.Decoder().feed(data)
    return message


def key_of(message: Message) -> tuple[int, int] | None:
    """The key or pedal that a message is for, as in `held`."""
    match message:
        case NoteOn() | NoteOff():
            return message.channel, message.pitch
        case ChannelMessage(0xB0, (64, _)):
            return message.channel, -1
    return None


@given(scripts, st.booleans())
@effort(max_examples=60, deadline=None)
def test_a_port_that_is_gone_lets_go_of_exactly_what_is_down(
    script: list[tuple[int, ...] | Work | Flood], lags: bool
) -> None:
    port = Port()
    for move in played(script):
        if isinstance(move, Work):
            port.work(move.most)
        else:
            port.receive(move)
    if not lags:
        port.work()
    port.intake.release_held()
    last = port.waiting.pop()
    port.work()
    ends = events(last)
    assert Counter(key_of(end) for end in ends) == Counter(held(port.handled))
    assert held([*port.handled, *ends]) == set()


def test_keys_come_up_before_their_pedal_and_only_once() -> None:
    port = Port()
    for data in (PEDAL, ON, (0x92, 10, 1), ON):
        port.receive(data)
    port.work()
    port.handled.clear()
    for _ in range(2):
        port.intake.release_held()
    port.work()
    assert port.handled == [NoteOff(10, 3), NoteOff(60), ChannelMessage(0xB0, (64, 0))]


def test_it_plays_on_as_before_after_letting_go() -> None:
    port = Port()
    for data in (ON, OFF, ON):
        port.receive(data)
    port.intake.release_held()
    port.receive(ON)
    port.receive(OFF)
    port.work()
    assert port.handled == [
        *(NoteOn(60, 80), NoteOff(60), NoteOn(60, 80)),
        NoteOff(60),
        *(NoteOn(60, 80), NoteOff(60)),
    ]
    assert port.intake.dropped == 0


@pytest.mark.parametrize(
    ("data", "let_in"), [(ON, MOST), (OFF, MOST), (BEND, MOST), (TICK, MOST_URGENT)]
)
def test_a_flood_is_cut_and_the_rest_counted(data: tuple[int, ...], let_in: int) -> None:
    port = Port()
    assert sum(port.receive(data) for _ in range(1000)) == let_in
    assert port.intake.dropped == 1000 - let_in
    port.work()
    assert port.receive(data)


def test_a_flood_of_one_thing_holds_up_no_end_and_no_command() -> None:
    port = Port()
    port.receive(ON)
    port.receive(PEDAL)
    while port.receive(BEND):
        pass
    assert port.receive(ALL_OFF)
    assert port.receive(TICK)
    assert port.receive((0xB0, 64, 0))
    assert port.receive((0x90, 60, 0))
    assert not port.receive(OFF)  # it has come up already
    assert not port.receive(ON)  # its end could be lost
    port.work()
    assert port.handled[-4:] == [
        ChannelMessage(0xB0, (123, 0)),
        Clock.TICK,
        ChannelMessage(0xB0, (64, 0)),
        NoteOff(60),
    ]


# Bytes of which many make notes: running status, pieces, and what means nothing.
odd_bytes = st.sampled_from([0x90, 0x80, 0xB0, 60, 61, 64, 0, 80]) | st.integers(0, 255)


@given(st.lists(st.lists(odd_bytes, max_size=7) | st.none(), max_size=60))
@effort(max_examples=200, deadline=None)
def test_any_bytes_are_taken_in_or_counted(pieces: list[list[int] | None]) -> None:
    """A MIDI system usually delivers whole messages, but not always."""
    port, decoder = Port(), wire.Decoder()
    received = 0
    for data in pieces:
        if data is None:
            port.work(3)
        else:
            port.receive(data)
            received += len(decoder.feed(data))
    assert port.let_in + port.intake.dropped == received
    port.intake.release_held()
    port.work()
    assert held(port.handled) == set()


def test_the_end_of_a_key_that_came_by_running_status_is_let_in() -> None:
    port = Port()
    port.receive((0x90, 60, 80, 62, 80))
    while port.receive(BEND):
        pass
    assert port.receive((0x80, 62, 0, 60, 0))
    port.work()
    assert held(port.handled) == set()


class JackInput:
    """RtMidi's input for JACK: everything after the beginning of a SysEx belongs to it."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._sysex: list[int] = []

    def receive(self, *event: int) -> None:
        """What JACK delivers as one message."""
        whole = [*self._sysex, *event]
        ends = event[-1] == 0xF7 and event[0] not in (0xF1, 0xF8, 0xFE)
        self._sysex = whole if whole[0] == 0xF0 and not ends else []
        if not self._sysex:
            self._port.receive(whole)


UNBLOCK = None
keys = st.tuples(st.sampled_from([0x90, 0x80]), st.integers(60, 63), st.just(80))
others = st.sampled_from([(0xF7,), (0xF8,), (0xFE,), (0xF4,), (0xF1, 1), (0xF2, 1, 2), (0x90, 60)])
pieces = st.lists(
    st.sampled_from([(1, 2, 3), (4,), (40, 80, 42, 80), (0xF8,), UNBLOCK]), max_size=4
)
sysex = st.builds(
    lambda first, pieces, last: [first, *pieces, *last],
    st.sampled_from([(0xF0,), (0xF0, 67, 0), (0xF0, 67, 0xF8, 1), (0xF0, 67, 0xF7, 0x90, 63, 80)]),
    pieces,
    st.sampled_from([[], [(0xF7,)], [(5, 6, 0xF7)]]),
)
moments = st.one_of(
    keys.map(lambda key: [key]),
    others.map(lambda other: [other]),
    sysex,
    st.just([UNBLOCK]),
)


@given(st.lists(moments, max_size=20).map(lambda found: list(itertools.chain(*found))))
@effort(max_examples=400, deadline=None)
def test_nothing_is_lost_in_a_sysex_but_what_came_too_late(
    script: list[tuple[int, ...] | None],
) -> None:
    """Whichever SysEx is cut short, cuts in or goes on, any status byte ends it."""
    port, decoder = Port(), wire.Decoder()
    jack = JackInput(port)
    sent: list[Message] = []
    for event in [*script, UNBLOCK, (0x90, 100, 1)]:
        jack.receive(*(event or (0xF7,)))
        port.work()
        sent += decoder.feed(event or (0xF7,))
    assert in_time(port.handled) == in_time(sent)
    assert held(port.handled) <= held(sent)
    assert port.handled[-1] == NoteOn(100, 1)
    begun = [[each for each in some if isinstance(each, NoteOn)] for some in (port.handled, sent)]
    assert not Counter(begun[0]) - Counter(begun[1])
    assert len(begun[0]) + port.intake.dropped == len(begun[1])


def in_time(found: Sequence[Message]) -> list[Message]:
    """The messages that are useful however late they come."""
    return [each for each in found if not isinstance(each, NoteOn) and each is not Clock.TICK]


@pytest.mark.parametrize(
    ("events", "heard"),
    [
        ([(0xF0, 67, 0), OFF], [NoteOff(60)]),
        ([(0xF0,), OFF, ON], [NoteOff(60)]),
        ([(0xF0, 67, 0), (0xB0, 64, 0), OFF], [ChannelMessage(0xB0, (64, 0)), NoteOff(60)]),
        ([(0xF0, 67, 0), TICK, (0xFC,)], [Clock.STOP]),
        ([(0xF0, 67, 0, 0x80, 60, 0)], [NoteOff(60)]),
        ([(0xF0, 67, 0, 0xF7, 0x80, 60, 0)], [NoteOff(60)]),
        ([(0xF0, 67, 0), (0xF0, 67, 0, 0xF7), OFF], [NoteOff(60)]),
        ([(0xF0, 67, 0, 0xF7)], []),
        ([(0xF0, 67), (1, 2), TICK, (3, 0xF7)], []),
    ],
)
def test_what_a_sysex_without_its_end_has_swallowed(
    events: list[tuple[int, ...]], heard: list[Message]
) -> None:
    port = Port()
    jack = JackInput(port)
    for event in [ON, *events]:
        jack.receive(*event)
    for _ in range(3):
        jack.receive(0xF7)
    port.work()
    assert port.handled == [NoteOn(60, 80), *heard]


@pytest.mark.parametrize(
    ("event", "was_deaf"), [(OFF, True), (ON, True), (TICK, False), ((0xFA,), False), ((1,), False)]
)
def test_a_port_knows_whether_a_sysex_kept_it_from_hearing(
    event: tuple[int, ...], was_deaf: bool
) -> None:
    port = Port()
    jack = JackInput(port)
    for each in ((0xF0, 67, 0), event, (0xF7,)):
        jack.receive(*each)
    assert port.intake.was_deaf == was_deaf


def test_what_was_sent_is_not_heard_when_it_comes_back() -> None:
    feedback = Feedback()
    waiting: list[Arrival] = []
    intake = Intake(waiting.append, feedback)
    for data in (ON, (0x90, 64, 80)):
        intake.on_message((list(data), 0.0))
    feedback.send(NoteOn(60, 80), waiting[0].time)
    assert [events(arrival) for arrival in waiting] == [[], [NoteOn(64, 80)]]
    assert feedback.returned == 1


def test_a_worker_on_another_thread_loses_count_of_nothing() -> None:
    """The callback and the worker each have a counter of their own."""
    port = Port()
    done = threading.Event()

    def work() -> None:
        while not done.is_set() or port.waiting:
            port.work(7)

    worker = threading.Thread(target=work)
    worker.start()
    for place in range(5_000):
        port.receive(ON if place % 2 == 0 else OFF)
    done.set()
    worker.join()
    assert len(port.handled) == port.let_in
    assert port.let_in + port.intake.dropped == 5_000
    assert held(port.handled) == set()
    assert all(port.receive(BEND) for _ in range(MOST))
    assert not port.receive(BEND)
