"""Processes that tests start have default signal handling, and end with the test."""

import os
import signal
import subprocess
import sys

import pytest

from tests.players import ROOT
from tests.system import children, end

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

IGNORED = "import signal; print([n for n in (1, 2) if signal.getsignal(n) == signal.SIG_IGN])"


def test_a_child_ignores_no_signal() -> None:
    result = subprocess.run(
        [sys.executable, "-c", IGNORED], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout == "[]\n"


def test_a_child_ignores_no_signal_under_nohup_or_in_the_background() -> None:
    test = f"{__file__}::{test_a_child_ignores_no_signal.__name__}"
    command = f"trap '' HUP INT; exec {sys.executable} -m pytest -q -n0 {test}"
    result = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout


def test_children_end_with_whatever_they_left_behind() -> None:
    before = children()
    orphan = int(subprocess.check_output(["sh", "-c", "sleep 600 >&2 & echo $!"], timeout=60))
    child = os.posix_spawnp("sleep", ["sleep", "600"], os.environ)
    os.kill(child, signal.SIGSTOP)
    assert children() - before == {orphan, child}
    end(children() - before)
    assert children() == before
