"""A simple player for tests: predictors with known answers, phrases, and ways to play them."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from midigen.instrument.events import Cue, Event, Output
from midigen.instrument.panel import Panel
from midigen.instrument.performer import Performer
from midigen.instrument.render import perform
from midigen.instrument.voice import Agenda
from midigen.midi.messages import Clock, NoteOff, NoteOn, Pitch, Seconds
from midigen.music.keys import SIZE
from midigen.prediction.foresight import Question
from midigen.prediction.mixture import Mixture, Probabilities
from midigen.prediction.window import Degrees
from midigen.settings.choices import RhythmSource
from midigen.settings.table import Settings

Delays = Iterator[Seconds]

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "models" / "notebook.onnx"

TimedEvents = list[tuple[Seconds, Event]]
TimedOutputs = list[tuple[Seconds, Output]]


class NextLetter:
    """A predictor that is sure: after C comes D, after B comes C."""

    max_notes = 4
    mixture: Mixture | None = None

    def __init__(self, min_notes: int = 1) -> None:
        self.min_notes = min_notes

    def predict(self, windows: Degrees) -> Probabilities:
        probabilities: Probabilities = np.eye(SIZE, dtype=np.float32)[(windows[:, -1] + 1) % SIZE]
        return probabilities


class AnyLetter(NextLetter):
    """A predictor for which all seven letters are equally likely."""

    def predict(self, windows: Degrees) -> Probabilities:
        return np.full((len(windows), SIZE), 1 / SIZE, dtype=np.float32)


PLAIN: dict[str, Any] = {
    "turn": {"silence": 1.0},
    "rhythm": {"source": RhythmSource.STEADY},
    "touch": {"variation": 0},
}
"""Settings that make answers predictable: the grid, a fixed pause, no variation in touch."""


def settings(**sections: Any) -> Settings:
    """The plain settings with changes, such as `mode=Mode.DUET, turn={"silence": 0.5}`."""
    base = Settings()
    for given in (PLAIN, sections):
        changes = {
            name: replace(getattr(base, name), **value) if isinstance(value, dict) else value
            for name, value in given.items()
        }
        base = replace(base, **changes)
    return base


def panel(chosen: Settings) -> Panel:
    """A panel of one's own, for parts of the instrument that are tested alone."""
    return Panel(chosen, [])


def performer(chosen: Settings, min_notes: int = 1) -> Performer:
    return Performer(chosen, NextLetter(min_notes), np.random.default_rng(0))


def key(pitch: Pitch, onset: Seconds, end: Seconds, velocity: int = 80) -> TimedEvents:
    """A key that is pressed and released."""
    return [(onset, NoteOn(pitch, velocity)), (end, NoteOff(pitch))]


def together(*events: TimedEvents) -> TimedEvents:
    """Several lists of events merged by their times."""
    return sorted((event for each in events for event in each), key=lambda event: event[0])


def play(chosen: Settings, events: Iterable[tuple[Seconds, Event]], min_notes: int = 1) -> Any:
    """All outputs of a performer for some events, with times rounded to a microsecond."""
    played = perform(performer(chosen, min_notes), events)
    return [(round(time, 6), output) for time, output in played]


def notes(outputs: TimedOutputs) -> list[tuple[Seconds, str, int]]:
    """Only the notes, as (time, "on" or "off", pitch)."""
    return [
        (time, "on" if isinstance(output, NoteOn) else "off", output.pitch)
        for time, output in outputs
        if isinstance(output, NoteOn | NoteOff)
    ]


def onsets(outputs: TimedOutputs) -> list[Seconds]:
    return [time for time, output in outputs if isinstance(output, NoteOn)]


def run(
    chosen: Settings, events: TimedEvents, until: Seconds, early: Seconds = 0.0
) -> TimedOutputs:
    """All outputs up to a time, however long the performer would go on.

    It acts `early`, as over a connection that takes so long to carry a message.
    """
    playing = performer(chosen)
    outputs: TimedOutputs = [(0.0, output) for output in playing.start(0.0)]
    heard = [(time, event) for time, event in events if time <= until]
    for time, event in [*heard, (until, None)]:
        while (due := playing.deadline) is not None and due <= time + early:
            outputs += [(round(due - early, 6), output) for output in playing.advance(due)]
        if event is not None:
            outputs += [(round(time, 6), output) for output in playing.handle(event, time)]
    return outputs


def drive(
    playing: Performer,
    events: Sequence[tuple[Seconds, Cue]],
    until: Seconds,
    delays: Delays | None = None,
) -> TimedOutputs:
    """All outputs up to a time, with the performer driven as the daemon drives it.

    With `delays`, questions are answered elsewhere, each so much later.
    """
    assert all(time <= until for time, _ in events)
    now = 0.0
    coming: Agenda[Question] = Agenda()
    if delays is not None:
        foresight = playing.delegate(lambda question: coming.plan(now + next(delays), question))
    outputs: TimedOutputs = [(now, output) for output in playing.start(now)]
    playing.prepare()
    for time, event in [*events, (until, None)]:
        while (due := _first(playing.deadline, coming.next_time)) is not None and due <= time:
            now = max(now, due)
            if coming.next_time is not None and coming.next_time <= now:
                sent = playing.handle(foresight.answer(coming.pop()), now)
            else:
                sent = playing.advance(now)
                assert (
                    playing.deadline is None or playing.deadline > now
                )  # otherwise the daemon would spin
            outputs += [(now, output) for output in sent]
            playing.prepare()
        now = time
        if event is not None:
            outputs += [(now, output) for output in playing.handle(event, now)]
            playing.prepare()
    return outputs


def always(delay: Seconds) -> Delays:
    return itertools.repeat(delay)


def ticks(bpm: float, start: Seconds, count: int) -> TimedEvents:
    return [(start + index * 60 / bpm / 24, Clock.TICK) for index in range(count)]


def _first(*times: Seconds | None) -> Seconds | None:
    return min((time for time in times if time is not None), default=None)
