"""What `import midigen` gives, and the examples of docs/api.md, each a program that is run."""

import ast
import importlib
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import midigen
from tests.docs import blocks, read
from tests.players import ROOT

PAGE = ROOT / "docs" / "api.md"
WARNINGS = ["-W", "error", "-W", "ignore:__array__ implementation:DeprecationWarning"]  # Keras's
EXAMPLES = [block.text for block in blocks("python", pages=[PAGE])]
ANSWERS = {  # what an example prints, where the page says so
    program.text: printed.text
    for program, printed in itertools.pairwise(blocks(pages=[PAGE]))
    if printed.language == "text"
}


def for_type_checkers() -> dict[str, str]:
    """Where each name comes from, as a type checker is told."""
    tree = ast.parse((ROOT / "midigen" / "__init__.py").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("name", midigen.__all__)
def test_a_name_is_what_type_checkers_take_it_for(name: str) -> None:
    home, _, its_name = for_type_checkers()[name].rpartition(".")
    assert getattr(midigen, name) is getattr(importlib.import_module(home), its_name)


def test_every_name_is_listed() -> None:
    assert sorted(for_type_checkers()) == sorted(midigen.__all__)
    assert set(midigen.__all__) <= set(dir(midigen))


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Perfomer'"):
        _ = midigen.Perfomer  # type: ignore[attr-defined]


def test_the_import_alone_imports_nothing_else() -> None:
    program = (
        "import sys; import midigen; "
        "print(*[name for name in sys.modules if name.startswith(('midigen', 'numpy'))])"
    )
    assert run(program, ROOT) == "midigen\n"


def test_each_name_of_the_page_is_public() -> None:
    """And each public one stands in its table."""
    used = set(re.findall(r"\bmidigen\.([A-Za-z_]+)\b(?!\.)", "\n".join(EXAMPLES)))
    rows = read(PAGE).partition("| to … | use |")[2].partition("\n\n")[0]
    assert used - {"learning"} <= set(midigen.__all__)
    assert set(midigen.__all__) <= set(re.findall(r"`(\w+)`", rows))


@pytest.mark.parametrize("program", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_runs(program: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    printed = run(program, tmp_path)
    if program in ANSWERS:
        assert printed == ANSWERS[program]
    assert [*tmp_path.glob("*.mid")] == [tmp_path / name for name in written(program)]


def written(program: str) -> list[str]:
    return re.findall(r'write_midi\(Path\("(.*?)"\)', program)


def run(program: str, folder: Path) -> str:
    """What a program prints that is run in a folder. It must end well."""
    result = subprocess.run(
        [sys.executable, *WARNINGS, "-c", program],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_users_program_is_type_checked(tmp_path: Path) -> None:
    """By the types that are installed: all examples are right, and a program with slips isn't."""
    for number, program in enumerate(EXAMPLES):
        (tmp_path / f"example_{number}.py").write_text(program, encoding="utf-8")
    (tmp_path / "slips.py").write_text(
        "import midigen\n"
        "midigen.Perfomer\n"
        'midigen.NoteOn(60, "loud")\n'
        "played: list[str] = list(midigen.perform(midigen.Performer(), []))\n",
        encoding="utf-8",
    )
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    found = re.findall(r"^([\w.]+):(\d+): error: ", result.stdout, re.MULTILINE)
    assert set(found) == {("slips.py", "2"), ("slips.py", "3"), ("slips.py", "4")}, result.stdout
