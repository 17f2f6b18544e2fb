"""The player's screen and typing while midigen plays: a status, plain lines, or nothing."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from midigen.app.console import tell
from midigen.live import standard_input
from midigen.live.daemon import Daemon
from midigen.live.terminal import COMMANDS, read_command

if TYPE_CHECKING:
    from midigen.app.display import Display


class Screen:
    """Lines on stderr, one after another. Each listener is called with every notice, too."""

    def __init__(self, *listeners: Callable[[str], None], quiet: bool = False) -> None:
        """If it is quiet, it shows nothing, but carries out typed lines."""
        self.listeners = [*listeners]
        self._quiet = quiet

    def tell(self, line: str) -> None:
        """Show a notice. For any thread."""
        self.show(line)
        for listener in self.listeners:
            listener(line)

    def show(self, line: str) -> None:
        """Show a line on this screen only. For any thread."""
        if not self._quiet:
            tell(line)

    def release(self) -> None:
        """Restore the terminal at once. For the main thread, even in a signal handler."""

    @contextlib.contextmanager
    def shown(self, headline: str, daemon: Daemon, *, types: bool) -> Iterator[None]:
        """Show the state of a daemon and, with `types`, carry out lines from stdin."""
        self.show(headline)
        if types and sys.stdin is not None and not _is_in_background():
            reader = threading.Thread(
                target=_read_lines, args=(_obey(daemon, self.show),), name="typing", daemon=True
            )
            reader.start()  # not joined: a read can't be interrupted
        yield


class StatusScreen(Screen):
    """The status at the bottom of the terminal, with notices scrolling above it."""

    _display: "Display | None" = None

    def show(self, line: str) -> None:
        """Show a line above the status."""
        (tell if self._display is None else self._display.tell)(line)

    def release(self) -> None:
        """Restore the terminal."""
        if self._display is not None:
            self._display.release()

    @contextlib.contextmanager
    def shown(self, headline: str, daemon: Daemon, *, types: bool) -> Iterator[None]:
        """Show the status, and the line as it is typed."""
        from midigen.app.display import Display

        if not types:  # the terminal is where the notes are played
            self.show(headline)
            yield
            return
        display = Display(lambda: daemon.status, typed=_obey(daemon, self.show))
        display.start(headline)
        self._display = display
        try:
            yield
        finally:
            self._display = None
            display.stop()


def new_screen(*listeners: Callable[[str], None], quiet: bool) -> Screen:
    """The screen that suits standard error."""
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        return Screen(*listeners, quiet=quiet)
    from midigen.app.display import is_worthwhile

    return (StatusScreen if is_worthwhile(sys.stderr) else Screen)(*listeners)


def _obey(daemon: Daemon, say: Callable[[str], None]) -> Callable[[str], None]:
    """A function that carries out a typed line."""

    def obey(line: str) -> None:
        if not line.startswith(":"):
            say(f"{line!r} isn't a command: commands begin with a colon; :help lists them")
        elif line == ":help":
            say(COMMANDS)
        else:
            daemon.put(read_command(line))

    return obey


def _read_lines(obey: Callable[[str], None]) -> None:
    for line in standard_input.lines(standard_input.raw()):
        if text := line.strip():
            obey(text)


def _is_in_background() -> bool:
    """Whether reading the terminal would stop the process."""
    return sys.stdin.isatty() and not standard_input.is_in_front(sys.stdin.fileno())
