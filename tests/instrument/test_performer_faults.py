"""Models that fail and clocks that jump: the set goes on, and nothing is said twice.

The tempo is 120 with two steps a beat: a step is 0.25 s.
"""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from midigen.instrument.events import EndOfAnswer, Notice, Output
from midigen.instrument.performer import Performer
from midigen.midi.messages import Clock, Message, NoteOff, NoteOn, Pitch, Seconds
from midigen.music.keys import SIZE
from midigen.prediction.foresight import Question
from midigen.prediction.predictor import Predictor
from midigen.prediction.window import Degrees
from midigen.settings.choices import Mode, Quantize, RhythmSource, TempoSource
from midigen.settings.controls import Control
from midigen.settings.sections import Scene
from midigen.settings.table import Settings
from tests.models import Moody, Predict
from tests.players import (
    NextLetter,
    TimedEvents,
    TimedOutputs,
    always,
    drive,
    key,
    notes,
    onsets,
    performer,
    settings,
    ticks,
    together,
)

STEP: Seconds = 0.25
C, D, E, F, G, A = 60, 62, 64, 65, 67, 69


def breaks(_: Degrees) -> Any:
    raise ZeroDivisionError("out of order")


def rows(*row: float) -> Predict:
    return lambda windows: np.tile(np.array(row, dtype=np.float32), (len(windows), 1))


FAULTS: dict[str, Predict] = {
    "raises": breaks,
    "NaN": rows(*[np.nan] * SIZE),
    "a NaN": rows(np.nan, *[1 / 6] * 6),
    "infinite": rows(np.inf, *[0] * 6),
    "eight letters": rows(*[1 / 8] * 8),
    "no batch": lambda _: np.full(SIZE, 1 / SIZE, dtype=np.float32),
    "a row too many": lambda windows: np.full((len(windows) + 1, SIZE), 1 / SIZE, np.float32),
    "no rows": lambda _: np.zeros((0, SIZE), dtype=np.float32),
    "negative": rows(-0.5, 0.5, 0.5, 0.5, 0, 0, 0),
    "all negative": rows(*[-1 / SIZE] * SIZE),
    "all zero": rows(*[0] * SIZE),
    "a list": lambda windows: [[1 / SIZE] * SIZE] * len(windows),
    "nothing": lambda _: None,
}

TUNE = together(*(key(pitch, at * 0.4, at * 0.4 + 0.2) for at, pitch in enumerate((C, E, G))))
"""Nothing comes twice in it: the memory doesn't know how it goes on."""
TWICE = together(*(key(pitch, at * 0.4, at * 0.4 + 0.2) for at, pitch in enumerate((C, E, G, C))))
"""In it E has followed C: the memory knows that, and G after E."""


def new(predictor: Predictor, mode: Mode = Mode.CALL_RESPONSE, **sections: Any) -> Performer:
    chosen = settings(mode=mode, turn={"silence": 0.5}, **sections)
    return Performer(chosen, predictor, np.random.default_rng(0))


def said(outputs: TimedOutputs) -> list[str]:
    return [output.text for _, output in outputs if isinstance(output, Notice)]


def complaints(outputs: TimedOutputs) -> list[str]:
    return [line for line in said(outputs) if "fails" in line]


def struck(outputs: TimedOutputs) -> list[Pitch]:
    return [output.pitch for _, output in outputs if isinstance(output, NoteOn)]


# --- a model that fails


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_fails_is_silent_where_memory_knows_nothing(fault: str, mode: Mode) -> None:
    playing = new(Moody(FAULTS[fault], min_notes=1 + (mode is Mode.SOLO)), mode)
    outputs = drive(playing, TUNE, 5.0)
    assert struck(outputs) == []
    (line,) = complaints(outputs)
    assert line.startswith("the model songs fails (")
    assert line.endswith("): playing on from memory alone")
    assert playing.status().trouble


@pytest.mark.parametrize(
    ("mode", "answer"),
    [
        (Mode.CALL_RESPONSE, [E, G, C + 12, E + 12]),
        (Mode.DUET, [E]),
        (Mode.SOLO, [E, G, C + 12, E + 12]),
    ],
)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_model_that_fails_is_replaced_by_what_memory_knows(
    fault: str, mode: Mode, answer: list[Pitch]
) -> None:
    """At any amount: it is what there is."""
    for amount in (1.0, 0.0):
        fails = Moody(FAULTS[fault], min_notes=1 + (mode is Mode.SOLO))
        playing = new(fails, mode, memory={"amount": amount})
        outputs = drive(playing, TWICE, 6.0)
        assert struck(outputs)[:4] == answer
        assert len(complaints(outputs)) == 1


@pytest.mark.parametrize("mode", Mode)
def test_the_answers_of_a_model_that_fails_end_as_others_do(mode: Mode) -> None:
    playing = new(Moody(breaks), mode)
    outputs = drive(playing, TWICE, 2.6)
    outputs += [(2.6, output) for output in playing.stop()]
    ons = struck(outputs)
    offs = [output.pitch for _, output in outputs if isinstance(output, NoteOff)]
    assert ons
    assert sorted(ons) == sorted(offs)


def test_an_answer_that_is_silent_ends_too() -> None:
    outputs = drive(new(Moody(breaks)), TUNE, 9.0)
    assert [output for _, output in outputs if isinstance(output, EndOfAnswer)] == [EndOfAnswer()]


@pytest.mark.parametrize("mode", Mode)
def test_trouble_is_said_once_comes_and_goes(mode: Mode) -> None:
    """The model fails for the second of three phrases, and for a fourth."""
    phase = 1
    playing = new(Moody(breaks, lambda _: phase % 2 == 0), mode)
    said: list[Output] = list(playing.start(0.0))
    troubles = []
    for phase in (1, 2, 3, 4):
        for time, event in TUNE:
            now = phase * 10 + time
            said += playing.advance(now)
            said += playing.handle(event, now)
            playing.prepare()
        troubles.append(playing.status().trouble)
    assert troubles == ["", "ZeroDivisionError: out of order"] * 2
    assert len([line for line in said if isinstance(line, Notice) and "fails" in line.text]) == 1


def test_trouble_is_one_line_whatever_the_exception_says() -> None:
    """ONNX Runtime's say where, in lines of their own; a notice is a line."""

    def fails(_: Degrees) -> Any:
        raise RuntimeError("[ONNXRuntimeError] : 6\nNon-zero status code\n")

    playing = new(Moody(fails), Mode.DUET)
    (line,) = complaints(drive(playing, TUNE, 5.0))
    assert "\n" not in line
    assert "\n" not in playing.status().trouble


@pytest.mark.parametrize(
    ("exception", "trouble"),
    [(ValueError("no such shape"), "ValueError: no such shape"), (MemoryError(), "MemoryError")],
)
def test_trouble_is_the_exception_and_what_it_says(exception: Exception, trouble: str) -> None:
    def fails(_: Degrees) -> Any:
        raise exception

    playing = new(Moody(fails), Mode.DUET)
    drive(playing, TUNE, 5.0)
    assert playing.status().trouble == trouble


@pytest.mark.parametrize("mode", [Mode.CALL_RESPONSE, Mode.SOLO])
def test_a_model_that_fails_now_and_then_is_asked_again_at_the_next_step(mode: Mode) -> None:
    """Where memory knows nothing, as here, the notes that it failed at are missing."""
    playing = new(Moody(breaks, lambda call: call in (5, 6)), mode, response={"length": 8})
    outputs = drive(playing, together(key(C, 0.0, 0.2), key(A, 0.4, 0.6)), 4.0)
    at = [round(time / STEP, 3) for time in onsets(outputs)]
    gaps = [round(later - earlier, 3) for earlier, later in itertools.pairwise(at)]
    assert len(at) > 5
    assert gaps.count(3) == 1
    assert set(gaps) <= {1, 3}
    assert playing.status().trouble == ""


def test_a_duet_goes_on_with_the_next_key_after_one_that_the_model_failed_at() -> None:
    playing = new(Moody(breaks, lambda call: call == 2), Mode.DUET)
    outputs = drive(playing, TUNE, 5.0)
    assert onsets(outputs) == [0.0, 0.8]


@pytest.mark.parametrize("mode", Mode)
def test_it_is_the_same_where_predictions_are_made_elsewhere(mode: Mode) -> None:
    def new_moody() -> Performer:
        return new(Moody(breaks, lambda call: call > 5), mode)

    between = [(time + 0.12, event) for time, event in TWICE]  # steps of the grid
    at_once = drive(new_moody(), between, 6.0)
    later = drive(new_moody(), between, 6.0, always(0.01))
    assert notes(later) == notes(at_once)
    assert said(later) == said(at_once)


def test_a_model_that_breaks_in_an_answer_goes_on_by_memory() -> None:
    predictor = Moody(breaks, lambda call: call > 5)
    playing = new(predictor, response={"length": 8})
    outputs = drive(playing, TWICE, 6.0)
    # By the model D; after that it is known only how it went on after C, E, and G.
    assert struck(outputs)[0] == D
    assert len(struck(outputs)) == 8
    assert len(complaints(outputs)) == 1


class Shelf:
    """One more model, which works."""

    def get(self, _: str) -> Predictor:
        return NextLetter()


GOOD = Scene(name="good", model="good")


def with_a_scene(predictor: Predictor, mode: Mode = Mode.DUET) -> Performer:
    chosen = settings(mode=mode, turn={"silence": 0.5}, scene=(GOOD,))
    return Performer(chosen, predictor, np.random.default_rng(0), Shelf())


def test_a_scene_with_another_model_mends_it() -> None:
    playing = with_a_scene(Moody(breaks))
    events = [*TUNE, (2.1, Control("scene", "good")), *key(C, 3.0, 3.1)]
    outputs = drive(playing, events, 5.0)
    assert notes(outputs) == [(3.0, "on", D), (3.1, "off", D)]
    assert said(outputs)[-1] == "scene good"
    assert len(complaints(outputs)) == 1
    assert (playing.status().model, playing.status().trouble) == ("good", "")


def test_a_model_is_not_blamed_for_what_the_one_before_it_was_asked() -> None:
    asked: list[Question] = []
    playing = with_a_scene(Moody(breaks, lambda call: call > 1))
    foresight = playing.delegate(asked.append)
    playing.start(0.0)
    playing.prepare()
    playing.handle(foresight.answer(asked.pop()), 0.0)
    playing.handle(NoteOn(C, 80), 0.1)
    playing.prepare()
    late = foresight.answer(asked.pop())
    assert late.trouble
    playing.handle(Control("scene", "good"), 0.2)
    assert playing.advance(0.5) == [Notice("scene good")]
    assert playing.handle(late, 0.6) == []
    assert playing.status().trouble == ""
    playing.prepare()
    assert playing.handle(foresight.answer(asked.pop()), 0.7) == []
    assert playing.status().trouble == ""


@pytest.mark.parametrize("mode", Mode)
def test_two_models_that_fail_are_each_named(mode: Mode) -> None:
    class Broken:
        def get(self, _: str) -> Predictor:
            return Moody(breaks)

    chosen = settings(mode=mode, turn={"silence": 0.5}, scene=(GOOD,))
    playing = Performer(chosen, Moody(breaks), np.random.default_rng(0), Broken())
    later = [(time + 3.0, event) for time, event in TUNE]
    outputs = drive(playing, [*TUNE, (2.1, Control("scene", "good")), *later], 9.0)
    assert [line.split()[2] for line in complaints(outputs)] == ["songs", "good"]


# --- a clock that jumps


LATE: Seconds = 10.0
PHRASE = together(key(C, 0.1, 0.2), key(E, 0.5, 0.7), key(G, 0.85, 0.95))


def jumping(
    chosen: Settings, events: TimedEvents, at: Seconds, late: Seconds, until: Seconds
) -> tuple[TimedOutputs, list[Output], TimedOutputs]:
    """What is played before a jump, in one late call after it, and then until the end."""
    playing = performer(chosen)
    outputs: TimedOutputs = [(0.0, output) for output in playing.start(0.0)]
    before, jump = 0, []
    script = sorted([*events, (at, None), (until, None)], key=lambda timed: timed[0])
    for time, event in script:
        while (due := playing.deadline) is not None and due <= time:
            outputs += [(round(due, 6), output) for output in playing.advance(due)]
        if event is not None:
            outputs += [(round(time, 6), output) for output in playing.handle(event, time)]
        elif time == at:
            before, jump = len(outputs), playing.advance(at + late)
            assert playing.deadline is None or playing.deadline > at + late
    return outputs[:before], jump, outputs[before:]


def sounding(outputs: list[Output]) -> set[Pitch]:
    pitches: set[Pitch] = set()
    for output in outputs:
        if isinstance(output, NoteOn):
            pitches.add(output.pitch)
        elif isinstance(output, NoteOff):
            pitches.discard(output.pitch)
    return pitches


@pytest.mark.parametrize("sends", [False, True])
@pytest.mark.parametrize("quantize", Quantize)
@pytest.mark.parametrize("source", RhythmSource)
@pytest.mark.parametrize("mode", [Mode.CALL_RESPONSE, Mode.SOLO])
@pytest.mark.parametrize("at", [3.05, 3.2])
def test_after_a_long_sleep_there_is_no_burst_and_the_grid_is_the_old_one(
    at: Seconds, mode: Mode, source: RhythmSource, quantize: Quantize, sends: bool
) -> None:
    chosen = settings(
        mode=mode,
        turn={"silence": 0.5, "quantize": quantize},
        rhythm={"source": source},
        response={"length": "endless"},
        clock={"send": sends},
    )
    _, _, undisturbed = jumping(chosen, PHRASE, at, 0.0, at + LATE + 4)
    before, jump, after = jumping(chosen, PHRASE, at, LATE, at + LATE + 4)
    assert len([each for each in jump if isinstance(each, NoteOn)]) <= 1
    assert len([each for each in jump if each is Clock.TICK]) <= 1
    held = [output for _, output in before]
    assert sounding([*held, *jump]) <= sounding(jump)  # what was due has ended
    grid = {time for time in onsets(undisturbed) if time > at + LATE}
    assert len(onsets(after)) >= len(grid) - 1 > 2
    assert set(onsets(after)) <= grid
    later = {time for time, each in undisturbed if each is Clock.TICK and time > at + LATE}
    assert {time for time, each in after if each is Clock.TICK} == later


@pytest.mark.parametrize("late", [0.2, LATE])
def test_after_a_long_sleep_a_duet_plays_nothing_that_was_due_and_is_on_its_grid_again(
    late: Seconds,
) -> None:
    """The answer to E was due at 1.0."""
    chosen = settings(mode=Mode.DUET, duet={"quantize": True})
    played = together(key(C, 0.05, 0.8), key(E, 0.9, 0.95), key(G, 1.31 + late, 1.33 + late))
    before, jump, after = jumping(chosen, played, 0.96, late, 3.0 + late)
    assert onsets(before) == [0.25]
    assert [each for each in jump if isinstance(each, Message)] == []
    (onset,) = onsets(after)
    assert onset == math.ceil((1.31 + late) / STEP) * STEP


@pytest.mark.parametrize("mode", Mode)
def test_a_note_that_sounds_when_time_jumps_ends_in_the_first_call(mode: Mode) -> None:
    playing = performer(settings(mode=mode, turn={"silence": 0.5}))
    playing.start(0.0)
    for time, event in key(C, 0.0, 0.1):
        playing.handle(event, time)
        playing.advance(time)
    if mode is Mode.DUET:
        playing.handle(NoteOn(E, 80), 0.2)
        assert playing.handle(NoteOff(E), 0.2 + LATE)[:1] == [NoteOff(F)]
        return
    playing.advance(0.61)
    (pitch,) = playing.sounding
    assert playing.advance(0.61 + LATE)[0] == NoteOff(pitch)


def test_a_phrase_that_was_over_long_ago_is_answered_with_nothing_late() -> None:
    """The answer's time has passed: none of it is played, and it is over."""
    playing = performer(settings(turn={"silence": 0.5}))
    playing.start(0.0)
    for time, event in PHRASE:
        playing.handle(event, time)
    assert playing.advance(1.45 + LATE) == [EndOfAnswer()]
    assert playing.dropped == 3
    for time, event in key(C, 20.0, 20.1):
        playing.handle(event, time)
    assert playing.advance(20.6) == [NoteOn(D, 80)]


# --- a followed clock that stops


CLOCK: dict[str, Any] = {"tempo": {"source": TempoSource.CLOCK}, "turn": {"silence": 0.2}}
COUNTED = together([(0.0, Clock.START)], ticks(100, 0.0, 97))  # until 2.4
ASKED = together(COUNTED, key(C, 1.5, 1.57))


@pytest.mark.parametrize("source", RhythmSource)
@pytest.mark.parametrize("late", [0.0, 0.05, LATE])
def test_where_a_clock_stops_coming_the_answer_goes_on_in_its_tempo(
    source: RhythmSource, late: Seconds
) -> None:
    chosen = settings(rhythm={"source": source}, response={"length": "endless"}, **CLOCK)
    before, jump, after = jumping(chosen, ASKED, 2.45, late, 17.0)
    first, step = (2.1, 0.6) if source is RhythmSource.MIRROR else (1.8, 0.3)
    for time in onsets([*before, *after]):
        steps = (time - first) / step
        assert abs(steps - round(steps)) < 0.01
    assert len([each for each in jump if isinstance(each, NoteOn)]) <= 1
    lines = [*jump, *(output for _, output in after)]
    assert lines.count(Notice("the clock is lost: going on at 100.0 bpm")) == 1
    assert onsets(after)[-1] > 16


@pytest.mark.parametrize("source", RhythmSource)
def test_where_a_clock_says_stop_the_answer_ends_at_once(source: RhythmSource) -> None:
    chosen = settings(rhythm={"source": source}, response={"length": "endless"}, **CLOCK)
    outputs = drive(performer(chosen), [*ASKED, (2.45, Clock.STOP)], 9.0)
    assert onsets(outputs)
    assert max(time for time, each in outputs if isinstance(each, Message)) <= 2.45
    assert sounding([output for _, output in outputs]) == set()
    assert (2.45, EndOfAnswer()) in outputs
