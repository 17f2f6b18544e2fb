"""Other settings while it plays: nothing hangs, and it goes on as if it had begun with them.

The predictor is sure of the next letter, so that what is played doesn't hang on chance.
"""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.events import EndOfAnswer, Notice, Output, Reload, TempoChange
from midigen.instrument.performer import Performer
from midigen.midi.messages import ChannelMessage, Clock, NoteOff, NoteOn, Seconds
from midigen.music.keys import Key
from midigen.prediction.foresight import Question
from midigen.prediction.predictor import Predictor
from midigen.prediction.window import Degrees
from midigen.settings.choices import Mode, TempoSource
from midigen.settings.controls import Control
from midigen.settings.kinds import (
    AnswerLength,
    Choice,
    Flag,
    InBeats,
    Interval,
    KeyName,
    Kind,
    Number,
    Transposition,
)
from midigen.settings.sections import Knob, Scene
from midigen.settings.table import Settings
from tests.models import AnyLetterAndMemory, Moody, SameLetter, SecondLetter
from tests.players import (
    NextLetter,
    TimedEvents,
    TimedOutputs,
    drive,
    key,
    performer,
    settings,
    ticks,
    together,
)
from tests.scripts import Script, Shelf, Wait, scripts

READ_AGAIN = Notice("the configuration was reloaded")


# --- any settings at all


def values(kind: Kind) -> st.SearchStrategy[Any]:
    """Values as a kind has read them."""
    match kind:
        case Number(whole=True):
            numbers: st.SearchStrategy[Any] = st.integers(int(kind.low), int(kind.high))
        case Number():
            numbers = st.floats(kind.low, kind.high)
        case Choice():
            return st.sampled_from(list(kind.words))
        case Flag():
            return st.booleans()
        case AnswerLength():
            beats = st.floats(0.125, 9).map(InBeats)
            return st.sampled_from(["match", "endless"]) | st.integers(1, 12) | beats
        case Interval():
            degrees = st.builds(Transposition, st.just(0), st.integers(-14, 14))
            return st.builds(Transposition, st.integers(-4, 4)) | degrees
        case KeyName():
            return st.sampled_from(["auto", "C major", "G major", "F# minor", "Db dorian"]).map(
                kind.read
            )
        case _:
            raise AssertionError(f"no values for {kind}")
    return numbers | st.just(kind.word) if kind.word else numbers


OUTSIDE = ("model", "ports", "osc", "record", "control", "scene")  # none of the performer's own


def _strategies() -> Mapping[str, st.SearchStrategy[Any]]:
    """By the key of each setting that the performer goes by, `"tempo.bpm"`."""
    found: dict[str, st.SearchStrategy[Any]] = {}
    for entry in fields(Settings):
        if entry.name in OUTSIDE:
            continue
        section = getattr(Settings(), entry.name)
        if is_dataclass(section) and "kind" not in entry.metadata:
            for inner in fields(section):
                found[f"{entry.name}.{inner.name}"] = values(inner.metadata["kind"])
        else:
            found[entry.name] = values(entry.metadata["kind"])
    return found


STRATEGIES = _strategies()


def changed(chosen: Settings, changes: Mapping[str, Any]) -> Settings:
    for name, value in changes.items():
        chosen = chosen.changed(name, value)
    return chosen


some_changes = st.sets(st.sampled_from(sorted(STRATEGIES)), max_size=12).flatmap(
    lambda names: st.fixed_dictionaries({name: STRATEGIES[name] for name in sorted(names)})
)
everything = st.fixed_dictionaries(dict(STRATEGIES))


ENDS = [
    ("input.low", "input.high", 0),
    ("range.low", "range.high", 11),
    ("turn.min", "turn.max", 0),
]


def consistent(changes: st.SearchStrategy[Any]) -> st.SearchStrategy[Settings]:
    """Settings with these changes, and the lower end of each range below the upper one."""

    def put_right(changes: Mapping[str, Any]) -> Settings:
        chosen = changed(settings(), changes)
        for low, high, least in ENDS:
            lower, upper = sorted((chosen.at(low), chosen.at(high)))
            lower = min(lower, 127 - least)
            chosen = changed(chosen, {low: lower, high: max(upper, lower + least)})
        assert not chosen.contradictions()
        return chosen

    return changes.map(put_right)


any_settings = consistent(some_changes) | consistent(everything)


@given(st.lists(any_settings, min_size=2, max_size=4), st.lists(scripts, min_size=1, max_size=4))
@effort(max_examples=60, deadline=None)
def test_whatever_is_changed_while_notes_sound_nothing_hangs(
    all_settings: list[Settings], all_scripts: list[Script]
) -> None:
    """What was begun on the former channel ends on it, before anything is begun on the new one."""
    first, *others = all_settings
    playing = Performer(first, AnyLetterAndMemory(), np.random.default_rng(0))
    now = 0.0
    sounding: set[tuple[int, int]] = set()
    channel = first.output.channel

    def check(outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, NoteOn | NoteOff | ChannelMessage):
                assert output.channel == channel
            if isinstance(output, NoteOn):
                assert (channel, output.pitch) not in sounding
                sounding.add((channel, output.pitch))
            elif isinstance(output, NoteOff):
                sounding.remove((channel, output.pitch))

    check(playing.start(now))
    for chosen, script in zip([*others, first], all_scripts, strict=False):
        for move in script:
            if isinstance(move, Wait):
                until = now + move.span
                while (due := playing.deadline) is not None and due <= until:
                    now = max(now, due)
                    check(playing.advance(now))
                    assert playing.deadline is None or playing.deadline > now
                now = until
            else:
                check(playing.handle(move, now))
        outputs = playing.handle(Reload(chosen), now)
        place = outputs.index(READ_AGAIN)
        check(outputs[:place])
        assert not sounding
        assert not playing.sounding
        channel = chosen.output.channel
        check(outputs[place:])
        assert playing.status().mode == chosen.mode
        assert playing.status().muted == chosen.output.mute
    check(playing.stop())
    assert not sounding


# --- as if it had begun with them


STEADY: Mapping[str, Any] = {"rhythm.density": 1.0, "touch.variation": 0}
"""What hangs on chance otherwise."""

alike = st.fixed_dictionaries(
    {
        **STRATEGIES,
        **{name: st.just(value) for name, value in STEADY.items()},
        # What was followed so far counts on, as do the steps and keys that `auto` goes by, and
        # the notes that max_repeat counts.
        "sampling.max_repeat": st.just("off"),
        "tempo.source": st.just(TempoSource.INTERNAL),
        "turn.silence": st.floats(0.05, 1),
        # And most of it is to be heard.
        "output.mute": st.just(False),
        "input.channel": st.sampled_from(["all", 1]),
        "input.low": st.integers(0, 62),
        "input.high": st.integers(66, 127),
        "key": st.sampled_from(["C major", "G major", "Db dorian"]).map(Key.named),
    }
)


def phrase(chosen: Settings, start: Seconds) -> TimedEvents:
    """A rising line that begins in the key, so that it is heard alike whatever was before it."""
    first = 60 + chosen.key.pitch_classes[0]
    line = (first, first + 1, first + 5, first + 3, first + 10)
    events = (key(p, start + at * 0.31, start + at * 0.31 + 0.2) for at, p in enumerate(line))
    return together(*events, key(first + 4, start + 3.0, start + 3.4))


@given(consistent(everything), consistent(alike), st.integers(0, 3))
@effort(max_examples=40, deadline=None)
def test_afterwards_it_plays_as_one_that_was_made_with_these_settings(
    before: Settings, after: Settings, seed: int
) -> None:
    """Once both have forgotten what was heard; at the beginning of a bar."""
    before = changed(before, STEADY)
    playing = Performer(before, NextLetter(), np.random.default_rng(seed))
    drive(playing, phrase(settings(), 0.1), 3.5)
    line = playing.timeline
    bars = math.ceil(line.beat_at(3.5) / before.tempo.bar)
    start = line.time_of(bars * before.tempo.bar)
    playing.advance(start)
    playing.handle(Reload(after), start)
    playing.handle(Control("forget"), start)
    made = Performer(after, NextLetter(), np.random.default_rng(seed + 1))
    made.start(start)
    made.handle(Control("forget"), start)
    script = phrase(after, start + 0.1)
    assert played(playing, script) == played(made, script)


def played(playing: Performer, script: TimedEvents) -> list[tuple[Seconds, Output]]:
    """What is played to events, and for a while after."""
    outputs: TimedOutputs = []
    for time, event in [*script, (script[-1][0] + 4.0, Control("keep"))]:
        while (due := playing.deadline) is not None and due <= time:
            outputs += [(round(due, 5), output) for output in playing.advance(due)]
            playing.prepare()
        outputs += [(round(time, 5), output) for output in playing.handle(event, time)]
        playing.prepare()
    return outputs


def velocities(playing: Performer, start: Seconds) -> list[int]:
    outputs = []
    for count in range(20):
        outputs += playing.handle(NoteOn(60, 80), start + count)
        outputs += playing.handle(NoteOff(60), start + count + 0.5)
    return [output.velocity for output in outputs if isinstance(output, NoteOn)]


def test_the_touch_is_another_from_the_next_note_on() -> None:
    playing = performer(settings(mode=Mode.DUET, touch={"variation": 40}))
    playing.start(0.0)
    assert len(set(velocities(playing, 0.0))) > 5
    playing.handle(Reload(settings(mode=Mode.DUET, touch={"variation": 0})), 30.0)
    assert set(velocities(playing, 31.0)) == {80}


def test_a_note_is_repeated_no_more_often_than_now_allowed() -> None:
    playing = Performer(settings(mode=Mode.DUET), SameLetter(), np.random.default_rng(0))
    playing.start(0.0)
    playing.handle(Reload(settings(mode=Mode.DUET, sampling={"max_repeat": 2})), 0.1)
    played = []
    for count in range(9):
        played += playing.handle(NoteOn(60, 80), float(count + 1))
        playing.handle(NoteOff(60), count + 1.5)
    same = [each.pitch == 60 for each in played if isinstance(each, NoteOn)]
    assert same == [True, True, False] * 3


# --- what stays


SAME = settings(mode=Mode.DUET, sampling={"temperature": 0.0})


def test_window_and_memory_stay() -> None:
    """C E G C: by what was played before, E follows C, in any key."""
    playing = Performer(SAME, AnyLetterAndMemory(), np.random.default_rng(0))
    playing.start(0.0)
    for time, event in together(*(key(p, at, at + 0.1) for at, p in enumerate((60, 64, 67)))):
        playing.handle(event, time)
    other = changed(SAME, {"key": Key.named("G major"), "range.low": 40})
    playing.handle(Reload(other), 4.0)
    assert playing.handle(NoteOn(67, 80), 5.0) == [NoteOn(71, 80)]  # C and E of that key
    assert playing.status().heard == ("G",)  # by other ears
    playing.handle(Reload(changed(other, {"mode": Mode.SOLO})), 6.0)
    assert [each for each in playing.advance(6.0) if isinstance(each, NoteOn)] == [NoteOn(71, 80)]


@pytest.mark.parametrize("predictor", [None, SecondLetter()])
def test_the_model_stays_unless_there_is_another(predictor: Predictor | None) -> None:
    playing = performer(SAME)
    playing.start(0.0)
    assert playing.handle(NoteOn(60, 80), 0.0) == [NoteOn(62, 80)]
    name = "other" if predictor else "songs"
    assert playing.handle(Reload(replace(SAME, model=name), predictor), 1.0)[-1] == READ_AGAIN
    assert playing.status().model == name
    answer = NoteOn(64 if predictor else 62, 80)
    assert playing.handle(NoteOn(60, 80), 2.0) == [answer]


def test_scenes_find_their_models_where_the_reload_says() -> None:
    verse = settings(mode=Mode.DUET, scene=(Scene(name="verse", model="verse's"),))
    old, new = Shelf(), Shelf()
    playing = Performer(verse, NextLetter(), np.random.default_rng(0), old)
    playing.start(0.0)
    playing.handle(Reload(verse, NextLetter(), new), 0.1)
    playing.handle(Control("scene", "verse"), 0.1)
    playing.advance(2.0)
    assert playing.status().model == "verse's"
    assert (old.asked, new.asked > 1) == (0, True)


def test_a_model_that_fails_again_after_a_reload_is_told_of_again() -> None:
    def broken(_: Degrees) -> Any:
        raise ZeroDivisionError

    playing = Performer(SAME, Moody(broken), np.random.default_rng(0))
    told: list[str] = []
    playing.start(0.0)
    for start in (0.0, 1.0):
        for time, event in key(60, start, start + 0.1):
            told += [o.text for o in playing.handle(event, time) if isinstance(o, Notice)]
        told += [
            o.text
            for o in playing.handle(Reload(SAME, Moody(broken)), start + 0.5)
            if isinstance(o, Notice)
        ]
    assert sum("fails" in line for line in told) == 2


def test_a_forecast_that_was_under_way_is_not_played_by_if_the_model_is_another() -> None:
    asked: list[Question] = []
    playing = performer(SAME)
    foresight = playing.delegate(asked.append)
    playing.start(0.0)
    playing.prepare()
    playing.handle(Reload(replace(SAME, model="other"), SecondLetter()), 1.0)
    playing.handle(foresight.answer(asked.pop()), 1.1)
    playing.prepare()
    assert playing.handle(NoteOn(60, 80), 2.0) == []
    assert playing.handle(foresight.answer(asked.pop()), 2.1) == [NoteOn(64, 80)]


def test_the_beat_stays_where_nothing_of_it_has_changed() -> None:
    playing = performer(settings(mode=Mode.SOLO, clock={"send": True}))
    playing.start(0.0)
    playing.handle(NoteOn(60, 80), 0.1)
    playing.advance(1.13)
    changes = {"mode": Mode.SOLO, "clock": {"send": True}, "touch": {"scale": 0.5}}
    outputs = playing.handle(Reload(settings(**changes)), 1.13)
    assert not [output for output in outputs if isinstance(output, Clock | TempoChange)]
    later = [
        (due, output)
        for _ in range(30)
        if (due := playing.deadline) is not None
        for output in playing.advance(due)
    ]
    onsets = [time for time, output in later if isinstance(output, NoteOn)]
    assert onsets[:2] == [1.25, 1.5]
    beats = [time * 48 for time, output in later if output is Clock.TICK]
    assert beats == pytest.approx([round(beat) for beat in beats])


FOLLOWING = settings(tempo={"source": TempoSource.CLOCK})


def test_a_clock_that_is_followed_is_followed_on() -> None:
    """Its tempo isn't that of the configuration, and nothing in that has changed."""
    playing = performer(FOLLOWING)
    clock = together([(0.0, Clock.START)], ticks(100, 0.0, 97))
    drive(playing, clock, 2.4)
    line = playing.timeline
    outputs = playing.handle(Reload(changed(FOLLOWING, {"sampling.temperature": 0.5})), 2.4)
    assert not [output for output in outputs if isinstance(output, TempoChange)]
    assert playing.status().beat == "clock"
    assert playing.timeline == line


@pytest.mark.parametrize("source", [TempoSource.CLOCK, TempoSource.FOLLOW])
def test_another_tempo_or_source_begins_the_beat_anew(source: TempoSource) -> None:
    playing = performer(settings(clock={"send": True}))
    playing.start(0.0)
    playing.advance(1.1)
    other = settings(clock={"send": True}, tempo={"source": source, "bpm": 90.0})
    outputs = playing.handle(Reload(other), 1.1)
    assert outputs == [Clock.STOP, TempoChange(90.0), Clock.START, READ_AGAIN]
    assert playing.status().beat == f"{source} (none yet)"
    assert (playing.timeline.beat_at(1.1), playing.timeline.bpm) == (0.0, 90.0)


def test_what_the_controls_have_changed_is_as_the_file_has_it_again() -> None:
    playing = performer(SAME)
    playing.start(0.0)
    for name, value in (("key", "Eb major"), ("tempo", 90), ("mute", "on"), ("hold", "on")):
        playing.handle(Control(name, value), 0.1)
    outputs = playing.handle(Reload(SAME), 1.0)
    assert outputs == [TempoChange(120.0), READ_AGAIN]
    status = playing.status()
    assert (status.key, status.bpm, status.muted, status.holding) == (
        *("C major", 120.0),
        *(False, False),
    )
    assert playing.handle(NoteOn(60, 80), 2.0) == [NoteOn(62, 80)]


# --- what sounds, and what is held


def test_an_answer_ends_and_the_held_keys_are_forgotten() -> None:
    """Whose ends may come later, or on a channel that isn't heard any more."""
    playing = performer(settings(turn={"silence": 0.5}, response={"length": 9, "hold": True}))
    playing.start(0.0)
    for time, event in key(60, 0.0, 0.1):
        playing.handle(event, time)
    assert playing.advance(0.6) == [NoteOn(62, 80)]
    assert playing.handle(NoteOn(61, 80), 0.65) == []
    assert playing.handle(ChannelMessage(0xB0, (64, 127)), 0.65) == []
    assert playing.handle(Reload(settings(turn={"silence": 0.2})), 0.7) == [
        NoteOff(62),
        EndOfAnswer(),
        READ_AGAIN,
    ]
    assert playing.deadline is None
    for time, event in key(64, 1.0, 1.1):
        playing.handle(event, time)
    assert playing.deadline == pytest.approx(1.3)


def test_keys_and_pedal_that_thru_holds_end_on_the_channel_they_began_on() -> None:
    playing = performer(settings(thru=True))
    playing.start(0.0)
    playing.handle(NoteOn(60, 80), 0.1)
    playing.handle(ChannelMessage(0xB0, (64, 127)), 0.2)
    outputs = playing.handle(Reload(settings(thru=True, output={"channel": 5})), 0.3)
    assert outputs == [NoteOff(60), ChannelMessage(0xB0, (64, 0)), READ_AGAIN]
    assert playing.handle(NoteOff(60), 0.4) == []
    assert playing.handle(NoteOn(62, 80), 0.5) == [NoteOn(62, 80, 5)]


def test_its_own_part_is_on_the_channel_it_plays_on() -> None:
    playing = performer(settings(mode=Mode.DUET))
    playing.start(0.0)
    assert playing.handle(NoteOn(60, 80), 0.1) == playing.own == [NoteOn(62, 80)]
    playing.handle(Reload(settings(mode=Mode.DUET, output={"channel": 5})), 0.3)
    assert playing.own == [NoteOff(62)]
    playing.handle(NoteOn(60, 80), 0.5)
    assert playing.own == [NoteOn(62, 80, 5)]


def test_knobs_and_scenes_are_the_new_ones() -> None:
    old = settings(scene=(Scene(name="verse", set=(("mute", True),)),))
    new = settings(
        control=(Knob(name="hold", cc=21),), scene=(Scene(name="coda", set=(("hold", True),)),)
    )
    playing = performer(old)
    playing.start(0.0)
    playing.handle(Control("scene", "verse"), 0.1)  # and it is due at the next beat
    playing.handle(Reload(new), 0.2)
    assert playing.advance(1.0) == []
    (notice,) = playing.handle(Control("scene", "verse"), 1.1)
    assert notice == Notice("no scene 'verse': there are coda", is_refusal=True)
    playing.handle(ChannelMessage(0xB0, (21, 127)), 1.2)
    assert playing.status().holding
