"""The terminal while midigen plays: its status at the bottom, and notices scrolling above it.

`rows` says what a status looks like, as text in styles; `Sheet` keeps it at the bottom of
the screen; `Display` is the thread that looks at the newest status ten times a second and
draws where it differs. Rich knows what a style is on this terminal, and how wide text is.
Its own Live isn't used: a redraw takes it five times as long (1.1 ms for 0.2), in which no
other thread of the process can play a note, and after a resize it leaves pieces behind.
"""

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.console import COLOR_SYSTEMS, Console
from rich.style import Style

from midigen.app.wrapping import wrapped
from midigen.instrument.status import Status
from midigen.live.typed_line import Typist
from midigen.midi.messages import Seconds
from midigen.music.keys import LETTERS, SIZE
from midigen.text import printable

INTERVAL: Seconds = 0.1
"""Between two looks at the status."""

NOTICES = 5
"""Lines that are left to the newest notices, however low the terminal is."""

WIDEST = 59
"""Columns that are drawn at most: everything has its place on any terminal from 60 up, and one
that is made narrower, as by larger letters, has nothing to wrap."""

BLOCKS = " ▁▂▃▄▅▆▇█"
"""What bars are drawn with, from nothing to a whole cell."""

ASCII_BLOCKS = " .:#"
"""The same for a terminal that has no others."""

Row: TypeAlias = tuple[tuple[str, str], ...]
"""A row of the screen: pieces of text, each with its style as Rich writes it."""

_KEPT = 500  # notices that wait for a terminal that is stuck
_FEWEST = 3  # rows on a terminal that is lower than that
_BAR_ROWS = 3
_COLUMN = 7  # columns of each letter: `Bb 61%` and a space
_BAR_WIDTH = 5
_YOU, _MIDIGEN, _ALARM = "bold reverse green", "bold reverse cyan", "bold reverse red"
_GAP = "   "
_LABEL = 9  # columns
_HANGING = 2  # columns that what goes on of a notice is further in


def is_worthwhile(stream: TextIO) -> bool:
    """Whether a stream is a terminal that can be drawn on."""
    try:
        if not stream.isatty():
            return False
    except ValueError:  # closed
        return False
    return (
        os.environ.get("TERM", "").lower() not in ("dumb", "unknown")
        and not Console(file=stream).legacy_windows  # it knows no escape sequences
    )


class Display:
    """Shows the newest status on a terminal, and what is told, on a thread of its own.

    `latest` says how it stands, None before anything is known. `typed` is called, on
    another thread, with each line that is typed on `keyboard` if that is a terminal too.
    A terminal that is slow, stuck or gone keeps nobody waiting: the display just ends.
    """

    def __init__(
        self,
        latest: Callable[[], Status | None],
        *,
        stream: TextIO | None = None,
        typed: Callable[[str], None] | None = None,
        keyboard: TextIO | None = None,
    ) -> None:
        """The stream is standard error and the keyboard standard input, unless told."""
        self._latest = latest
        self._stream = sys.stderr if stream is None else stream
        self._typist = _typist(typed, sys.stdin if keyboard is None else keyboard)
        self._blocks = BLOCKS if _can_write(self._stream, BLOCKS) else ASCII_BLOCKS
        self._notices: deque[Row] = deque(maxlen=_KEPT)
        self._sheet = Sheet(self._stream)
        self._shown: object = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def start(self, headline: str) -> None:
        """Begin to draw, below a line that says what it is."""
        self._notices.extendleft(_lines(headline, "bold"))
        if self._typist is not None:
            self._typist.start()
        self._thread.start()

    def tell(self, line: str) -> None:
        """Show a line above the status. For any thread; it is only noted here."""
        self._notices.extend(_lines(line, ""))

    def release(self) -> None:
        """Give the terminal back as it was, at once; it is drawn on until `stop`."""
        if self._typist is not None:
            self._typist.restore()

    def stop(self) -> None:
        """Show what was told, take the status away and give the terminal back."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)
        if self._typist is not None:
            self._typist.stop()

    def _run(self) -> None:
        try:
            terminal = _Terminal(self._stream)
        except OSError:
            return
        try:
            while not self._closing.is_set():
                self._draw(terminal)
                self._closing.wait(INTERVAL)
            size = terminal.size()
            terminal.write(self._sheet.frame(self._drain(size), (), size))
        except (OSError, ValueError):  # nobody sees it any more
            pass
        finally:
            terminal.close()

    def _draw(self, terminal: "_Terminal") -> None:
        """Draw, if anything is new."""
        status = self._latest()
        line = None if self._typist is None else self._typist.text
        size = terminal.size()
        if (status, line, size) == self._shown and not self._notices:
            return
        self._shown = (status, line, size)
        drawn = rows(status, line, size, self._blocks)
        terminal.write(self._sheet.frame(self._drain(size), drawn, size))

    def _drain(self, size: os.terminal_size) -> list[Row]:
        notices = [self._notices.popleft() for _ in range(len(self._notices))]
        return [
            ((line, style),)
            for ((text, style),) in notices
            for line in wrapped(text, size.columns - 1, _HANGING)
        ]


def rows(
    status: Status | None, typed: str | None, size: os.terminal_size, blocks: str = BLOCKS
) -> list[Row]:
    """What a status looks like: rows for the bottom of a terminal of this size.

    `typed` is the line that is being typed; None where none can be. Where there is little
    room the less important rows are left out.
    """
    width = min(size.columns - 1, WIDEST)  # in the last column a terminal may wrap
    ranked = [] if status is None else _ranked(status, width, blocks)
    if typed is not None:
        room = max(0, width - 3)
        ranked.append((0, (("> ", "bold"), (_last_cells(typed, room), "bold"))))
    room = min(size.lines, max(_FEWEST, size.lines - NOTICES))
    kept = sorted(sorted(range(len(ranked)), key=lambda place: ranked[place][0])[:room])
    return [_fit(ranked[place][1], width) for place in kept]


def _ranked(status: Status, width: int, blocks: str) -> list[tuple[int, Row]]:
    """All rows from top to bottom, each with its rank: 1 is the most important."""
    turn = _turn(status.turn, width)
    margin = tuple((" " * cell_len(text), style) for text, style in turn)
    flags = list(_flags(status, width))
    ranks = 3 if flags else 12
    return [
        (11, margin),
        (1, turn),
        (10, margin),
        *((2, row) for row in _flow(_course(status), width)),
        *((ranks, row) for row in _flow(flags, width)),
        (4, _melody("you", status.heard, width)),
        (5, _melody("midigen", status.played, width)),
        (7, (_label("sounds"), (_first_words(status.sounds, width - _LABEL), "bold"))),
        *((9, bars) for bars in _bars(status.probabilities, width, blocks)),
        (6, _chances(status.notes, status.probabilities, width)),
        *((13, row) for row in _letters(status.notes, width)),
        *((8, row) for row in _flow(_health(status), width)),
    ]


def _flow(pieces: Iterable[Row], width: int) -> list[Row]:
    """Pieces side by side, in as many rows as they need: at least one."""
    flowing: list[Row] = [()]
    for piece in pieces:
        row = (*flowing[-1], *([(_GAP, "")] if flowing[-1] else ()), *piece)
        if flowing[-1] and sum(cell_len(text) for text, _ in row) > width:
            flowing.append(piece)
        else:
            flowing[-1] = row
    return flowing


def _turn(turn: str, width: int) -> Row:
    """Whose turn it is, by its place too: the player's is on the left."""
    half = width // 2
    match turn:
        case "you":
            return ((" YOU ".center(half), _YOU),)
        case "midigen":
            return ((" " * half, ""), (" MIDIGEN ".center(width - half), _MIDIGEN))
        case _:
            return ((" - ".center(width), "bold"),)


def _course(status: Status) -> Iterable[Row]:
    """How it plays: mode, key and tempo."""
    yield ((status.mode, "bold"),)
    yield ((status.key, "bold"),)
    yield ((f"{status.bpm:.1f} bpm {status.beat}", _ALARM if "lost" in status.beat else "bold"),)


def _flags(status: Status, width: int) -> Iterable[Row]:
    """What would be a riddle if it were overlooked."""
    if status.muted:
        yield ((" MUTED ", _ALARM),)
    if status.holding:
        yield ((" HOLD ", "bold reverse yellow"),)
    for line in wrapped(status.silence.partition(":")[0], width):  # what to do was told above
        yield ((line, "bold yellow"),)


def _melody(label: str, notes: Sequence[str], width: int) -> Row:
    """The newest notes, the newest of all at the right edge."""
    newest = f" {notes[-1]}" if notes else ""
    place = max(0, width - _LABEL - len(newest))
    older = ""
    for note in reversed(notes[:-1]):
        if len(older) + len(note) + 1 > place:
            break
        older = f" {note}{older}"
    return (_label(label), (older.rjust(place), ""), (newest, "bold"))


def _bars(probabilities: Sequence[float] | None, width: int, blocks: str) -> list[Row]:
    """A bar for each letter, from the top row of them to the lowest."""
    margin, column = _columns(width)
    bar = min(_BAR_WIDTH, column - 1)
    whole = len(blocks) - 1
    levels = [round(p * _BAR_ROWS * whole) for p in probabilities or ()]
    below = [whole * row for row in reversed(range(_BAR_ROWS))]
    return [
        (
            (" " * margin, ""),
            *(
                ((blocks[min(max(level - base, 0), whole)] * bar).ljust(column), "cyan")
                for level in levels
            ),
        )
        for base in below
    ]


def _chances(notes: Sequence[str], probabilities: Sequence[float] | None, width: int) -> Row:
    """The notes that may come next with their probabilities; the likeliest stands out.

    Where there is little room, their names alone.
    """
    margin, column = _columns(width)
    most = max(probabilities or (2.0,))
    pieces = [(_label("next")[0][:margin], "")]
    for note, p in zip(notes, probabilities or (0.0,) * SIZE, strict=True):
        text = f"{note:2}{p:4.0%}" if probabilities and column == _COLUMN else f"{note:2}"
        pieces += [
            (text, "bold reverse" if p == most else ""),
            (" " * (column - len(text)), ""),
        ]
    return tuple(pieces)


def _letters(notes: Sequence[str], width: int) -> list[Row]:
    """The letters that those notes are to the model, where that isn't plain to see."""
    margin, column = _columns(width)
    if not margin or tuple(notes) == LETTERS:
        return []
    return [(_label("letters"), *((letter.ljust(column), "dim") for letter in LETTERS))]


def _columns(width: int) -> tuple[int, int]:
    """How wide the margin before the bars is, if there is room for one, and each column."""
    margin = _LABEL if width >= _LABEL + SIZE * _COLUMN else 0
    return margin, max(2, min(_COLUMN, width // SIZE))


def _health(status: Status) -> Iterable[Row]:
    """How well it goes, and what plays."""
    yield ((f"late {status.worst * 1000:.1f} ms", ""),)
    if status.dropped:
        yield ((f"dropped {status.dropped}", "bold yellow"),)
    if status.scene:
        yield (("scene ", ""), (status.scene, "bold"))
    model = (f"model {status.model}", "")
    yield (model, (" fails", _ALARM)) if status.trouble else (model,)


def _first_words(words: Sequence[str], room: int) -> str:
    """As many of the words as fit."""
    return next(iter(wrapped(" ".join(words), room)), "")


def _label(text: str) -> tuple[str, str]:
    return text.ljust(_LABEL), ""


def _lines(text: str, style: str) -> list[Row]:
    return [((printable(line), style),) for line in text.splitlines()]


def _last_cells(text: str, room: int) -> str:
    """The end of a text that fits into so many columns."""
    while cell_len(text) > room:
        text = text[1:]
    return text


def _fit(row: Row, width: int) -> Row:
    """A row that is no wider than that and holds only what can be printed."""
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
    """The rows at the bottom of a screen, as what is to be written to replace them.

    The cursor is left at the end of the last row, where a typed line goes on.
    """

    def __init__(self, stream: TextIO) -> None:
        """The stream is only asked what it can do."""
        console = Console(file=stream, force_terminal=True)
        self._colours = COLOR_SYSTEMS.get(console.color_system or "")
        self._no_colour = console.no_color
        self._styles: dict[str, Style] = {}
        self._widths: list[int] = []  # of the rows that stand there
        self._size: os.terminal_size | None = None

    def frame(self, notices: Sequence[Row], drawn: Sequence[Row], size: os.terminal_size) -> str:
        """What puts `drawn` in the place of what was there, and the notices above it.

        Every row is written anew, so that what others write meanwhile doesn't stay.
        """
        parts = ["\x1b[?25l\r", self._to_the_top(size.columns)]
        if notices or not drawn or size != self._size:
            parts.append("\x1b[J")
        parts += [f"{self._written(notice)}\r\n" for notice in notices]
        parts.append("\r\n".join(f"{self._written(row)}\x1b[K" for row in drawn))
        if drawn:
            parts.append("\x1b[J")
        parts.append("\x1b[?25h")
        self._widths = [sum(cell_len(text) for text, _ in row) for row in drawn]
        self._size = size
        return "".join(parts)

    def _to_the_top(self, columns: int) -> str:
        """From the last row to the first. A terminal that got narrower has wrapped them."""
        lines = sum(max(1, -(-width // columns)) for width in self._widths)
        return f"\x1b[{lines - 1}A" if lines > 1 else ""

    def _written(self, row: Row) -> str:
        return "".join(
            self._style(style).render(text, color_system=self._colours) for text, style in row
        )

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            style = Style.parse(name)
            style = self._styles[name] = style.without_color if self._no_colour else style
        return style


class _Terminal:
    """A stream as the display's thread writes it.

    By a descriptor of its own: the stream's lock stays free for others when a write is
    stuck, and a number that was closed and given to another file is never written to.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        try:
            self._file: int | None = os.dup(stream.fileno())
        except (OSError, ValueError):  # in memory, or closed: writing will tell
            self._file = None

    def size(self) -> os.terminal_size:
        try:
            size = os.get_terminal_size(-1 if self._file is None else self._file)
        except OSError:
            return _UNKNOWN_SIZE
        return size if size.columns and size.lines else _UNKNOWN_SIZE

    def write(self, text: str) -> None:
        if self._file is None:
            self._stream.write(text)
            self._stream.flush()
            return
        data = text.encode(self._encoding, "replace")
        while data:
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)


_UNKNOWN_SIZE = os.terminal_size((80, 24))


def _typist(typed: Callable[[str], None] | None, keyboard: TextIO) -> Typist | None:
    if typed is None:
        return None
    try:
        return Typist(typed, keyboard.fileno()) if keyboard.isatty() else None
    except (OSError, ValueError):  # closed, or in memory
        return None


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
