"""MIDI files as letters, for training and evaluation: the same ears as live play.

A file's melody is one of its lines (the notes of one channel in one track): the
one on the track that was named, else the player's in a recording of midigen's own,
else the highest of those that move like a melody. Its key signatures say what the
letters stand for; where there is none, the key is estimated from the notes.
"""

import math
import multiprocessing
import os
import re
import signal
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from midigen.errors import MidiFileError
from midigen.midi.file import KeySignature, MidiFile, Track
from midigen.midi.messages import DRUMS, Channel, NoteOff, NoteOn, Pitch, Seconds
from midigen.midi.reader import load
from midigen.music.key_finding import estimate_key
from midigen.music.keys import C_MAJOR, Degree, Key
from midigen.music.melody import Melody, Note

Letters: TypeAlias = npt.NDArray[np.uint8]
"""A melody as degrees 0–6, one byte a note."""

_SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi", ".rmid")
_PART = re.compile(r"-(\d+)$")  # NAME-0, NAME-1: the parts of one song
_EVENING = re.compile(r"(midigen-\d{4}-\d\d-\d\d)-\d{6}\b")  # a recording, from its date on
_KEPT = re.compile(r"-last-\d+-min\b")  # ... of its last minutes
_BATCH = 16  # files that a process takes at once
_MOST_PROCESSES = 61  # Windows can't wait for more

# What makes a line a melody, in semitones of height that it is worth. The figures are those of
# the melodies of POP909 and the OpenScore Lieder Corpus: nearly all lie between 62 and 79 in the
# mean, with 0.6 notes a beat or more, three to six steps in ten moves.
_MELODY_NAMES = re.compile(
    r"m[eé]lod|vocal|soprano|gesang|singstimme|(?<![a-z])(vox|voice|voix|voz|lead|sing|canto)",
    re.IGNORECASE,
)
_BACKING_NAMES = re.compile(r"back|harmony|(?<![a-z])bgv?(?![a-z])", re.IGNORECASE)
_NAMED = 24.0  # gained by a telling name
_CHORDS = 36.0  # lost by a line of nothing but chords
_STEPS = 36.0  # gained by a line of nothing but steps, not of repeated notes, leaps or arpeggios
_SLOW = 12.0  # lost by each halving of the notes a beat below the fewest of a melody
_FEWEST_A_BEAT = 0.6
_SINGABLE: Pitch = 72  # a mean above this counts a quarter: what is higher still is an ornament
_WHOLE_TONE = 2
_PLAYER = "player"
_RECORDED = {_PLAYER, "midigen"}  # the tracks of a recording, and of what render wrote
_ANY_KEY = [(0, C_MAJOR)]
_TONICS = {False: (0, "major"), True: (5, "minor")}  # as letters, by whether the key is minor


@dataclass(frozen=True)
class Tune:
    """One file's melody; `song` is the name that the parts of a song have in common.

    `notice` is what to tell if the file is damaged.
    """

    path: Path
    song: str
    letters: Letters
    notice: str = ""


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


@dataclass(frozen=True, slots=True)
class Heard:
    """A note of a melody, its letter, and the key that makes it that."""

    note: Note
    degree: Degree
    key: Key


@dataclass
class _Line:
    """The notes of one channel in one track: (ticks, is it an onset, pitch)."""

    name: str
    changes: list[tuple[int, bool, Pitch]] = field(default_factory=list)

    def onsets(self) -> dict[int, Pitch]:
        """The highest pitch at each time at which a note begins, in order."""
        highest: dict[int, Pitch] = {}
        for ticks, begins, pitch in self.changes:
            if begins:
                highest[ticks] = max(pitch, highest.get(ticks, 0))
        return highest


def song_name(path: Path) -> str:
    """The name of a file without its ending and the number of its part.

    An evening's recordings are parts of one song: one plays the same tunes in them.
    """
    evening = _EVENING.match(path.stem)
    return evening[1] if evening else _PART.sub("", path.stem)


def find_files(sources: Sequence[Path]) -> list[Path]:
    """The MIDI files that are named or lie anywhere in the folders named, each once.

    A folder's come in order, NAME-10 after NAME-9; hidden ones are left out. Raises
    MidiFileError if a source is missing, unreadable or holds no MIDI file.
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


def read(files: Sequence[Path], track: str | None = None) -> Iterator[Tune | Skipped]:
    """The melody of each file, or why there is none, in the order of the files.

    Files are read by all processors at once, a batch at a time, so that no
    collection is too large; what is passed on is one byte a note. Raises nothing
    for a file that can't be read: that is Skipped.
    """
    work = partial(_read_or_skip, track=track)
    processes = min(os.cpu_count() or 1, len(files) // _BATCH, _MOST_PROCESSES)
    if processes <= 1:
        yield from map(work, files)
        return
    # Spawned, since a fork of a process that has threads (TensorFlow's) may hang. Ctrl-C is for
    # the one that started them, which ends them: they needn't each print a traceback.
    with ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as pool:
        at_once = processes * _BATCH * 4
        for start in range(0, len(files), at_once):
            yield from pool.map(work, files[start : start + at_once], chunksize=_BATCH)


def songs(tunes: Iterable[Tune]) -> list[Song]:
    """Put the parts of each song together, by their numbers. Raises nothing.

    A song's parts lie in one folder: elsewhere the same name is another song. The last
    minutes of a recording that is there as well are left out.
    """
    parts: dict[tuple[Path, str], list[Tune]] = {}
    for tune in tunes:
        parts.setdefault((tune.path.parent, tune.song), []).append(tune)
    return [
        Song(name, np.concatenate([tune.letters for tune in _in_turn(tunes)]))
        for (_, name), tunes in parts.items()
    ]


def read_file(path: Path, track: str | None = None) -> Tune:
    """The melody of one file, in letters. Raises MidiFileError as `read_melody` does."""
    file = load(path)
    letters = np.array([heard.degree for heard in _melody(file, track)], dtype=np.uint8)
    return Tune(path, song_name(path), letters, file.notice)


def read_melody(path: Path, track: str | None = None) -> list[Heard]:
    """The notes of the melody of one file, as live play would hear them.

    Raises MidiFileError as `load` does, or if the file has no notes, or no `track` with notes.
    """
    return _melody(load(path), track)


def _melody(file: MidiFile, track: str | None) -> list[Heard]:
    line = _choose_line(file, track)
    keys = _key_signatures(file)
    if not keys:
        keys = [(0, estimate_key([heard.note for heard in _hear(file, line, _ANY_KEY)]))]
    return _hear(file, line, keys)


def _read_or_skip(path: Path, track: str | None) -> Tune | Skipped:
    try:
        return read_file(path, track)
    except MidiFileError as exc:
        return Skipped(path, _one_line(str(exc).removeprefix(f"{path}: ")))


def _one_line(text: str) -> str:
    """A text from a file, without line ends and what else a terminal would obey.

    Its accents are as they are typed: macOS writes them as characters of their own.
    """
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(each if each.isprintable() else " " for each in composed).split())


def _in_turn(parts: Sequence[Tune]) -> list[Tune]:
    """The parts of a song in their order, each once."""
    whole = [bytes(tune.letters) for tune in parts if not _KEPT.search(tune.path.stem)]

    def is_in_another(tune: Tune) -> bool:
        kept = _KEPT.search(tune.path.stem) is not None
        return kept and any(bytes(tune.letters) in letters for letters in whole)

    once = (tune for tune in parts if not is_in_another(tune))
    return sorted(once, key=lambda tune: _in_order(tune.path))


def _files_of(source: Path) -> list[Path]:
    if not source.exists():
        raise MidiFileError(f"{source}: there is no such file or folder")
    if not source.is_dir():
        return [source]
    found = sorted(_walk(source, set()), key=_in_order)
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


def _in_order(path: Path) -> tuple[Path, list[str | int], str]:
    """What to sort files by: folder and name, the numbers in a name by their size."""
    pieces = re.split(r"(\d+)", path.stem)  # text and numbers in turn
    return path.parent, [int(each) if each.isdecimal() else each for each in pieces], path.name


# --- which line is the melody


def _choose_line(file: MidiFile, track: str | None) -> _Line:
    lines = [line for each in file.tracks for line in _lines(each)]
    if not lines:
        raise file.refusal("there are no notes in it, drums aside")
    if track is None and {_one_line(each.name) for each in file.tracks} >= _RECORDED:
        track = _PLAYER  # who wants to learn from the machine can name it
    if track is not None:
        lines = _called(track, lines) or _refuse(file, track, lines)
    last = max(ticks for line in lines for ticks, _, _ in line.changes)
    beats = last / file.ticks_per_beat
    return max(lines, key=lambda line: _melodiousness(line, beats))


def _lines(track: Track) -> Iterator[_Line]:
    """The lines of a track that have notes, drums left out."""
    name = _one_line(track.name)
    channels: dict[Channel, _Line] = {}
    for ticks, message in track.messages:
        if isinstance(message, NoteOn | NoteOff) and message.channel != DRUMS:
            line = channels.setdefault(message.channel, _Line(name))
            line.changes.append((ticks, isinstance(message, NoteOn), message.pitch))
    return (line for line in channels.values() if any(begins for _, begins, _ in line.changes))


def _called(track: str, lines: Sequence[_Line]) -> list[_Line]:
    """The lines whose track has this name, else those with the name in theirs."""
    wanted = _one_line(track).casefold()
    exactly = [line for line in lines if line.name.casefold() == wanted]
    return exactly or [line for line in lines if wanted in line.name.casefold()]


def _refuse(file: MidiFile, track: str, lines: Sequence[_Line]) -> NoReturn:
    names = sorted({f'"{line.name}"' if line.name else "one without a name" for line in lines})
    raise file.refusal(f'no track "{track}" with notes; there are {", ".join(names)}')


def _melodiousness(line: _Line, beats: float) -> float:
    """How much a line is like a melody, in semitones; the file lasts so many beats.

    A melody is high, but not out of a voice's reach, one note at a time, moves by
    steps, isn't slower than people sing, and may be called by its name.
    """
    onsets = line.onsets()
    pitches = np.fromiter(onsets.values(), dtype=np.int64)
    height = float(pitches.mean())
    height -= 0.75 * max(height - _SINGABLE, 0)
    moves = np.abs(np.diff(pitches))
    steps = float(np.mean((moves > 0) & (moves <= _WHOLE_TONE))) if len(moves) else 0.0
    chords = 1 - len(onsets) / sum(begins for _, begins, _ in line.changes)
    halvings = max(math.log2(_FEWEST_A_BEAT * max(beats, 1) / len(onsets)), 0)
    named = _MELODY_NAMES.search(line.name) and not _BACKING_NAMES.search(line.name)
    return height + _STEPS * steps - _CHORDS * chords - _SLOW * halvings + _NAMED * bool(named)


# --- from notes to letters


def _hear(file: MidiFile, line: _Line, keys: Sequence[tuple[int, Key]]) -> list[Heard]:
    """The notes of a line, as live play would hear it, in these keys from these ticks on."""
    melody = Melody(keys[0][1])
    changes = iter(keys[1:])
    change = next(changes, None)
    line_heard: list[Heard] = []
    for ticks, begins, pitch in sorted(line.changes):  # at the same time, ends come first
        while change and change[0] <= ticks:
            melody.key = change[1]
            change = next(changes, None)
        now = file.clock.at(ticks)
        if not begins:
            melody.release(pitch)
            _end(line_heard, pitch, now)
        elif step := melody.hear(pitch, now):
            heard = Heard(Note(step.pitch, now, None), step.degree, melody.key)
            line_heard[len(line_heard) - step.replaces :] = [heard]
    return line_heard


def _end(line_heard: list[Heard], pitch: Pitch, now: Seconds) -> None:
    """The newest note ends, if it is of this pitch."""
    if line_heard and line_heard[-1].note.pitch == pitch and line_heard[-1].note.end is None:
        line_heard[-1] = replace(line_heard[-1], note=replace(line_heard[-1].note, end=now))


def _key_signatures(file: MidiFile) -> list[tuple[int, Key]]:
    """The key signatures of a file with their times in ticks, in order."""
    found: dict[int, Key] = {}
    for ticks, signature in file.key_signatures:
        found.setdefault(ticks, _key(signature))
    return list(found.items())


def _key(signature: KeySignature) -> Key:
    letter, mode = _TONICS[signature.is_minor]
    tonic = Key("", signature.sharps).note_names[letter]
    return Key(f"{tonic} {mode}", signature.sharps)
