"""A terminal, with both its ends."""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def open_pty() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal: what a person is at, and what the program has."""
    person, terminal = os.openpty()
    try:
        yield person, terminal
    finally:
        for end in (person, terminal):
            try:
                os.close(end)
            except OSError:  # the test did
                continue


def read_until(person: int, text: str) -> str:
    """What a terminal shows up to a text that must come."""
    seen = b""
    while text.encode() not in seen:
        assert select.select([person], [], [], 20)[0], seen
        seen += os.read(person, 4096)
    return seen.decode(errors="replace")
