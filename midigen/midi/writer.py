"""MIDI files that are written once, with a track for each who plays."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mido

from midigen.errors import MidiFileError
from midigen.midi import wire
from midigen.midi.messages import TimedMessage
from midigen.midi.ticks import TICKS_PER_BEAT, TempoMap, microseconds_a_beat


def write(path: Path, tracks: Mapping[str, Sequence[TimedMessage]], bpm: float, bar: int) -> None:
    """Write named tracks of messages, each with its time; `bar` counts a bar's quarters.

    The first track says the tempo and the bar. Raises MidiFileError.
    """
    tempo = microseconds_a_beat(bpm)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    for name, messages in tracks.items():
        track = file.add_track(name)
        if len(file.tracks) == 1:
            track.append(mido.MetaMessage("set_tempo", tempo=tempo))
            track.append(mido.MetaMessage("time_signature", numerator=bar, denominator=4))
        track.extend(_deltas(messages, TempoMap(0.0, tempo)))
    try:
        file.save(path)
    except OSError as exc:
        raise MidiFileError(f"{path}: can't be written: {exc.strerror or exc}") from exc


def _deltas(messages: Sequence[TimedMessage], tempos: TempoMap) -> Iterator[Any]:
    """Messages for mido, each with its distance in ticks from the one before."""
    former = 0
    for time, message in messages:
        tick = tempos.tick(time)
        yield mido.Message.from_bytes(wire.encode(message), time=tick - former)
        former = tick
