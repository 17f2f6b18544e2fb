"""A key that a file doesn't end, or ends too late, keeps no answer from coming."""

from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.instrument.hearing import Hearing
from midigen.instrument.loose_ends import tied
from midigen.midi.messages import (
    CONTROL_CHANGE,
    SUSTAIN,
    ChannelMessage,
    NoteOff,
    NoteOn,
    TimedMessage,
)
from tests.midi_files import render_file, track_notes
from tests.players import NextLetter, notes, panel, settings

BEAT, PAUSE = 0.5, 1.0


def ended(*events: list[TimedMessage], **sections: object) -> list[TimedMessage]:
    played = sorted((each for event in events for each in event), key=lambda timed: timed[0])
    return tied(played, Hearing(panel(settings(**sections))), BEAT, PAUSE)


def key(pitch: int, onset: float, end: float | None = None, channel: int = 1) -> list[TimedMessage]:
    off: list[TimedMessage] = [] if end is None else [(end, NoteOff(pitch, channel))]
    return [(onset, NoteOn(pitch, 80, channel)), *off]


def pedal(time: float, value: int, channel: int = 1) -> TimedMessage:
    return time, ChannelMessage(CONTROL_CHANGE, (SUSTAIN, value), channel)


def phrase(start: float) -> list[TimedMessage]:
    """Four quarters, the last of which ends two seconds later."""
    return [
        each
        for step, pitch in enumerate((60, 62, 64, 65))
        for each in key(pitch, start + step * BEAT, start + (step + 1) * BEAT)
    ]


def without(events: list[TimedMessage], pitch: int) -> list[TimedMessage]:
    return [each for each in events if each[1] != NoteOff(pitch)]


# --- what lacks its end


@pytest.mark.parametrize("pitch", [60, 62, 64, 65])
def test_a_key_that_never_ends_comes_up_in_the_first_pause(pitch: int) -> None:
    assert ended(without(phrase(0), pitch), phrase(5)) == ended(
        sorted([*without(phrase(0), pitch), (2.0, NoteOff(pitch))], key=lambda each: each[0]),
        phrase(5),
    )


def test_a_key_that_ends_at_the_end_comes_up_in_the_first_pause() -> None:
    assert ended(phrase(0), key(48, 0.0, 7.0), phrase(5)) == ended(
        phrase(0), key(48, 0.0, 2.0), phrase(5)
    )


def test_a_key_that_is_struck_again_comes_up_in_the_pause_before() -> None:
    again = [*without(phrase(0), 65), (2.0, NoteOff(65))]
    assert ended(without(phrase(0), 65), phrase(5)) == ended(again, phrase(5))


def test_without_any_end_a_key_is_held_for_a_beat_or_to_the_pause() -> None:
    played = ended(*(key(60 + step, at) for step, at in enumerate((0.0, 0.3, 0.6, 4.0))))
    assert notes([*played]) == [
        *((0.0, "on", 60), (0.3, "on", 61), (0.6, "on", 62)),
        *((1.1, "off", 60), (1.1, "off", 61), (1.1, "off", 62)),
        *((4.0, "on", 63), (4.5, "off", 63)),
    ]  # fmt: skip


def test_a_pedal_that_stays_down_comes_up_in_the_first_pause() -> None:
    held = [pedal(0.2, 127), pedal(4.0, 90), pedal(5.5, 127)]
    assert ended(phrase(0), held, phrase(5)) == ended(
        phrase(0), [pedal(0.2, 127), pedal(2.0, 0)], phrase(5)
    )
    assert ended(phrase(0), [*held, pedal(8.0, 0)], phrase(5)) == ended(
        phrase(0), [pedal(0.2, 127), pedal(2.0, 0)], phrase(5)
    )


def test_a_pedal_that_is_pressed_in_a_pause_and_stays_down_comes_up_at_once() -> None:
    assert pedal(3.0, 0) in ended(phrase(0), [pedal(3.0, 127)], phrase(5))


def test_all_notes_off_at_the_end_is_too_late() -> None:
    over: list[TimedMessage] = [(9.0, ChannelMessage(CONTROL_CHANGE, (123, 0)))]
    assert (2.0, NoteOff(48)) in ended(phrase(0), key(48, 0.0), phrase(5), over)


# --- what has its end


@pytest.mark.parametrize(
    "held",
    [
        key(48, 1.0, 6.5),  # till a time at which others are played: so it was meant
        [pedal(1.0, 127), pedal(4.0, 80), pedal(6.4, 0)],
        key(48, 5.0, 9.0),  # the last note, which is long
        key(48, 0.0, 4.9),  # over the pause
    ],
)
def test_what_is_held_on_purpose_is_left_alone(held: list[TimedMessage]) -> None:
    events = [*phrase(0), *held, *phrase(5)]
    assert ended(events) == sorted(events, key=lambda timed: timed[0])


def test_a_drone_is_left_alone_where_the_others_go_on() -> None:
    events = [*key(36, 0.0, 4.0), *phrase(0), *phrase(2.5)]
    assert ended(events) == sorted(events, key=lambda timed: timed[0])


def test_what_isnt_heard_is_no_sound_in_a_pause() -> None:
    drums = [each for beat in range(16) for each in key(36, beat / 2, beat / 2 + 0.4, channel=10)]
    assert (2.0, NoteOff(60)) in ended(without(phrase(0), 60), phrase(5), drums)
    named = ended(without(phrase(0), 60), phrase(5), drums, input={"channel": 10})
    assert (2.0, NoteOff(60)) not in named


# --- properties


_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 200).map(lambda tick: tick / 10),
        st.builds(NoteOn, st.integers(60, 63), st.just(80), st.integers(1, 2))
        | st.builds(NoteOff, st.integers(60, 63), st.integers(1, 2))
        | st.builds(
            lambda number, value: ChannelMessage(CONTROL_CHANGE, (number, value)),
            st.sampled_from([SUSTAIN, SUSTAIN, 121, 123, 7]),
            st.sampled_from([0, 50, 64, 127]),
        ),
    ),
    max_size=30,
).map(lambda events: sorted(events, key=lambda timed: timed[0]))


@given(_EVENTS)
def test_every_onset_stays_and_every_key_has_an_end(played: list[TimedMessage]) -> None:
    done = ended(played)
    times = [time for time, _ in done]
    assert times == sorted(times)
    assert [each for each in done if isinstance(each[1], NoteOn)] == [
        each for each in played if isinstance(each[1], NoteOn)
    ]
    down = set()
    for _, message in done:
        match message:
            case NoteOn():
                down.add((message.channel, message.pitch))
            case NoteOff():
                down.discard((message.channel, message.pitch))
            case ChannelMessage(data=(123, _)):
                down = {each for each in down if each[0] != message.channel}
    assert not down


@given(_EVENTS)
def test_once_it_has_all_its_ends_nothing_changes(played: list[TimedMessage]) -> None:
    once = ended(played)
    assert [each for each in ended(once) if not _is_pedal(each)] == [
        each for each in once if not _is_pedal(each)
    ]


def _is_pedal(timed: TimedMessage) -> bool:
    return isinstance(timed[1], ChannelMessage)


# --- in a file


@pytest.mark.parametrize("silence", [0.5, "auto"])
@pytest.mark.parametrize("pitch", [60, 64, 67])
@pytest.mark.parametrize("ends", ["never", "at the end"])
def test_the_answer_comes_in_the_pause_of_the_file(
    tmp_path: Path, silence: float | str, pitch: int, ends: str
) -> None:
    file = mido.MidiFile(ticks_per_beat=480)
    track = file.add_track()
    for start, pitches in ((0, (60, 64, 67)), (9 * 480, (62, 65, 69))):
        for each in pitches:
            rest = start if each == 62 else 0
            track.append(mido.Message("note_on", note=each, time=rest))
            lacks_end = each == pitch
            event = mido.MetaMessage("marker") if lacks_end else mido.Message("note_off", note=each)
            track.append(event.copy(time=480))
    if ends == "at the end":
        track.append(mido.Message("note_off", note=pitch, time=0))
    source, out = tmp_path / "in.mid", tmp_path / "out.mid"
    file.save(source)
    chosen = settings(turn={"silence": silence}, response={"length": 2})
    render_file(source, out, chosen, NextLetter(), np.random.default_rng(0))
    onsets = [tick for tick, kind, _ in track_notes(out)["midigen"] if kind == "note_on"]
    assert len(onsets) == 4
    assert 3 * 960 < onsets[0] < onsets[1] < 12 * 960 < onsets[2]
