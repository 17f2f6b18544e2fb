"""The network and its files: Keras builds and saves it, ONNX is what plays.

This module and `training` are the only ones that import Keras, and only the
`train` command imports them. A model is written to a temporary file and renamed,
so that nothing half-written is ever in a model's place.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import onnx

from midigen.onnx_predictor import FORMAT, VOCABULARY
from midigen.vocabulary import SIZE
from midigen.window import Encoding


@dataclass(frozen=True)
class Card:
    """What the player must know of a model, and how it was made. It goes into the .onnx file."""

    min_notes: int
    max_notes: int
    encoding: Encoding
    provenance: Mapping[str, Any]

    def metadata(self) -> dict[str, str]:
        """The metadata as `onnx_predictor` documents it."""
        return {
            "midigen.format": FORMAT,
            "midigen.vocabulary": VOCABULARY,
            "midigen.encoding": str(self.encoding),
            "midigen.min_notes": str(self.min_notes),
            "midigen.max_notes": str(self.max_notes),
            "midigen.provenance": json.dumps(self.provenance),
        }


def build_notebook(window: int) -> keras.Model:
    """The notebook's network: an LSTM of 50 units and a softmax over the seven letters.

    Input of shape (batch, window, 1), output (batch, 7).
    """
    model = keras.Sequential(
        [
            keras.Input((window, 1)),
            keras.layers.LSTM(50),
            keras.layers.Dense(SIZE, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def save(model: keras.Model, card: Card, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `NAME.keras` and `NAME.onnx` into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.keras", folder / f"{name}.onnx"
    temporary = folder / f".{name}.keras", folder / f".{name}.onnx"
    try:
        model.save(temporary[0])
        _export(model, card, temporary[1])
        for written, path in zip(temporary, paths, strict=True):
            written.replace(path)
    finally:
        for leftover in temporary:
            leftover.unlink(missing_ok=True)
    return paths


def _export(model: keras.Model, card: Card, path: Path) -> None:
    signature = [keras.InputSpec(shape=model.input_shape, dtype="float32", name="window")]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # Keras probing NumPy
        model.export(path, format="onnx", input_signature=signature, verbose=False)
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, card.metadata())
    onnx.save(graph, path)
