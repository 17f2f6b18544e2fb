"""The log, for finding out afterwards what happened on stage.

Every module uses `logging`. Here the records go through a bounded queue to a separate thread, so
that no thread that plays waits for a disk or a terminal.
"""

import contextlib
import logging
import logging.handlers
import platform
import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from midigen import __version__
from midigen.errors import MidigenError
from midigen.midi.messages import Seconds

WAITING = 10_000  # the most records that wait to be written; more are dropped and counted
CLOSE_TIMEOUT: Seconds = 2.0  # how long closing waits for a slow disk
NOTICES = "midigen.notice"  # the logger for the player's notices

_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s"
_DATES = "%Y-%m-%d %H:%M:%S"


@contextlib.contextmanager
def logged(path: Path | None, stream: TextIO | None = None) -> Iterator[None]:
    """Write the log to a file and a stream, if given, until the end of the context.

    Appends to the file. The stream gets everything but notices, which the player sees anyway.
    Raises MidigenError if the file can't be written.
    """
    handlers: list[logging.Handler] = []
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(path, encoding="utf-8", errors="backslashreplace"))
        except OSError as exc:
            why = exc.strerror or exc
            raise MidigenError(
                f"{path}: can't be written: {why}; choose another file with --log"
            ) from exc
    if stream is not None:
        handlers.append(logging.StreamHandler(stream))
        handlers[-1].addFilter(lambda record: record.name != NOTICES)
    if not handlers:
        yield
        return
    for handler in handlers:
        handler.setFormatter(logging.Formatter(_FORMAT, _DATES))
    logger = logging.getLogger("midigen")
    entrance = _Entrance()
    listener = logging.handlers.QueueListener(entrance.queue, *handlers)
    former = logger.level, logger.propagate, logging.raiseExceptions
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.raiseExceptions = False  # no tracebacks of a full disk on the player's screen
    logger.addHandler(entrance)
    listener.start()
    python, system = platform.python_version(), platform.platform()
    logger.info("midigen %s, Python %s, %s", __version__, python, system)
    try:
        yield
    except BaseException as exc:
        logger.error("ended by %r", exc)
        raise
    finally:
        logger.info("the end")
        logger.removeHandler(entrance)
        stopping = threading.Thread(target=listener.stop, name="log", daemon=True)
        stopping.start()
        stopping.join(CLOSE_TIMEOUT)
        if not stopping.is_alive():
            for handler in handlers:
                with contextlib.suppress(OSError):  # the disk is full
                    handler.close()
        logger.setLevel(former[0])
        logger.propagate, logging.raiseExceptions = former[1:]


def notice(line: str) -> None:
    """Log a line that the player was shown."""
    logging.getLogger(NOTICES).info(line)


class _Entrance(logging.handlers.QueueHandler):
    """Enqueues records without blocking, and unformatted."""

    queue: "queue.SimpleQueue[logging.LogRecord]"

    def __init__(self) -> None:
        super().__init__(queue.SimpleQueue())
        self._lost = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        if self.queue.qsize() >= WAITING:
            self._lost += 1
            return
        if self._lost:
            record.msg = f"({self._lost} lines before this one were lost) {record.msg}"
            self._lost = 0
        self.queue.put(record)

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Leave the formatting to the thread that writes."""
        return record
