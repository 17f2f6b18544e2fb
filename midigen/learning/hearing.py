"""The melody of a MIDI file, as live play would hear it: its notes, their letters and keys.

It is one line of the file: the notes of one channel on one track.
"""

import math
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

import numpy as np

from midigen.midi.file import AtTick, MidiFile, Ticks, Track
from midigen.midi.messages import DRUMS, Channel, NoteOff, NoteOn, Pitch
from midigen.music.key_finding import estimate_key
from midigen.music.keys import C_MAJOR, Degree, Key
from midigen.music.melody import Melody, Note
from midigen.text import printable

_TONICS = {False: (0, "major"), True: (5, "minor")}  # as letters, by whether the key is minor

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


@dataclass(frozen=True, slots=True)
class Heard:
    """A note of a melody, its letter, and the key in which it has that letter.

    `begins` and `ends` are its ticks; `ends` is None if it sounds until the next note begins.
    """

    note: Note
    degree: Degree
    key: Key
    begins: Ticks
    ends: Ticks | None = None


@dataclass
class _Line:
    """A line and the name of its track. `changes` are (tick, whether a note begins, pitch)."""

    name: str
    changes: list[tuple[Ticks, bool, Pitch]] = field(default_factory=list)


def hear_melody(file: MidiFile, track: str | None) -> list[Heard]:
    """The melody of a file: of the named track, or else of the line that is most like a melody.

    The file's key signatures say what its letters stand for; if it has none, the key is estimated
    from the notes. Raises MidiFileError if the file has no notes, or none on a track of that name.
    """
    line = _choose_line(file, track)
    if keys := _keys(file):
        return _hear(file, line, keys)
    notes = [heard.note for heard in _hear(file, line, [(0, C_MAJOR)])]
    return _hear(file, line, [(0, estimate_key(notes))])


def one_line(text: str) -> str:
    """Foreign text on one line, without characters that a terminal would obey.

    Accents are composed, as they are typed: macOS writes them as characters of their own.
    """
    composed = unicodedata.normalize("NFC", text)
    return " ".join(printable(composed, " ").split())


def _hear(file: MidiFile, line: _Line, keys: Sequence[AtTick[Key]]) -> list[Heard]:
    """The melody of a line, with each key holding from its tick on."""
    melody = Melody(keys[0][1])
    notes: list[Heard] = []
    for tick, begins, pitch in sorted(line.changes):  # at the same tick, note-offs come first
        place = bisect_right(keys, tick, key=itemgetter(0))
        melody.key = keys[max(place - 1, 0)][1]
        now = file.clock.at(tick)
        if not begins:
            melody.release(pitch)
            if notes and notes[-1].note.pitch == pitch and notes[-1].note.end is None:
                notes[-1] = replace(notes[-1], note=replace(notes[-1].note, end=now), ends=tick)
        elif step := melody.hear(pitch, now):
            first = notes[-1].begins if step.replaces else tick  # as live: the chord's first note
            heard = Heard(Note(step.pitch, now, None), step.degree, melody.key, first)
            notes[len(notes) - step.replaces :] = [heard]
    return notes


def _keys(file: MidiFile) -> list[AtTick[Key]]:
    """The keys of a file by its key signatures, in order; the first of several at one tick."""
    found: dict[Ticks, Key] = {}
    for tick, (sharps, is_minor) in file.key_signatures:
        letter, mode = _TONICS[is_minor]
        tonic = Key("", sharps).note_names[letter]
        found.setdefault(tick, Key(f"{tonic} {mode}", sharps))
    return list(found.items())


def _choose_line(file: MidiFile, track: str | None) -> _Line:
    """The line on the named track, or the player's in a recording, or the most melodious one.

    A track may be named by a part of its name, if no track has just this name. Of several lines,
    the most melodious is chosen. Raises MidiFileError as `hear_melody` does.
    """
    lines = [line for each in file.tracks for line in _lines(each)]
    if not lines:
        raise file.refusal("there are no notes in it, drums aside")
    if track is None and {one_line(each.name) for each in file.tracks} >= _RECORDED:
        track = _PLAYER  # whoever wants to learn from midigen's notes can name its track
    if track is not None:
        names = sorted({f'"{line.name}"' if line.name else "one without a name" for line in lines})
        wanted = one_line(track).casefold()
        exactly = [line for line in lines if line.name.casefold() == wanted]
        lines = exactly or [line for line in lines if wanted in line.name.casefold()]
        if not lines:
            raise file.refusal(f'no track "{track}" with notes; there are {", ".join(names)}')
    last = max(tick for line in lines for tick, _, _ in line.changes)
    beats = last / file.ticks_per_beat
    return max(lines, key=lambda line: _melodiousness(line, beats))


def _lines(track: Track) -> Iterator[_Line]:
    """The lines of a track that have notes, without drums."""
    name = one_line(track.name)
    channels: dict[Channel, _Line] = {}
    for tick, message in track.messages:
        if isinstance(message, NoteOn | NoteOff) and message.channel != DRUMS:
            line = channels.setdefault(message.channel, _Line(name))
            line.changes.append((tick, isinstance(message, NoteOn), message.pitch))
    return (line for line in channels.values() if any(begins for _, begins, _ in line.changes))


def _melodiousness(line: _Line, beats: float) -> float:
    """How much a line is like a melody, in semitones. `beats` is the length of the file.

    A melody is high, but within reach of a singer, has one note at a time, moves by steps, isn't
    slower than people sing, and may be named as one.
    """
    begun = sorted((tick, pitch) for tick, begins, pitch in line.changes if begins)
    onsets = dict(begun)  # the highest pitch that begins at each tick, in order
    pitches = np.fromiter(onsets.values(), dtype=np.int64)
    height = float(pitches.mean())
    height -= 0.75 * max(height - _SINGABLE, 0)
    moves = np.abs(np.diff(pitches))
    steps = float(np.mean((moves > 0) & (moves <= _WHOLE_TONE))) if len(moves) else 0.0
    chords = 1 - len(onsets) / len(begun)
    halvings = max(math.log2(_FEWEST_A_BEAT * max(beats, 1) / len(onsets)), 0)
    named = _MELODY_NAMES.search(line.name) and not _BACKING_NAMES.search(line.name)
    return height + _STEPS * steps - _CHORDS * chords - _SLOW * halvings + _NAMED * bool(named)
