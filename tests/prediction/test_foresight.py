"""Forecasts that come late: the same notes are played, and nothing waits for them."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.events import Cue, EndOfAnswer, EndOfPhrase, Reload
from midigen.instrument.improviser import Improviser
from midigen.instrument.performer import Performer
from midigen.midi.messages import ChannelMessage, Message, NoteOff, NoteOn, Seconds
from midigen.music.keys import SIZE
from midigen.prediction.foresight import Question
from midigen.prediction.mixture import Probabilities
from midigen.prediction.session import Session
from midigen.prediction.window import Degrees
from midigen.settings.choices import Mode, Quantize, RhythmSource
from midigen.settings.controls import Control
from midigen.settings.sections import Scene
from midigen.settings.table import Settings
from tests.models import CONSTANT
from tests.players import (
    AnyLetter,
    NextLetter,
    TimedEvents,
    TimedOutputs,
    always,
    drive,
    key,
    notes,
    panel,
    performer,
    settings,
    together,
)
from tests.scripts import Script, Shelf, Wait, choices
from tests.scripts import scripts as scripts_of_all_kinds


class Recalling(NextLetter):
    """A predictor that depends on every letter of its window, and that has a memory."""

    mixture = CONSTANT

    def __init__(self, min_notes: int = 1, max_notes: int = 5) -> None:
        super().__init__(min_notes)
        self.max_notes = max_notes

    def predict(self, windows: Degrees) -> Probabilities:
        assert self.min_notes <= windows.shape[1] <= self.max_notes
        places = np.arange(windows.shape[1])[::-1]
        mixed = (windows + 1) @ (places + 2.0)
        weights = 1.5 + np.sin(mixed[:, np.newaxis] * np.arange(1, SIZE + 1))
        likely: Probabilities = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
        return likely


NEVER = float("inf")


# --- the forecasts


class Twins:
    """An improviser whose questions wait, beside a session that is told everything at once."""

    def __init__(self, min_notes: int) -> None:
        self._panel = panel(settings())
        self._asked: list[Question] = []
        self._improviser = Improviser(Recalling(min_notes), self._panel, np.random.default_rng(0))
        self._improviser.asks = self._asked.append
        self._session = Session(Recalling(min_notes), self._panel.settings.memory.amount)
        self._count = 0
        self._expected: dict[tuple[int, bool], Probabilities] = {}  # by the number of moves
        self._expect()

    def hear(self, degree: int) -> None:
        self._improviser.hear(degree, replaces=False)
        self._session.hear(degree)
        self._moved()

    def replace(self, degree: int) -> None:
        self._improviser.hear(degree, replaces=True)
        self._session.replace(degree)
        self._moved()

    def play(self, degree: int) -> None:
        if degree % 2:  # otherwise only if the answer is already known
            self.look(1)
        if self._improviser.can_play:
            played = self._improviser.play(0)
            assert played is not None
            self._session.play(played)
            self._moved()

    def rewind(self, _: int) -> None:
        self._improviser.rewind()
        self._session.take_back()
        self._moved()

    def forget(self, _: int) -> None:
        self._improviser.forget()
        self._session.forget()
        self._moved()

    def use(self, degree: int) -> None:
        self._improviser.use(Recalling(degree // 2 + 1, degree + 1))
        self._session.use(Recalling(degree // 2 + 1, degree + 1))
        self._moved()

    def set_memory(self, degree: int) -> None:
        amount = degree / SIZE
        if amount != self._session.memory_amount:
            self._panel.settings = self._panel.settings.changed("memory.amount", amount)
            self._improviser.reconsider()
            self._session.memory_amount = amount
            self._moved()

    def look(self, degree: int) -> None:
        self.ask(degree)
        self.answer(0)

    def ask(self, degree: int) -> None:
        self._improviser.prepare(answers=degree % 2 == 0)
        assert len(self._asked) <= 1  # at a time

    def answer(self, _: int) -> None:
        for question in self._asked:
            forecast = self._improviser.foresight.answer(question)
            assert forecast.trouble == ""
            np.testing.assert_array_equal(
                forecast.likely, self._expected[forecast.number, forecast.answers], strict=True
            )
            self._improviser.take(forecast)
        self._asked.clear()

    def _moved(self) -> None:
        self._count += 1
        self._expect()
        assert self._improviser.missing == self._session.missing

    def _expect(self) -> None:
        if self._session.missing == 0:
            self._expected[self._count, False] = self._session.predict()
        if self._session.missing <= 1:
            self._expected[self._count, True] = self._session.predict(answers=True)


OFTEN = ["hear", "play", "look"]
SOMETIMES = ["replace", "rewind", "forget", "use", "set_memory", "ask", "answer"]
MOVES = [*OFTEN * 3, *SOMETIMES]


@given(
    st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, SIZE - 1)), min_size=30, max_size=99),
    st.integers(1, 4),
)
@effort(max_examples=60, deadline=None)
def test_forecasts_are_those_of_a_session_that_is_told_the_same(
    script: list[tuple[str, int]], min_notes: int
) -> None:
    """Whenever questions are asked, and whatever happens before they are answered."""
    twins = Twins(min_notes)
    for name, degree in script:
        getattr(twins, name)(degree)


def test_notes_that_are_taken_back_are_missing_again() -> None:
    twins = Twins(min_notes=1)
    for name, degree in [("hear", 0), ("play", 1), ("play", 1), ("rewind", 0), ("use", 6)]:
        getattr(twins, name)(degree)


def test_an_outdated_forecast_is_not_played() -> None:
    asked: list[Question] = []
    improviser = Improviser(NextLetter(), panel(settings()), np.random.default_rng(0))
    improviser.asks = asked.append
    improviser.hear(0, replaces=False)
    improviser.prepare(answers=False)
    improviser.hear(4, replaces=False)
    improviser.take(improviser.foresight.answer(asked.pop()))
    assert not improviser.can_play
    improviser.prepare(answers=False)
    improviser.take(improviser.foresight.answer(asked.pop()))
    assert improviser.play(0) == 5


# --- what is played when forecasts come in time


STEP: Seconds = 0.25
"""A step of the grid at 120 beats a minute. The player acts between the steps."""


@st.composite
def evenings(draw: st.DrawFn) -> TimedEvents:
    """Notes and controls, half a step away from where the machine may play."""
    events: TimedEvents = []
    place = 0
    for pitch, held, gap, control in draw(
        st.lists(
            st.tuples(
                st.integers(50, 75), st.integers(1, 5), st.integers(1, 9), st.none() | controls
            ),
            min_size=4,
            max_size=25,
        )
    ):
        now = (place + 0.5) * STEP
        if control is not None:
            events.append((now, control))
        else:
            events += key(pitch, now, (place + held) * STEP, velocity=60 + place % 40)
        place += gap
    return together(events)


controls = st.one_of(
    st.builds(Control, st.just("mode"), st.sampled_from(Mode)),
    st.builds(Control, st.just("memory"), st.sampled_from([0, 0.5, 1])),
    st.builds(Control, st.just("temperature"), st.sampled_from([0, 1, 3])),
    st.builds(Control, st.sampled_from(["hold", "mute"]), st.booleans()),
    st.just(Control("scene", "verse")),
    st.builds(Control, st.sampled_from(["forget", "panic"])),
)


def some_settings(**sections: Any) -> st.SearchStrategy[Settings]:
    return st.builds(
        settings,
        thru=st.booleans(),
        rhythm=st.fixed_dictionaries(
            {
                "source": st.sampled_from(RhythmSource),
                "gate": st.sampled_from([0.3, 0.8, 1.0]),
                "density": st.sampled_from([1.0, 0.6]),
            }
        ),
        turn=st.fixed_dictionaries(
            {"silence": st.just(1.0), "quantize": st.sampled_from(Quantize)}
        ),
        touch=st.just({"variation": 9}),
        sampling=st.fixed_dictionaries({"max_repeat": st.sampled_from([1, 3, "off"])}),
        scene=st.just((Scene(name="verse", set=(("temperature", 2), ("gate", 0.5))),)),
        **sections,
    )


@pytest.mark.parametrize("mode", Mode)
@given(data=st.data())
@effort(max_examples=40, deadline=None)
def test_forecasts_that_come_in_time_change_nothing_event_for_event(
    mode: Mode, data: st.DataObject
) -> None:
    chosen = data.draw(some_settings(mode=st.just(mode), duet=st.just({"quantize": False})))
    events = data.draw(evenings())
    min_notes, seed = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 99))
    delays = np.random.default_rng(seed)

    def new() -> Performer:
        return Performer(chosen, Recalling(min_notes), np.random.default_rng(seed), Shelf())

    until = max((time for time, _ in events), default=0.0) + 6.0
    at_once = drive(new(), events, until)
    later = drive(new(), events, until, (delays.uniform(0, STEP / 2.01) for _ in itertools.count()))
    assert later == at_once


# --- what is played when forecasts come late


@given(
    choices,
    st.lists(st.tuples(scripts_of_all_kinds, choices), min_size=1, max_size=3),
    st.lists(st.floats(0, 0.02) | st.floats(0, 2) | st.just(NEVER), min_size=1, max_size=5),
    st.integers(1, 3),
)
@effort(max_examples=80, deadline=None)
def test_late_forecasts_leave_no_note_hanging_and_nothing_spinning(
    chosen: Settings,
    parts: list[tuple[Script, Settings]],
    delays: list[Seconds],
    min_notes: int,
) -> None:
    """Whatever is played, set or reloaded meanwhile. `drive` checks that nothing spins."""
    events: list[tuple[Seconds, Cue]] = []
    now = 0.0
    for script, other in parts:
        for move in script:
            if isinstance(move, Wait):
                now += move.span
            else:
                events.append((now, move))
        events.append((now, Reload(other)))
    playing = Performer(chosen, AnyLetter(min_notes), np.random.default_rng(1), Shelf())
    outputs = drive(playing, events, now + 1.0, itertools.cycle(delays))
    outputs += [(now + 1.0, output) for output in playing.stop()]
    sounding: set[int] = set()
    for _, output in outputs:
        if isinstance(output, NoteOn):
            assert output.pitch not in sounding
            sounding.add(output.pitch)
        elif isinstance(output, NoteOff):
            sounding.remove(output.pitch)
    assert not sounding
    assert not playing.sounding
    assert playing.deadline is None


@given(
    st.lists(st.tuples(st.floats(0.04, 0.5), st.floats(0.01, 0.3)), min_size=1, max_size=20),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
)
@effort(max_examples=60, deadline=None)
def test_a_duet_answers_keys_in_turn_and_counts_those_it_skips(
    keys: list[tuple[Seconds, Seconds]], delays: list[Seconds]
) -> None:
    """Each answer is played before the next one is looked for."""
    events: TimedEvents = []
    now = 0.0
    for gap, held in keys:
        now += gap
        events += key(60, now, now + min(held, 0.039))
    playing = performer(settings(mode=Mode.DUET, sampling={"max_repeat": "off"}))
    outputs = drive(playing, events, now + 5.0, itertools.cycle(delays))
    answers = [time for time, output in outputs if isinstance(output, NoteOn)]
    onsets = [time for time, event in events if isinstance(event, NoteOn)]
    assert len(answers) + playing.dropped == len(onsets)
    waiting, free_at = iter(onsets), 0.0
    for answer in answers:  # to the first key struck while no other key waited
        assert next(onset for onset in waiting if onset >= free_at) <= answer
        free_at = answer


class TestDuet:
    DUET = settings(mode=Mode.DUET)

    def test_a_key_without_a_forecast_is_answered_once_it_comes(self) -> None:
        events = together(key(60, 0.1, 0.2), key(64, 1.0, 1.5), key(67, 1.25, 3.0))
        assert notes(drive(performer(self.DUET), events, 3.0, iter([0.5, 0.0, 1.0, 0.0]))) == [
            (0.5, "on", 62),  # its key is up already, so the gate gives its length
            (0.7, "off", 62),
            (1.0, "on", 65),  # its forecast came meanwhile
            (1.5, "off", 65),
            (2.0, "on", 69),
            (3.0, "off", 69),
        ]

    def test_keys_struck_meanwhile_are_heard_but_not_answered(self) -> None:
        playing = performer(self.DUET)
        events = together(key(60, 0.1, 0.2), key(62, 0.3, 0.4), key(64, 0.6, 0.8))
        assert notes(drive(playing, events, 0.9, iter([0.5, 0.0, 0.0, 0.0]))) == [
            (0.5, "on", 62),
            (0.6, "on", 65),
            (0.7, "off", 62),
            (0.8, "off", 65),
        ]
        assert playing.dropped == 1
        assert playing.status().heard == ("C", "D", "E")

    def test_a_chord_that_grows_while_its_first_note_waits_is_answered_once(self) -> None:
        playing = performer(self.DUET)
        chord = together(*(key(pitch, 0.1 + at, 0.9) for pitch, at in ((60, 0), (64, 0.01))))
        assert notes(drive(playing, chord, 1.0, iter([0.2, 0.3, 0.0]))) == [
            (0.2, "on", 62),
            (0.9, "off", 62),
        ]
        assert playing.dropped == 0

    def test_a_turn_ends_after_the_answer_to_a_waiting_key(self) -> None:
        """Otherwise a terminal reading from a pipe would end before the last answer."""
        events = [*key(60, 0.1, 0.15), (0.2, EndOfPhrase())]
        outputs = drive(performer(self.DUET), events, 2.0, always(0.5))
        assert [output for _, output in outputs] == [NoteOn(62, 80), NoteOff(62), EndOfAnswer()]

    def test_a_forecast_made_without_the_key_does_not_answer_it(self) -> None:
        """It was asked for in another mode, for a note of the machine's own."""
        chosen = replace(self.DUET, mode=Mode.CALL_RESPONSE)
        events = together(key(60, 0.0, 0.1), [(0.2, Control("mode", "duet"))], key(67, 0.25, 0.9))
        outputs = drive(performer(chosen), events, 0.9, iter([0.5, 0.1, 0.0]))
        assert notes(outputs) == [(0.6, "on", 69), (0.9, "off", 69)]

    @pytest.mark.parametrize("name", ["mode", "forget", "panic"])
    def test_whatever_ends_everything_gives_up_a_waiting_key(self, name: str) -> None:
        playing = performer(self.DUET)
        control = Control(name, "call-response" if name == "mode" else "")
        events = together(key(60, 0.1, 0.2), key(64, 0.3, 0.35), [(0.4, control)])
        outputs = drive(playing, events, 1.0, itertools.chain([0.0], always(0.5)))
        assert notes(outputs) == [(0.1, "on", 62), (0.2, "off", 62)]


# --- a predictor that never answers


PEDAL, PEDAL_UP = (ChannelMessage(0xB0, (64, value)) for value in (127, 0))


def messages(outputs: TimedOutputs) -> list[tuple[Seconds, Message]]:
    return [(time, output) for time, output in outputs if isinstance(output, Message)]


@pytest.mark.parametrize("mode", Mode)
def test_without_forecasts_thru_and_controls_still_work(mode: Mode) -> None:
    playing = performer(settings(mode=mode, thru=True, turn={"silence": 0.5}), min_notes=2)
    events = [
        *together(key(60, 0.1, 0.2), key(64, 0.3, 0.5)),
        (1.5, PEDAL),
        (2.0, Control("tempo", 90)),
        (2.5, Control("mode", "solo")),
        (3.0, NoteOn(72, 80)),
        (3.2, Control("mode", "duet")),
    ]
    outputs = drive(playing, events, 9.0, always(NEVER))
    assert messages(outputs) == [
        *((0.1, NoteOn(60, 80)), (0.2, NoteOff(60)), (0.3, NoteOn(64, 80)), (0.5, NoteOff(64))),
        *((1.5, PEDAL), (2.5, PEDAL_UP)),
        *((3.0, NoteOn(72, 80)), (3.2, NoteOff(72))),
    ]
    assert (playing.status().mode, playing.status().bpm) == ("duet", 90)


@pytest.mark.parametrize("mode", Mode)
def test_without_forecasts_notes_end_in_time_and_stop_ends_the_rest(
    mode: Mode,
) -> None:
    """Two forecasts come, and then no more."""
    needs = 1 + (mode is Mode.SOLO)  # so that solo doesn't begin by itself
    playing = performer(settings(mode=mode, thru=True, turn={"silence": 0.5}), needs)
    two = itertools.chain([0.0, 0.0], always(NEVER))
    tune = together(key(60, 0.0, 0.05), key(64, 0.1, 0.15))
    outputs = drive(playing, [*tune, (5.0, NoteOn(67, 80))], 6.0, two)
    machine = [each for each in notes(outputs) if each[2] in (62, 65)]
    assert {kind for _, kind, _ in machine} == {"on", "off"}
    assert machine[-1][1] == "off"
    assert machine[-1][0] - machine[-2][0] < 0.5
    assert playing.sounding == {67}
    assert [each for each in playing.stop() if isinstance(each, Message)] == [NoteOff(67)]
    assert playing.deadline is None


def test_it_restarts_although_a_forecast_came_while_stopped() -> None:
    asked: list[Question] = []
    playing = performer(settings(mode=Mode.DUET))
    foresight = playing.delegate(asked.append)
    playing.start(0.0)
    playing.prepare()
    playing.stop()
    assert playing.handle(foresight.answer(asked.pop()), 1.0) == []
    playing.start(2.0)
    playing.prepare()
    assert asked == []  # the forecast that came is the one it needs
    assert playing.handle(NoteOn(60, 80), 3.0) == [NoteOn(62, 80)]


def test_each_note_is_drawn_with_its_own_number() -> None:
    """Not a duet's answer that came late and the first note of the solo after it."""

    def letters(*, prepares: bool) -> tuple[str, ...]:
        playing = Performer(settings(mode=Mode.DUET), AnyLetter(), np.random.default_rng(3))
        playing.start(0.0)
        if prepares:
            playing.prepare()
        for time, event in key(60, 0.0, 0.1):
            playing.handle(event, time)
        playing.handle(Control("mode", "solo"), 0.2)
        for step in range(1, 9):
            playing.advance(step * STEP)
        return playing.status().played

    assert letters(prepares=False) == letters(prepares=True)


def test_a_question_is_urgent_while_a_note_waits_for_it() -> None:
    asked: list[Question] = []
    playing = performer(settings(mode=Mode.DUET))
    foresight = playing.delegate(asked.append)

    def urgency() -> bool:
        """Whether the question that is asked now is urgent. It is answered."""
        playing.prepare()
        (question,) = asked
        asked.clear()
        playing.handle(foresight.answer(question), 0.0)
        return question.is_urgent

    playing.start(0.0)
    playing.handle(NoteOn(60, 80), 0.0)
    assert urgency()  # there is no forecast
    assert not urgency()
    playing.handle(NoteOn(62, 80), 0.1)  # answered at once
    assert not urgency()
    playing.handle(Control("mode", "solo"), 0.2)
    assert not urgency()  # there is time before its first note
    playing.handle(NoteOn(64, 80), 0.6)
    assert urgency()  # now there isn't
    playing.advance(0.6)
    assert not urgency()
    playing.handle(NoteOn(65, 80), 0.745)
    assert urgency()  # the next is due in 5 ms
