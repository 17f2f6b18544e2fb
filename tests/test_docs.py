"""What README and docs/ promise stands in the program too, and their commands are run."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pytest

from midigen import Mode, Settings
from midigen.app.cli import main
from midigen.errors import ExitCode
from midigen.settings.config import load
from midigen.settings.controls import CONTROLS
from tests.docs import PAGES, Block, blocks, read
from tests.midi_files import write_midi
from tests.players import ROOT

README = read(ROOT / "README.md")
DOCS = {page.stem: read(page) for page in PAGES if page.parent == ROOT / "docs"}
EVERYTHING = "\n".join(map(read, PAGES))

ELSEWHERE: Mapping[str, str] = {
    "sudo apt-get": "changes the system; .ci/run runs the README's two",
    "pip install": "changes the environment; .ci/run installs with extras and without",
    "source .venv": "is for a person's shell",
    "midigen doctor": "needs a MIDI system and that keyboard; tests/app/test_doctor.py has both",
    "midigen learn": "needs a knob; tests/live/test_jack_controls.py turns one",
    "midigen service": "changes this user's services; see tests/app/test_service.py",
    "python -m benchmarks.": "takes minutes",
    "pytest": "is what runs this",
    "ruff": "is run by .ci/run",
    "mypy": "is run by .ci/run",
    ".ci/run": "runs this",
}
"""The commands that aren't run here, by how they begin, and why."""

PORTS = ("--input", "--output")
"""Options that name a keyboard or a synth; here the terminal stands in for those."""


def commands(block: Block) -> list[str]:
    return [line for line in block.text.splitlines() if not line.startswith(tuple(ELSEWHERE))]


BLOCKS = [block for block in blocks("sh") if commands(block)]


# --- the commands


def test_no_block_is_passed_over() -> None:
    """Programs are tested in test_api, with what they print, and a note's way in test_notes_way."""
    assert len(re.findall("^```", EVERYTHING, re.MULTILINE)) == 2 * len(blocks())
    assert {block.language for block in blocks()} == {"console", "python", "sh", "text", "toml"}
    assert {block.page for block in blocks("python")} == {"api.md"}
    assert {block.page for block in blocks("text")} == {"api.md", "inside.md"}


def test_every_reason_not_to_run_a_command_is_needed() -> None:
    lines = [line for block in blocks("sh") for line in block.text.splitlines()]
    for beginning in ELSEWHERE:
        assert any(line.startswith(beginning) for line in lines), beginning


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.page)
def test_the_commands_of_a_block_work(block: Block, place: Path) -> None:
    """One after another, in the same folder."""
    asking = [
        line for line in commands(block) if line.startswith(("midigen ctl", "midigen status"))
    ]
    for line in commands(block):
        if line not in asking:
            run(line, place)
    if asking:
        with playing(re.search(r"--name (\w+)", asking[0]), place):
            for line in asking:
                run(line, place)


@pytest.mark.parametrize("block", blocks("console"), ids=lambda block: block.page)
def test_a_dialogue_goes_as_it_is_shown(block: Block, place: Path) -> None:
    typed, _, shown = block.text.partition("\n")
    result = execute(["bash", "-c", f"{typed.removeprefix('$ ')} 2>&1"], place)
    assert result.stdout.split() == shown.split()


def run(line: str, place: Path) -> None:
    """Run a command as it stands, but on the terminal where it needs a keyboard or a synth."""
    words = shlex.split(line)
    right = {ExitCode.OK}
    match words[1]:
        case "run":
            words = on_the_terminal(words)
        case "ports":
            right = {ExitCode.OK, ExitCode.NO_MIDI_SYSTEM}
        case "ctl" if words[2] == "again":  # nothing was answered yet
            right = {ExitCode.FAILURE}
    result = execute(words, place)
    assert result.returncode in right, result.stderr
    for name in re.findall(r"\S+\.(?:mid|png)", line):
        assert (place / name).stat().st_size > 0


def on_the_terminal(words: Sequence[str]) -> list[str]:
    """The same `run` without the ports that it names, and fast where it doesn't say how fast."""
    given = iter(words[2:])
    kept = [word for word in given if word not in PORTS or not next(given)]
    return ["midigen", "run", "--ports", "terminal", "--set", "tempo.bpm=400", *kept]


def environment(place: Path) -> dict[str, str]:
    """That of a shell in which midigen is installed, and no configuration of the user's."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "XDG_CONFIG_HOME": str(place / "none")}


def execute(words: Sequence[str], place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=place,
        env=environment(place),
        input="c d e f g\n",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@contextmanager
def playing(name: re.Match[str] | None, place: Path) -> Iterator[None]:
    """Meanwhile a midigen runs, of this name if there is one."""
    options = name[0].split() if name else []
    with subprocess.Popen(
        ["midigen", "run", "--ports", "terminal", *options],
        cwd=place,
        env=environment(place),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stderr
        while "Ctrl-C stops" not in process.stderr.readline():
            assert process.poll() is None
        yield
        process.stdin.close()
        assert process.wait(timeout=30) == ExitCode.OK


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the examples, and a few tunes to learn from."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    scale = (60, 62, 64, 65, 67, 69, 71, 72)
    (tmp_path / "my-midi-files").mkdir()
    for number in range(30):
        tune = tuple(scale[(note * (number + 1) + note // 5) % 8] for note in range(60))
        write_midi(tmp_path / "my-midi-files" / f"tune {number}.mid", pitches=tune)
    return tmp_path


BENCHMARKS = "\n".join(map(read, (ROOT / "benchmarks").rglob("*.py")))
NAMED = sorted({*re.findall(r"-m (benchmarks[\w.]*\w)", EVERYTHING + BENCHMARKS)})


@pytest.mark.parametrize("module", NAMED)
def test_a_benchmark_is_there(module: str) -> None:
    """Also where one says how it is started itself."""
    found = importlib.util.find_spec(module)
    assert found
    assert not found.submodule_search_locations  # a package can't be run


SPOKEN_OF = sorted({*re.findall(r"`midigen ([a-z][^`]*)`", EVERYTHING)})


@pytest.mark.parametrize("words", SPOKEN_OF)
def test_a_command_that_is_spoken_of_is_one(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    command, *options = words.split()
    with pytest.raises(SystemExit):
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert f"midigen {command}" in shown
    for option in options:
        assert not option.startswith("--") or option in shown


def test_a_setting_that_is_spoken_of_is_one() -> None:
    spans = re.findall(r"`([^`\n]+)`", EVERYTHING) + [block.text for block in blocks("sh")]
    sections = "|".join(entry.name for entry in fields(Settings) if not entry.metadata)
    keys = {*re.findall(rf"(?<![\w/.])((?:{sections})\.\w+)", "\n".join(spans))}
    assert len(keys) > 10
    for key in keys:
        Settings().at(key)


# --- the README


def test_the_readme_is_one_page() -> None:
    assert len(README.splitlines()) <= 150


def test_the_first_screen_has_one_line_to_play_and_one_to_test() -> None:
    first_screen = README.splitlines()[:25]
    (play,) = [line for line in first_screen if line.endswith("midigen run")]
    (test,) = [line for line in first_screen if line.endswith("pytest")]
    for line in (play, test):
        assert line.startswith("sudo apt-get")
        assert "python3 -m venv .venv && .venv/bin/pip install -e" in line


def test_the_command_that_ci_takes_is_the_one_to_test() -> None:
    found = re.search("^.*pytest$", README, re.MULTILINE)
    assert found
    assert found[0] in README.splitlines()[:25]


def test_its_commands_are_those_of_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "500")
    main([])
    helped = re.findall(r"^    ([a-z]+) +(.+)$", capsys.readouterr().out, re.MULTILINE)
    assert len(helped) > 10
    assert re.findall(r"^\| `midigen ([a-z]+)` \| (.*) \|$", README, re.MULTILINE) == helped


def test_every_page_is_linked_from_it() -> None:
    for page in DOCS:
        assert f"](docs/{page}.md)" in README


# --- all pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", read(page))
    assert targets
    for target in targets:
        file, _, place = target.partition("#")
        path = page.parent / file if file else page
        assert path.exists(), target
        assert not place or place in anchors(read(path)), target


def anchors(text: str) -> set[str]:
    """How GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_figures_are_in() -> None:
    for placeholder in ("BENCHMARK", "FLOOD", "SOAK"):
        assert placeholder not in EVERYTHING
    assert "| duet, both cores busy |" in DOCS["performance"]
    assert "| round trip over JACK, ms |" in DOCS["performance"]


@pytest.mark.parametrize("text", [README, DOCS["playing"]], ids=["README", "playing"])
def test_modes_are_all_named(text: str) -> None:
    for mode in Mode:
        assert f"| `{mode}` |" in text


def test_exit_codes_are_all_named() -> None:
    codes = re.findall(r"^\| (\d+) \|", DOCS["stage"], re.MULTILINE)
    assert [int(code) for code in codes] == list(ExitCode)


def test_every_control_has_its_row() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", DOCS["controls"], re.MULTILINE)
    assert [row for row in rows if row[0] in CONTROLS] == [
        (spec.name, spec.line) for spec in CONTROLS.values()
    ]


def test_the_configuration_that_is_shown_is_one(tmp_path: Path) -> None:
    (block,) = blocks("toml")
    path = tmp_path / "config.toml"
    path.write_text(block.text, encoding="utf-8")
    settings = load(path)
    assert [knob.name for knob in settings.control] == ["turn"]
    assert [scene.name for scene in settings.scene] == ["verse"]


def test_every_example_is_rendered() -> None:
    """By a command that is run above."""
    for example in (ROOT / "examples").glob("*.mid"):
        assert f"\nmidigen render examples/{example.name} " in DOCS["playing"]


def test_the_packages_are_those_there_are() -> None:
    packages = re.findall(r"^\| \[(\w+)\]\(\.\./midigen/\w+\) \|", DOCS["inside"], re.MULTILINE)
    folders = {path.parent.name for path in (ROOT / "midigen").glob("*/__init__.py")}
    assert sorted(packages) == sorted(folders)
