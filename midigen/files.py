"""Writing a file safely: it is whole, or not there at all."""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


def write(path: Path, pieces: Iterable[bytes | bytearray]) -> None:
    """Write a file from pieces of bytes, as `replacing` does. Raises OSError."""
    with replacing(path) as new, new.open("wb") as file:
        file.writelines(pieces)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty file to be written, which takes the place of `path` at the end of the context.

    It is on disk before it does, so that a power cut leaves one of the two. If anything is raised,
    `path` stays as it was. A link stays a link, and a file keeps its mode. What isn't a file, such
    as /dev/stdout, is written directly. Raises OSError.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        yield target
        return
    new = _beside(target)
    try:
        yield new
        if target.exists():
            new.chmod(stat.S_IMODE(target.stat().st_mode))
        _sync(new, os.O_RDWR)  # Windows syncs only what can be written
        new.replace(target)
        if os.name != "nt":  # where a folder can't be opened
            _sync(target.parent, os.O_RDONLY)
    finally:
        with contextlib.suppress(OSError):  # the first error says more
            new.unlink(missing_ok=True)


def prove(path: Path) -> None:
    """Raise OSError if a file can't be written at a path."""
    _beside(path.resolve()).unlink()


def _beside(target: Path) -> Path:
    """A new, empty file in the same folder, hidden, and with the same suffix."""
    new = target.with_name(f".{os.getpid()}-{target.name}")
    new.unlink(missing_ok=True)  # of a process that was killed
    new.touch(exist_ok=False)  # which follows no link
    return new


def _sync(path: Path, mode: int) -> None:
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
