"""The model of the teaching notebook that midigen grew from: one scale, learned by heart."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from midigen import __version__
from midigen.errors import MidigenError
from midigen.learning.baselines import Baselines
from midigen.learning.network import ModelInfo, save
from midigen.music.keys import SIZE, degree_named
from midigen.prediction.window import Encoding, scale, sliding_windows

NOTEBOOK_SEQUENCE = "C D E F G A B C D E"
NOTEBOOK_WINDOW = 3
NOTEBOOK_EPOCHS = 200
NOTEBOOK_BATCH = 1


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


@dataclass(frozen=True)
class TrainedNotebook:
    """The files that were written, and how many windows the model learned."""

    keras_file: Path
    onnx_file: Path
    windows: int


def train_notebook(folder: Path, name: str, seed: int | None) -> TrainedNotebook:
    """Train the notebook's model and write it as `NAME.keras` and `NAME.onnx`.

    A progress bar shows the loss in nats a note. A `seed` (0 to 2**32 - 1) makes the training
    repeatable. Raises MidigenError, with nothing written, if the model's likeliest letter is wrong
    for any training window.
    """
    if seed is not None:
        keras.utils.set_random_seed(seed)
    sequence = [degree_named(letter) for letter in NOTEBOOK_SEQUENCE.split()]
    windows, targets = sliding_windows(sequence, NOTEBOOK_WINDOW)
    model = build_notebook(NOTEBOOK_WINDOW)
    bar = keras.utils.Progbar(NOTEBOOK_EPOCHS, stateful_metrics=["loss"], unit_name="epoch")
    show = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: bar.update(epoch + 1, [("loss", logs["loss"])])
    )
    model.fit(
        scale(windows),
        targets,
        epochs=NOTEBOOK_EPOCHS,
        batch_size=NOTEBOOK_BATCH,
        verbose=0,
        callbacks=[show],
    )
    guesses = model.predict(scale(windows), verbose=0).argmax(axis=1)
    right = int((guesses == targets).sum())
    if right < len(targets):
        raise MidigenError(
            f"the model got {right} of {len(targets)} training windows right, so nothing was "
            "written: try another --seed"
        )
    provenance = {
        "recipe": "notebook",
        "sequence": NOTEBOOK_SEQUENCE,
        "epochs": NOTEBOOK_EPOCHS,
        "batch_size": NOTEBOOK_BATCH,
        "seed": seed,
        "midigen": __version__,
        "keras": keras.__version__,
    }
    info = ModelInfo(NOTEBOOK_WINDOW, NOTEBOOK_WINDOW, Encoding.SCALED, provenance)
    keras_file, onnx_file = save(model, info, folder, name)
    baselines = Baselines.count([np.array(sequence, dtype=np.uint8)])
    baselines.save(folder / f"{name}.baselines.npz")
    return TrainedNotebook(keras_file, onnx_file, len(targets))
