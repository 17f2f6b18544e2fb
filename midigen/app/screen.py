"""The player's screen and typing while midigen plays: a status, plain lines, or nothing."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from midigen.app.console import tell
from midigen.live import standard_input
from midigen.live.daemon import Daemon
from midigen.live.terminal import COMMANDS, read_command

if TYPE_CHECKING:
    from midigen.app.display import Display

_PLAIN = ("dumb", "unknown")  # terminals that only print


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
            from midigen.app.display import Display

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
        if types and sys.stdin is not None and not _is_in_background():
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


def _is_in_background() -> bool:
    """Whether reading the terminal would stop the process."""
    return sys.stdin.isatty() and not standard_input.is_in_front(sys.stdin.fileno())
