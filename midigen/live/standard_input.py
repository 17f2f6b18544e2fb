"""Standard input, for playing and typing: a terminal or a pipe."""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from io import RawIOBase


def raw() -> io.FileIO:
    """Standard input without a buffer, whose lock a late read could hold when the process ends."""
    return io.FileIO(sys.stdin.fileno(), closefd=False)


def lines(stream: RawIOBase) -> Iterator[str]:
    """The lines as they come, without their ends, until the input ends or hangs up."""
    with contextlib.suppress(OSError):  # it hung up
        while line := stream.readline():
            yield line.decode(errors="replace").strip("\r\n")


def is_in_front(terminal: int) -> bool:
    """Whether this process is in the terminal's foreground; True without job control.

    `terminal` is a file descriptor. In the background a read would stop the whole process.
    """
    if sys.platform == "win32":
        return True
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # another terminal than the one that controls the process, or none
        return True
