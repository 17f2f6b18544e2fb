"""What tests need from the system: programs, a runtime folder, and an end to all processes."""

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import pytest


def needs(program: str) -> str:
    """The path of a program. If it is missing, the test is skipped, or fails in CI."""
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
    """Give this process and its children a runtime folder, and yield midigen's folder in it.

    Its path is short, since a socket's path may have no more than 107 bytes.
    """
    folder = Path(tempfile.mkdtemp(prefix="midigen-", dir="/tmp" if os.name == "posix" else None))
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder / "midigen"
    shutil.rmtree(folder)


def adopt_orphans() -> None:
    """On Linux, make this process the parent of whatever its children leave behind."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER


def children() -> set[int]:
    """The running child processes, as far as the system shows them."""
    found: set[int] = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            found |= {int(each) for each in listed.read_text().split()}
    tracker = getattr(resource_tracker._resource_tracker, "_pid", None)  # shared by all processes
    return found - {tracker}


def end(processes: set[int]) -> None:
    """End these children and what they leave behind: by SIGTERM, and after 5 s by SIGKILL.

    A JACK server that is killed keeps its slot, of which a machine has eight.
    """
    others = children() - processes
    asked: set[int] = set()
    patience = time.perf_counter() + 5
    while left := children() - others:
        for each in left:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                if each not in asked:
                    os.kill(each, signal.SIGTERM)
                    os.kill(each, signal.SIGCONT)
                elif time.perf_counter() > patience:
                    os.kill(each, signal.SIGKILL)
                os.waitpid(each, os.WNOHANG)
        asked |= left
        time.sleep(0.005)
