"""The network and its files: Keras builds and saves it, ONNX is what plays.

Only the `train` command imports this room and the others that know Keras. A model
is written to a temporary file and renamed, so that nothing half-written is ever in
a model's place.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import onnx

from midigen.onnx_predictor import FORMAT, VOCABULARY, write_mixture
from midigen.predictor import Mixture
from midigen.vocabulary import SIZE
from midigen.window import Encoding

ECHO_LENGTHS = (1, 2, 3, 4, 6, 8, 12, 16)
"""How many letters must match for an echo, one each."""


@dataclass(frozen=True)
class Card:
    """What the player must know of a model, and how it was made. It goes into the .onnx file."""

    min_notes: int
    max_notes: int
    encoding: Encoding
    provenance: Mapping[str, Any]
    mixture: Mixture | None = None

    def metadata(self) -> dict[str, str]:
        """The metadata as `onnx_predictor` documents it."""
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
    """The size of a network."""

    window: int = 512
    """The most letters that it looks at."""
    steps: int = 32
    """The newest of them, which the LSTM goes through; the echo is found in all."""
    layers: int = 1
    units: int = 96
    dropout: float = 0.2


@keras.saving.register_keras_serializable("midigen")
class Echo(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """What followed, earlier in the window, wherever the letters were the same as now.

    From letters of shape (batch, notes) it makes (batch, steps, 7 + 8 * 7) numbers for
    the newest `steps` notes: the letter itself, one-hot, and for matches of 1, 2, 3, 4,
    6, 8, 12 and 16 letters the share of each letter among those that followed (all 0 if there
    was no match). It has no weights: what to make of an echo is for the LSTM to learn,
    which is bad at finding one by itself.
    """

    def __init__(self, steps: int, **options: Any) -> None:
        super().__init__(**options)
        self.steps = steps

    def call(self, letters: Any) -> Any:
        """See the class. A letter of 7 stands for none."""
        ops = keras.ops
        letters = ops.cast(letters, "int64")
        notes = ops.shape(letters)[1]
        newest = slice(-self.steps, None)
        one_hot = ops.one_hot(letters, SIZE, dtype="float32")
        followed_by = ops.pad(one_hot, ((0, 0), (0, 1), (0, 0)))[:, 1:]
        index = ops.arange(notes)
        earlier = ops.cast(index[newest, None] > index[None, :], "float32")
        features = [one_hot[:, newest]]
        context = ops.zeros_like(letters)  # the letters up to each note as one number
        for length in range(1, ECHO_LENGTHS[-1] + 1):
            former = ops.pad(letters + 1, ((0, 0), (length - 1, 0)))[:, :notes]
            context = context * (SIZE + 2) + former  # 0 is before the window, 8 is no letter
            if length in ECHO_LENGTHS:
                same = ops.cast(context[:, newest, None] == context[:, None, :], "float32")
                counts = ops.matmul(same * earlier, followed_by)
                features.append(counts / (ops.sum(counts, axis=-1, keepdims=True) + 0.5))
        return ops.concatenate(features, axis=-1)

    def compute_output_shape(self, shape: tuple[int | None, int | None]) -> tuple[int | None, ...]:
        """The shape of what `call` returns."""
        batch, notes = shape
        steps = None if notes is None else min(notes, self.steps)
        return (batch, steps, SIZE * (1 + len(ECHO_LENGTHS)))

    def get_config(self) -> dict[str, Any]:
        """What Keras saves of it."""
        config: dict[str, Any] = super().get_config()
        return config | {"steps": self.steps}


def build_network(architecture: Architecture, *, training: bool) -> keras.Model:
    """The network that learns songs: letters, their echoes, LSTMs, a dense layer.

    To play, it takes letters of shape (batch, notes), any number of them, and gives a
    softmax of shape (batch, 7) for the letter after the last. To train, it takes whole
    windows and gives logits of shape (batch, steps, 7), for the letter after each of the
    newest, which costs no more; the length being fixed, its loop is unrolled, which made
    it twice as fast. The weights of the one fit the other.
    """
    notes = architecture.window if training else None
    window = keras.Input((notes,), dtype="int32", name="window")
    line = Echo(architecture.steps, name="echo")(window)
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


def save(model: keras.Model, card: Card, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `NAME.keras` and `NAME.onnx` into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.keras", folder / f"{name}.onnx"
    temporary = folder / f".{name}.keras", folder / f".{name}.onnx"
    try:
        model.save(temporary[0], include_optimizer=False)
        _export(model, card, temporary[1])
        for written, path in zip(temporary, paths, strict=True):
            written.replace(path)
    finally:
        for leftover in temporary:
            leftover.unlink(missing_ok=True)
    return paths


def _export(model: keras.Model, card: Card, path: Path) -> None:
    (window,) = model.inputs
    signature = [keras.InputSpec(shape=window.shape, dtype=window.dtype, name="window")]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)  # Keras probing NumPy
        model.export(path, format="onnx", input_signature=signature, verbose=False)
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, card.metadata())
    onnx.save(graph, path)
