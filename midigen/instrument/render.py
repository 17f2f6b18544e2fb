"""The performer over a MIDI file: simulated time, faster than real time.

`perform` drives it through events; `render` makes events of a file, and of what is played
the tracks of another.
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
from midigen.settings.table import Settings, spec_of

LONGEST: Seconds = 3600
"""What a control has made endless ends so long after the last event."""

LONGEST_FILE: Seconds = 8 * 3600
"""No longer file is played: a few bytes can claim weeks, through which solo would play on."""


@dataclass(frozen=True)
class Rendering:
    """What was played, and by which settings: those given, but for what the file says."""

    player: Sequence[TimedMessage]
    machine: Sequence[TimedMessage]
    settings: Settings
    key: Key
    """The key at the end."""

    @property
    def tracks(self) -> dict[str, Sequence[TimedMessage]]:
        """Both by their names, as the tracks of a file."""
        return {"player": self.player, "midigen": self.machine}

    @property
    def length(self) -> Seconds:
        """How long it takes to play."""
        return max(time for time, _ in [*self.player, *self.machine])


def perform(
    performer: Performer, events: Iterable[tuple[Seconds, Event]]
) -> Iterator[tuple[Seconds, Output]]:
    """Drive a performer through events in the order of their times, from time 0.

    Yields what it plays, each with its time. After the last event it plays on
    until its answer ends, nothing is due, or an hour is over, and is stopped then.
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
    last = now + LONGEST
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

    The file's first tempo and time signature, if it names them, take the places of
    `tempo.bpm` and `tempo.bar`, where these may be so and aren't among the settings that
    are `given`.
    What was played is heard only once, so thru is off; what would go on for ever has
    `response.max` notes; a key that the file lets go of too late or never comes up where
    nothing else is played (see `loose_ends`).
    The same file, settings and seed give the same messages. Raises MidiFileError, also if the
    file lasts longer than LONGEST_FILE, and ModelError if the model fails.
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
        elif trouble := performer.status().trouble:  # there is time to mend it: no makeshift
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
    """What a file plays, with an end to everything. Raises MidiFileError."""
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
    """The first tempo and time signature of a file as settings, where these may be so."""
    named: dict[str, float] = {}
    for _, tempo in file.tempos[:1]:
        named["tempo.bpm"] = 60e6 / tempo
    for _, signature in file.time_signatures[:1]:
        named["tempo.bar"] = max(1, round(signature.beats * 4 / signature.unit))
    possible: dict[str, Any] = {}
    for key, value in named.items():
        with contextlib.suppress(ValueError):
            possible[key] = spec_of(key)["kind"].read(value)
    return possible
