"""Makes tunes as MIDI files for tests, and tells what is learned from them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mido
import pytest

from midigen.errors import MidiFileError
from midigen.learning.corpus import Tune, read_file
from midigen.midi.messages import Pitch
from midigen.music.keys import LETTERS

BEAT = 480

# Two bars in C major, in quarters and eighths.
TUNE = (67, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 67, 64, 65, 62, 60)
TUNE_LETTERS = "GEFGABCBAGFGEFDC"

Note = tuple[int, int, Pitch]  # first tick, last tick, pitch
AtTick = tuple[int, Any]


def line(pitches: Iterable[Pitch], length: int = BEAT, start: int = 0) -> list[Note]:
    """Notes one after another, each ending as the next one begins."""
    return [
        (start + index * length, start + (index + 1) * length, pitch)
        for index, pitch in enumerate(pitches)
    ]


def chords(roots: Iterable[Pitch], length: int, shape: tuple[int, ...] = (0, 4, 7)) -> list[Note]:
    return [
        (start, end, root + interval)
        for start, end, root in line(roots, length)
        for interval in shape
    ]


def signature(key: str, tick: int = 0) -> AtTick:
    return tick, mido.MetaMessage("key_signature", key=key)


def tempo(bpm: float, tick: int = 0) -> AtTick:
    return tick, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))


def messages(notes: Iterable[Note], channel: int = 0, *, ons_first: bool = False) -> list[AtTick]:
    ons = [
        (start, mido.Message("note_on", note=pitch, channel=channel)) for start, _, pitch in notes
    ]
    offs = [(end, mido.Message("note_off", note=pitch, channel=channel)) for _, end, pitch in notes]
    return [*ons, *offs] if ons_first else [*offs, *ons]


def track(*timed: AtTick, name: str = "") -> Any:
    """A track of messages at absolute ticks; simultaneous ones keep the order given."""
    made = mido.MidiTrack()
    if name:
        made.name = name
    now = 0
    for tick, message in sorted(timed, key=lambda each: each[0]):
        made.append(message.copy(time=tick - now))
        now = tick
    return made


def part(
    notes: Iterable[Note], name: str = "", channel: int = 0, meta: Iterable[AtTick] = ()
) -> Any:
    return track(*meta, *messages(list(notes), channel), name=name)


def save(path: Path, *tracks: Any, kind: int = 1, ticks_per_beat: int = BEAT) -> Path:
    mido.MidiFile(type=kind, ticks_per_beat=ticks_per_beat, tracks=list(tracks)).save(path)
    return path


def spelled(tune: Tune) -> str:
    return "".join(LETTERS[degree] for degree in tune.letters)


def letters(path: Path, name: str | None = None) -> str:
    return spelled(read_file(path, name))


def assert_refused(path: Path, reason: str) -> None:
    with pytest.raises(MidiFileError, match=reason) as caught:
        read_file(path)
    assert str(caught.value).startswith(f"{path}: ")


DRUMS = part(line([36, 42, 38, 42] * 32, BEAT // 4), "Drums", channel=9)
