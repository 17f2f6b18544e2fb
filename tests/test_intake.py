"""Floods are kept out, and nothing that was let in hangs, however far the worker lags."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen import realtime, wire
from midigen.feedback import Feedback
from midigen.intake import MOST, MOST_URGENT, Arrival, Intake
from midigen.notes import ChannelMessage, Clock, Message, NoteOff, NoteOn

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
    """The thread that runs the tests isn't to become a real-time one."""
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
        """The worker comes to so many messages."""
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
    """The worker handles so many."""

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
    """Few of what can be spared, more of what can't, and of ends all that end something."""
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
    """The key or pedal that a message is about, as `held` has them."""
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
    port.intake.let_go()
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
        port.intake.let_go()
    port.work()
    assert port.handled == [NoteOff(10, 3), NoteOff(60), ChannelMessage(0xB0, (64, 0))]


def test_it_plays_on_as_before_after_letting_go() -> None:
    port = Port()
    for data in (ON, OFF, ON):
        port.receive(data)
    port.intake.let_go()
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


@given(st.lists(st.lists(st.integers(0, 255), min_size=1, max_size=6) | st.none(), max_size=60))
@effort(max_examples=60, deadline=None)
def test_any_bytes_are_taken_in_or_counted(pieces: list[list[int] | None]) -> None:
    """A MIDI system hands over whole messages as a rule, yet not always."""
    port = Port()
    received = 0
    for data in pieces:
        if data is None:
            port.work(3)
        else:
            port.receive(data)
            received += 1
    port.intake.let_go()
    port.work()
    assert port.let_in - 1 + port.intake.dropped == received


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
