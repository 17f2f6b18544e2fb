"""MIDI files as letters, for training and evaluation: the same ears as live play.

A file's melody is one of its lines (the notes of one channel in one track): the
one on the track that was named, else the highest of those that move like a
melody. Its key signatures say what the letters stand for; where there is none,
the key is estimated from the notes.
"""

import itertools
import multiprocessing
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import mido
import numpy as np
import numpy.typing as npt

from midigen.errors import MidiFileError
from midigen.key_finding import estimate_key
from midigen.melody import Melody
from midigen.notes import Pitch, Seconds
from midigen.vocabulary import Degree, Key

Letters: TypeAlias = npt.NDArray[np.uint8]
"""A melody as degrees 0–6, one byte a note."""

_DRUMS = 9  # General MIDI's drum channel, counted from 0
_SUFFIXES = (".mid", ".midi")
_PART = re.compile(r"-\d+$")  # NAME-0, NAME-1: the parts of one song
_MELODY_NAMES = re.compile(r"melod|vocal|voice|voz|lead|sing|soprano|canto", re.IGNORECASE)
_NAMED: float = 24  # semitones that a telling name is worth
_POLYPHONIC: float = 36  # semitones that a line of nothing but chords loses
_SPARSE = 0.2  # a line with fewer than this share of the busiest one's onsets isn't the melody
_BATCH = 16  # files that a process takes at once


@dataclass(frozen=True)
class Tune:
    """One file's melody; `song` is the name that the parts of a song have in common."""

    path: Path
    song: str
    letters: Letters


@dataclass(frozen=True)
class Skipped:
    """A file that gave no melody, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Song:
    """All parts of a song, one after another."""

    name: str
    letters: Letters


@dataclass
class _Line:
    """The notes of one channel in one track: (ticks, is it an onset, pitch)."""

    name: str
    changes: list[tuple[int, bool, Pitch]] = field(default_factory=list)

    @property
    def onsets(self) -> dict[int, Pitch]:
        """The highest pitch at each time at which a note begins."""
        highest: dict[int, Pitch] = {}
        for ticks, begins, pitch in self.changes:
            if begins:
                highest[ticks] = max(pitch, highest.get(ticks, 0))
        return highest


def song_name(path: Path) -> str:
    """The name of a file without its ending and the number of its part."""
    return _PART.sub("", path.stem)


def find_files(sources: Sequence[Path]) -> list[Path]:
    """The MIDI files that are named or lie anywhere in the folders named, in order.

    Raises MidiFileError if a source is missing, unreadable or holds no MIDI file.
    """
    files: list[Path] = []
    for source in sources:
        try:
            found = sorted(_walk(source)) if source.is_dir() else [source]
        except OSError as exc:
            raise MidiFileError(f"{exc.filename}: can't be read: {exc.strerror}") from exc
        if not source.exists():
            raise MidiFileError(f"{source}: there is no such file or folder")
        if not found:
            raise MidiFileError(f"{source}: there are no MIDI files (.mid, .midi) in it")
        files += found
    return list(dict.fromkeys(files))


def read(files: Sequence[Path], track: str | None = None) -> Iterator[Tune | Skipped]:
    """The melody of each file, or why there is none, in the order of the files.

    Files are read by all processors at once, a batch at a time, so that no
    collection is too large; what is passed on is one byte a note.
    """
    work = partial(_read_or_skip, track=track)
    processors = os.cpu_count() or 1
    if len(files) < 2 * _BATCH or processors == 1:
        yield from map(work, files)
        return
    # Spawned, since a fork of a process that has threads (TensorFlow's) may hang.
    with ProcessPoolExecutor(processors, multiprocessing.get_context("spawn")) as pool:
        at_once = processors * _BATCH * 4
        for start in range(0, len(files), at_once):
            yield from pool.map(work, files[start : start + at_once], chunksize=_BATCH)


def songs(tunes: Iterable[Tune]) -> list[Song]:
    """Put the parts of each song together, in the order in which they come."""
    parts: dict[str, list[Letters]] = {}
    for tune in tunes:
        parts.setdefault(tune.song, []).append(tune.letters)
    return [Song(name, np.concatenate(letters)) for name, letters in parts.items()]


def read_file(path: Path, track: str | None = None) -> Tune:
    """The melody of one file. Raises MidiFileError if it is damaged or has none."""
    try:
        file = mido.MidiFile(path, clip=True)
    except OSError as exc:
        raise MidiFileError(f"{path}: can't be read: {exc.strerror or exc}") from exc
    except Exception as exc:  # mido's errors on damaged files are of many kinds
        raise MidiFileError(f"{path}: not a MIDI file that can be read: {exc}") from exc
    line = _choose_line(path, _lines(file), track)
    letters = np.array(_hear(file, line), dtype=np.uint8)
    if not len(letters):
        raise MidiFileError(f"{path}: there are no notes in it")
    return Tune(path, song_name(path), letters)


def _read_or_skip(path: Path, track: str | None) -> Tune | Skipped:
    try:
        return read_file(path, track)
    except MidiFileError as exc:
        return Skipped(path, str(exc).removeprefix(f"{path}: "))


def _walk(folder: Path) -> Iterator[Path]:
    for entry in os.scandir(folder):
        if entry.is_dir():
            yield from _walk(Path(entry.path))
        elif entry.name.lower().endswith(_SUFFIXES) and not entry.name.startswith("."):
            yield Path(entry.path)


# --- which line is the melody


def _lines(file: Any) -> list[_Line]:
    """The lines of a file that have notes, drums left out."""
    lines: list[_Line] = []
    for track in file.tracks:
        channels: dict[int, _Line] = {}
        ticks = 0
        for message in track:
            ticks += message.time
            if message.type in ("note_on", "note_off") and message.channel != _DRUMS:
                line = channels.setdefault(message.channel, _Line(track.name.strip()))
                begins = message.type == "note_on" and message.velocity > 0
                line.changes.append((ticks, begins, message.note))
        lines += [line for line in channels.values() if line.onsets]
    return lines


def _choose_line(path: Path, lines: Sequence[_Line], track: str | None) -> _Line:
    if not lines:
        raise MidiFileError(f"{path}: there are no notes in it, drums aside")
    if track is not None:
        named = [line for line in lines if track.lower() in line.name.lower()]
        if not named:
            names = ", ".join(sorted({f'"{line.name}"' for line in lines}))
            raise MidiFileError(f'{path}: no track "{track}" with notes; there are {names}')
        lines = named
    busiest = max(len(line.onsets) for line in lines)
    return max(
        (line for line in lines if len(line.onsets) >= _SPARSE * busiest), key=_melodiousness
    )


def _melodiousness(line: _Line) -> float:
    """How much a line is like a melody: high, one note at a time, called by its name."""
    onsets = line.onsets
    notes = sum(begins for _, begins, _ in line.changes)
    height = float(np.mean(list(onsets.values())))
    chords = 1 - len(onsets) / notes
    return height - _POLYPHONIC * chords + _NAMED * bool(_MELODY_NAMES.search(line.name))


# --- from notes to letters


def _hear(file: Any, line: _Line) -> list[Degree]:
    """The letters of a line, as live play would hear it."""
    keys = _key_signatures(file) or [(0, _estimated_key(line))]
    seconds = _Clock(file)
    melody = Melody(keys[0][1])
    changes = iter(keys[1:])
    change = next(changes, None)
    letters: list[Degree] = []
    for ticks, begins, pitch in sorted(line.changes):  # at the same time, ends come first
        while change and change[0] <= ticks:
            melody.key = change[1]
            change = next(changes, None)
        if not begins:
            melody.release(pitch)
        elif step := melody.hear(pitch, seconds.at(ticks)):
            letters[len(letters) - step.replaces :] = [step.degree]
    return letters


def _key_signatures(file: Any) -> list[tuple[int, Key]]:
    """The key signatures of a file with their times in ticks, in order."""
    found: dict[int, Key] = {}
    for track in file.tracks:
        ticks = 0
        for message in track:
            ticks += message.time
            if message.type == "key_signature":
                minor = message.key.endswith("m")
                name = f"{message.key.removesuffix('m')} {'minor' if minor else 'major'}"
                found.setdefault(ticks, Key.named(name))
    return sorted(found.items(), key=lambda item: item[0])


def _estimated_key(line: _Line) -> Key:
    """The key that fits the line's notes, each counted once."""
    return estimate_key(np.bincount([pitch % 12 for pitch in line.onsets.values()], minlength=12))


class _Clock:
    """When a tick falls, by all the tempo changes of a file. Ticks may not go back."""

    def __init__(self, file: Any) -> None:
        changes: dict[int, int] = {}
        for track in file.tracks:
            times = itertools.accumulate(message.time for message in track)
            changes |= {
                ticks: message.tempo
                for ticks, message in zip(times, track, strict=True)
                if message.type == "set_tempo"
            }
        self._changes = sorted(changes.items(), reverse=True)  # the next one last
        self._ticks_per_beat = file.ticks_per_beat or 1
        self._tempo = mido.bpm2tempo(120)  # the standard's default
        self._origin: tuple[int, Seconds] = (0, 0.0)

    def at(self, ticks: int) -> Seconds:
        """The time of a tick."""
        while self._changes and self._changes[-1][0] <= ticks:
            changed, tempo = self._changes.pop()
            self._origin = (changed, self._time(changed))
            self._tempo = tempo
        return self._time(ticks)

    def _time(self, ticks: int) -> Seconds:
        origin, time = self._origin
        return time + float(mido.tick2second(ticks - origin, self._ticks_per_beat, self._tempo))
