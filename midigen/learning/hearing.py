"""Hears the melody of a MIDI file as live play would: notes, their letters and keys."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from midigen.learning.melody_finding import Line, choose_line
from midigen.midi.file import AtTick, KeySignature, MidiFile
from midigen.midi.messages import Pitch, Seconds
from midigen.midi.reader import load
from midigen.music.key_finding import estimate_key
from midigen.music.keys import C_MAJOR, Degree, Key
from midigen.music.melody import Melody, Note

_ANY_KEY = [(0, C_MAJOR)]
_TONICS = {False: (0, "major"), True: (5, "minor")}  # as letters, by whether the key is minor


@dataclass(frozen=True, slots=True)
class Heard:
    """A note of a melody, its letter, and the key in which it has that letter."""

    note: Note
    degree: Degree
    key: Key


def read_melody(path: Path, track: str | None = None) -> list[Heard]:
    """The melody of a file, as live play would hear it. See `hear_melody` for `track`.

    Raises MidiFileError as `reader.load` and `choose_line` do.
    """
    return hear_melody(load(path), track)


def hear_melody(file: MidiFile, track: str | None) -> list[Heard]:
    """The melody of a file: of the named track, or else of the line that is most like a melody.

    The file's key signatures say what its letters stand for; if it has none, the key is estimated
    from the notes. Raises MidiFileError as `choose_line` does.
    """
    line = choose_line(file, track)
    keys = _keys(file)
    if not keys:
        keys = [(0, estimate_key([heard.note for heard in _hear(file, line, _ANY_KEY)]))]
    return _hear(file, line, keys)


def _hear(file: MidiFile, line: Line, keys: Sequence[AtTick[Key]]) -> list[Heard]:
    """The melody of a line, with each key holding from its tick on."""
    melody = Melody(keys[0][1])
    changes = iter(keys[1:])
    change = next(changes, None)
    notes: list[Heard] = []
    for tick, begins, pitch in sorted(line.changes):  # at the same tick, note-offs come first
        while change and change[0] <= tick:
            melody.key = change[1]
            change = next(changes, None)
        now = file.clock.at(tick)
        if not begins:
            melody.release(pitch)
            _end(notes, pitch, now)
        elif step := melody.hear(pitch, now):
            heard = Heard(Note(step.pitch, now, None), step.degree, melody.key)
            notes[len(notes) - step.replaces :] = [heard]
    return notes


def _end(notes: list[Heard], pitch: Pitch, now: Seconds) -> None:
    """End the newest note if it has this pitch and still sounds."""
    if notes and notes[-1].note.pitch == pitch and notes[-1].note.end is None:
        notes[-1] = replace(notes[-1], note=replace(notes[-1].note, end=now))


def _keys(file: MidiFile) -> list[AtTick[Key]]:
    """The keys of a file by its key signatures, in order; the first of several at one tick."""
    found: dict[int, Key] = {}
    for tick, signature in file.key_signatures:
        found.setdefault(tick, _key(signature))
    return list(found.items())


def _key(signature: KeySignature) -> Key:
    letter, mode = _TONICS[signature.is_minor]
    tonic = Key("", signature.sharps).note_names[letter]
    return Key(f"{tonic} {mode}", signature.sharps)
