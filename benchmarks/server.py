"""Starts the JACK server that benchmarks play on, with the dummy driver."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.jack import JackServer


@contextmanager
def jack_server() -> Iterator[Path]:
    """Run a server that this process and its children use, and yield a folder for files.

    Exits if jackd isn't installed.
    """
    program = shutil.which("jackd")
    if program is None:
        sys.exit("jackd isn't installed (Debian: apt-get install jackd2)")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        server = JackServer(program, f"midigen-bench-{os.getpid()}", folder / "jackd.log")
        os.environ["JACK_DEFAULT_SERVER"] = server.name
        try:
            yield folder
        finally:
            server.stop()
