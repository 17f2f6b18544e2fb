"""What holds whatever is played: random notes, controls, times and stops."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.events import Output, Reload, TempoChange
from midigen.instrument.performer import Performer
from midigen.midi.messages import ChannelMessage, Clock, Message, NoteOff, NoteOn, Seconds
from midigen.music.keys import AUTO, Key
from midigen.settings.choices import Mode, RhythmSource, TempoSource
from midigen.settings.controls import Control
from midigen.settings.kinds import Transposition
from midigen.settings.sections import Range, Scene
from midigen.settings.table import Settings
from tests.players import AnyLetter, TimedEvents, key, onsets, run, settings
from tests.scripts import (
    Script,
    Shelf,
    Wait,
    channels,
    choices,
    scripts,
)


def perform_script(
    chosen: Settings,
    script: Script,
    seed: int,
    min_notes: int,
    *,
    prepares: bool = True,
) -> list[tuple[Seconds, list[Output]]]:
    """What each call returns, with its time; `stop` is the last."""
    return [
        (time, outputs)
        for time, outputs, _ in perform_and_write(
            chosen, script, seed, min_notes, prepares=prepares
        )
    ]


def perform_and_write(
    chosen: Settings,
    script: Script,
    seed: int,
    min_notes: int,
    *,
    prepares: bool = True,
) -> list[tuple[Seconds, list[Output], list[Message]]]:
    """The same, with the machine's own part of it."""
    playing = Performer(chosen, AnyLetter(min_notes), np.random.default_rng(seed), Shelf())
    now = 0.0
    calls: list[tuple[Seconds, list[Output], list[Message]]] = []

    def take(outputs: list[Output]) -> None:
        calls.append((now, outputs, playing.own))

    take(playing.start(now))
    for move in script:
        if isinstance(move, Wait):
            until = now + move.span
            while (due := playing.deadline) is not None and due <= until:
                now = max(now, min(until, due + move.late))
                if prepares:
                    playing.prepare()
                take(playing.advance(now))
            now = until
        else:
            take(playing.handle(move, now))
    take(playing.stop())
    assert not playing.sounding
    assert playing.deadline is None
    return calls


@given(choices, scripts, st.integers(0, 99), st.integers(1, 4))
@effort(max_examples=400, deadline=None)
def test_every_note_ends_on_its_channel_and_nothing_sounds_after_stop(
    chosen: Settings, script: Script, seed: int, min_notes: int
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
            if isinstance(output, Clock):
                assert chosen.clock.send
    assert not sounding


planned = st.builds(
    settings,
    mode=st.just(Mode.DUET),
    key=st.sampled_from([Settings().key, AUTO]),
    tempo=st.fixed_dictionaries({"source": st.sampled_from(TempoSource)}),
    duet=st.fixed_dictionaries({"quantize": st.booleans()}),
    output=st.fixed_dictionaries({"offset_ms": st.sampled_from([0.0, 80.0, 500.0])}),
    scene=st.just(
        (
            Scene(name="one", set=(("key", "F# major"), ("velocity", 0.5))),
            Scene(name="two", model="other", set=(("key", "D dorian"),)),
        )
    ),
    response=st.fixed_dictionaries(
        {"transpose": st.builds(Transposition, degrees=st.integers(-14, 14))}
    ),
)
"""Duet in which an answer sounds a while after it is found, in whatever key there is then."""

changes = st.one_of(
    st.builds(
        Control, st.just("key"), st.sampled_from(["auto", "Db major", "B major", "E dorian"])
    ),
    st.builds(Control, st.just("scene"), st.sampled_from(["one", "two"])),
    st.builds(Control, st.just("mode"), st.sampled_from(Mode)),
    st.builds(Control, st.just("tempo"), st.floats(20, 400)),
    st.builds(Control, st.just("forget")),
    st.builds(
        Reload,
        st.builds(
            settings,
            mode=st.sampled_from(Mode),
            key=st.builds(Key.named, st.sampled_from(["Gb major", "E major"])),
            range=st.builds(Range, st.just(50), st.integers(61, 80)),
            response=st.fixed_dictionaries(
                {"transpose": st.builds(Transposition, degrees=st.integers(-14, 14))}
            ),
        ),
    ),
)


changed_scripts = st.builds(
    lambda before, change, after: [*before, change, *after], scripts, changes, scripts
)


@given(choices, changed_scripts, st.integers(0, 99), st.integers(1, 4))
@effort(max_examples=400, deadline=None)
def test_its_own_part_is_what_it_plays_without_thru(
    chosen: Settings, script: Script, seed: int, min_notes: int
) -> None:
    """Also where the player holds a key of the same pitch through thru, or its pedal."""
    parts = [
        perform_and_write(replace(chosen, thru=thru), script, seed, min_notes)
        for thru in (False, True)
    ]
    plain = [[each for each in outputs if is_note(each)] for _, outputs, _ in parts[0]]
    assert [own for _, _, own in parts[0]] == plain
    assert [own for _, _, own in parts[1]] == plain


def is_note(output: Output) -> bool:
    return isinstance(output, NoteOn | NoteOff)


shortly = st.builds(Wait, st.floats(0, 0.3), st.just(0.0))
gestures = st.builds(
    lambda pitch, channel, change, *waits: [
        *(NoteOn(pitch, 80, channel), waits[0], change, waits[1], NoteOff(pitch, channel), waits[2])
    ],
    st.integers(0, 127),
    channels,
    changes,
    *(shortly, shortly, shortly),
)
"""A key is struck, and before its answer sounds something changes, as a rule."""


@given(planned, st.lists(gestures, min_size=1, max_size=12), st.integers(0, 99))
@effort(max_examples=400, deadline=None)
def test_what_was_planned_sounds_in_the_key_that_there_is_then(
    chosen: Settings, played: list[Script], seed: int
) -> None:
    playing = Performer(chosen, AnyLetter(1), np.random.default_rng(seed), Shelf())
    now = 0.0
    playing.start(now)

    def in_force() -> Key:
        name = playing.status().key.removesuffix(" (auto)")
        return Settings().key if name == "auto" else Key.named(name)

    def check(call: Callable[[], list[Output]]) -> None:
        """A call may change the key, before or after a note."""
        before = in_force()
        for output in call():
            if isinstance(output, NoteOn):
                assert {None} != {each.degree(output.pitch) for each in (before, in_force())}

    for move in [move for gesture in played for move in gesture]:
        if isinstance(move, Wait):
            now += move.span
            while (due := playing.deadline) is not None and due <= now:
                check(partial(playing.advance, due))
        else:
            check(partial(playing.handle, move, now))
    playing.stop()


@given(
    st.lists(st.tuples(st.floats(0.02, 0.6), st.floats(0.1, 1.0)), min_size=2, max_size=12),
    st.floats(0.0005, 0.03),
    st.sampled_from(RhythmSource),
)
@effort(max_examples=200, deadline=None)
def test_what_is_sent_early_moves_nothing_that_is_played(
    steps: list[tuple[Seconds, float]], early: Seconds, source: RhythmSource
) -> None:
    """The tempo by ear and the mirrored answer are the same: only sooner, as it is sent so."""
    chosen = settings(
        tempo={"source": TempoSource.FOLLOW}, rhythm={"source": source}, clock={"send": True}
    )
    played: TimedEvents = []
    now = 0.0
    for step, part in steps:
        played += key(60, now, now + step * part * 0.9)
        now += step
    outputs, sooner = (run(chosen, played, now + 3, each) for each in (0.0, early))
    assert [each for _, each in sooner if isinstance(each, TempoChange)] == [
        each for _, each in outputs if isinstance(each, TempoChange)
    ]
    known = [time - early for time in onsets(outputs)]
    assert onsets(sooner)[: len(known)] == pytest.approx(known, abs=2e-6)


@given(choices, scripts, st.integers(0, 99))
@effort(max_examples=200, deadline=None)
def test_the_machine_plays_in_its_key_and_range(
    chosen: Settings, script: Script, seed: int
) -> None:
    quiet = replace(
        chosen,
        range=Range(58, 69),
        key=Settings().key,
        thru=False,
        scene=(),
    )
    script = [move for move in script if not (isinstance(move, Control) and move.name == "key")]
    for _, outputs in perform_script(quiet, script, seed, 1):
        for output in outputs:
            if isinstance(output, NoteOn):
                assert 58 <= output.pitch <= 69
                assert quiet.key.degree(output.pitch) is not None
                assert 1 <= output.velocity <= 127


LAST_PHRASE: Script = [
    *(NoteOff(pitch, channel) for pitch in range(55, 76) for channel in (1, 2)),
    *(ChannelMessage(0xB0, (121, 0), channel) for channel in (1, 2)),
    *(NoteOn(60, 80), Wait(0.1, 0.0), NoteOff(60)),
]
"""All keys and pedals come up, and one key is struck: it is answered."""


def test_an_interrupted_answer_is_silent_within_the_same_call() -> None:
    """Whatever came before: after a struck key, call-response has nothing sounding or planned."""
    interrupted = 0

    @given(choices, scripts, st.integers(0, 99), st.sampled_from([0, 0, 0, 1, 3]))
    @effort(max_examples=200, deadline=None)
    def interrupt(chosen: Settings, script: Script, seed: int, steps: int) -> None:
        nonlocal interrupted
        chosen = replace(
            settings(turn={"silence": chosen.turn.silence}, output={"channel": 3}),
            tempo=chosen.tempo,
            rhythm=chosen.rhythm,
            touch=chosen.touch,
        )
        playing = Performer(chosen, AnyLetter(1), np.random.default_rng(seed))
        playing.start(0.0)
        now = 0.0
        for move in [*script, *LAST_PHRASE]:
            if isinstance(move, Wait):
                now += move.span
                while (due := playing.deadline) is not None and due <= now:
                    playing.advance(due)
            elif not isinstance(move, Control):
                playing.handle(move, now)
        while not playing.sounding and playing.deadline is not None and playing.deadline < now + 9:
            playing.advance(now := playing.deadline)
        for _ in range(steps):
            if playing.deadline is not None:
                playing.advance(now := playing.deadline)
        sounding = sorted(playing.sounding)
        interrupted += bool(sounding)
        outputs = playing.handle(NoteOn(100, 80), now)
        assert [output.pitch for output in outputs if isinstance(output, NoteOff)] == sounding
        assert not playing.sounding
        later = playing.advance(now + 60)  # until the key comes up
        assert not [output for output in later if isinstance(output, NoteOn)]

    interrupt()
    assert interrupted > 80


@given(choices, scripts, st.integers(0, 99))
@effort(max_examples=150, deadline=None)
def test_the_same_seed_plays_the_same_prepared_or_not(
    chosen: Settings, script: Script, seed: int
) -> None:
    prepared = perform_script(chosen, script, seed, 2, prepares=True)
    assert prepared == perform_script(chosen, script, seed, 2, prepares=False)


@given(choices, scripts, st.integers(0, 99))
@effort(max_examples=150, deadline=None)
def test_the_next_deadline_is_always_after_the_last_call(
    chosen: Settings, script: Script, seed: int
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
