"""The network and its files: Keras builds and saves it, and ONNX Runtime plays it."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import onnx

from midigen import files
from midigen.music.keys import SIZE
from midigen.prediction import echoes
from midigen.prediction.mixture import Mixture
from midigen.prediction.onnx_predictor import FORMAT, VOCABULARY, write_mixture
from midigen.prediction.window import Encoding


@dataclass(frozen=True)
class ModelInfo:
    """What a player must know about a model, and how it was made. The .onnx file holds it."""

    min_notes: int
    max_notes: int
    encoding: Encoding
    provenance: Mapping[str, Any]
    mixture: Mixture | None = None

    def metadata(self) -> dict[str, str]:
        """The metadata of the .onnx file, as `onnx_predictor` documents it."""
        metadata = {
            "midigen.format": FORMAT,
            "midigen.vocabulary": VOCABULARY,
            "midigen.encoding": str(self.encoding),
            "midigen.min_notes": str(self.min_notes),
            "midigen.max_notes": str(self.max_notes),
            "midigen.provenance": json.dumps(self.provenance),
        }
        if self.mixture:
            metadata["midigen.memory"] = write_mixture(self.mixture)
        return metadata


@dataclass(frozen=True)
class Architecture:
    """The size of a network: its LSTM layers, the units in each, and the dropout after each."""

    layers: int = 1
    units: int = 128
    dropout: float = 0.3


def build_network(architecture: Architecture, *, training: bool) -> keras.Model:
    """The network that learns songs: encoded letters (see `echoes`), LSTMs, a dense layer.

    The one that plays takes any number of steps, shape (batch, steps, 203), and gives the
    probabilities of the letter after the last one, shape (batch, 7). The one that is trained takes
    8 steps and gives logits for the letter after each, shape (batch, 8, 7), which costs no more.
    With a fixed length its loop can be unrolled, which made it twice as fast. Weights of the one
    fit the other.
    """
    window = keras.Input((echoes.STEPS if training else None, echoes.FEATURES), name="window")
    line = window
    for layer in range(architecture.layers):
        is_last = layer == architecture.layers - 1
        line = keras.layers.LSTM(
            architecture.units,
            return_sequences=training or not is_last,
            unroll=training,
            name=f"lstm_{layer + 1}",
        )(line)
        line = keras.layers.Dropout(architecture.dropout)(line)
    activation = None if training else "softmax"
    return keras.Model(window, keras.layers.Dense(SIZE, activation, name="letters")(line))


def save(model: keras.Model, info: ModelInfo, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `NAME.keras` and `NAME.onnx` into a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.keras", folder / f"{name}.onnx"
    (window,) = model.inputs
    signature = [keras.InputSpec(shape=window.shape, dtype=window.dtype, name="window")]
    with files.replacing(paths[0]) as new_keras, files.replacing(paths[1]) as new_onnx:
        model.save(new_keras, include_optimizer=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning)  # Keras probing NumPy
            model.export(new_onnx, format="onnx", input_signature=signature, verbose=False)
        write_info(new_onnx, info)
    return paths


def write_info(path: Path, info: ModelInfo) -> None:
    """Replace the metadata of an .onnx file."""
    graph = onnx.load(path)
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, info.metadata())
    with files.replacing(path) as new:
        onnx.save(graph, new)
