"""The network and its files: Keras builds and saves it, and ONNX Runtime plays it."""

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import onnx

from midigen import files
from midigen.music.keys import SIZE
from midigen.prediction.line import COMING, COMING_PHRASE, FEATURES, ROWS
from midigen.prediction.mixture import Mixture
from midigen.prediction.onnx_predictor import FORMAT, VOCABULARY, write_mixture
from midigen.prediction.steps import GAPS, OCTAVES, SHARES
from midigen.prediction.window import Encoding


@dataclass(frozen=True)
class ModelInfo:
    """What a player must know about a model, and how it was made. The .onnx file holds it."""

    min_notes: int
    max_notes: int
    encoding: Encoding
    provenance: Mapping[str, Any]
    mixture: Mixture | None = None


@dataclass(frozen=True)
class Architecture:
    """The size of a network: the units of its LSTM and of its hidden layer, and the dropout."""

    units: int = 192
    hidden: int = 128
    dropout: float = 0.3


def build_network(architecture: Architecture, *, training: bool) -> keras.Model:
    """The network that learns songs: an LSTM over rows of steps, and four heads.

    The one that plays takes any number of rows, shape (batch, steps, FEATURES), and what comes
    next, (batch, COMING). It gives probabilities as in `Outlook`: of the letter after the last
    step, (batch, 7), its octave, (batch, 7, 3), its step in time, (batch, 18), and its share of the
    next one, (batch, 5). The step in time doesn't depend on what is decided of it.

    The one that is trained takes 8 rows, each with what comes next, and gives logits after each,
    which costs no more. With a fixed length its loop can be unrolled, which made it twice as fast.
    Weights of the one fit the other.
    """
    rows = keras.Input((ROWS if training else None, FEATURES), name="rows")
    coming = keras.Input((ROWS, COMING) if training else (COMING,), name="coming")
    dropout = architecture.dropout
    heard = keras.layers.LSTM(
        architecture.units, return_sequences=training, unroll=training, name="lstm"
    )(rows)
    heard = keras.layers.Dropout(dropout)(heard)
    both = keras.layers.Concatenate()([heard, coming])
    hidden = keras.layers.Dense(architecture.hidden, "relu", name="hidden")(both)
    told = keras.layers.Concatenate()([keras.layers.Dropout(dropout)(hidden), both])
    untold = keras.layers.Concatenate()([heard, coming[..., COMING_PHRASE]])
    paced = keras.layers.Dense(architecture.hidden // 2, "relu", name="paced")(untold)
    untold = keras.layers.Concatenate()([paced, untold])
    heads = [
        _head(told, "letters", SIZE, training=training),
        _head(told, "octaves", SIZE, len(OCTAVES), training=training),
        _head(untold, "gaps", len(GAPS), training=training),
        _head(told, "shares", len(SHARES), training=training),
    ]
    return keras.Model([rows, coming], heads)


def _head(line: Any, name: str, *shape: int, training: bool) -> Any:
    """Logits or probabilities of a shape, from a line of features."""
    leading = (ROWS,) if training else ()
    logits = keras.layers.Dense(math.prod(shape), name=f"{name}_logits")(line)
    logits = keras.layers.Reshape((*leading, *shape), name=name if training else None)(logits)
    return logits if training else keras.layers.Softmax(name=name)(logits)


@keras.saving.register_keras_serializable("midigen")  # type: ignore[untyped-decorator]
def octave_nats(targets: Any, logits: Any) -> Any:
    """The nats of octaves, given the letter, shape (batch, steps).

    Each target is three times the letter plus the class of its octave, shape (batch, steps), and
    the logits have the shape (batch, steps, 7, 3).
    """
    targets = keras.ops.cast(targets, "int32")
    letters = keras.ops.one_hot(targets // len(OCTAVES), SIZE)
    given = keras.ops.sum(logits * letters[..., None], axis=-2)
    return keras.losses.sparse_categorical_crossentropy(
        targets % len(OCTAVES), given, from_logits=True
    )


def save(model: keras.Model, info: ModelInfo, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `NAME.keras` and `NAME.onnx` into a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.keras", folder / f"{name}.onnx"
    inputs = [keras.InputSpec(each.dtype, each.shape, name=each.name) for each in model.inputs]
    signature = [inputs] if len(inputs) > 1 else inputs  # of one argument
    with files.replacing(paths[0]) as new_keras, files.replacing(paths[1]) as new_onnx:
        model.save(new_keras, include_optimizer=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning)  # Keras probing NumPy
            model.export(new_onnx, format="onnx", input_signature=signature, verbose=False)
        write_info(new_onnx, info)
    return paths


def write_info(path: Path, info: ModelInfo) -> None:
    """Replace the metadata of an .onnx file, which `onnx_predictor` documents."""
    metadata = {
        "midigen.format": FORMAT,
        "midigen.vocabulary": VOCABULARY,
        "midigen.encoding": str(info.encoding),
        "midigen.min_notes": str(info.min_notes),
        "midigen.max_notes": str(info.max_notes),
        "midigen.provenance": json.dumps(info.provenance),
    }
    if info.mixture:
        metadata["midigen.memory"] = write_mixture(info.mixture)
    graph = onnx.load(path)
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, metadata)
    with files.replacing(path) as new:
        onnx.save(graph, new)
