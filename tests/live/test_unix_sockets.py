"""Who may reach the control channel, and who is kept out."""

import contextlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from midigen.errors import MidigenError
from midigen.live.control_channel import ControlChannel
from midigen.live.control_client import ask
from midigen.live.feed import Feed
from tests.control_clients import (
    STATUS,
    let_open,
    new_daemon,
    said,
    speak,
)
from tests.remotes import NAME, Player, listening

NOBODY = 65534


# --- who may come near


@contextlib.contextmanager
def masked(umask: int) -> Iterator[None]:
    former = os.umask(umask)
    try:
        yield
    finally:
        os.umask(former)


@pytest.mark.parametrize("umask", [0, 0o777])
def test_folder_and_socket_are_for_the_user_alone(umask: int, folder: Path) -> None:
    with masked(umask), listening():
        socket_path = folder / f"{NAME}.sock"
        found = [each.lstat() for each in (folder, socket_path)]
        assert [stat.S_IMODE(each.st_mode) for each in found] == [0o700, 0o600]
        assert [each.st_uid for each in found] == [os.geteuid()] * 2
        assert socket_path.is_socket()
        assert ask(STATUS, None) == {"mode": "duet"}


def test_a_folder_that_others_could_read_is_closed_to_them(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)
    with listening():
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_runtime_folder_is_made_too_if_there_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = folder.parent / "runtime"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    with masked(0o777), listening():
        assert stat.S_IMODE(runtime.stat().st_mode) == 0o700
        assert ask(STATUS, None) == {"mode": "duet"}


def _as_link(folder: Path) -> None:
    target = folder.with_name("elsewhere")
    target.mkdir(mode=0o700)
    folder.symlink_to(target)


def _as_group_writable(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o770)


def _as_world_writable(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o1703)


def _as_another_users(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_as_link, "it must be a folder, and not a link to one"),
        (Path.touch, "it must be a folder, and not a link to one"),
        (_as_group_writable, "other users may write to it"),
        (_as_world_writable, "other users may write to it"),
        (_as_another_users, "it belongs to another user"),
    ],
)
def test_a_folder_that_is_not_the_users_own_is_refused(
    make: Callable[[Path], None], why: str, folder: Path
) -> None:
    make(folder)
    before = folder.lstat()
    assert_is_refused(folder, why)
    assert folder.lstat().st_mode == before.st_mode


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (_as_link, "it must be a folder, and not a link to one"),
        (_as_world_writable, "other users may write to it"),
    ],
)
def test_nor_may_others_replace_the_folder(
    make: Callable[[Path], None], why: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = folder.with_name("runtime")
    make(runtime)
    monkeypatch.setattr("platformdirs.user_runtime_path", lambda name: runtime / name)
    assert_is_refused(runtime, why)
    (runtime / "midigen").mkdir(mode=0o700)
    assert_is_refused(runtime, why)


def assert_is_refused(folder: Path, why: str) -> None:
    message = (
        f"{folder} is no place for midigen's socket: {why}: put that right, or set "
        "XDG_RUNTIME_DIR to a folder that is yours alone"
    )
    for attempt in (ControlChannel(NAME, Player(), Feed()).open, lambda: ask(STATUS, None)):
        with pytest.raises(MidigenError) as raised:
            attempt()
        assert str(raised.value) == message
    assert not [*folder.parent.rglob("*.sock")]


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act for another user")
BECOME_NOBODY = f"import os; os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"


def as_nobody(path: Path) -> str:
    """What another user is answered at a path."""
    program = (
        "import contextlib, sys\nfrom multiprocessing.connection import Client\n"
        + BECOME_NOBODY
        + "s = Client(sys.argv[1])\n"
        "with contextlib.suppress(BrokenPipeError):\n"  # it may be turned away before it asks
        """    s.send_bytes(b'{"do": "set", "name": "key", "value": "C major"}')\n"""
        "print(s.recv_bytes().decode())"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-c", program, str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return result.stdout.strip() or result.stderr.splitlines()[-1]


@as_root
def test_another_user_is_kept_out_by_modes_and_turned_away_without_them(folder: Path) -> None:
    player = Player()
    with listening(player):
        path = folder / f"{NAME}.sock"
        folder.parent.chmod(0o755)
        assert as_nobody(path) == "PermissionError: [Errno 13] Permission denied"
        folder.chmod(0o755)
        assert as_nobody(path) == "PermissionError: [Errno 13] Permission denied"
        path.chmod(0o666)
        assert json.loads(as_nobody(path)) == {"error": "this midigen is another user's"}
        folder.parent.chmod(0o700)
        assert ask(STATUS, None) == {"mode": "duet"}
    assert player.asked == []


@as_root
def test_root_is_let_in(folder: Path) -> None:
    os.chown(folder.parent, NOBODY, NOBODY)
    with new_daemon(prelude=BECOME_NOBODY) as daemon:
        let_open(daemon)
        assert [said(daemon), said(daemon)] == ["ready", "open"]
        assert folder.stat().st_uid == NOBODY
        assert speak(folder / f"{NAME}.sock", b'{"do": "status"}') == {"ok": {"pid": daemon.pid}}
        daemon.kill()
