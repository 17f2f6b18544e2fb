"""What holds whatever is played: random notes, controls, times and stops."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.notes import (
    ChannelMessage,
    Control,
    EndOfPhrase,
    Event,
    NoteOff,
    NoteOn,
    Output,
    Seconds,
)
from midigen.performer import Performer
from midigen.settings import Mode, Settings
from midigen.vocabulary import AUTO
from tests.players import AnyLetter, settings

channels = st.integers(1, 2)
pitches = st.integers(55, 75)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(NoteOn, pitches, st.integers(1, 127), channels),
    st.builds(NoteOff, pitches, channels),
    st.builds(Control, st.just("mode"), st.sampled_from([*Mode, "trio"])),
    st.just(EndOfPhrase()),
    st.builds(ChannelMessage, st.just(0xB0), st.tuples(st.just(64), st.integers(0, 127)), channels),
)


@dataclass(frozen=True)
class Wait:
    """Time passes; the deadlines within it are met, `late` after each."""

    span: Seconds
    late: Seconds


waits = st.builds(
    Wait,
    st.floats(0, 1.5),
    st.one_of(st.just(0.0), st.floats(0, 0.01), st.floats(0, 2)),
)
scripts = st.lists(st.one_of(events, waits), max_size=60)

choices = st.builds(
    settings,
    mode=st.sampled_from(Mode),
    key=st.sampled_from([Settings().key, AUTO]),
    thru=st.booleans(),
    turn=st.fixed_dictionaries({"silence": st.floats(0.05, 1)}),
    rhythm=st.fixed_dictionaries({"gate": st.floats(0.05, 1), "subdivision": st.integers(1, 8)}),
    output=st.fixed_dictionaries(
        {"offset_ms": st.one_of(st.just(0.0), st.floats(-500, 500)), "channel": st.integers(1, 16)}
    ),
    duet=st.fixed_dictionaries({"quantize": st.booleans()}),
    input=st.fixed_dictionaries(
        {"channel": st.sampled_from(["all", 1]), "low": st.integers(0, 65)}
    ),
    response=st.fixed_dictionaries({"length": st.one_of(st.just("match"), st.integers(1, 9))}),
)


def perform_script(
    chosen: Settings,
    script: list[Event | Wait],
    seed: int,
    min_notes: int,
    *,
    prepares: bool = True,
) -> list[tuple[Seconds, list[Output]]]:
    """What each call returns, with its time; `stop` is the last."""
    playing = Performer(chosen, AnyLetter(min_notes), np.random.default_rng(seed))
    now = 0.0
    calls = [(now, playing.start(now))]
    for move in script:
        if isinstance(move, Wait):
            until = now + move.span
            while (due := playing.deadline) is not None and due <= until:
                now = max(now, min(until, due + move.late))
                if prepares:
                    playing.prepare()
                calls.append((now, playing.advance(now)))
            now = until
        else:
            calls.append((now, playing.handle(move, now)))
    calls.append((now, playing.stop()))
    assert not playing.sounding
    assert playing.deadline is None
    return calls


@given(choices, scripts, st.integers(0, 99), st.integers(1, 4))
@effort(max_examples=400, deadline=None)
def test_every_note_ends_on_its_channel_and_nothing_sounds_after_stop(
    chosen: Settings, script: list[Event | Wait], seed: int, min_notes: int
) -> None:
    sounding: set[int] = set()
    for _, outputs in perform_script(chosen, script, seed, min_notes):
        for output in outputs:
            if isinstance(output, NoteOn):
                assert output.pitch not in sounding
                sounding.add(output.pitch)
            elif isinstance(output, NoteOff):
                assert output.pitch in sounding
                sounding.remove(output.pitch)
            if isinstance(output, NoteOn | NoteOff | ChannelMessage):
                assert output.channel == chosen.output.channel
    assert not sounding


@given(choices, scripts, st.integers(0, 99))
@effort(max_examples=200, deadline=None)
def test_the_machine_plays_in_its_key_and_range(
    chosen: Settings, script: list[Event | Wait], seed: int
) -> None:
    quiet = settings(
        mode=chosen.mode,
        turn={"silence": chosen.turn.silence},
        range={"low": 58, "high": 69},
        duet={"quantize": chosen.duet.quantize},
    )
    for _, outputs in perform_script(quiet, script, seed, 1):
        for output in outputs:
            if isinstance(output, NoteOn):
                assert 58 <= output.pitch <= 69
                assert quiet.key.degree(output.pitch) is not None
                assert 1 <= output.velocity <= 127


@given(choices, scripts, st.integers(0, 99), st.floats(0, 2))
@effort(max_examples=200, deadline=None)
def test_an_interrupted_answer_is_silent_within_the_same_call(
    chosen: Settings, script: list[Event | Wait], seed: int, pause: float
) -> None:
    """Whatever came before: after a struck key, call-response has nothing sounding or planned."""
    chosen = settings(turn={"silence": chosen.turn.silence}, output={"channel": 3})
    playing = Performer(chosen, AnyLetter(1), np.random.default_rng(seed))
    playing.start(0.0)
    now = 0.0
    for move in script:
        if isinstance(move, Wait):
            now += move.span
            playing.advance(now)
        elif not isinstance(move, Control):
            playing.handle(move, now)
    now += pause
    playing.advance(now)
    sounding = sorted(playing.sounding)
    outputs = playing.handle(NoteOn(100, 80), now)
    assert [output.pitch for output in outputs if isinstance(output, NoteOff)] == sounding
    assert not playing.sounding
    assert playing.deadline is None  # until the key comes up


@given(choices, scripts, st.integers(0, 99))
@effort(max_examples=150, deadline=None)
def test_the_same_seed_plays_the_same_prepared_or_not(
    chosen: Settings, script: list[Event | Wait], seed: int
) -> None:
    prepared = perform_script(chosen, script, seed, 2, prepares=True)
    assert prepared == perform_script(chosen, script, seed, 2, prepares=False)


@given(choices, scripts, st.integers(0, 99))
@effort(max_examples=150, deadline=None)
def test_the_next_deadline_is_always_after_the_last_call(
    chosen: Settings, script: list[Event | Wait], seed: int
) -> None:
    """Otherwise the daemon would spin."""
    playing = Performer(chosen, AnyLetter(1), np.random.default_rng(seed))
    playing.start(0.0)
    now = 0.0
    for move in script:
        if isinstance(move, Wait):
            now += move.span
        else:
            playing.handle(move, now)
        playing.advance(now)
        assert playing.deadline is None or playing.deadline > now
