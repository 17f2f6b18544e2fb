"""Draws a MIDI file as a piano roll, with the player and midigen in different colours.

`read` takes the notes and the bars from the file, `plot` draws them. A short piece has one
system, a long one has several below each other, all at the same scale. Matplotlib is imported
only when something is drawn.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midigen import files
from midigen.errors import MidiFileError, MidigenError
from midigen.midi.file import MidiFile, Ticks, Track
from midigen.midi.messages import Channel, NoteOff, NoteOn, Pitch, Seconds, Velocity
from midigen.midi.reader import load
from midigen.music.keys import C_MAJOR, Key

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLAYER, MACHINE = "player", "midigen"

_DPI = 100
_WIDTH, _HEIGHT = 12.0, 5.0  # inches, of a picture with one system
_SYSTEM: Seconds = 40.0  # a longer piece is divided into more
_MOST_SYSTEMS = 8
_MOST_BEATS = 100_000
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.55, 0.15, 0.65, 0.55  # inches around the systems
_SYSTEM_HEIGHT, _GAP = 2.9, 0.6  # inches, of one of several systems, and between two of them

# Blue and orange from the palette of Okabe and Ito, which colour-blind people can tell apart. In
# grey, one is dark and plain and the other is light and hatched.
_LOOKS: dict[str, dict[str, Any]] = {
    PLAYER: {"facecolor": "#0072B2", "edgecolor": "#003B5C", "hatch": ""},
    MACHINE: {"facecolor": "#F0B23C", "edgecolor": "#6B4700", "hatch": "/////"},
}
_SOFTEST, _LOUDEST = 0.3, 0.94  # heights of a note, in semitones
_FEWEST_SEMITONES = 16
_BLACK_KEYS = {1, 3, 6, 8, 10}
_BETWEEN_NAMES, _BETWEEN_BEATS, _BETWEEN_BARS, _BETWEEN_NUMBERS = 11, 7, 10, 28  # pixels, at least


@dataclass(frozen=True)
class DrawnNote:
    """A note that the player or midigen plays."""

    by: str
    pitch: Pitch
    velocity: Velocity
    start: Seconds
    end: Seconds


@dataclass(frozen=True)
class Piece:
    """What a file plays: its notes in the order of their starts, its beats and its bars.

    Beats and bars go on to the end of the bar in which the last note ends.
    """

    notes: tuple[DrawnNote, ...]
    beats: tuple[Seconds, ...]
    bars: tuple[Seconds, ...]

    @property
    def length(self) -> Seconds:
        """The end of the last note."""
        return max(note.end for note in self.notes)


def plot(midi_path: Path, png_path: Path, key: Key = C_MAJOR) -> None:
    """Draw a MIDI file such as `midigen render` writes: the track of midigen, and all others.

    The rows are named as the key spells their notes. Raises MidiFileError if the file can't be
    read, and MidigenError if the picture can't be written or Matplotlib isn't installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise MidigenError(
            f"a picture needs one more package ({exc.name} is missing): "
            'pip install "midigen[plot]", or -e ".[plot]" in a checkout'
        ) from exc
    piece = read(midi_path)
    with mpl.rc_context({"hatch.linewidth": 0.7, "font.size": 9}):
        figure = _drawn(Figure(dpi=_DPI), piece, midi_path.name, key)
        try:
            with files.replacing(png_path) as new:
                figure.savefig(new, format="png", metadata={"Software": None})
        except OSError as exc:
            raise MidigenError(f"{png_path}: can't be written: {exc.strerror or exc}") from exc


# --- the notes of the file


def read(path: Path) -> Piece:
    """The notes, beats and bars of a MIDI file. Raises MidiFileError."""
    file = load(path)
    notes = [note for track in file.tracks for note in _notes(track)]
    if not notes:
        raise file.refusal("there are no notes in it")
    end = max(int(note.end) for note in notes)
    if end > _MOST_BEATS * file.ticks_per_beat:
        raise MidiFileError(f"{path}: too long for a picture: over {_MOST_BEATS} beats")
    beats, bars = _grid(file, end)
    at = file.clock.at
    notes.sort(key=lambda note: (note.start, note.pitch))
    timed = (replace(note, start=at(note.start), end=at(note.end)) for note in notes)
    return Piece(tuple(timed), tuple(map(at, beats)), tuple(map(at, bars)))


def _notes(track: Track) -> Iterator[DrawnNote]:
    """The notes of a track in ticks. A note without an end ends with the track."""
    by = MACHINE if track.name.strip().lower() == MACHINE else PLAYER
    sounding: dict[tuple[Channel, Pitch], tuple[Ticks, Velocity]] = {}
    for tick, message in track.messages:
        if isinstance(message, NoteOn | NoteOff):
            begun = sounding.pop((message.channel, message.pitch), None)
            if begun is not None:
                yield DrawnNote(by, message.pitch, begun[1], begun[0], tick)
        if isinstance(message, NoteOn):
            sounding[message.channel, message.pitch] = tick, message.velocity
    for (_, pitch), (start, velocity) in sounding.items():
        yield DrawnNote(by, pitch, velocity, start, track.end)


def _grid(file: MidiFile, end: Ticks) -> tuple[list[float], list[float]]:
    """The ticks of the beats and of the bars up to the end of the last bar."""
    signatures = [(0, 4, 4)]
    signatures += [(tick, *signature) for tick, signature in file.time_signatures if tick < end]
    beats: list[float] = []
    bars: list[float] = []
    for (start, count, unit), following in zip_longest(signatures, signatures[1:]):
        beat = file.ticks_per_beat * 4 / unit
        if following is None:
            number = count * max(1, math.ceil((end - start) / (beat * count)))
        else:
            number = math.ceil((following[0] - start) / beat)
        beats += [start + index * beat for index in range(number)]
        bars += [start + index * beat for index in range(0, number, count)]
    last = beats[-1] + beat
    return [*beats, last], [*bars, last]


# --- the picture


def _drawn(figure: "Figure", piece: Piece, title: str, key: Key) -> "Figure":
    systems = [*pairwise([*_system_starts(piece), piece.bars[-1]])]
    longest = max(end - start for start, end in systems)
    around = _TOP + _BOTTOM
    system_height = _HEIGHT - around if len(systems) == 1 else _SYSTEM_HEIGHT
    height = around + len(systems) * system_height + (len(systems) - 1) * _GAP
    figure.set_size_inches(_WIDTH, height)
    low, high = _range(piece)
    for index, (start, end) in enumerate(systems):
        bottom = height - _TOP - (index + 1) * system_height - index * _GAP
        width = (_WIDTH - _LEFT - _RIGHT) * (end - start) / longest
        axes = figure.add_axes(
            (_LEFT / _WIDTH, bottom / height, width / _WIDTH, system_height / height)
        )
        axes.set_xlim(start, end)
        axes.set_ylim(low - 0.5, high + 0.5)
        _draw_keys(axes, low, high, key)
        _draw_grid(axes, piece, start, end)
        _draw_notes(axes, piece, start, end)
    axes.set_xlabel("seconds")
    _draw_heading(figure, title, height)
    return figure


def _system_starts(piece: Piece) -> list[Seconds]:
    """The times at which systems begin: the bars that divide the piece most evenly."""
    number = min(_MOST_SYSTEMS, math.ceil(piece.length / _SYSTEM))
    ideal = [piece.bars[-1] * index / number for index in range(1, number)]
    nearest = (min(piece.bars, key=lambda bar: abs(bar - time)) for time in ideal)
    return sorted({0.0, *nearest} - {piece.bars[-1]})


def _range(piece: Piece) -> tuple[Pitch, Pitch]:
    """The lowest and the highest pitch to show."""
    low = min(note.pitch for note in piece.notes) - 1
    high = max(note.pitch for note in piece.notes) + 1
    missing = max(0, _FEWEST_SEMITONES - (high - low + 1))
    return max(0, low - missing // 2), min(127, high + (missing + 1) // 2)


def _draw_keys(axes: "Axes", low: Pitch, high: Pitch, key: Key) -> None:
    """Draw the rows of black keys in grey, and name as many rows as there is room for."""
    room = axes.get_window_extent().height / (high - low + 1)
    for pitch in range(low, high + 1):
        if pitch % 12 in _BLACK_KEYS:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color="#F0F0F0", linewidth=0, zorder=0)
        if pitch % 12 == 0:
            axes.axhline(pitch - 0.5, color="#9A9A9A", linewidth=0.7, zorder=1)
    choices = ((set(range(12)), 1), ({0, 4, 7}, 3), ({0, 7}, 5))
    fitting = (classes for classes, distance in choices if room * distance >= _BETWEEN_NAMES)
    named = next(fitting, {0})
    shown = [pitch for pitch in range(low, high + 1) if pitch % 12 in named]
    axes.set_yticks(shown, [key.pitch_name(pitch) for pitch in shown])
    axes.tick_params(axis="y", length=0)


def _draw_grid(axes: "Axes", piece: Piece, start: Seconds, end: Seconds) -> None:
    """Draw lines for beats and bars, with as many numbers of bars as there is room for."""
    width = axes.get_window_extent().width
    upright: Any = {"transform": axes.get_xaxis_transform(), "zorder": 1}

    def stride(times: Sequence[Seconds], pixels: float) -> int:
        between = (times[-1] - times[0]) / (len(times) - 1) * width / (end - start)
        return int(2 ** max(0, math.ceil(math.log2(pixels / between))))

    if stride(piece.beats, _BETWEEN_BEATS) == 1:
        axes.vlines(piece.beats, 0, 1, color="#DADADA", linewidth=0.6, **upright)
    bars = piece.bars[:: stride(piece.bars, _BETWEEN_BARS)]
    axes.vlines(bars, 0, 1, color="#9A9A9A", linewidth=1.0, **upright)
    every = stride(piece.bars, _BETWEEN_NUMBERS)
    above = axes.secondary_xaxis("top")
    numbers = {
        time: str(index + 1)
        for index, time in enumerate(piece.bars[:-1])
        if index % every == 0 and start <= time < end
    }
    above.set_xticks(list(numbers), list(numbers.values()))
    above.tick_params(axis="x", length=2, pad=1, labelcolor="#5A5A5A")


def _draw_notes(axes: "Axes", piece: Piece, start: Seconds, end: Seconds) -> None:
    """Draw the notes, the louder the taller. If both play the same one, the player's is above."""
    pixel = (end - start) / axes.get_window_extent().width  # seconds
    together = _together(piece.notes)
    for note in piece.notes:
        if not (note.start < end and note.end >= start):
            continue
        length = max(note.end - note.start, 2.5 * pixel)  # so that a short note is visible
        share = 0.5 if note in together else 1.0
        aside = (1 - share) / 2 if note.by == PLAYER else (share - 1) / 2
        axes.barh(
            note.pitch + aside,
            length,
            height=share * (_SOFTEST + (_LOUDEST - _SOFTEST) * note.velocity / 127),
            left=note.start,
            linewidth=min(0.7, length / pixel / 10),  # so that the edge doesn't cover a short note
            zorder=2,
            **_LOOKS[note.by],
        )


def _together(notes: Iterable[DrawnNote]) -> set[DrawnNote]:
    """The notes, of those in the order of their starts, that both play at the same time."""
    found: set[DrawnNote] = set()
    latest: dict[tuple[str, Pitch], DrawnNote] = {}
    for note in notes:
        other = latest.get((MACHINE if note.by == PLAYER else PLAYER, note.pitch))
        if other and other.end > note.start:
            found |= {note, other}
        latest[note.by, note.pitch] = note
    return found


def _draw_heading(figure: "Figure", title: str, height: float) -> None:
    from matplotlib.patches import Patch

    y = 1 - 0.22 / height
    figure.text(_LEFT / _WIDTH, y, title, fontsize=11, fontweight="bold", va="center")
    figure.text(0.5, y, "the taller a note, the louder", ha="center", va="center", color="#5A5A5A")
    figure.legend(
        handles=[Patch(label=name, **look) for name, look in _LOOKS.items()],
        loc="center right",
        bbox_to_anchor=(1 - _RIGHT / _WIDTH, y),
        ncols=2,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
    )
