"""A collection of MIDI files as songs in letters, for training and evaluation."""

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.errors import MidiFileError
from midigen.learning.hearing import hear_melody
from midigen.learning.melody_finding import one_line
from midigen.learning.sources import is_excerpt, song_name, sort_key
from midigen.midi.reader import load

Letters: TypeAlias = npt.NDArray[np.uint8]
"""A melody as degrees 0–6, shape (notes,)."""

_BATCH = 16  # files that a process reads at once
_MOST_PROCESSES = 61  # Windows can't wait for more


@dataclass(frozen=True)
class Tune:
    """The melody of a file. `song` is the name that all parts of a song share.

    `notice` is what to tell the user if the file is damaged; else it is empty.
    """

    path: Path
    song: str
    letters: Letters
    notice: str = ""


@dataclass(frozen=True)
class Skipped:
    """A file without a melody, and why it has none."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Song:
    """A song: the letters of all its parts, one after another."""

    name: str
    letters: Letters


def read(files: Sequence[Path], track: str | None = None) -> Iterator[Tune | Skipped]:
    """The melody of each file, or why it has none, in the order of the files.

    All processors read files, a batch at a time, so that a collection may be of any size. A file
    that can't be read is Skipped and raises nothing.
    """
    work = partial(_read_or_skip, track=track)
    processes = min(os.cpu_count() or 1, len(files) // _BATCH, _MOST_PROCESSES)
    if processes <= 1:
        yield from map(work, files)
        return
    # Spawned, because forking a process with threads (TensorFlow's) may hang. Ctrl-C is left to
    # the parent, which ends the others, so that they don't each print a traceback.
    with ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as pool:
        at_once = processes * _BATCH * 4
        for start in range(0, len(files), at_once):
            yield from pool.map(work, files[start : start + at_once], chunksize=_BATCH)


def read_file(path: Path, track: str | None = None) -> Tune:
    """The melody of one file. Raises MidiFileError as `hearing.read_melody` does."""
    file = load(path)
    letters = np.array([heard.degree for heard in hear_melody(file, track)], dtype=np.uint8)
    return Tune(path, song_name(path), letters, file.notice)


def songs(tunes: Iterable[Tune]) -> list[Song]:
    """The songs that the tunes are parts of, each with its parts in order.

    The parts of a song are in one folder; the same name elsewhere is another song. A recording of
    the last minutes is left out if what it holds is in another part.
    """
    parts: dict[tuple[Path, str], list[Tune]] = {}
    for tune in tunes:
        parts.setdefault((tune.path.parent, tune.song), []).append(tune)
    return [
        Song(name, np.concatenate([tune.letters for tune in _in_turn(tunes)]))
        for (_, name), tunes in parts.items()
    ]


def _read_or_skip(path: Path, track: str | None) -> Tune | Skipped:
    try:
        return read_file(path, track)
    except MidiFileError as exc:
        return Skipped(path, one_line(str(exc).removeprefix(f"{path}: ")))


def _in_turn(parts: Sequence[Tune]) -> list[Tune]:
    """The parts of a song in order, each once."""
    whole = [tune for tune in parts if not is_excerpt(tune.path)]
    excerpts = [tune for tune in parts if is_excerpt(tune.path)]
    new = [
        excerpt
        for excerpt in excerpts
        if not any(bytes(excerpt.letters) in bytes(tune.letters) for tune in whole)
    ]
    return sorted([*whole, *new], key=lambda tune: sort_key(tune.path))
