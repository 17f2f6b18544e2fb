"""How tests are shared out, and what they share: a JACK server, and `midigen run` on it."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.jack import JackServer, Midigen
from tests.system import adopt_orphans, children, end, needs, runtime_folder

# What is ignored here, as under nohup or in a script's background job, would be ignored by the
# tests' children too. What is handled isn't: they begin with the system's own way.
for _number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

# As by Ctrl-C, so that what tests have started ends with them.
signal.signal(signal.SIGTERM, signal.default_int_handler)
adopt_orphans()

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "any machine",
    hypothesis.settings.default,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")

# One core for training: the other one is for what is about real time (see `Halves`).
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Halves(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives what is about real time to one process, and the other files to whichever is idle."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "real time" if re.search(r"test_(jack|daemon|doctor)", file) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Halves:
    """Share the tests between processes."""
    return Halves(config, log)


_lasting: set[int] = set()
"""The processes that several tests have."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    """See which processes are to outlive a test, whenever in a test that comes about."""
    before = children()
    result = yield
    if fixturedef.scope != "function":
        _lasting.update(children() - before)
    return result


@pytest.fixture(autouse=True)
def _no_child_left() -> Iterator[None]:
    """What a test has started ends with it, also where it fails."""
    before = children()
    yield
    end(children() - before - _lasting)


def pytest_unconfigure() -> None:
    """What a process that tested and died has left behind ends with the session."""
    end(children())


@pytest.fixture(autouse=True)
def folder() -> Iterator[Path]:
    """Where the control sockets of the test's own midigens are, and no others."""
    with runtime_folder() as folder:
        yield folder


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


@pytest.fixture(scope="module")
def _lasting_jack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JackServer]:
    folder = tmp_path_factory.mktemp("jack")
    server = JackServer(needs("jackd"), f"midigen-{folder.name}-{os.getpid()}", folder / "log")
    yield server
    server.stop()


@pytest.fixture
def jack(_lasting_jack: JackServer, monkeypatch: pytest.MonkeyPatch) -> JackServer:
    """A running JACK server, which clients of this process and its children use.

    All tests of a file have the same, and leave it as it was.
    """
    monkeypatch.setenv("JACK_DEFAULT_SERVER", _lasting_jack.name)
    return _lasting_jack


@pytest.fixture
def own_jack(
    new_jack: Callable[[], JackServer], monkeypatch: pytest.MonkeyPatch
) -> Iterator[JackServer]:
    """The same for one test, which may end it or freeze it."""
    server = new_jack()
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    yield server
    server.go_on()


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
