"""The arrows between the rooms go one way, and only the training journey knows Keras."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "midigen"

# Each room, in the order in which they build on each other: it may import those above it.
ROOMS = [
    "errors",
    "notes",
    "status",
    "timeline",
    "vocabulary",
    "melody",
    "key_finding",
    "memory",
    "echo",
    "window",
    "predictor",
    "session",
    "sampling",
    "ledger",
    "wire",
    "agenda",
    "phrase",
    "rhythm",
    "clock_follower",
    "tempo_follower",
    "kinds",
    "settings",
    "port_names",
    "controls",
    "knobs",
    "panel",
    "config_file",
    "config",
    "ears",
    "loose_ends",
    "turns",
    "thru",
    "silence",
    "pulse",
    "answer",
    "voice",
    "duet",
    "scenes",
    "foresight",
    "improviser",
    "performer",
    "onnx_predictor",
    "wrapping",
    "realtime",
    "feedback",
    "intake",
    "connection",
    "midi_system",
    "jack_watch",
    "unblocker",
    "alsa_watch",
    "patch",
    "ports",
    "terminal",
    "supervisor",
    "daemon",
    "remote",
    "midi_file",
    "midi_reader",
    "recording",
    "osc",
    "control_socket",
    "doctor",
    "learn",
    "mapping_file",
    "typed_line",
    "guard",
    "display",
    "render",
    "piano_roll",
    "corpus",
    "split",
    "baselines",
    "evaluation",
    "generation",
    "model",
    "notebook",
    "calibration",
    "card",
    "training",
    "command_line",
    "service",
    "remote_commands",
    "model_commands",
    "run_commands",
    "doctor_commands",
    "service_commands",
    "cli",
]
PURE = [room for room in ROOMS[: ROOMS.index("onnx_predictor")] if not room.startswith("config")]
IMPURE = {
    *("asyncio", "io", "logging", "os", "pathlib", "queue", "random", "socket", "subprocess"),
    *("sys", "threading", "time", "mido", "rtmidi", "onnxruntime", "keras", "tensorflow"),
}


def tree(room: str) -> ast.AST:
    return ast.parse((PACKAGE / f"{room}.py").read_text(encoding="utf-8"))


def imports(room: str) -> set[str]:
    """The modules that a room imports, `midigen.notes` or `numpy`, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(tree(room)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "midigen":
            found |= {f"midigen.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_every_room_has_its_place() -> None:
    files = {file.stem for file in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert files == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    above = {f"midigen.{name}" for name in ROOMS[: ROOMS.index(room)]} | {"midigen.__version__"}
    assert {name for name in imports(room) if name.startswith("midigen")} <= above


@pytest.mark.parametrize("room", PURE)
def test_the_core_is_pure(room: str) -> None:
    assert not {name.partition(".")[0] for name in imports(room)} & IMPURE


def test_only_the_training_journey_imports_keras() -> None:
    keras = {room for room in ROOMS if imports(room) & {"keras", "tensorflow", "onnx"}}
    assert keras == {"model", "notebook", "calibration", "training"}


@pytest.mark.parametrize("room", ROOMS)
def test_time_is_a_fine_clocks(room: str) -> None:
    """On Windows `time.monotonic` stands still for 15.6 ms, before Python 3.13."""
    assert not {"time.monotonic", "time.time"} & {
        ast.unparse(node) for node in ast.walk(tree(room)) if isinstance(node, ast.Attribute)
    }


def test_only_one_room_imports_rtmidi() -> None:
    assert {room for room in ROOMS if "rtmidi" in imports(room)} == {"midi_system"}


def test_performer_and_daemon_do_not_know_onnx_runtime() -> None:
    assert {room for room in ROOMS if "onnxruntime" in imports(room)} == {"onnx_predictor"}
    for room in ("performer", "ports", "daemon"):
        assert "midigen.onnx_predictor" not in imports(room)


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_what_tests_share_is_in_no_test(folder: str) -> None:
    """Nor is it in the conftest, which pytest loads in its own way."""
    files = [*(PACKAGE.parent / folder).glob("*.py")]
    assert files
    pattern = re.compile(r"^\s*(from|import) tests\.(test_|conftest)", re.MULTILINE)
    assert [file.name for file in files if pattern.search(file.read_text())] == []


def test_the_process_that_plays_imports_no_tensorflow() -> None:
    """A whole performance in a new process, from the command line to the end of the input."""
    program = (
        "import sys; from midigen.cli import main; "
        "code = main(['run', '--ports', 'terminal', '--set', 'tempo.bpm=400']); "
        "loaded = {name.partition('.')[0] for name in sys.modules}; "
        "assert 'onnxruntime' in loaded; "
        "heavy = {'tensorflow', 'keras', 'onnx', 'tf2onnx', 'mido', 'matplotlib', 'tomlkit'}; "
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
