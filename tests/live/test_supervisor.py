"""What a service manager hears, over real sockets."""

import os
import socket
import sys
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from midigen.live.supervisor import Supervisor
from tests.systemd import Manager, new_manager

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is for Linux")

US, ANOTHER = str(os.getpid()), str(os.getpid() + 1)


@pytest.fixture
def manager() -> Iterator[Manager]:
    with new_manager() as manager:
        yield manager


@pytest.mark.parametrize(
    "address", [None, f"@midigen-{uuid.uuid4()}"], ids=["a file", "an abstract name"]
)
def test_the_manager_hears_of_start_life_and_end(address: str | None) -> None:
    with new_manager(address) as manager:
        supervisor = Supervisor(manager.environment)
        supervisor.ready("duet in C major")
        assert manager.heard() == ["READY=1\nSTATUS=duet in C major"]
        supervisor.alive()
        supervisor.alive()
        supervisor.stopping()
        assert manager.heard() == ["WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]
        supervisor.close()
        supervisor.close()
        supervisor.alive()
        assert manager.heard() == []


@given(st.text(st.characters()))  # lone surrogates too, as the bytes of a port's name may be
@example("one\nWATCHDOG=trigger")
@example("\U0001d11e" * 5000)
def test_any_status_is_one_line_that_is_not_too_long(status: str) -> None:
    with new_manager() as manager:
        supervisor = Supervisor(manager.environment)
        supervisor.ready(status)
        supervisor.close()
        (message,) = manager.heard()
    ready, line = message.split("\n")
    assert ready == "READY=1"
    assert line.startswith("STATUS=")
    assert len(message.encode()) < 4096


def test_a_manager_that_does_not_listen_holds_nothing_up(manager: Manager) -> None:
    supervisor = Supervisor(manager.environment)
    for _ in range(5000):  # a socket holds some ten or some hundred
        supervisor.alive()
    heard = manager.heard()
    assert 0 < len(heard) < 5000
    supervisor.alive()
    assert manager.heard() == ["WATCHDOG=1"]
    supervisor.close()


def test_a_manager_that_vanishes_is_survived(manager: Manager) -> None:
    supervisor = Supervisor(manager.environment)
    manager.vanish()
    supervisor.ready("solo")
    supervisor.alive()
    supervisor.stopping()
    supervisor.close()


@pytest.mark.parametrize(
    "address", [None, "", "@", "@midigen-nobody", "/no/such/socket", "/" + "x" * 200, "vsock:2:1"]
)
def test_without_a_manager_nothing_happens(address: str | None) -> None:
    environment = {"WATCHDOG_USEC": "10000000"}
    if address is not None:
        environment["NOTIFY_SOCKET"] = address
    supervisor = Supervisor(environment)
    supervisor.ready("solo")
    supervisor.alive()
    supervisor.stopping()
    supervisor.close()
    assert supervisor.interval is None


def test_where_there_are_no_such_sockets_nothing_happens(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as windows:
        windows.delattr(socket, "AF_UNIX")
        supervisor = Supervisor({**manager.environment, "WATCHDOG_USEC": "10000000"})
        supervisor.ready("solo")
        supervisor.alive()
        supervisor.stopping()
        supervisor.close()
    assert supervisor.interval is None
    assert manager.heard() == []


@pytest.mark.parametrize(
    ("watchdog", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "9000000"}, 3.0),
        ({"WATCHDOG_USEC": "9000000", "WATCHDOG_PID": US}, 3.0),
        ({"WATCHDOG_USEC": "9000000", "WATCHDOG_PID": ANOTHER}, None),
        ({"WATCHDOG_PID": US}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-9000000"}, None),
        ({"WATCHDOG_USEC": ""}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_told_three_times_in_its_time(
    watchdog: dict[str, str], interval: float | None, manager: Manager
) -> None:
    supervisor = Supervisor({**manager.environment, **watchdog})
    assert supervisor.interval == interval
    supervisor.close()
