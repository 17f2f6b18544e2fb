"""Model files: the notebook's is reproducible and plays like Keras; wrong ones are refused."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import pytest

from midigen.app.cli import main
from midigen.errors import ExitCode, ModelError
from midigen.learning.network import ModelInfo, save
from midigen.learning.notebook import build_notebook, train_notebook
from midigen.music.keys import SIZE
from midigen.prediction.models import find_model
from midigen.prediction.onnx_predictor import open_model
from midigen.prediction.window import Encoding, scale
from tests.players import NOTEBOOK, ROOT

CARD = ModelInfo(3, 3, Encoding.SCALED, {"recipe": "test"})
ALL_WINDOWS = np.array(list(product(range(SIZE), repeat=3)))
SCALE = np.array([[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6], [5, 6, 0], [6, 0, 1]])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two folders of models, trained here by the notebook's recipe with the same seed."""
    folder = tmp_path_factory.mktemp("trained")
    return [train_notebook(folder / str(run), "notebook", seed=3) for run in range(2)]


def changed(path: Path, folder: Path, **metadata: str) -> Path:
    """A copy of a model with other metadata; `None` removes an entry."""
    graph = onnx.load(path)
    entries = {entry.key: entry.value for entry in graph.metadata_props}
    entries |= {f"midigen.{key}": value for key, value in metadata.items()}
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, {k: v for k, v in entries.items() if v != "absent"})
    copy = folder / "changed.onnx"
    onnx.save(graph, copy)
    return copy


def test_the_recipe_is_the_notebooks() -> None:
    model = build_notebook(3)
    lstm, dense = model.layers
    assert model.input_shape == (None, 3, 1)
    assert (type(lstm), lstm.units) == (keras.layers.LSTM, 50)
    assert (type(dense), dense.units, dense.activation) == (
        keras.layers.Dense,
        7,
        keras.activations.softmax,
    )
    assert model.loss == "sparse_categorical_crossentropy"
    assert isinstance(model.optimizer, keras.optimizers.Adam)


def test_training_gets_all_seven_windows_right_and_is_repeatable(trained: Any) -> None:
    first, second = trained
    assert first.windows == 7
    guesses = open_model(first.onnx_file).predict(SCALE).argmax(axis=1)
    assert guesses.tolist() == [3, 4, 5, 6, 0, 1, 2]
    weights = [keras.saving.load_model(run.keras_file).get_weights() for run in (first, second)]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_that_fails_says_so_and_leaves_the_old_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two epochs are too few to learn, but enough to see the progress bar."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("midigen.learning.notebook.NOTEBOOK_EPOCHS", 2)
    assert main(["train", "--recipe", "notebook", "--seed", "1"]) == ExitCode.FAILURE
    shown = capsys.readouterr()
    assert "2/2" in shown.out
    assert "loss" in shown.out
    assert "of 7 training windows right, so nothing was written" in shown.err
    assert not list(tmp_path.iterdir())


def test_the_shipped_model_knows_its_scale() -> None:
    guesses = open_model(NOTEBOOK).predict(SCALE).argmax(axis=1)
    assert guesses.tolist() == [3, 4, 5, 6, 0, 1, 2]


@pytest.mark.parametrize("name", ["shipped", "trained"])
def test_onnx_runtime_predicts_what_keras_predicts(name: str, trained: Any) -> None:
    """For every window of three notes, alone and in a batch."""
    path = NOTEBOOK if name == "shipped" else trained[0].onnx_file
    predictor = open_model(path)
    model = keras.saving.load_model(path.with_suffix(".keras"))
    expected = model.predict(scale(ALL_WINDOWS), verbose=0)
    np.testing.assert_allclose(predictor.predict(ALL_WINDOWS), expected, atol=1e-5)
    singly = np.concatenate([predictor.predict(window[None]) for window in ALL_WINDOWS])
    np.testing.assert_allclose(singly, expected, atol=1e-5)


def test_a_model_file_tells_how_it_was_made() -> None:
    metadata = {entry.key: entry.value for entry in onnx.load(NOTEBOOK).metadata_props}
    assert metadata["midigen.vocabulary"] == "C D E F G A B"
    assert metadata["midigen.encoding"] == "scaled"
    assert (metadata["midigen.min_notes"], metadata["midigen.max_notes"]) == ("3", "3")
    provenance = json.loads(metadata["midigen.provenance"])
    assert provenance["recipe"] == "notebook"
    assert provenance["epochs"] == 200
    assert provenance["seed"] is not None


def test_an_interrupted_save_leaves_the_old_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build_notebook(3)
    save(model, CARD, tmp_path, "m")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(onnx, "save", fail)
    with pytest.raises(KeyboardInterrupt):
        save(build_notebook(3), CARD, tmp_path, "m")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"format": "absent"}, "not a midigen model"),
        (
            {"encoding": "one-hot"},
            "its input is one-hot, and this midigen knows scaled and steps-1",
        ),
        ({"min_notes": "three"}, "not a midigen model"),
        ({"format": "2"}, "made for format 2"),
        ({"vocabulary": "C D E F G A H"}, "the notes C D E F G A H"),
        ({"max_notes": "5"}, "can't predict"),
        ({"min_notes": "2"}, "can't predict"),
        ({"min_notes": "4"}, "takes 4 to 3 notes"),
        ({"min_notes": "0"}, "takes 0 to 3 notes"),
    ],
)
def test_a_model_of_another_kind_is_refused(
    tmp_path: Path, metadata: dict[str, str], reason: str
) -> None:
    path = changed(NOTEBOOK, tmp_path, **metadata)
    with pytest.raises(ModelError, match=reason) as caught:
        open_model(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == ExitCode.MODEL


@pytest.mark.parametrize("content", [b"", b"not a model", NOTEBOOK.read_bytes()[:2000]])
def test_a_damaged_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged\.onnx"):
        open_model(path)


def test_models_are_found_by_path_then_in_models_then_among_the_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model("notebook") == NOTEBOOK
    assert find_model(str(NOTEBOOK)) == NOTEBOOK
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "notebook.onnx").write_bytes(b"")
    (tmp_path / "models" / "mine.onnx").write_bytes(b"")
    assert find_model("notebook") == Path("models/notebook.onnx")
    with pytest.raises(ModelError, match="there is lieder, mine, notebook, pop, songs, tunes;"):
        find_model("yours")
    with pytest.raises(ModelError, match=r"no model file yours\.onnx"):
        find_model("yours.onnx")


def test_shipped_models_come_in_both_formats() -> None:
    models = ROOT / "models"
    assert {path.stem for path in models.glob("*.onnx")} == {
        path.stem for path in models.glob("*.keras")
    }
