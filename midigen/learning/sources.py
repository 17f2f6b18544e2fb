"""Which MIDI files a corpus has, in which order, and which of them are parts of one song."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from midigen.errors import MidiFileError

_SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi", ".rmid")
_PART = re.compile(r"-(\d+)$")  # NAME-0, NAME-1: the parts of one song
_EVENING = re.compile(r"(midigen-\d{4}-\d\d-\d\d)-\d{6}\b")  # a recording, up to its date
_EXCERPT = re.compile(r"-last-\d+-min\b")  # a recording of the last minutes only


def find_files(sources: Sequence[Path]) -> list[Path]:
    """The MIDI files among the sources and anywhere in the folders among them, each once.

    The files of a folder are sorted, with NAME-10 after NAME-9; hidden ones are left out. Raises
    MidiFileError if a source is missing, can't be read, or is a folder without MIDI files.
    """
    files: dict[Path, Path] = {}
    for source in sources:
        try:
            found = _files_of(source)
        except OSError as exc:
            raise MidiFileError(f"{exc.filename}: can't be read: {exc.strerror}") from exc
        for path in found:
            files.setdefault(path.resolve(), path)
    return list(files.values())


def song_name(path: Path) -> str:
    """The name of the song that a file is (a part of): its own, without the part's number.

    All recordings of one evening are one song, since people play the same tunes in them.
    """
    evening = _EVENING.match(path.stem)
    return evening[1] if evening else _PART.sub("", path.stem)


def is_excerpt(path: Path) -> bool:
    """Whether a file is a recording's last minutes, which may be in another file as well."""
    return _EXCERPT.search(path.stem) is not None


def sort_key(path: Path) -> tuple[Path, list[str | int], str]:
    """Sorts files by folder and name, with the numbers in a name by their size."""
    pieces = re.split(r"(\d+)", path.stem)  # text and numbers in turn
    return path.parent, [int(each) if each.isdecimal() else each for each in pieces], path.name


def _files_of(source: Path) -> list[Path]:
    if not source.exists():
        raise MidiFileError(f"{source}: there is no such file or folder")
    if not source.is_dir():
        return [source]
    found = sorted(_walk(source, set()), key=sort_key)
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
