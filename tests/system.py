"""What tests need of the system: its programs, and a folder of their own."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def needs(program: str) -> str:
    """The path of a program; without it the test is skipped, but in CI it fails."""
    found = shutil.which(program)
    if found is None:
        message = (
            f"{program} isn't installed (Debian: apt-get install jackd2 jack-midi-clock systemd)"
        )
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


@contextlib.contextmanager
def runtime_folder() -> Iterator[Path]:
    """A runtime folder for this process and its children, and midigen's place in it.

    It is a short one: a socket's path may have no more than 107 bytes.
    """
    folder = Path(tempfile.mkdtemp(prefix="midigen-", dir="/tmp" if os.name == "posix" else None))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder / "midigen"
    shutil.rmtree(folder)
