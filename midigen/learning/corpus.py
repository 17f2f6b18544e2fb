"""A collection of MIDI files as songs in letters, some of which validate and test a model.

It says which files there are, which of them are one song, and what each song is for. That
depends on the songs' names; if they are too few, each is cut into three parts instead.
"""

import hashlib
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np

from midigen.errors import MidiFileError
from midigen.learning.hearing import hear_melody, one_line
from midigen.learning.notes import Letters, Notes, joined, notes_of
from midigen.learning.processes import spread
from midigen.midi.reader import load

_SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi", ".rmid")
_PART = re.compile(r"-(\d+)$")  # NAME-0, NAME-1: the parts of one song
_EVENING = re.compile(r"(midigen-\d{4}-\d\d-\d\d)-\d{6}\b")  # a recording, up to its date
_EXCERPT = re.compile(r"-last-\d+-min\b")  # a recording of the last minutes only


@dataclass(frozen=True)
class Tune:
    """The melody of a file. `song` is the name that all parts of a song share.

    `notice` is what to tell the user if the file is damaged; else it is empty. `notes` are the
    same melody with pitches and rhythm; they are None if only the letters are known.
    """

    path: Path
    song: str
    letters: Letters
    notice: str = ""
    notes: Notes | None = None


@dataclass(frozen=True)
class Skipped:
    """A file without a melody, and why it has none."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Song:
    """A song: the letters of all its parts, one after another, and its notes where all are known.

    `notes` are as many as `letters`, or None.
    """

    name: str
    letters: Letters
    notes: Notes | None = None


class Side(StrEnum):
    """What a song is for."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


def find_files(sources: Sequence[Path]) -> list[Path]:
    """The MIDI files among the sources and anywhere in the folders among them, each once.

    The files of a folder are sorted, with NAME-10 after NAME-9; hidden ones are left out. Raises
    MidiFileError if a source is missing, can't be read, or is a folder without MIDI files.
    """
    files: dict[Path, Path] = {}
    try:
        for source in sources:
            for path in _files_of(source):
                files.setdefault(path.resolve(), path)
    except OSError as exc:
        raise MidiFileError(f"{exc.filename}: can't be read: {exc.strerror}") from exc
    return list(files.values())


def read(files: Sequence[Path], track: str | None = None) -> Iterator[Tune | Skipped]:
    """The melody of each file, or why it has none, in the order of the files.

    All processors read, so that a collection may be of any size. A file that can't be read is
    Skipped and raises nothing.
    """
    return spread(partial(_read_or_skip, track=track), files)


def read_file(path: Path, track: str | None = None) -> Tune:
    """The melody of one file. Raises MidiFileError as `load` and `hear_melody` do."""
    file = load(path)
    notes = notes_of(file, hear_melody(file, track))
    return Tune(path, song_name(path), notes.degrees, file.notice, notes)


def song_name(path: Path) -> str:
    """The name of the song that a file is (a part of): its own, without the part's number.

    All recordings of one evening are one song, since people play the same tunes in them.
    """
    evening = _EVENING.match(path.stem)
    return evening[1] if evening else _PART.sub("", path.stem)


def songs(tunes: Iterable[Tune]) -> list[Song]:
    """The songs that the tunes are parts of, each with its parts in order.

    The parts of a song are in one folder; the same name elsewhere is another song. A recording of
    the last minutes is left out if what it holds is in another part.
    """
    parts: dict[tuple[Path, str], list[Tune]] = {}
    for tune in tunes:
        parts.setdefault((tune.path.parent, tune.song), []).append(tune)
    return [_song(name, _in_turn(tunes)) for (_, name), tunes in parts.items()]


def side_of(name: str) -> Side:
    """The side of a song: of ten, about eight are learned from, one validates and one tests.

    It depends only on the name (without the number of a part), so it is the same on every machine
    and in a larger collection.
    """
    content = name.encode(errors="surrogatepass")  # file names may hold invalid text
    tenth = int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % 10
    return {0: Side.TEST, 1: Side.VALIDATION}.get(tenth, Side.TRAINING)


def divide(songs: Sequence[Song]) -> dict[Side, list[Song]]:
    """The songs of each side."""
    return {side: [song for song in songs if side_of(song.name) is side] for side in Side}


def cut(songs: Iterable[Song]) -> dict[Side, list[Song]]:
    """Each song cut into three parts, one for each side, for when there are few songs.

    The first eight tenths are learned from, the next tenth validates, and the last tests.
    """
    sides: dict[Side, list[Song]] = {side: [] for side in Side}
    for song in songs:
        count = len(song.letters)
        ends = [0, count * 8 // 10, count * 9 // 10, count]
        for side, part in zip(
            Side, itertools.starmap(slice, itertools.pairwise(ends)), strict=True
        ):
            if len(letters := song.letters[part]):
                notes = None if song.notes is None else song.notes[part]
                sides[side].append(Song(song.name, letters, notes))
    return sides


def _song(name: str, parts: Sequence[Tune]) -> Song:
    notes = [tune.notes for tune in parts if tune.notes is not None]
    letters = np.concatenate([tune.letters for tune in parts])
    return Song(name, letters, joined(notes) if len(notes) == len(parts) else None)


def _read_or_skip(path: Path, track: str | None) -> Tune | Skipped:
    try:
        return read_file(path, track)
    except MidiFileError as exc:
        return Skipped(path, one_line(str(exc).removeprefix(f"{path}: ")))


def _in_turn(parts: Sequence[Tune]) -> list[Tune]:
    """The parts of a song in order, each once."""
    whole = [tune for tune in parts if not _EXCERPT.search(tune.path.stem)]
    excerpts = [tune for tune in parts if _EXCERPT.search(tune.path.stem)]
    held = [bytes(tune.letters) for tune in whole]
    new = [tune for tune in excerpts if not any(bytes(tune.letters) in each for each in held)]
    return sorted([*whole, *new], key=lambda tune: _sort_key(tune.path))


def _sort_key(path: Path) -> tuple[Path, list[str | int], str]:
    """Sorts files by folder and name, with the numbers in a name by their size."""
    pieces = re.split(r"(\d+)", path.stem)  # text and numbers in turn
    return path.parent, [int(each) if each.isdecimal() else each for each in pieces], path.name


def _files_of(source: Path) -> list[Path]:
    if not source.exists():
        raise MidiFileError(f"{source}: there is no such file or folder")
    if not source.is_dir():
        return [source]
    found = sorted(_walk(source, set()), key=_sort_key)
    if not found:
        raise MidiFileError(f"{source}: there are no MIDI files ({', '.join(_SUFFIXES)}) in it")
    return found


def _walk(folder: Path, walked: set[str]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in walked:  # links may lead in circles
        return
    walked.add(real)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _walk(Path(entry.path), walked)
            elif entry.name.lower().endswith(_SUFFIXES):
                yield Path(entry.path)
