"""Training on songs: what is learned from, the fitting itself, and the files it leaves.

A song is encoded once, as live play would hear it, and cut into blocks of 8 steps, at
another place in every epoch. The network predicts after every step of a block at once.
The weights that play are a running average of those that learn.
"""

import hashlib
import itertools
import json
import math
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tqdm import tqdm

from midigen import __version__, files
from midigen.errors import MidigenError
from midigen.learning.baselines import Baselines
from midigen.learning.calibration import calibrate
from midigen.learning.card import Facts, notes_of, write_card
from midigen.learning.corpus import Letters, Song
from midigen.learning.evaluation import Score, evaluate
from midigen.learning.network import Architecture, Card, build_network, save, stamp
from midigen.learning.split import Side, cut, divide
from midigen.music.keys import SIZE
from midigen.prediction import echoes
from midigen.prediction.models import load_model
from midigen.prediction.onnx_predictor import OnnxPredictor
from midigen.prediction.predictor import Predictor
from midigen.prediction.window import Encoding


@dataclass(frozen=True)
class Blocks:
    """Steps of songs, each with the letter that came after it.

    `rows` has the shape (blocks, 8, 203), as float16 to save room; `targets` the shape
    (blocks, 8), with 7 where there is no step.
    """

    rows: npt.NDArray[np.float16]
    targets: npt.NDArray[np.uint8]


NO_LETTER = SIZE
_FEWEST_NOTES = 20  # of a song of which a tenth must be two notes


@dataclass(frozen=True)
class Plan:
    """How a network is trained. The defaults are what experiments found best (see the cards)."""

    architecture: Architecture = field(default_factory=Architecture)
    epochs: int = 36
    patience: int = 8
    """Epochs without a better validation before it stops."""
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    average: float = 4.0
    """Over about how many epochs the weights that play are averaged."""
    moved: float = 0.3
    """The share of blocks whose letters are all moved by the same 1 to 6 round the seven.

    It keeps a network from learning tunes by heart: what an echo is worth doesn't
    depend on the letter.
    """


@dataclass(frozen=True)
class Epoch:
    """How an epoch went: bits a note in training (with dropout) and in validation."""

    training: float
    validation: float
    accuracy: float


@dataclass
class Progress:
    """What a training has come to. It is saved after each epoch, to be resumed."""

    fingerprint: str
    seed: int
    epochs: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def best(self) -> int:
        """The index of the epoch with the fewest bits a note in validation."""
        return min(range(len(self.epochs)), key=lambda index: self.epochs[index].validation)


@dataclass(frozen=True)
class Trained:
    """What a training wrote, and how well it plays songs that it never saw."""

    files: tuple[Path, ...]
    scores: tuple[Score, ...]
    interrupted: bool


def train(
    songs: Sequence[Song],
    folder: Path,
    name: str,
    *,
    plan: Plan,
    seed: int | None,
    resume: bool,
    command: str,
    repeat: str,
) -> Trained:
    """Train a model on songs and write it, its card, its curve and its baselines.

    Songs are divided by a hash of their names, or, where that leaves a side without one,
    each is cut (see `split`). It stops early when
    validation doesn't improve any more; Ctrl-C stops it too and keeps the best so far,
    which `resume` goes on from. A seed (0 to 2**32 - 1) makes it repeatable; without
    one it takes one and tells it in the card, with the `command` that was given and the one
    that repeats the scores. Raises MidigenError, with nothing
    written, if there are too few songs or nothing to resume.
    """
    sides = divide(songs)
    whole = _is_enough(sides)
    if not whole:
        sides = cut(songs)
    if not _is_enough(sides):
        longest = max((len(song.letters) for song in songs), default=0)
        raise MidigenError(
            f"there is too little to learn from: {len(songs)} songs, the longest of {longest} "
            f"notes, and with so few of them one must have {_FEWEST_NOTES} at least"
        )
    state = folder / f".{name}.training"
    learned = [song.letters for song in sides[Side.TRAINING]]
    proving = [song.letters for song in sides[Side.VALIDATION]]
    if seed is None:
        seed = _read_state(state).seed if resume else secrets.randbits(32)
    notes = notes_of(folder / f"{name}.md")
    notebook = load_model("notebook")
    network, progress = _fit(plan, learned, proving, state, seed, resume=resume)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as temporary:
        new = Path(temporary)
        writer = _Writer(plan, network, notebook, sides, whole, progress, command, repeat, notes)
        facts = writer.write(new, name)
        files = tuple(file.replace(folder / file.name) for file in sorted(new.iterdir()))
    if not progress.interrupted:
        shutil.rmtree(state)
    return Trained(files, facts.scores, progress.interrupted)


def _is_enough(sides: dict[Side, list[Song]]) -> bool:
    """Whether there is something to predict on every side."""
    return all(any(len(song.letters) > 1 for song in part) for part in sides.values())


@dataclass(frozen=True)
class _Writer:
    """Makes everything that goes with a trained network."""

    plan: Plan
    network: keras.Model
    notebook: Predictor
    sides: dict[Side, list[Song]]
    whole: bool
    progress: Progress
    command: str
    repeat: str
    notes: str

    def write(self, folder: Path, name: str) -> Facts:
        provenance: dict[str, Any] = {
            "command": self.command,
            "seed": self.progress.seed,
            "midigen": __version__,
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
        }
        if not self.whole:
            provenance["cut"] = True  # what is to be evaluated is divided in the same way
        card = Card(1, echoes.MAX_NOTES, Encoding.ECHO, provenance)
        _, onnx_file = save(self.network, card, folder, name)
        proving = [song.letters for song in self.sides[Side.VALIDATION]]
        mixture = calibrate(OnnxPredictor(onnx_file), proving)
        stamp(onnx_file, replace(card, mixture=mixture))
        baselines = Baselines.count([song.letters for song in self.sides[Side.TRAINING]])
        baselines.save(folder / f"{name}.baselines.npz")
        scores = evaluate(
            OnnxPredictor(onnx_file),
            self.sides[Side.TEST],
            baselines,
            self.notebook,
            lambda songs: tqdm(songs, desc="test songs", unit=" songs", dynamic_ncols=True),
        )
        provenance["scores"] = [asdict(score) for score in scores]
        stamp(onnx_file, replace(card, mixture=mixture))
        facts = Facts(
            name=name,
            command=self.command,
            repeat=self.repeat,
            plan=asdict(self.plan),
            seed=self.progress.seed,
            parameters=self.network.count_params(),
            sides={
                side: (len(part), sum(len(song.letters) for song in part))
                for side, part in self.sides.items()
            },
            whole=self.whole,
            curve=[asdict(epoch) for epoch in self.progress.epochs],
            best=self.progress.best,
            seconds=self.progress.seconds,
            scores=tuple(scores),
        )
        write_card(facts, folder, self.notes)
        return facts


# --- the fitting


def _fit(
    plan: Plan,
    learned: Sequence[Letters],
    proving: Sequence[Letters],
    state: Path,
    seed: int,
    *,
    resume: bool,
) -> tuple[keras.Model, Progress]:
    """The network that plays, with the best weights, and how it came to them."""
    fingerprint = _fingerprint(plan, [*learned, *proving])
    keras.utils.set_random_seed(seed)
    if resume:
        model, progress = _resume(state, fingerprint, seed)
        blocks = _Blocks(plan, learned, seed)
    else:
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir(parents=True)
        blocks = _Blocks(plan, learned, seed)
        model, progress = _new_model(plan, blocks.batches), Progress(fingerprint, seed)
    watch = _Watch(plan, blocks, progress, state)
    try:
        model.fit(
            blocks.dataset(),
            validation_data=_dataset(_cut([_Encoded.of(song) for song in proving]), plan.batch),
            initial_epoch=len(progress.epochs),
            epochs=plan.epochs,
            shuffle=False,  # the blocks come shuffled
            verbose=0,
            # In this order: the watch sees the averaged weights that a validation was made with.
            callbacks=[watch, keras.callbacks.SwapEMAWeights()],
        )
    except KeyboardInterrupt:
        if not progress.epochs:
            raise
        progress.interrupted = True
    finally:
        watch.close()
    if progress.interrupted:
        tqdm.write("interrupted: writing the best so far", file=sys.stderr)
    model.load_weights(_weights(state, progress.best))
    player = build_network(plan.architecture, training=False)
    player.set_weights(model.get_weights())
    return player, progress


def _new_model(plan: Plan, batches: int) -> keras.Model:
    model = build_network(plan.architecture, training=True)
    schedule = keras.optimizers.schedules.CosineDecay(
        plan.learning_rate / 10,
        batches * plan.epochs,
        alpha=0.02,
        warmup_target=plan.learning_rate,
        warmup_steps=batches,
    )
    model.compile(
        keras.optimizers.AdamW(
            schedule,
            weight_decay=plan.weight_decay,
            clipnorm=1.0,
            use_ema=True,
            ema_momentum=1 - 1 / (plan.average * batches),
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[
            keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="nats"),
            keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        ],
    )
    return model


def _fingerprint(plan: Plan, songs: Sequence[Letters]) -> str:
    """What a training is of: only with the same can it be gone on with."""
    digest = hashlib.sha256(f"{__version__} {plan.architecture} {echoes.FEATURES}".encode())
    for song in songs:
        digest.update(song.tobytes() + b"\xff")
    return digest.hexdigest()


def _resume(state: Path, fingerprint: str, seed: int) -> tuple[keras.Model, Progress]:
    progress = _read_state(state)
    if (progress.fingerprint, progress.seed) != (fingerprint, seed):
        raise MidigenError(
            f"{state} is of a training with other songs or another seed: train without --resume"
        )
    try:
        model = keras.models.load_model(_model(state, len(progress.epochs)))
    except (OSError, ValueError) as exc:
        raise MidigenError(f"{state} is damaged: train without --resume ({exc})") from exc
    return model, progress


def _read_state(state: Path) -> Progress:
    try:
        saved = json.loads((state / "state.json").read_text(encoding="utf-8"))
        epochs = [Epoch(**epoch) for epoch in saved["epochs"]]
        return Progress(saved["fingerprint"], saved["seed"], epochs, saved["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise MidigenError(f"there is no interrupted training in {state} to resume") from exc


def _model(state: Path, epochs: int) -> Path:
    """Where the network is kept as it was after so many epochs."""
    return state / f"model-{epochs}.keras"


def _weights(state: Path, epoch: int) -> Path:
    """Where the averaged weights of an epoch are kept."""
    return state / f"epoch-{epoch}.weights.h5"


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Shows how it goes, keeps the best weights and the state, and stops when it is time."""

    def __init__(self, plan: Plan, blocks: "_Blocks", progress: Progress, state: Path) -> None:
        super().__init__()
        self._plan = plan
        self._blocks = blocks
        self._progress = progress
        self._state = state
        self._validated: dict[str, float] = {}
        self._began = time.perf_counter() - progress.seconds
        self._notes = plan.epochs * blocks.notes
        self._bar: tqdm[Any] = tqdm(
            total=self._notes,
            initial=len(progress.epochs) * blocks.notes,
            unit=" notes",
            unit_scale=True,
            dynamic_ncols=True,
        )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        del logs
        self._blocks.epoch = epoch
        self._bar.set_description(f"epoch {epoch + 1}/{self._plan.epochs}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        del batch
        nats = logs["nats"]
        epochs = self._progress.epochs
        best = f"{epochs[self._progress.best].validation:.3f}" if epochs else "none yet"
        self._bar.set_postfix_str(
            f"loss {nats:.3f} nats, {nats / math.log(2):.3f} bits a note, best validation {best}",
            refresh=False,
        )
        self._bar.update(min(self._blocks.notes_per_batch, self._notes - self._bar.n))

    def on_test_end(self, logs: Any = None) -> None:
        self._validated = dict(logs)
        bits = logs["nats"] / math.log(2)
        if all(bits < epoch.validation for epoch in self._progress.epochs):
            self.model.save_weights(_weights(self._state, len(self._progress.epochs)))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        del epoch
        validated = self._validated
        self._progress.epochs.append(
            Epoch(
                training=logs["nats"] / math.log(2),
                validation=validated["nats"] / math.log(2),
                accuracy=validated["accuracy"],
            )
        )
        self._progress.seconds = time.perf_counter() - self._began
        self._save()
        if len(self._progress.epochs) - 1 - self._progress.best >= self._plan.patience:
            self.model.stop_training = True

    def close(self) -> None:
        self._bar.close()

    def _save(self) -> None:
        """Save all to new files, then name them in the state, then delete the old ones.

        So there is a whole state at any moment, whenever Ctrl-C comes.
        """
        done = len(self._progress.epochs)
        self.model.save(_model(self._state, done))
        state = asdict(self._progress)
        files.write(self._state / "state.json", [json.dumps(state).encode()])
        current = {_model(self._state, done), _weights(self._state, self._progress.best)}
        for file in [*self._state.glob("*.keras"), *self._state.glob("*.weights.h5")]:
            if file not in current:
                file.unlink()


# --- what the network sees


@dataclass(frozen=True)
class _Encoded:
    """A song's rows, shape (notes - 1, 203), and the letter that came after each."""

    rows: npt.NDArray[np.float16]
    targets: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, song: Letters) -> "_Encoded":
        return cls(echoes.encode_line(song[:-1]).astype(np.float16), song[1:])


class _Blocks:
    """The training songs cut into blocks, in another way for each epoch."""

    def __init__(self, plan: Plan, songs: Sequence[Letters], seed: int) -> None:
        self.epoch = 0
        """Which epoch the next blocks are for."""
        self._batch = plan.batch
        self._moved = plan.moved
        self._songs = [_Encoded.of(song) for song in songs]
        self._seed = seed
        self.notes = sum(len(song.targets) for song in self._songs)
        """The notes of an epoch."""
        # As many in every epoch, which Keras insists on: what a phase has more is left out.
        counts = (math.ceil(len(song.targets) / echoes.STEPS) for song in self._songs)
        self.batches = math.ceil(sum(counts) / plan.batch)
        self.notes_per_batch = math.ceil(self.notes / self.batches)
        """About how many notes a batch has."""

    def dataset(self) -> tf.data.Dataset:
        """Batches for one epoch after another, prepared while the network learns."""
        signature = (
            tf.TensorSpec((self._batch, echoes.STEPS, echoes.FEATURES), tf.float16),
            tf.TensorSpec((self._batch, echoes.STEPS), tf.uint8),
        )
        batches = tf.data.Dataset.from_generator(self._make_batches, output_signature=signature)
        return _prepare(batches.apply(tf.data.experimental.assert_cardinality(self.batches)))

    def _make_batches(self) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        rng = np.random.default_rng([self._seed, self.epoch])
        blocks = _cut(self._songs, rng)
        order = rng.permutation(len(blocks.targets))[: self.batches * self._batch]
        for start in range(0, self.batches * self._batch, self._batch):
            rows, targets = _batch(blocks, order[start : start + self._batch], self._batch)
            for block in np.flatnonzero(rng.random(self._batch) < self._moved):
                _move(rows[block], targets[block], int(rng.integers(1, SIZE)))
            yield rows, targets


def _move(rows: npt.NDArray[np.float16], targets: npt.NDArray[np.uint8], by: int) -> None:
    """Move the letters of a block round the seven, in place: every seven numbers stand for them."""
    letters = rows.reshape(echoes.STEPS, -1, SIZE)
    letters[:] = np.roll(letters, by, axis=-1)
    real = targets != NO_LETTER
    targets[real] = (targets[real] + by) % SIZE


def _dataset(blocks: Blocks, batch: int) -> tf.data.Dataset:
    order = np.arange(len(blocks.targets))
    starts = range(0, len(order), batch)
    batches = [_batch(blocks, order[start : start + batch], batch) for start in starts]
    rows, targets = (np.stack(part) for part in zip(*batches, strict=True))
    return _prepare(tf.data.Dataset.from_tensor_slices((rows, targets)))


def _prepare(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Batches as (input, letters to predict, weights: 0 where there is none)."""

    def weigh(rows: Any, targets: Any) -> Any:
        real = targets != NO_LETTER
        return tf.cast(rows, tf.float32), tf.where(real, targets, 0), tf.cast(real, tf.float32)

    return batches.map(weigh).prefetch(tf.data.AUTOTUNE)


def _cut(songs: Sequence[_Encoded], rng: np.random.Generator | None = None) -> Blocks:
    """Cut songs into blocks from their beginnings on, or from a random place with an `rng`."""
    rows: list[npt.NDArray[np.float16]] = []
    targets: list[npt.NDArray[np.uint8]] = []
    for song in songs:
        notes = len(song.targets)
        phase = int(rng.integers(echoes.STEPS)) if rng is not None else 0
        cuts = sorted({0, notes, *range(phase, notes, echoes.STEPS)})
        for start, end in itertools.pairwise(cuts):
            row = np.zeros((echoes.STEPS, echoes.FEATURES), dtype=np.float16)
            target = np.full(echoes.STEPS, NO_LETTER, dtype=np.uint8)
            row[: end - start] = song.rows[start:end]
            target[: end - start] = song.targets[start:end]
            rows.append(row)
            targets.append(target)
    return Blocks(np.array(rows), np.array(targets))


def _batch(
    blocks: Blocks, chosen: npt.NDArray[np.integer], batch: int
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.uint8]]:
    """A batch of these blocks, filled up with empty ones."""
    rows = np.zeros((batch, echoes.STEPS, echoes.FEATURES), dtype=np.float16)
    targets = np.full((batch, echoes.STEPS), NO_LETTER, dtype=np.uint8)
    rows[: len(chosen)] = blocks.rows[chosen]
    targets[: len(chosen)] = blocks.targets[chosen]
    return rows, targets
