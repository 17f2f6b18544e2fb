"""What the README promises stands in the program too."""

import re

from midigen.errors import ExitCode
from midigen.settings import Mode
from tests.players import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_first_screen_has_one_line_to_play_and_one_to_test() -> None:
    first_screen = README.splitlines()[:25]
    (play,) = [line for line in first_screen if line.endswith("midigen run")]
    (test,) = [line for line in first_screen if line.endswith("pytest")]
    for line in (play, test):
        assert line.startswith("sudo apt-get")
        assert "python3 -m venv .venv && .venv/bin/pip install -e" in line


def test_the_figures_are_in() -> None:
    assert "BENCHMARK" not in README
    assert "| answer, inside the process |" in README


def test_modes_and_exit_codes_are_all_named() -> None:
    for mode in Mode:
        assert f"| `{mode}` |" in README
    codes = README[README.index("Exit codes:") :].split("\n\n")[0]
    assert [int(code) for code in re.findall(r"(?:: |; )(\d+) ", codes)] == list(ExitCode)


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
