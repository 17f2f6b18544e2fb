"""Runs a performer offline: in simulated time, faster than real time.

`perform` drives it through a list of events, `render` through a MIDI file.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from midigen.errors import ModelError
from midigen.instrument.events import EndOfAnswer, EndOfPhrase, Event, Output
from midigen.instrument.hearing import Hearing
from midigen.instrument.loose_ends import tied
from midigen.instrument.panel import Panel
from midigen.instrument.performer import Performer
from midigen.midi.file import MidiFile
from midigen.midi.messages import Message, NoteOn, Seconds, TimedMessage
from midigen.music.keys import Key
from midigen.prediction.predictor import Models, Predictor
from midigen.settings.table import SPECS, Settings

MAX_TAIL: Seconds = 3600
"""If a control has made an answer endless, it is stopped this long after the last event."""

LONGEST_FILE: Seconds = 8 * 3600
"""A longer file is refused: a few bytes can claim weeks, and solo would play through them."""


@dataclass(frozen=True)
class Rendering:
    """What was played. `settings` are those given, with the tempo and the bar of the file."""

    player: Sequence[TimedMessage]
    machine: Sequence[TimedMessage]
    settings: Settings
    key: Key
    """The key at the end."""

    @property
    def tracks(self) -> dict[str, Sequence[TimedMessage]]:
        """The tracks of a file, by their names."""
        return {"player": self.player, "midigen": self.machine}

    @property
    def length(self) -> Seconds:
        """How long it lasts."""
        return max(time for time, _ in [*self.player, *self.machine])


def perform(
    performer: Performer, events: Iterable[tuple[Seconds, Event]]
) -> Iterator[tuple[Seconds, Output]]:
    """Drive a performer through events in the order of their times, from time 0.

    Yields its outputs, each with its time. After the last event it plays on until its answer
    ends, nothing is due, or an hour has passed; then it is stopped.
    """
    now = 0.0
    ended = False
    yield from ((now, output) for output in performer.start(now))
    for time, event in events:
        while (due := performer.deadline) is not None and due < time:
            now = due
            yield from ((now, output) for output in performer.advance(now))
        now = time
        outputs = performer.handle(event, now)
        ended = isinstance(event, EndOfPhrase) and EndOfAnswer() in outputs  # nothing to answer
        yield from ((now, output) for output in outputs)
    last = now + MAX_TAIL
    while not ended and (due := performer.deadline) is not None and due <= last:
        now = due
        for output in performer.advance(now):
            ended = ended or isinstance(output, EndOfAnswer)
            yield now, output
    yield from ((now, output) for output in performer.stop())


def render(
    file: MidiFile,
    settings: Settings,
    predictor: Predictor,
    rng: np.random.Generator,
    *,
    models: Models | None = None,
    given: Collection[str] = (),
) -> Rendering:
    """Play a MIDI file to a performer.

    The file's first tempo and time signature replace `tempo.bpm` and `tempo.bar`, unless these
    are among the settings that are `given` or are out of range. Thru is off, since the player's
    track is there anyway. An answer without an end has `response.max` notes. A key that the file
    doesn't release, or releases too late, comes up where nothing else is played (see
    `loose_ends`).

    The same file, settings and seed give the same messages. Raises MidiFileError if there is
    nothing to play or the file is longer than LONGEST_FILE, and ModelError if the model fails.
    """
    for key, value in _named(file).items():
        if key not in given:
            settings = settings.changed(key, value)
    player = _heard(file, settings)
    performer = Performer(_for_a_file(settings), predictor, rng, models)
    pause = settings.turn.max if settings.turn.silence == "auto" else settings.turn.silence
    over = (player[-1][0] + float(pause), EndOfPhrase())
    machine: list[TimedMessage] = []
    for time, output in perform(performer, [*player, over]):
        if isinstance(output, Message):
            machine.append((time, output))
        elif trouble := performer.status().trouble:  # offline, don't play on
            raise ModelError(f"the model {settings.model} fails: {trouble}")
    return Rendering(player, machine, settings, performer.key)


def count_notes(messages: Iterable[TimedMessage]) -> int:
    """How many notes begin."""
    return sum(isinstance(message, NoteOn) for _, message in messages)


def _for_a_file(settings: Settings) -> Settings:
    settings = replace(settings, thru=False).changed("response.hold", value=False)
    if settings.response.length == "endless":
        settings = settings.changed("response.length", settings.response.max)
    return settings.changed("clock.send", value=False)


def _heard(file: MidiFile, settings: Settings) -> list[TimedMessage]:
    """The messages of a file, with an end to every note. Raises MidiFileError."""
    clock = file.clock
    played = [(clock.at(tick), message) for tick, message in file.messages]
    if not count_notes(played):
        raise file.refusal("there are no notes in it")
    if file.is_apart and sum(bool(track.messages) for track in file.tracks) > 1:
        raise file.refusal("its tracks are pieces of their own (format 2): save one of them")
    if played[-1][0] > LONGEST_FILE:
        raise file.refusal(
            f"lasts over {LONGEST_FILE / 3600:g} hours, the most that is played: cut it into parts"
        )
    turn = settings.turn
    pause = turn.min if turn.silence == "auto" else turn.silence
    return tied(played, Hearing(Panel(settings, [])), clock.at(file.ticks_per_beat), float(pause))


def _named(file: MidiFile) -> dict[str, Any]:
    """The settings that a file's first tempo and time signature give, if they are in range."""
    named = [("tempo.bpm", 60e6 / tempo) for _, tempo in file.tempos[:1]]
    for _, signature in file.time_signatures[:1]:
        named.append(("tempo.bar", max(1, round(signature.beats * 4 / signature.unit))))
    possible: dict[str, Any] = {}
    for key, value in named:
        with contextlib.suppress(ValueError):
            possible[key] = SPECS[key]["kind"].read(value)
    return possible
