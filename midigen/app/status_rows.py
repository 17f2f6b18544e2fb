"""A status as rows of text in styles, and how they are drawn at the bottom of a terminal."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style

from midigen.app.console import HANGING, wrapped
from midigen.instrument.status import Status
from midigen.music.keys import LETTERS, SIZE
from midigen.text import printable

NOTICES = 5
"""Lines kept free for the newest notices."""

WIDEST = 59
"""The most columns that are drawn. They fit on a terminal of 60 columns, and if that gets narrower,
as with larger letters, little is wrapped."""

BLOCKS = " ▁▂▃▄▅▆▇█"
"""The characters of a bar, from an empty cell to a full one."""

ASCII_BLOCKS = " .:#"
"""The same for a terminal that can only write ASCII."""

Row: TypeAlias = tuple[tuple[str, str], ...]
"""A row of the screen: pieces of text, each with the name of its style in Rich."""

_FEWEST = 3  # rows, even if that leaves less for notices
_BAR_ROWS = 3
_COLUMN = 7  # columns of each letter: `Bb 61%` and a space
_BAR_WIDTH = 5
_YOU, _MIDIGEN, _ALARM = "bold reverse green", "bold reverse cyan", "bold reverse red"
_GAP = "   "
_LABEL = 9  # columns


def rows(
    status: Status | None, typed: str | None, size: os.terminal_size, blocks: str = BLOCKS
) -> list[Row]:
    """The rows that show a status at the bottom of a terminal of this size.

    `typed` is the line that is being typed, or None if nothing can be typed. On a small terminal
    the less important rows are left out.
    """
    width = min(size.columns - 1, WIDEST)  # a terminal may wrap after its last column
    ranked = [] if status is None else _ranked(status, width, blocks)
    if typed is not None:
        while cell_len(typed) > max(0, width - 3):
            typed = typed[1:]
        ranked.append((0, (("> ", "bold"), (typed, "bold"))))
    room = min(size.lines, max(_FEWEST, size.lines - NOTICES))
    kept = sorted(sorted(range(len(ranked)), key=lambda place: ranked[place][0])[:room])
    return [_fit(ranked[place][1], width) for place in kept]


def _ranked(status: Status, width: int, blocks: str) -> list[tuple[int, Row]]:
    """All rows from top to bottom, each with its rank: 1 is the most important."""
    turn = _turn(status.turn, width)
    margin = tuple((" " * cell_len(text), style) for text, style in turn)
    tempo = (f"{status.bpm:.1f} bpm {status.beat}", _ALARM if "lost" in status.beat else "bold")
    course = (((status.mode, "bold"),), ((status.key, "bold"),), (tempo,))
    flags = list(_flags(status, width))
    ranks = 3 if flags else 12
    sounds = next(iter(wrapped(" ".join(status.sounds), width - _LABEL)), "")  # those that fit
    return [
        (11, margin),
        (1, turn),
        (10, margin),
        *((2, row) for row in _flow(course, width)),
        *((ranks, row) for row in _flow(flags, width)),
        (4, _melody("you", status.heard, width)),
        (5, _melody("midigen", status.played, width)),
        (7, (_label("sounds"), (sounds, "bold"))),
        *_prediction(status, width, blocks),
        *((8, row) for row in _flow(_health(status), width)),
    ]


def _flow(pieces: Iterable[Row], width: int) -> list[Row]:
    """Pieces side by side, in as many rows as they need, but at least one."""
    flowing: list[Row] = [()]
    for piece in pieces:
        row = (*flowing[-1], *([(_GAP, "")] if flowing[-1] else ()), *piece)
        if flowing[-1] and sum(cell_len(text) for text, _ in row) > width:
            flowing.append(piece)
        else:
            flowing[-1] = row
    return flowing


def _turn(turn: str, width: int) -> Row:
    """Whose turn it is: the player's on the left, midigen's on the right."""
    half = width // 2
    match turn:
        case "you":
            return ((" YOU ".center(half), _YOU),)
        case "midigen":
            return ((" " * half, ""), (" MIDIGEN ".center(width - half), _MIDIGEN))
        case _:
            return ((" - ".center(width), "bold"),)


def _flags(status: Status, width: int) -> Iterable[Row]:
    """Flags: muted, holding, and why no answer comes."""
    if status.muted:
        yield ((" MUTED ", _ALARM),)
    if status.holding:
        yield ((" HOLD ", "bold reverse yellow"),)
    for line in wrapped(status.silence.partition(":")[0], width):  # a notice has said what to do
        yield ((line, "bold yellow"),)


def _melody(label: str, notes: Sequence[str], width: int) -> Row:
    """The newest notes, the last one at the right edge."""
    newest = f" {notes[-1]}" if notes else ""
    place = max(0, width - _LABEL - len(newest))
    older = ""
    for note in reversed(notes[:-1]):
        if len(older) + len(note) + 1 > place:
            break
        older = f" {note}{older}"
    return (_label(label), (older.rjust(place), ""), (newest, "bold"))


def _prediction(status: Status, width: int, blocks: str) -> Iterator[tuple[int, Row]]:
    """The bars, the notes that may come next, and the model's letters if they are others.

    The likeliest note is highlighted. On a narrow terminal the notes have only their names.
    """
    margin = _LABEL if width >= _LABEL + SIZE * _COLUMN else 0
    column = max(2, min(_COLUMN, width // SIZE))
    bar, whole = min(_BAR_WIDTH, column - 1), len(blocks) - 1
    levels = [round(p * _BAR_ROWS * whole) for p in status.probabilities or ()]
    for base in reversed(range(0, _BAR_ROWS * whole, whole)):
        cells = (blocks[min(max(level - base, 0), whole)] * bar for level in levels)
        yield 9, ((" " * margin, ""), *((cell.ljust(column), "cyan") for cell in cells))
    most = max(status.probabilities or (2.0,))
    names = [("next".ljust(margin)[:margin], "")]
    for note, p in zip(status.notes, status.probabilities or (0.0,) * SIZE, strict=True):
        text = f"{note:2}{p:4.0%}" if status.probabilities and column == _COLUMN else f"{note:2}"
        style = "bold reverse" if p == most else ""
        names += [(text, style), (" " * (column - len(text)), "")]
    yield 6, tuple(names)
    if margin and tuple(status.notes) != LETTERS:
        yield 13, (_label("letters"), *((letter.ljust(column), "dim") for letter in LETTERS))


def _health(status: Status) -> Iterable[Row]:
    """Lateness, lost notes, scene and model."""
    yield ((f"late {status.worst * 1000:.1f} ms", ""),)
    if status.dropped:
        yield ((f"dropped {status.dropped}", "bold yellow"),)
    if status.scene:
        yield (("scene ", ""), (status.scene, "bold"))
    model = (f"model {status.model}", "")
    yield (model, (" fails", _ALARM)) if status.trouble else (model,)


def _label(text: str) -> tuple[str, str]:
    return text.ljust(_LABEL), ""


def _fit(row: Row, width: int) -> Row:
    """A row cut to a width, without control characters."""
    fitting: list[tuple[str, str]] = []
    for text, style in row:
        piece = printable(text)
        if cell_len(piece) > width:
            piece = set_cell_size(piece, width)
        if piece:
            fitting.append((piece, style))
        width -= cell_len(piece)
    return tuple(fitting)


class Sheet:
    """The rows that are at the bottom of a screen, and the text that replaces them.

    The cursor stays at the end of the last row, where a typed line continues.
    """

    def __init__(self, stream: TextIO) -> None:
        """The stream is used only to find out what it can show; nothing is written to it."""
        console = Console(file=stream, force_terminal=True)
        self._colours = COLOR_SYSTEMS.get(console.color_system or "")
        self._no_colour = console.no_color
        try:
            BLOCKS.encode(stream.encoding or "utf-8")
            self._blocks = BLOCKS
        except UnicodeEncodeError:
            self._blocks = ASCII_BLOCKS
        self._widths: list[int] = []  # of the present rows
        self._size: os.terminal_size | None = None

    def picture(
        self,
        notices: Iterable[tuple[str, str]],
        status: Status | None,
        typed: str | None,
        size: os.terminal_size,
    ) -> str:
        """The text that shows notices, each with its style, above a status and what is typed."""
        lines = [
            ((line, style),)
            for text, style in notices
            for part in text.splitlines()
            for line in wrapped(printable(part), size.columns - 1, HANGING)
        ]
        return self.frame(lines, rows(status, typed, size, self._blocks), size)

    def frame(self, notices: Sequence[Row], drawn: Sequence[Row], size: os.terminal_size) -> str:
        """The text that replaces the present rows by `drawn`, with the notices above them.

        Every row is written again, so that nothing remains of what other programs wrote.
        """
        parts = ["\x1b[?25l\r", self._to_the_top(size.columns)]
        if notices or not drawn or size != self._size:
            parts.append("\x1b[J")
        parts += [f"{self._written(notice)}\r\n" for notice in notices]
        parts.append("\r\n".join(f"{self._written(row)}\x1b[K" for row in drawn))
        parts.append("\x1b[J\x1b[?25h" if drawn else "\x1b[?25h")
        self._widths = [sum(cell_len(text) for text, _ in row) for row in drawn]
        self._size = size
        return "".join(parts)

    def _to_the_top(self, columns: int) -> str:
        """Move from the last row to the first. A terminal that got narrower has wrapped them."""
        lines = sum(max(1, -(-width // columns)) for width in self._widths)
        return f"\x1b[{lines - 1}A" if lines > 1 else ""

    def _written(self, row: Row) -> str:
        written = ""
        for text, name in row:
            style = Style.parse(name)  # which remembers them
            style = style.without_color if self._no_colour else style
            written += style.render(text, color_system=self._colours)
        return written
