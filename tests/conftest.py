"""A JACK server of the tests' own, and `midigen run` as a process on it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jack import JackServer, Midigen


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


REAL_TIME = frozenset(
    ["control_socket", "daemon", "display", "doctor", "osc", "recording", "remote", "terminal"]
)
"""The files, beside those of JACK, whose tests are about threads, processes and terminals."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have all that is about real time run by one process: it mustn't hold itself up."""
    for item in items:
        name = item.path.stem.removeprefix("test_")
        if name in REAL_TIME or name.startswith("jack"):
            item.add_marker(pytest.mark.xdist_group("real time"))
        elif name in ("model", "training"):
            item.add_marker(pytest.mark.xdist_group(name))  # what is trained once serves them all


@pytest.fixture(scope="session", autouse=True)
def _runtime_folder() -> Iterator[None]:
    """The control sockets of these tests' midigens: short, and apart from a midigen in use."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("XDG_RUNTIME_DIR", folder)
        yield


@pytest.fixture
def new_jack(tmp_path: Path) -> Iterator[Callable[..., JackServer]]:
    """Starts JACK servers with the dummy driver, each under a name of its own."""
    program = needs("jackd")
    servers: list[JackServer] = []

    def start(**options: Any) -> JackServer:
        name = f"midigen-test-{os.getpid()}-{len(servers)}"
        servers.append(JackServer(program, name, tmp_path / f"{name}.log", **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def jack(new_jack: Callable[[], JackServer], monkeypatch: pytest.MonkeyPatch) -> JackServer:
    """A running JACK server, which clients of this process and its children use."""
    server = new_jack()
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    return server


@pytest.fixture(scope="module")
def lasting_jack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JackServer]:
    """A JACK server for all tests of a file, for files whose tests leave it as it was."""
    folder = tmp_path_factory.mktemp("jack")
    server = JackServer(needs("jackd"), f"midigen-{folder.name}-{os.getpid()}", folder / "log")
    yield server
    server.stop()


@pytest.fixture
def midigen(jack: JackServer) -> Iterator[Callable[..., Midigen]]:
    """Starts `midigen run` on the JACK server and connects a hand and an ear to it."""
    del jack
    running: list[Midigen] = []

    def start(*arguments: str, **options: Any) -> Midigen:
        running.append(Midigen(*arguments, **options))
        return running[-1]

    yield start
    for each in running:
        each.close()
