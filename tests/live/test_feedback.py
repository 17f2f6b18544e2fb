"""What comes back is told from what is played; and a whole minute with and without a cable."""

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.events import Event, Output
from midigen.instrument.performer import Performer
from midigen.live.feedback import AT_ONCE, LATEST, PROOF, Feedback
from midigen.midi.messages import ChannelMessage, Message, NoteOff, NoteOn, Pitch, Seconds
from midigen.settings.choices import Mode
from midigen.settings.controls import Control
from tests.players import AnyLetter, TimedEvents, TimedOutputs, settings, together

Timed: TypeAlias = list[tuple[Seconds, Message]]
SENT, BACK, PLAYED = range(3)  # of what happens at one time, in this order

AFAR: Pitch = 100
"""The player's pitch where it is never the machine's."""


def through(sent: Timed, played: Timed, delay: Seconds | None = None) -> Timed:
    """The messages that count as played. With a delay, everything sent comes back after it."""
    feedback = Feedback()
    moments = [(time, SENT, message) for time, message in sent]
    moments += [(time, PLAYED, message) for time, message in played]
    if delay is not None:
        moments += [(time + delay, BACK, message) for time, message in sent]
    heard: Timed = []
    for time, kind, message in sorted(moments, key=lambda moment: moment[:2]):
        if kind == SENT:
            feedback.send(message, time)
        elif not feedback.is_own(message, time):
            heard.append((time, message))
    return heard


@dataclass(frozen=True)
class Struck:
    """A note that begins `after` seconds after the one before."""

    after: Seconds
    pitch: Pitch
    length: Seconds


def tune(notes: Iterable[Struck], start: Seconds = 0.0, channel: int = 1) -> Timed:
    """Notes as messages. If a note sounds already, it is ended first, as a ledger does."""
    messages: Timed = []
    ends: dict[Pitch, Seconds] = {}
    now = start
    for note in notes:
        now += note.after
        for pitch, end in list(ends.items()):
            if end <= now or pitch == note.pitch:
                messages.append((min(end, now), NoteOff(pitch, channel)))
                del ends[pitch]
        messages.append((now, NoteOn(note.pitch, 80, channel)))
        ends[note.pitch] = now + note.length
    messages += [(end, NoteOff(pitch, channel)) for pitch, end in ends.items()]
    return sorted(messages, key=lambda timed: timed[0])  # stable: the end before the strike


def tunes(shortest: Seconds = 0.001, low: Pitch = 55, high: Pitch = 60) -> st.SearchStrategy[Timed]:
    struck = st.builds(
        Struck, st.floats(0.001, 0.4), st.integers(low, high), st.floats(shortest, 0.6)
    )
    return st.lists(struck, min_size=3, max_size=25).map(tune)


SCALE = tune([Struck(0.25, pitch, 0.2) for pitch in range(60, 72)])


def ons(messages: Timed) -> list[tuple[Seconds, Pitch]]:
    return [(time, each.pitch) for time, each in messages if isinstance(each, NoteOn)]


def count(messages: Timed) -> Counter[Message]:
    return Counter(message for _, message in messages)


# --- where there is a cable


@given(tunes(), st.floats(0, 0.0199))
@effort(max_examples=60, deadline=None)
def test_what_comes_back_at_once_is_known_from_the_first_note_on(
    sent: Timed, delay: Seconds
) -> None:
    assert through(sent, [], delay) == []


def moving(notes: list[Struck]) -> Timed:
    """A tune that never repeats a note: each pitch is a step from the last."""
    pitches = itertools.accumulate(note.pitch for note in notes)
    return tune(
        replace(note, pitch=55 + pitch % 7) for note, pitch in zip(notes, pitches, strict=True)
    )


@given(
    st.lists(
        st.builds(Struck, st.floats(0.001, 0.4), st.integers(1, 6), st.floats(0.001, 0.6)),
        min_size=3,
        max_size=25,
    ).map(moving),
    st.floats(0.021, 0.039),
)
@effort(max_examples=60, deadline=None)
def test_what_comes_back_later_is_known_after_a_few_notes(sent: Timed, delay: Seconds) -> None:
    """Some of the first few notes are heard, each with its note-off, and none after them."""
    heard = through(sent, [], delay)
    assert set(ons(heard)) <= {(time + delay, pitch) for time, pitch in ons(sent)[:PROOF]}
    ends = Counter(each.pitch for _, each in heard if isinstance(each, NoteOff))
    assert ends >= Counter(pitch for _, pitch in ons(heard))


@given(tunes(), st.floats(0, 0.039))
@effort(max_examples=60, deadline=None)
def test_whatever_is_heard_of_what_comes_back_has_an_end(sent: Timed, delay: Seconds) -> None:
    """The note-off of a return may be heard too, since it ends nothing."""
    heard = through(sent, [], delay)
    assert Counter(each.pitch for _, each in heard if isinstance(each, NoteOff)) >= Counter(
        pitch for _, pitch in ons(heard)
    )


@pytest.mark.parametrize(("delay", "heard"), [(0.019, 0), (0.03, PROOF), (0.039, PROOF)])
def test_how_many_notes_of_a_scale_it_takes(delay: Seconds, heard: int) -> None:
    assert len(ons(through(SCALE, [], delay))) == heard


@given(tunes(), tunes(shortest=0.03), st.floats(0, 0.0199), st.integers(1, 2))
@effort(max_examples=60, deadline=None)
def test_as_many_notes_are_heard_as_the_player_strikes_whatever_comes_back(
    sent: Timed, played: Timed, delay: Seconds, channel: int
) -> None:
    """One of the player's may be taken for a return, and the return for the player's then.

    The end of a return may be heard too: it ends nothing.
    """
    mine = [(time, _on(channel, message)) for time, message in played]
    heard = through(sent, mine, delay)
    assert count(heard) >= count(mine)
    assert len(ons(heard)) == len(ons(mine))
    held: set[Pitch] = set()
    for _, message in heard:  # and none of them hangs
        assert isinstance(message, NoteOn | NoteOff)
        if isinstance(message, NoteOn):
            held.add(message.pitch)
        else:
            held.discard(message.pitch)
    assert not held


def _on(channel: int, message: Message) -> Message:
    if isinstance(message, NoteOn):
        return NoteOn(message.pitch, message.velocity, channel)
    assert isinstance(message, NoteOff)
    return NoteOff(message.pitch, channel)


@pytest.mark.parametrize("lost", [{4, 5}, {4, 9}])
def test_a_cable_that_loses_a_note_now_and_then_is_still_one(lost: set[int]) -> None:
    feedback = Feedback()
    for time, message in SCALE:
        feedback.send(message, time)
        if isinstance(message, NoteOn) and message.pitch - 60 not in lost:
            assert feedback.is_own(message, time + 0.01)


def test_a_cable_that_is_plugged_in_while_it_plays_is_noticed_after_some_notes() -> None:
    feedback = Feedback()
    heard = []
    for time, message in SCALE:
        feedback.send(message, time)
        if time > 1.72 and not feedback.is_own(message, time + 0.01):
            heard.append(message)
    assert heard == [
        message
        for pitch in range(66, 66 + PROOF)
        for message in (NoteOn(pitch, 80), NoteOff(pitch))
    ]


def test_a_returned_notes_end_is_taken_too_and_the_players_own_isnt() -> None:
    sent: Timed = [(0.0, NoteOn(60, 80)), (0.5, NoteOff(60))]
    played: Timed = [(0.2, NoteOn(60, 90)), (0.3, NoteOff(60))]
    heard = through(sent, played, 0.01)
    assert heard[:2] == played
    assert heard[2:] in ([], [(0.51, NoteOff(60))])  # which ends nothing any more


def test_a_key_that_is_held_while_its_pitch_comes_back_stays_held() -> None:
    sent: Timed = [(0.2, NoteOn(60, 80)), (0.5, NoteOff(60))]
    played: Timed = [(0.0, NoteOn(60, 90)), (0.9, NoteOff(60))]
    assert through(sent, played, 0.02) == played


def test_another_channel_is_no_return_nor_is_what_comes_back_twice() -> None:
    feedback = Feedback()
    feedback.send(NoteOn(60, 80), 0.0)
    assert not feedback.is_own(NoteOn(60, 80, 2), 0.001)
    assert feedback.is_own(NoteOn(60, 80), 0.001)
    assert not feedback.is_own(NoteOn(60, 80), 0.001)  # once, as it was sent once
    assert feedback.returned == 1


def test_another_velocity_is_a_return_only_where_there_is_a_cable() -> None:
    feedback = Feedback()
    feedback.send(NoteOn(60, 80), 0.0)
    assert not feedback.is_own(NoteOn(60, 40), 0.001)
    for place, pitch in enumerate(range(61, 61 + PROOF), start=1):
        feedback.send(NoteOn(pitch, 80), place)
        assert feedback.is_own(NoteOn(pitch, 80), place + 0.001)
    feedback.send(NoteOn(60, 80), 9.0)
    assert feedback.is_own(NoteOn(60, 40), 9.001)


PEDALS: list[Message] = [
    ChannelMessage(0xB0, (64, 127)),
    ChannelMessage(0xE0, (0, 64)),
    ChannelMessage(0xD0, (9,)),
    ChannelMessage(0xC0, (5,)),
    ChannelMessage(0xB0, (64, 0)),
]


@given(st.lists(st.sampled_from(PEDALS), max_size=30), st.floats(0, 0.0199))
def test_pedals_and_bends_come_back_as_notes_do(moves: list[Message], delay: Seconds) -> None:
    sent = [(place / 20, message) for place, message in enumerate(moves)]
    played = [(time + 0.04, message) for time, message in sent]
    assert through(sent, [], delay) == []
    assert through(sent, played, delay) == played


# --- where there is none


@given(tunes(), tunes())
@effort(max_examples=60, deadline=None)
def test_only_what_was_sent_just_before_is_ever_taken_for_a_return(
    sent: Timed, played: Timed
) -> None:
    heard = through(sent, played)
    for time, message in played:
        if not any(time - LATEST <= then <= time for then, each in sent if each == message):
            assert (time, message) in heard


@st.composite
def chances(draw: st.DrawFn) -> tuple[Timed, Timed]:
    """A machine, and a player who sometimes strikes the same note by chance.

    Three notes of the machine's alone come before that happens, and two in between.
    """
    sent: Timed = []
    played: Timed = []
    now = 0.0
    for alone in [3, *draw(st.lists(st.integers(2, 4), min_size=1, max_size=8))]:
        for _ in range(alone):
            sent += tune([Struck(0.0, draw(st.integers(55, 60)), 0.05)], now)
            now += draw(st.floats(0.101, 0.3))
        pitch, lag = draw(st.integers(55, 60)), draw(st.floats(0, LATEST))
        sent += tune([Struck(0.0, pitch, draw(st.floats(0.02, 0.5)))], now)
        played += tune([Struck(lag, pitch, draw(st.floats(0.02, 0.3)))], now)
        now += 0.601
    return sorted(sent, key=lambda timed: timed[0]), played


@given(chances())
@effort(max_examples=60, deadline=None)
def test_a_player_who_now_and_then_strikes_the_same_is_heard(
    both: tuple[Timed, Timed],
) -> None:
    sent, played = both
    assert through(sent, played) == played


@given(
    st.lists(
        st.tuples(st.integers(55, 60), st.booleans(), st.floats(AT_ONCE + 0.001, LATEST)),
        min_size=8,
        max_size=30,
    )
)
def test_who_follows_the_machine_note_by_note_is_heard_until_it_looks_like_a_cable(
    steps: list[tuple[Pitch, bool, Seconds]],
) -> None:
    """At most so many notes in a row are struck right after the same note was sent."""
    sent: Timed = []
    played: Timed = []
    in_a_row = 0
    for place, (pitch, follows, lag) in enumerate(steps):
        sent += tune([Struck(0.0, pitch, 0.3)], place * 0.5)
        in_a_row = in_a_row + 1 if follows and in_a_row < PROOF else 0
        if in_a_row:
            played += tune([Struck(lag, pitch, 0.05)], place * 0.5)
    assert through(sent, played) == played


@pytest.mark.parametrize("gap", [0.03, 0.06, 0.09])
def test_repeated_notes_that_thru_passes_on_are_all_heard(gap: Seconds) -> None:
    """A roll on a pad, or an arpeggiator: each note was just sent too, and none comes back."""
    feedback = Feedback()
    played = tune([Struck(gap, 60, gap / 2)] * 20)
    heard = []
    for time, message in played:
        if not feedback.is_own(message, time):
            heard.append((time, message))
            feedback.send(message, time)
    assert heard == played


@pytest.mark.parametrize(
    ("lags", "velocities"), [((0.002, 0.018), (80,)), ((0.01,), (78, 81)), ((0.01,), (80, 81))]
)
def test_who_plays_along_is_heard_unless_exactly_as_a_cable_would(
    lags: tuple[Seconds, ...], velocities: tuple[int, ...]
) -> None:
    """The player strikes every note of the machine's at once, but not each as hard or as soon."""
    feedback = Feedback()
    for time, message in SCALE[:8]:  # nobody plays along, so that there is no cable
        feedback.send(message, time)
    for place, (time, message) in enumerate(SCALE):
        feedback.send(message, time + 5)
        if isinstance(message, NoteOn):
            note = place // 2
            played = NoteOn(message.pitch, velocities[note % len(velocities)])
            assert not feedback.is_own(played, time + 5 + lags[note % len(lags)])


def proven() -> Feedback:
    """A `Feedback` that knows at time 2.0 that there is a cable."""
    feedback = Feedback()
    for place in range(PROOF):
        for message, time in ((NoteOn(70 + place, 80), 0.3), (NoteOff(70 + place), 0.5)):
            feedback.send(message, place * 0.4 + time)
            assert feedback.is_own(message, place * 0.4 + time + 0.01)
    return feedback


def test_an_end_that_did_not_come_back_takes_none_of_the_players() -> None:
    """The cable is removed while a note sounds; later both play that note."""
    feedback = proven()
    feedback.send(NoteOn(60, 80), 2.0)
    assert feedback.is_own(NoteOn(60, 80), 2.01)
    feedback.send(NoteOff(60), 2.5)
    assert not feedback.is_own(NoteOn(60, 80), 3.9)
    feedback.send(NoteOn(60, 80), 4.0)
    feedback.send(NoteOff(60), 4.5)
    assert not feedback.is_own(NoteOff(60), 4.52)  # else the player's key would hang


def test_a_note_that_was_taken_wrongly_takes_no_end_of_the_next_one() -> None:
    """At the beginning it can't know that there is no cable."""
    feedback = Feedback()
    feedback.send(NoteOn(60, 80), 0.0)
    assert feedback.is_own(NoteOn(60, 80), 0.01)
    assert not feedback.is_own(NoteOff(60), 0.1)
    assert not feedback.is_own(NoteOn(60, 80), 0.2)
    feedback.send(NoteOff(60), 0.3)
    assert not feedback.is_own(NoteOff(60), 0.32)


def test_a_cable_that_was_proven_is_known_at_once_after_a_note_was_lost() -> None:
    """Even if the cable was plugged in late, when everything spoke against one."""
    feedback = Feedback()
    for time, message in SCALE:
        feedback.send(message, time)
        is_back = time > 1.0 and message != NoteOn(70, 80)
        is_own = is_back and feedback.is_own(message, time + 0.01)
        if message == NoteOn(71, 80):
            assert is_own


def test_a_key_struck_before_the_same_was_sent_is_no_return() -> None:
    """It waited in the queue, but its time is when it arrived."""
    feedback = Feedback()
    feedback.send(NoteOn(60, 80), 1.0)
    assert not feedback.is_own(NoteOn(60, 80), 0.999)
    assert feedback.is_own(NoteOn(60, 80), 1.001)


def test_a_pedal_comes_back_once() -> None:
    feedback = Feedback()
    feedback.send(PEDALS[0], 0.0)
    assert feedback.is_own(PEDALS[0], 0.005)
    assert not feedback.is_own(PEDALS[0], 0.01)  # the player's


def bend(value: int) -> ChannelMessage:
    return ChannelMessage(0xE0, (value & 0x7F, value >> 7))


@given(
    st.lists(
        st.tuples(
            st.floats(0.001, 0.03),
            st.builds(bend, st.sampled_from([0, 8192, 8200, 9000]))
            | st.builds(
                lambda number, value: ChannelMessage(0xB0, (number, value)),
                st.sampled_from([1, 6, 64, 96, 100]),
                st.sampled_from([0, 127]),
            ),
        ),
        max_size=8,
    )
)
def test_what_the_players_controllers_come_to_reaches_the_synth(
    moves: list[tuple[Seconds, ChannelMessage]],
) -> None:
    """Controllers that thru passes on end as the player left them; none that counts is left out."""
    feedback = Feedback()
    now = 0.0
    passed: list[ChannelMessage] = []
    for step, message in moves:
        now += step
        if not feedback.is_own(message, now):
            feedback.send(message, now)
            passed.append(message)
    for kind in {
        (message.status, message.data[:1] * (message.status == 0xB0)) for _, message in moves
    }:
        mine, sent = (
            [m for m in each if (m.status, m.data[:1] * (m.status == 0xB0)) == kind]
            for each in ([message for _, message in moves], passed)
        )
        if kind[1] in ((6,), (96,), (100,)):
            assert sent == mine
        else:
            assert [each for each, _ in itertools.groupby(sent)] == [
                each for each, _ in itertools.groupby(mine)
            ]


@given(
    st.lists(
        st.tuples(st.floats(0.001, 0.02), st.builds(bend, st.integers(8000, 8400))), max_size=60
    ),
    st.floats(0.001, 0.019),
)
def test_a_bend_that_comes_back_by_a_cable_doesnt_go_round_for_ever(
    moves: list[tuple[Seconds, ChannelMessage]], delay: Seconds
) -> None:
    """It is passed on and comes back, again and again, until that shows that there is a cable."""
    feedback = Feedback()
    now = 0.0
    coming: list[tuple[Seconds, ChannelMessage]] = []
    for step, message in moves:
        now += step
        coming.append((now, message))
    handled = 0
    while coming:
        coming.sort(key=lambda each: each[0])
        time, message = coming.pop(0)
        if not feedback.is_own(message, time):
            feedback.send(message, time)
            coming.append((time + delay, message))
        handled += 1
        assert handled < 40 * (len(moves) + 1)


@pytest.mark.parametrize("delay", [None, 0.01, 0.05])
@pytest.mark.parametrize("gap", [0.18, 0.001])
def test_it_remembers_no_more_than_what_was_sent_lately(
    gap: Seconds, delay: Seconds | None
) -> None:
    """Half an hour of playing, and a flood."""
    feedback = Feedback()
    for place in range(10_000):
        pitch, is_end = divmod(place, 2)
        pitch = 60 + pitch % 7
        message = NoteOff(pitch) if is_end else NoteOn(pitch, 80)
        feedback.send(message, place * gap)
        if delay is not None:
            feedback.is_own(message, place * gap + min(delay, gap / 2))
    assert len(feedback._sent) <= LATEST / gap + 2
    assert sum(map(len, feedback._out.values())) <= len(feedback._sent)
    assert not feedback._down


# --- the whole


MINUTE: Seconds = 60.0
LOW = {"low": 36, "high": 59}  # the machine's register; the player's is above it


def player() -> TimedEvents:
    """A minute of phrases with pauses, some during an answer, with pedal and bend."""
    rng = np.random.default_rng(5)
    events: TimedEvents = []
    now = 0.3
    while now < MINUTE - 2:
        for _ in range(int(rng.integers(1, 7))):
            pitch, held = int(rng.integers(60, 78)), float(rng.uniform(0.04, 0.5))
            events += [
                (now, NoteOn(pitch, int(rng.integers(30, 120)))),
                (now + held, NoteOff(pitch)),
            ]
            now += float(rng.uniform(0.12, 0.5))
        if rng.random() < 0.4:
            events += [(now, PEDALS[0]), (now + 0.011, PEDALS[1]), (now + 0.4, PEDALS[-1])]
        now += float(rng.uniform(0.6, 3.0))
    return together(events)


class Cable:
    """A performer whose output is connected to its input, where there is a delay."""

    def __init__(self, playing: Performer, delay: Seconds | None) -> None:
        self.played: TimedOutputs = []
        self.feedback = Feedback()
        self._playing = playing
        self._delay = delay
        self._coming: Timed = []  # the soonest first

    def hear(self, now: Seconds, outputs: Sequence[Output]) -> None:
        """Send what was played, perhaps into the cable."""
        for output in outputs:
            self.played.append((now, output))
            if isinstance(output, Message) and self._delay is not None:
                self.feedback.send(output, now)
                self._coming.append((now + self._delay, output))

    def pass_time(self, until: Seconds) -> None:
        """Everything that happens before a time, in order."""
        while True:
            due = self._playing.deadline
            back = self._coming[0][0] if self._coming else until
            if back < until and (due is None or back <= due):
                now, message = self._coming.pop(0)
                self.receive(message, now)
            elif due is not None and due < until:
                self.hear(due, self._playing.advance(due))
            else:
                return

    def receive(self, event: Event, now: Seconds) -> None:
        """A message comes in."""
        if not (isinstance(event, Message) and self.feedback.is_own(event, now)):
            self.hear(now, self._playing.handle(event, now))


def minute(mode: Mode, delay: Seconds | None, *, thru: bool) -> Cable:
    chosen = settings(mode=mode, thru=thru, turn={"silence": 0.5}, range=LOW)
    playing = Performer(chosen, AnyLetter(), np.random.default_rng(1))
    cable = Cable(playing, delay)
    cable.hear(0.0, playing.start(0.0))
    for time, event in [*player(), (MINUTE, Control("mute", "on"))]:
        cable.pass_time(time)
        cable.receive(event, time)
    cable.hear(MINUTE, playing.stop())
    return cable


@pytest.mark.parametrize("thru", [False, True])
@pytest.mark.parametrize("mode", Mode)
def test_a_cable_from_its_output_to_its_input_changes_nothing(mode: Mode, thru: bool) -> None:
    without = minute(mode, None, thru=thru)
    assert len(ons([(t, m) for t, m in without.played if isinstance(m, Message)])) > 40
    assert without.feedback.returned == 0
    for delay in (0.001, 0.01):
        looped = minute(mode, delay, thru=thru)
        assert looped.played == without.played
        assert looped.feedback.returned > 80
