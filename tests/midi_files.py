"""Makes MIDI files for tests."""

from pathlib import Path
from typing import Any

import mido

from midigen.instrument.render import render
from midigen.midi.reader import load
from midigen.midi.writer import write
from midigen.settings.table import Settings

MELODY = (60, 62, 64, 65, 67)


def write_midi(path: Path, bpm: float | None = None, pitches: tuple[int, ...] = MELODY) -> Path:
    """A melody of quarter notes on channel 1, 480 ticks a beat."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = file.add_track()
    if bpm:
        track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm)))
    for pitch in pitches:
        track.append(mido.Message("note_on", note=pitch, velocity=70))
        track.append(mido.Message("note_on", note=pitch, velocity=0, time=480))
    file.save(path)
    return path


def one_track(body: bytes) -> bytes:
    """The bytes of a file with one track, whose length is right."""
    return b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(body).to_bytes(4, "big") + body


def track_notes(path: Path) -> dict[str, list[tuple[int, str, int]]]:
    """The notes of each track, by its name, as (tick, type, pitch)."""
    tracks = {}
    for track in mido.MidiFile(path).tracks:
        tick = 0
        notes = []
        for message in track:
            tick += message.time
            if message.type in ("note_on", "note_off"):
                notes.append((tick, message.type, message.note))
        tracks[track.name] = notes
    return tracks


def render_file(
    source: Path, destination: Path, chosen: Settings, *arguments: Any, **options: Any
) -> None:
    """Render a file into another one, as `midigen render` does."""
    result = render(load(source), chosen, *arguments, **options)
    write(destination, result.tracks, result.settings.tempo.bpm, result.settings.tempo.bar)
