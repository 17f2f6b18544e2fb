"""What the README promises stands in the program too."""

import re
import shlex
from pathlib import Path

import pytest

from midigen.app.cli import main
from midigen.errors import ExitCode
from midigen.settings.choices import Mode
from midigen.settings.config import load
from midigen.settings.controls import CONTROLS
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
    for placeholder in ("BENCHMARK", "FLOOD", "SOAK"):
        assert placeholder not in README
    assert "| duet, both cores busy |" in README
    assert "| round trip over JACK, ms |" in README


def test_modes_and_exit_codes_are_all_named() -> None:
    for mode in Mode:
        assert f"| `{mode}` |" in README
    codes = README[README.index("Exit codes:") :].split("\n\n")[0]
    assert [int(code) for code in re.findall(r"(?:: |; )(\d+) ", codes)] == list(ExitCode)


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_every_control_has_its_row() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", README, re.MULTILINE)
    assert [row for row in rows if row[0] in CONTROLS] == [
        (spec.name, spec.line) for spec in CONTROLS.values()
    ]


def test_the_configuration_in_the_readme_is_one(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "config.toml"
    path.write_text(block, encoding="utf-8")
    settings = load(path)
    assert [knob.name for knob in settings.control] == ["turn"]
    assert [scene.name for scene in settings.scene] == ["verse"]


def test_the_examples_are_rendered_as_the_readme_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = re.findall(r"^midigen (render examples/.*)$", README, re.MULTILINE)
    assert len(commands) == len(list((ROOT / "examples").glob("*.mid"))) > 0
    monkeypatch.chdir(tmp_path)
    for command in commands:
        source, destination, *rest = shlex.split(command)[1:]
        assert main(["render", str(ROOT / source), destination, *rest]) == 0
        assert (tmp_path / destination).with_suffix(".png").exists()
