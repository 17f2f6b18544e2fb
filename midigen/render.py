"""The performer over a MIDI file: simulated time, faster than real time.

`perform` is the driver, and `render_file` reads and writes the files around it.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mido
import numpy as np

from midigen import wire
from midigen.ears import Ears
from midigen.errors import MidiFileError, ModelError
from midigen.loose_ends import Timed, tied
from midigen.midi_reader import MidiFile, load
from midigen.notes import EndOfAnswer, EndOfPhrase, Event, Message, NoteOn, Output, Seconds
from midigen.performer import Performer
from midigen.predictor import Models, Predictor
from midigen.settings import Settings, Tempo, spec_of
from midigen.vocabulary import Key

TICKS_PER_BEAT = 960
"""Of the file that is written: half a millisecond a tick at 120 beats a minute."""

LONGEST: Seconds = 3600
"""What a control has made endless ends so long after the last event."""

LONGEST_FILE: Seconds = 8 * 3600
"""No longer file is played: a few bytes can claim weeks, through which solo would play on."""


@dataclass(frozen=True)
class Rendering:
    """What was rendered: the notes of both, how long it takes to play, and the key at last.

    `notice` is what to tell if the file that was played is damaged.
    """

    player_notes: int
    machine_notes: int
    length: Seconds
    key: Key
    notice: str


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


def render_file(
    source: Path,
    destination: Path,
    settings: Settings,
    predictor: Predictor,
    rng: np.random.Generator,
    *,
    models: Models | None = None,
    given: Collection[str] = (),
) -> Rendering:
    """Play a MIDI file to the performer; write both as two tracks, player and midigen.

    The file's first tempo and time signature, if it names them, take the places of
    `tempo.bpm` and `tempo.bar`, where these may be so and aren't among the settings that
    are `given`.
    What was played is heard only once, so thru is off; what would go on for ever has
    `response.max` notes; a key that the file lets go of too late or never comes up where
    nothing else is played (see `loose_ends`).
    The same file, settings and seed give the same bytes. Raises MidiFileError, also if the
    file lasts longer than LONGEST_FILE.
    """
    file = load(source)
    for key, value in _named(file).items():
        if key not in given:
            settings = settings.changed(key, value)
    player = _heard(file, settings)
    performer = Performer(_for_a_file(settings), predictor, rng, models)
    pause = settings.turn.max if settings.turn.silence == "auto" else settings.turn.silence
    over = (player[-1][0] + float(pause), EndOfPhrase())
    machine: list[Timed] = []
    for time, output in perform(performer, [*player, over]):
        if isinstance(output, Message):
            machine.append((time, output))
        elif trouble := performer.status().trouble:  # there is time to mend it: no makeshift
            raise ModelError(f"the model {settings.model} fails: {trouble}")
    _write(destination, {"player": player, "midigen": machine}, settings.tempo)
    times = [time for time, _ in [*player, *machine]]
    return Rendering(
        _count_notes(player), _count_notes(machine), max(times), performer.key, file.notice
    )


def _for_a_file(settings: Settings) -> Settings:
    settings = replace(settings, thru=False).changed("response.hold", value=False)
    if settings.response.length == "endless":
        settings = settings.changed("response.length", settings.response.max)
    return settings.changed("clock.send", value=False)


def _heard(file: MidiFile, settings: Settings) -> list[Timed]:
    """What a file plays, with an end to everything. Raises MidiFileError."""
    clock = file.clock
    played = [(clock.at(tick), message) for tick, message in file.messages]
    if not _count_notes(played):
        raise file.refusal("there are no notes in it")
    if file.is_apart and sum(bool(track.messages) for track in file.tracks) > 1:
        raise file.refusal("its tracks are pieces of their own (format 2): save one of them")
    if played[-1][0] > LONGEST_FILE:
        raise file.refusal(
            f"lasts over {LONGEST_FILE / 3600:g} hours, the most that is played: cut it into parts"
        )
    turn = settings.turn
    pause = turn.min if turn.silence == "auto" else turn.silence
    return tied(played, Ears(settings), clock.at(file.ticks_per_beat), float(pause))


def _named(file: MidiFile) -> dict[str, Any]:
    """The first tempo and time signature of a file as settings, where these may be so."""
    named: dict[str, float] = {}
    for _, tempo in file.tempos[:1]:
        named["tempo.bpm"] = mido.tempo2bpm(tempo)
    for _, signature in file.time_signatures[:1]:
        named["tempo.bar"] = max(1, round(signature.beats * 4 / signature.unit))
    possible: dict[str, Any] = {}
    for key, value in named.items():
        with contextlib.suppress(ValueError):
            possible[key] = spec_of(key)["kind"].read(value)
    return possible


def _write(path: Path, tracks: dict[str, list[Timed]], tempo: Tempo) -> None:
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    for name, messages in tracks.items():
        track = file.add_track(name)
        if len(file.tracks) == 1:
            track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo.bpm)))
            track.append(mido.MetaMessage("time_signature", numerator=tempo.bar, denominator=4))
        track.extend(_deltas(messages, tempo.bpm))
    try:
        file.save(path)
    except OSError as exc:
        raise MidiFileError(f"{path}: can't be written: {exc.strerror or exc}") from exc


def _deltas(messages: list[Timed], bpm: float) -> Iterator[Any]:
    """Messages for mido with their distances in ticks, rounded from absolute times."""
    former = 0
    for time, message in messages:
        ticks = round(time * bpm / 60 * TICKS_PER_BEAT)
        yield mido.Message.from_bytes(wire.encode(message), time=ticks - former)
        former = ticks


def _count_notes(messages: list[Timed]) -> int:
    return sum(isinstance(message, NoteOn) for _, message in messages)
