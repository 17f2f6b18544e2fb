"""Finds the melody of a MIDI file among its lines: the notes of one channel on one track."""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from midigen.midi.file import MidiFile, Ticks, Track
from midigen.midi.messages import DRUMS, Channel, NoteOff, NoteOn, Pitch
from midigen.text import printable

# What makes a line a melody, in semitones of height that it is worth. The figures are those of
# the melodies of POP909 and the OpenScore Lieder Corpus: nearly all have a mean pitch of 62 to 79,
# 0.6 notes a beat or more, and three to six steps in ten moves.
_MELODY_NAMES = re.compile(
    r"m[eé]lod|vocal|soprano|gesang|singstimme|(?<![a-z])(vox|voice|voix|voz|lead|sing|canto)",
    re.IGNORECASE,
)
_BACKING_NAMES = re.compile(r"back|harmony|(?<![a-z])bgv?(?![a-z])", re.IGNORECASE)
_NAMED = 24.0  # gained by a telling name
_CHORDS = 36.0  # lost by a line of nothing but chords
_STEPS = 36.0  # gained by a line of nothing but steps: no repeated notes, leaps or arpeggios
_SLOW = 12.0  # lost with each halving of the notes a beat, below the fewest of a melody
_FEWEST_A_BEAT = 0.6
_SINGABLE: Pitch = 72  # height above this counts a quarter: a still higher line is ornament
_WHOLE_TONE = 2
_PLAYER = "player"
_RECORDED = {_PLAYER, "midigen"}  # the tracks that `run` records and `render` writes


@dataclass
class Line:
    """A line and the name of its track. `changes` are (tick, whether a note begins, pitch)."""

    name: str
    changes: list[tuple[Ticks, bool, Pitch]] = field(default_factory=list)

    def onsets(self) -> dict[Ticks, Pitch]:
        """The highest pitch at each tick at which a note begins, in order."""
        highest: dict[Ticks, Pitch] = {}
        for tick, begins, pitch in self.changes:
            if begins:
                highest[tick] = max(pitch, highest.get(tick, 0))
        return highest


def choose_line(file: MidiFile, track: str | None) -> Line:
    """The line on the named track, or the player's in a recording, or the most melodious one.

    Of several on the track, the most melodious. Raises MidiFileError if there are no notes, or
    none on a track of that name.
    """
    lines = [line for each in file.tracks for line in _lines(each)]
    if not lines:
        raise file.refusal("there are no notes in it, drums aside")
    if track is None and {one_line(each.name) for each in file.tracks} >= _RECORDED:
        track = _PLAYER  # whoever wants to learn from midigen's notes can name its track
    if track is not None:
        lines = _called(track, lines) or _refuse(file, track, lines)
    last = max(tick for line in lines for tick, _, _ in line.changes)
    beats = last / file.ticks_per_beat
    return max(lines, key=lambda line: _melodiousness(line, beats))


def one_line(text: str) -> str:
    """Foreign text on one line, without characters that a terminal would obey.

    Accents are composed, as they are typed: macOS writes them as characters of their own.
    """
    composed = unicodedata.normalize("NFC", text)
    return " ".join(printable(composed, " ").split())


def _lines(track: Track) -> Iterator[Line]:
    """The lines of a track that have notes, without drums."""
    name = one_line(track.name)
    channels: dict[Channel, Line] = {}
    for tick, message in track.messages:
        if isinstance(message, NoteOn | NoteOff) and message.channel != DRUMS:
            line = channels.setdefault(message.channel, Line(name))
            line.changes.append((tick, isinstance(message, NoteOn), message.pitch))
    return (line for line in channels.values() if any(begins for _, begins, _ in line.changes))


def _called(track: str, lines: Sequence[Line]) -> list[Line]:
    """The lines whose track has this name, or else those whose track's name contains it."""
    wanted = one_line(track).casefold()
    exactly = [line for line in lines if line.name.casefold() == wanted]
    return exactly or [line for line in lines if wanted in line.name.casefold()]


def _refuse(file: MidiFile, track: str, lines: Sequence[Line]) -> NoReturn:
    names = sorted({f'"{line.name}"' if line.name else "one without a name" for line in lines})
    raise file.refusal(f'no track "{track}" with notes; there are {", ".join(names)}')


def _melodiousness(line: Line, beats: float) -> float:
    """How much a line is like a melody, in semitones. `beats` is the length of the file.

    A melody is high, but within reach of a singer, has one note at a time, moves by steps, isn't
    slower than people sing, and may be named as one.
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
