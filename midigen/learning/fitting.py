"""Fits a network to songs, with a progress bar, early stopping, and Ctrl-C.

How far it has come is kept in a folder, so that it can be resumed. The network predicts after
every step of a block at once. The weights that play are a running average of those that learn.
"""

import hashlib
import json
import math
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import keras
from tqdm import tqdm

from midigen import __version__, files
from midigen.errors import MidigenError
from midigen.learning.batches import TrainingBatches, validation_batches
from midigen.learning.corpus import Song
from midigen.learning.network import Architecture, build_network, octave_nats
from midigen.prediction.line import COMING, FEATURES


@dataclass(frozen=True)
class Plan:
    """How a network is trained. The defaults are what experiments found best (see the cards)."""

    architecture: Architecture = field(default_factory=Architecture)
    epochs: int = 10
    patience: int = 4
    """It stops after so many epochs without a better validation."""
    batch: int = 128
    """Blocks in a batch."""
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    others: float = 0.5
    """What a bit of octaves, steps in time or shares counts beside one of letters."""
    average: float = 2.0
    """The weights that play are averaged over about so many epochs."""
    moved: float = 0.3
    """The share of blocks whose letters are all moved by the same 1 to 6 round the seven.

    It keeps a network from learning tunes by heart: what an echo is worth doesn't
    depend on the letter.
    """


@dataclass(frozen=True)
class Epoch:
    """How an epoch went: bits a letter in training, with much hidden, and in validation."""

    training: float
    validation: float


@dataclass
class Progress:
    """What a training has come to, after each of its epochs."""

    fingerprint: str
    """Tells the songs and the network that it is about."""
    seed: int
    epochs: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def best(self) -> int:
        """The index of the epoch with the fewest bits a note in validation."""
        return min(range(len(self.epochs)), key=lambda index: self.epochs[index].validation)


@dataclass(frozen=True)
class ProgressFolder:
    """A folder with the progress, the network after its last epoch, and its best weights."""

    folder: Path

    def read(self) -> Progress:
        """The saved progress. Raises MidigenError if there is none, or if it is damaged."""
        try:
            saved = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
            epochs = [Epoch(**epoch) for epoch in saved["epochs"]]
            return Progress(saved["fingerprint"], saved["seed"], epochs, saved["seconds"])
        except (OSError, ValueError, KeyError, TypeError) as exc:
            why = f"there is no interrupted training in {self.folder} to resume"
            raise MidigenError(why) from exc

    def resume(self, fingerprint: str, seed: int) -> tuple[keras.Model, Progress]:
        """The network and the progress of an interrupted training.

        Raises MidigenError if there is none with this fingerprint and seed, or it is damaged.
        """
        progress = self.read()
        if (progress.fingerprint, progress.seed) != (fingerprint, seed):
            raise MidigenError(
                f"{self.folder} is of a training with other songs or another seed: "
                "train without --resume"
            )
        try:
            model = keras.models.load_model(self._model(len(progress.epochs)))
        except (OSError, ValueError) as exc:
            raise MidigenError(f"{self.folder} is damaged: train without --resume ({exc})") from exc
        return model, progress

    def save(self, model: keras.Model, progress: Progress) -> None:
        """Save the network and the progress.

        New files are written first, then named in state.json, and only then are old ones deleted.
        So the folder can be resumed from at any moment, whenever Ctrl-C comes.
        """
        model.save(self._model(len(progress.epochs)))
        files.write(self.folder / "state.json", [json.dumps(asdict(progress)).encode()])
        current = {self._model(len(progress.epochs)), self.weights(progress.best)}
        for file in [*self.folder.glob("*.keras"), *self.folder.glob("*.weights.h5")]:
            if file not in current:
                file.unlink()

    def weights(self, epoch: int) -> Path:
        """The file of an epoch's averaged weights."""
        return self.folder / f"epoch-{epoch}.weights.h5"

    def _model(self, epochs: int) -> Path:
        """The file of the network as it was after so many epochs."""
        return self.folder / f"model-{epochs}.keras"


def fit(
    plan: Plan,
    training: Sequence[Song],
    validation: Sequence[Song],
    folder: ProgressFolder,
    seed: int,
    *,
    resume: bool,
) -> tuple[keras.Model, Progress]:
    """Fit a network to the training songs; returns it as it plays, with its best weights.

    Progress is saved in the folder after each epoch. Ctrl-C ends the fitting; before the end of
    the first epoch, it raises KeyboardInterrupt. Raises MidigenError if there is nothing to resume.
    """
    fingerprint = _fingerprint(plan, [*training, *validation])
    keras.utils.set_random_seed(seed)
    if resume:
        model, progress = folder.resume(fingerprint, seed)
        batches = TrainingBatches(training, plan.batch, plan.moved, seed)
    else:
        shutil.rmtree(folder.folder, ignore_errors=True)
        folder.folder.mkdir(parents=True)
        batches = TrainingBatches(training, plan.batch, plan.moved, seed)
        model, progress = _new_model(plan, batches.batches), Progress(fingerprint, seed)
    try:
        with tqdm(
            total=plan.epochs * batches.notes,
            initial=len(progress.epochs) * batches.notes,
            unit=" notes",
            unit_scale=True,
            dynamic_ncols=True,
        ) as bar:
            model.fit(
                batches.dataset(),
                validation_data=validation_batches(validation, plan.batch),
                initial_epoch=len(progress.epochs),
                epochs=plan.epochs,
                shuffle=False,  # the blocks come shuffled
                verbose=0,
                # In this order, so that the observer sees the averaged weights that were validated.
                callbacks=[
                    _Observer(plan, batches, progress, folder, bar),
                    keras.callbacks.SwapEMAWeights(),
                ],
            )
    except KeyboardInterrupt:
        if not progress.epochs:
            raise
        progress.interrupted = True
        tqdm.write("interrupted: writing the best so far", file=sys.stderr)
    model.load_weights(folder.weights(progress.best))
    player = build_network(plan.architecture, training=False)
    player.set_weights(model.get_weights())
    return player, progress


def _new_model(plan: Plan, batches: int) -> keras.Model:
    """The untrained network. The learning rate rises for one epoch, then falls along a cosine."""
    model = build_network(plan.architecture, training=True)
    schedule = keras.optimizers.schedules.CosineDecay(
        plan.learning_rate / 10,
        batches * plan.epochs,
        alpha=0.02,
        warmup_target=plan.learning_rate,
        warmup_steps=batches,
    )
    nats = partial(keras.losses.SparseCategoricalCrossentropy, from_logits=True)
    model.compile(
        keras.optimizers.AdamW(
            schedule,
            weight_decay=plan.weight_decay,
            clipnorm=1.0,
            use_ema=True,
            ema_momentum=1 - 1 / (plan.average * batches),
        ),
        [nats(), octave_nats, nats(), nats()],
        loss_weights=[1.0, plan.others, plan.others, plan.others],
        weighted_metrics=[
            [keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="nats")],
            *([], [], []),
        ],
    )
    return model


def _fingerprint(plan: Plan, songs: Sequence[Song]) -> str:
    """A hash of the network and the songs: a training is resumed only if it is the same."""
    digest = hashlib.sha256(f"{__version__} {plan.architecture} {FEATURES} {COMING}".encode())
    for song in songs:
        digest.update(song.letters.tobytes() + b"\xff")
        if song.notes is not None:
            digest.update(song.notes.pitches.tobytes() + song.notes.onsets.tobytes())
    return digest.hexdigest()


@dataclass(eq=False)
class _Observer(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Shows the progress, saves it with the best weights, and stops early."""

    plan: Plan
    batches: TrainingBatches
    progress: Progress
    folder: ProgressFolder
    bar: "tqdm[Any]"

    def __post_init__(self) -> None:
        super().__init__()
        self.began = time.perf_counter() - self.progress.seconds

    def on_epoch_begin(self, epoch: int, _logs: Any = None) -> None:
        self.batches.epoch = epoch
        self.bar.set_description(f"epoch {epoch + 1}/{self.plan.epochs}")

    def on_train_batch_end(self, _batch: int, logs: Any = None) -> None:
        nats = logs["letters_nats"]
        epochs = self.progress.epochs
        best = f"{epochs[self.progress.best].validation:.3f}" if epochs else "none yet"
        self.bar.set_postfix_str(
            f"loss {nats:.3f} nats, {nats / math.log(2):.3f} bits a note, best validation {best}",
            refresh=False,
        )
        left = self.plan.epochs * self.batches.notes - self.bar.n
        self.bar.update(min(self.batches.notes_per_batch, left))

    def on_test_end(self, logs: Any = None) -> None:
        bits = logs["letters_nats"] / math.log(2)
        if all(bits < epoch.validation for epoch in self.progress.epochs):
            self.model.save_weights(self.folder.weights(len(self.progress.epochs)))

    def on_epoch_end(self, _epoch: int, logs: Any = None) -> None:
        bits = (logs[each] / math.log(2) for each in ("letters_nats", "val_letters_nats"))
        self.progress.epochs.append(Epoch(*bits))
        self.progress.seconds = time.perf_counter() - self.began
        self.folder.save(self.model, self.progress)
        if len(self.progress.epochs) - 1 - self.progress.best >= self.plan.patience:
            self.model.stop_training = True
