"""Whatever comes from outside is taken, or refused with a message."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from midigen.app.cli import main
from midigen.errors import ExitCode, ModelError
from midigen.learning.baselines import Baselines
from midigen.prediction.onnx_predictor import LARGEST, open_model
from tests.fuzz import TAKEN, TARGETS, entry, fuzz, fuzz_apart
from tests.players import NOTEBOOK


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_is_taken_or_refused(name: str, tmp_path: Path) -> None:
    run = fuzz_apart if name == "models" else fuzz
    said = run(name, TARGETS[name].in_suite, seed_number=1, folder=tmp_path)
    assert said[TAKEN]
    assert len(said) > 1


# --- models beyond a limit


def assert_model_refused(content: bytes, path: Path, reason: str) -> None:
    path.write_bytes(content)
    with pytest.raises(ModelError, match=reason) as caught:
        open_model(path)
    assert str(caught.value).startswith(f"{path}: ")


def saying(key: str, value: str) -> bytes:
    """The notebook's model with another entry in its metadata."""
    said = entry(1, f"midigen.{key}".encode()) + entry(2, value.encode())
    return NOTEBOOK.read_bytes() + entry(14, said)


class Harm:
    """Something that writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    done = tmp_path / "done"
    pickle.loads(pickle.dumps(Harm(done)))
    assert done.exists()
    done.unlink()
    assert_model_refused(pickle.dumps(Harm(done)), tmp_path / "model.onnx", "ONNX Runtime can load")
    baselines = tmp_path / "model.baselines.npz"
    harm = np.array([Harm(done)], dtype=object)
    names = [f"{kind}_{order}" for kind in ("contexts", "counts") for order in range(20)]
    np.savez(baselines, **dict.fromkeys(names, harm))  # type: ignore[arg-type]  # NumPy's own stub
    for content in (baselines.read_bytes(), pickle.dumps(Harm(done))):
        baselines.write_bytes(content)
        with pytest.raises(ModelError, match="not the baselines of a model"):
            Baselines.load(baselines)
    assert not done.exists()


def test_a_model_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    path.write_bytes(NOTEBOOK.read_bytes())
    with path.open("ab") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(ModelError, match=r"large\.onnx: larger than 64 MiB, the most a model"):
        open_model(path)


def test_a_model_with_metadata_that_is_no_text_is_refused(tmp_path: Path) -> None:
    said = entry(1, b"midigen.encoding") + entry(2, b"\x80")
    content = NOTEBOOK.read_bytes() + entry(14, said)
    assert_model_refused(content, tmp_path / "model.onnx", "its metadata is damaged")


@pytest.mark.parametrize("notes", [1025, 10**12, 10**30])
def test_a_model_with_an_enormous_window_is_refused(tmp_path: Path, notes: int) -> None:
    reason = f"takes 3 to {notes} notes, which must be in 1 to 1024"
    assert_model_refused(saying("max_notes", str(notes)), tmp_path / "model.onnx", reason)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("provenance", "[" * 100_000, "its provenance can't be read"),
        ("memory", "[" * 100_000, "its mixture with memory can't be read"),
        ("memory", f'{{"trust": [{"9" * 400}], "exponents": []}}', "its mixture with memory can't"),
    ],
)
def test_a_model_with_unreadable_metadata_is_refused(
    tmp_path: Path, key: str, value: str, reason: str
) -> None:
    assert_model_refused(saying(key, value), tmp_path / "model.onnx", reason)


OWN: dict[str, object] = {"name": "lstm+memory", "bits_per_note": 1.5, "top1": 0.5}
RIVAL = OWN | {"name": "markov-2"}


@pytest.mark.parametrize(
    "scores",
    [
        *([], None, 7, "markov-2", {"name": "lstm"}, [[]], [OWN], [RIVAL], [OWN, RIVAL, {}]),
        *([OWN | {"bits_per_note": "1"}, RIVAL], [OWN | {"top1": None}, RIVAL]),
        *([OWN, RIVAL | {"name": "markov-2\x1b[2J"}], [OWN, RIVAL | {"bits_per_note": 10**400}]),
    ],
)
def test_a_model_is_listed_whatever_its_scores_are(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    scores: object,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("models").mkdir()
    Path("models/odd.onnx").write_bytes(saying("provenance", json.dumps({"scores": scores})))
    assert main(["models"]) == ExitCode.OK
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("odd ")]
    assert line.endswith("  not measured")


def graph(nodes: list[Any], outputs: list[Any], weights: list[Any], inputs: list[Any]) -> Any:
    """A model with the notebook's metadata and another graph."""
    model = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "graph", inputs, outputs, weights),
        opset_imports=[onnx.helper.make_opsetid("", 15)],
        ir_version=8,
    )
    model.metadata_props.extend(onnx.load(NOTEBOOK).metadata_props)
    return model


def value(name: str, shape: list[int] | None = None, kind: int = onnx.TensorProto.FLOAT) -> Any:
    return onnx.helper.make_tensor_value_info(name, kind, shape)


@pytest.mark.parametrize("place", ["weights.bin", "../weights.bin", "/etc/passwd"])
def test_a_model_with_weights_in_another_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """ONNX Runtime would look for them beside the model or in the working directory."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for path in (folder / "weights.bin", tmp_path / "weights.bin"):
        path.write_bytes(np.full(7, 1 / 7, np.float32).tobytes())
    weights = onnx.TensorProto(
        name="weights",
        data_type=onnx.TensorProto.FLOAT,
        dims=[1, 7],
        data_location=onnx.TensorProto.EXTERNAL,
        external_data=[onnx.StringStringEntryProto(key="location", value=place)],
    )
    model = graph(
        [onnx.helper.make_node("Identity", ["weights"], ["out"])],
        [value("out", [1, 7])],
        [weights],
        [value("window")],
    )
    content = model.SerializeToString()
    reason = "its weights are in another file: export it as a single one"
    assert_model_refused(content, folder / "model.onnx", reason)
    longer = content.replace(b"\x08location", b"\x88\0location")  # the same length, in two bytes
    assert_model_refused(longer, folder / "model.onnx", reason)


def test_a_model_that_never_ends_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midigen.prediction.onnx_predictor.TIME_LIMIT", 0.2)
    make = onnx.helper.make_node
    body = onnx.helper.make_graph(
        [make("Identity", ["going"], ["goes"]), make("Identity", ["state"], ["next"])],
        "body",
        [
            value("step", [], onnx.TensorProto.INT64),
            value("going", [], onnx.TensorProto.BOOL),
            value("state"),
        ],
        [value("goes", [], onnx.TensorProto.BOOL), value("next")],
    )
    model = graph(
        [make("Loop", ["times", "yes", "window"], ["out"], body=body)],
        [value("out")],
        [
            onnx.numpy_helper.from_array(np.array(2**62), "times"),
            onnx.numpy_helper.from_array(np.array(True), "yes"),
        ],
        [value("window")],
    )
    content = model.SerializeToString()
    assert_model_refused(content, tmp_path / "model.onnx", "the model can't predict: .*terminate")


@pytest.mark.parametrize(
    ("node", "inputs", "reason"),
    [
        (("Constant", {"value_floats": [0.5] * 7}), [], "its graph has other inputs or outputs"),
        (("Shape", {}), ["window"], "doesn't give seven probabilities"),
        (("SequenceConstruct", {}), ["window"], "doesn't give seven probabilities"),
        (("Flatten", {}), ["window"], "doesn't give seven probabilities"),
    ],
)
def test_a_model_with_other_inputs_or_outputs_is_refused(
    tmp_path: Path, node: tuple[str, dict[str, Any]], inputs: list[str], reason: str
) -> None:
    made = onnx.helper.make_node(node[0], inputs, ["out"], **node[1])
    model = graph([made], [onnx.ValueInfoProto(name="out")], [], [value(name) for name in inputs])
    assert_model_refused(model.SerializeToString(), tmp_path / "model.onnx", reason)
