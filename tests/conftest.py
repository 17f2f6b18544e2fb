"""How tests are spread over processes, and fixtures: JACK servers, and `midigen run` on them."""

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

# Signals that are ignored here, as under nohup or in a script's background job, would be ignored by
# the tests' children too. Signals that are handled here have their default effect in children.
for _number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

# Handled like Ctrl-C, so that what tests have started ends with them.
signal.signal(signal.SIGTERM, signal.default_int_handler)
adopt_orphans()

# An example may take long on a busy machine.
hypothesis.settings.register_profile(
    "any machine",
    hypothesis.settings.default,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("any machine")

# Training takes one core, and leaves the other to the tests about real time (see `Halves`).
os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Halves(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives the tests about real time to one process, and other files to any idle one."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "real time" if re.search(r"test_(jack|daemon|doctor)", file) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Halves:
    """Spread the tests over processes."""
    return Halves(config, log)


_lasting: set[int] = set()
"""The processes that several tests share."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
    """Note which processes outlive a test: those that fixtures of a wider scope start."""
    before = children()
    result = yield
    if fixturedef.scope != "function":
        _lasting.update(children() - before)
    return result


@pytest.fixture(autouse=True)
def _no_child_left() -> Iterator[None]:
    """End what a test has started, even if it fails."""
    before = children()
    yield
    end(children() - before - _lasting)


def pytest_unconfigure() -> None:
    """End what a test process that died has left behind."""
    end(children())


@pytest.fixture(autouse=True)
def folder() -> Iterator[Path]:
    """The folder of control sockets, which is this test's alone."""
    with runtime_folder() as folder:
        yield folder


@pytest.fixture
def new_jack(tmp_path: Path) -> Iterator[Callable[..., JackServer]]:
    """Starts JACK servers with the dummy driver, each with its own name."""
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

    The tests of a file share it, and leave it as it was.
    """
    monkeypatch.setenv("JACK_DEFAULT_SERVER", _lasting_jack.name)
    return _lasting_jack


@pytest.fixture
def own_jack(
    new_jack: Callable[[], JackServer], monkeypatch: pytest.MonkeyPatch
) -> Iterator[JackServer]:
    """A running JACK server for one test, which may end or freeze it."""
    server = new_jack()
    monkeypatch.setenv("JACK_DEFAULT_SERVER", server.name)
    yield server
    server.go_on()


@pytest.fixture
def midigen(jack: JackServer) -> Iterator[Callable[..., Midigen]]:
    """Starts `midigen run` on the JACK server, and connects a hand and an ear to it."""
    del jack
    running: list[Midigen] = []

    def start(*arguments: str, **options: Any) -> Midigen:
        running.append(Midigen(*arguments, **options))
        return running[-1]

    yield start
    for each in running:
        each.close()
