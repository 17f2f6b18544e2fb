"""The packages import one way, the core does no I/O, and only training knows Keras."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "midigen"

BASE = "errors files text"
"""What every package may import: errors, safe writing, and text fit to be shown."""

MAY_IMPORT = {
    "midi": "",
    "music": "midi",
    "prediction": "midi music",
    "settings": "midi music",
    "instrument": "midi music prediction settings",
    "live": "midi music prediction settings instrument",
    "learning": "midi music prediction",
    "app": "midi music prediction settings instrument live learning",
}
"""What each package may import, beside itself, the base and the version."""

PURE = ["midi/messages.py", "midi/wire.py", "music", "prediction", "instrument"]
LOADS_MODELS = ["prediction/models.py", "prediction/onnx_predictor.py"]
IMPURE = {
    *("asyncio", "io", "logging", "os", "pathlib", "queue", "random", "socket", "subprocess"),
    *("sys", "threading", "time", "mido", "rtmidi", "onnxruntime", "keras", "tensorflow"),
}

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def tree(module: str) -> ast.AST:
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imports(module: str) -> set[str]:
    """The modules that a module imports, `midigen.midi.wire` or `numpy`, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def outside(module: str) -> set[str]:
    """The packages of others that a module imports."""
    return {name.partition(".")[0] for name in imports(module)}


def is_in(module: str, places: list[str]) -> bool:
    return any(module == place or module.startswith(f"{place}/") for place in places)


@pytest.mark.parametrize("module", [each for each in MODULES if "/" in each])
def test_a_package_imports_only_what_it_may(module: str) -> None:
    package = module.partition("/")[0]
    own = {name.split(".")[1] for name in imports(module) if name.startswith("midigen.")}
    assert own <= {package, "__version__", *BASE.split(), *MAY_IMPORT[package].split()}


@pytest.mark.parametrize("package", sorted(set(MAY_IMPORT) - {"errors", "files", "text"}))
def test_a_package_says_what_it_is_for(package: str) -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text()))
    assert text
    assert text.count(".") >= 3


def test_the_instrument_imports_as_its_page_says() -> None:
    """From the modules above, or to the left."""
    text = ast.get_docstring(ast.parse((PACKAGE / "instrument" / "__init__.py").read_text()))
    rows = re.findall(r"^    [a-z ]+?  +([a-z_, ]+)$", text or "", re.MULTILINE)
    order = [name for row in rows for name in row.split(", ")]
    files = {path.stem for path in (PACKAGE / "instrument").glob("*.py")}
    assert {*order, "learner", "__init__"} == files
    for place, name in enumerate(order):
        own = {
            each.split(".")[2]
            for each in imports(f"instrument/{name}.py")
            if each.startswith("midigen.instrument.")
        }
        assert own <= {*order[:place]}, name


@pytest.mark.parametrize("module", [each for each in MODULES if is_in(each, PURE)])
def test_the_core_does_no_io(module: str) -> None:
    is_impure = outside(module) & IMPURE or "midigen.files" in imports(module)
    assert module in LOADS_MODELS or not is_impure


def test_only_learning_imports_keras() -> None:
    keras = {module for module in MODULES if outside(module) & {"keras", "tensorflow", "onnx"}}
    assert keras
    assert {module.partition("/")[0] for module in keras} == {"learning"}


@pytest.mark.parametrize("module", MODULES)
def test_time_is_a_fine_clocks(module: str) -> None:
    """On Windows `time.monotonic` stands still for 15.6 ms, before Python 3.13."""
    assert not {"time.monotonic", "time.time"} & {
        ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize(
    ("library", "module"),
    [
        ("rtmidi", "live/midi_system.py"),
        ("onnxruntime", "prediction/onnx_predictor.py"),
        ("sklearn", "learning/judge.py"),
    ],
)
def test_one_module_knows_a_library(library: str, module: str) -> None:
    assert [each for each in MODULES if library in outside(each)] == [module]


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_what_tests_share_is_in_no_test(folder: str) -> None:
    """Nor is it in the conftest, which pytest loads in its own way."""
    files = [*(PACKAGE.parent / folder).rglob("*.py")]
    assert files
    pattern = re.compile(r"^\s*(from|import) tests\.([\w.]+\.)?(test_|conftest)", re.MULTILINE)
    assert [file.name for file in files if pattern.search(file.read_text())] == []


def test_the_process_that_plays_imports_no_tensorflow() -> None:
    """A whole performance in a new process, from the command line to the end of the input."""
    program = (
        "import sys; from midigen.app.cli import main; "
        "code = main(['run', '--ports', 'terminal', '--set', 'tempo.bpm=400']); "
        "loaded = {name.partition('.')[0] for name in sys.modules}; "
        "assert 'onnxruntime' in loaded; "
        "heavy = {'tensorflow', 'keras', 'onnx', 'tf2onnx', 'sklearn'}; "
        "heavy |= {'mido', 'matplotlib', 'tomlkit'}; "
        "assert not loaded & heavy, loaded; "
        "sys.exit(code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        input="cdefg\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.split()) == 5
