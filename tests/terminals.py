"""Pseudo-terminals for tests."""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def open_pty() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal: the person's and the program's."""
    person, terminal = os.openpty()
    try:
        yield person, terminal
    finally:
        for end in (person, terminal):
            try:
                os.close(end)
            except OSError:  # the test has closed it
                continue


def read_until(person: int, text: str) -> str:
    """What a terminal shows up to a text. Fails the test if the text doesn't come."""
    seen = b""
    while text.encode() not in seen:
        assert select.select([person], [], [], 20)[0], seen
        seen += os.read(person, 4096)
    return seen.decode(errors="replace")
