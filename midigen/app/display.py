"""The player's screen and typing while midigen plays: a status, plain lines, or nothing.

`Display` is the thread that reads the newest status ten times a second and redraws it if it has
changed. Rich supplies the styles for this terminal and the width of text. Its own Live isn't used:
its redraw takes five times as long (1.1 ms instead of 0.2), during which no other thread of the
process can play a note, and after a resize it leaves fragments behind.
"""

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TextIO

from midigen.app.console import tell
from midigen.instrument.status import Status
from midigen.live import standard_input
from midigen.live.daemon import Daemon
from midigen.live.standard_input import Typist
from midigen.live.terminal import COMMANDS, read_command
from midigen.midi.messages import Seconds

INTERVAL: Seconds = 0.1
"""The time between two reads of the status."""

_UNKNOWN_SIZE = os.terminal_size((80, 24))
_PLAIN = ("dumb", "unknown")  # terminals that only print
_KEPT = 500  # notices that wait for a stuck terminal


class Screen:
    """Notices on stderr and, if that can be drawn on, the status below them.

    Each listener is called with every notice, too. If it is quiet, it shows nothing, but carries
    out typed lines.
    """

    def __init__(self, *listeners: Callable[[str], None], quiet: bool) -> None:
        self.listeners = [*listeners]
        self.draws = not quiet and is_worthwhile(sys.stderr)
        self._quiet = quiet
        self._display: Display | None = None  # while the status is shown

    def tell(self, line: str) -> None:
        """Show a notice. For any thread."""
        self.show(line)
        for listener in self.listeners:
            listener(line)

    def show(self, line: str) -> None:
        """Show a line on this screen only. For any thread."""
        if not self._quiet:
            (tell if self._display is None else self._display.tell)(line)

    def release(self) -> None:
        """Restore the terminal at once. For the main thread, even in a signal handler."""
        if self._display is not None:
            self._display.release()

    @contextlib.contextmanager
    def shown(self, headline: str, daemon: Daemon, *, types: bool) -> Iterator[None]:
        """Show the state of a daemon and, with `types`, carry out lines from stdin."""

        def obey(line: str) -> None:
            if not line.startswith(":"):
                words = "isn't a command: commands begin with a colon; :help lists them"
                self.show(f"{line!r} {words}")
            elif line == ":help":
                self.show(COMMANDS)
            else:
                daemon.put(read_command(line))

        if self.draws and types:  # else the terminal is where the notes are played
            display = Display(lambda: daemon.status, typed=obey)
            display.start(headline)
            self._display = display
            try:
                yield
            finally:
                self._display = None
                display.stop()
            return
        self.show(headline)
        # In the background, reading the terminal would stop the process.
        if types and sys.stdin is not None and standard_input.is_in_front(sys.stdin.fileno()):
            # It isn't joined: a read can't be interrupted.
            threading.Thread(target=_read_lines, args=(obey,), name="typing", daemon=True).start()
        yield


def is_worthwhile(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that can be drawn on."""
    if stream is None or stream.closed or not stream.isatty():
        return False
    if os.environ.get("TERM", "").lower() in _PLAIN:
        return False
    from rich.console import Console

    return not Console(file=stream).legacy_windows  # it has no escape sequences


def _read_lines(obey: Callable[[str], None]) -> None:
    for line in standard_input.lines(standard_input.raw()):
        if text := line.strip():
            obey(text)


class Display:
    """Shows the newest status and notices on a terminal, on a thread of its own.

    `latest` returns the newest status, or None if there is none yet. `typed` is called, on
    another thread, with each line that is typed on `keyboard` if that is a terminal too.
    If the terminal is slow, stuck or gone, nothing else waits for it.
    """

    def __init__(
        self,
        latest: Callable[[], Status | None],
        *,
        stream: TextIO | None = None,
        typed: Callable[[str], None] | None = None,
        keyboard: TextIO | None = None,
    ) -> None:
        """By default the stream is standard error and the keyboard is standard input."""
        from midigen.app.status_rows import Sheet  # imports Rich

        self._latest = latest
        self._stream = sys.stderr if stream is None else stream
        self._typist: Typist | None = None
        with contextlib.suppress(OSError, ValueError):  # a keyboard that is closed, or in memory
            keyboard = sys.stdin if keyboard is None else keyboard
            if typed is not None and keyboard.isatty():
                self._typist = Typist(typed, keyboard.fileno())
        self._sheet = Sheet(self._stream)
        self._notices: deque[tuple[str, str]] = deque(maxlen=_KEPT)  # texts in styles
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="display", daemon=True)

    def start(self, headline: str) -> None:
        """Begin to draw, below a headline."""
        self._notices.appendleft((headline, "bold"))
        if self._typist is not None:
            self._typist.start()
        self._thread.start()

    def tell(self, line: str) -> None:
        """Show a line above the status. For any thread: it is only put into a queue."""
        self._notices.append((line, ""))

    def release(self) -> None:
        """Restore the terminal's mode at once; drawing goes on until `stop`."""
        if self._typist is not None:
            self._typist.restore()

    def stop(self) -> None:
        """Show the last notices, remove the status and restore the terminal."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)
        if self._typist is not None:
            self._typist.stop()

    def _run(self) -> None:
        with (
            contextlib.suppress(OSError, ValueError),  # when the terminal has gone
            contextlib.closing(Terminal(self._stream)) as terminal,
        ):
            shown: object = None
            while not self._closing.is_set():
                line = None if self._typist is None else self._typist.text
                now = (self._latest(), line, terminal.size())
                if now != shown or self._notices:
                    shown = now
                    terminal.write(self._sheet.picture(self._told(), *now))
                self._closing.wait(INTERVAL)
            terminal.write(self._sheet.picture(self._told(), None, None, terminal.size()))

    def _told(self) -> list[tuple[str, str]]:
        """Take the notices that wait."""
        return [self._notices.popleft() for _ in range(len(self._notices))]


class Terminal:
    """A stream that is written through a file descriptor of its own.

    So a stuck write doesn't hold the stream's lock. And if the stream is closed, nothing is written
    to another file that gets its descriptor.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._encoding = stream.encoding or "utf-8"
        try:
            self._file: int | None = os.dup(stream.fileno())
        except (OSError, ValueError):  # in memory, or closed: then `write` fails
            self._file = None

    def size(self) -> os.terminal_size:
        """Its columns and lines; 80 by 24 if they are unknown."""
        try:
            size = os.get_terminal_size(-1 if self._file is None else self._file)
        except OSError:
            return _UNKNOWN_SIZE
        return size if size.columns and size.lines else _UNKNOWN_SIZE

    def write(self, text: str) -> None:
        """Write all of a text. Raises OSError or ValueError if the terminal has gone."""
        if self._file is None:
            self._stream.write(text)
            self._stream.flush()
            return
        data = text.encode(self._encoding, "replace")
        while data:
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        """Close the descriptor, but not the stream."""
        if self._file is not None:
            os.close(self._file)
