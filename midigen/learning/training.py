"""Trains a model on songs: divides them, fits the network, and writes the files of the model.

`batches` is what the network sees, `fitting` fits it, and `progress` keeps what it has come to.
"""

import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tqdm import tqdm

from midigen import __version__
from midigen.errors import MidigenError
from midigen.learning.baselines import Baselines
from midigen.learning.calibration import calibrate
from midigen.learning.card import Facts, notes_of, write_card
from midigen.learning.corpus import Song
from midigen.learning.evaluation import Score, evaluate
from midigen.learning.fitting import Plan, fit
from midigen.learning.network import ModelInfo, save, write_info
from midigen.learning.progress import Progress, ProgressFolder
from midigen.learning.split import Side, cut, divide
from midigen.prediction import echoes
from midigen.prediction.models import load_model
from midigen.prediction.onnx_predictor import OnnxPredictor
from midigen.prediction.predictor import Predictor
from midigen.prediction.window import Encoding

_FEWEST_NOTES = 20  # of a song that is cut: a tenth of it must have two notes


@dataclass(frozen=True)
class Trained:
    """The files that a training wrote, and how well the model predicts its test songs."""

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
    """Train a model on songs and write it with its baselines, its card and its learning curve.

    Songs are divided by a hash of their names. If that leaves a side empty, each song is cut
    instead (see `split`). Training stops once validation no longer improves. Ctrl-C stops it too
    and keeps the best so far, and `resume` goes on from there. A seed (0 to 2**32 - 1) makes it
    repeatable; without one, a random seed is taken. The card names the seed, the `command` that
    trains, and the one that repeats the scores. Raises MidigenError, with nothing written, if the
    songs are too few or there is nothing to resume.
    """
    sides, is_whole = _divide(songs)
    progress_folder = ProgressFolder(folder / f".{name}.training")
    if seed is None:
        seed = progress_folder.read().seed if resume else secrets.randbits(32)
    notes = notes_of(folder / f"{name}.md")
    notebook = load_model("notebook")
    training, validation = (
        [song.letters for song in sides[side]] for side in (Side.TRAINING, Side.VALIDATION)
    )
    network, progress = fit(plan, training, validation, progress_folder, seed, resume=resume)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as temporary:
        new = Path(temporary)
        writer = _Writer(plan, network, notebook, sides, is_whole, progress, command, repeat, notes)
        facts = writer.write(new, name)
        files = tuple(file.replace(folder / file.name) for file in sorted(new.iterdir()))
    if not progress.interrupted:
        shutil.rmtree(progress_folder.folder)
    return Trained(files, facts.scores, progress.interrupted)


def _divide(songs: Sequence[Song]) -> tuple[dict[Side, list[Song]], bool]:
    """The songs of each side, and whether they are whole. Raises MidigenError for too few."""
    if _is_enough(sides := divide(songs)):
        return sides, True
    if _is_enough(sides := cut(songs)):
        return sides, False
    longest = max((len(song.letters) for song in songs), default=0)
    raise MidigenError(
        f"there is too little to learn from: {len(songs)} songs, the longest of {longest} "
        f"notes, and with so few of them one must have {_FEWEST_NOTES} at least"
    )


def _is_enough(sides: dict[Side, list[Song]]) -> bool:
    """Whether every side has something to predict."""
    return all(any(len(song.letters) > 1 for song in part) for part in sides.values())


@dataclass(frozen=True)
class _Writer:
    """Writes the files of a model: calibrates and evaluates it, and describes it in its card."""

    plan: Plan
    network: keras.Model
    notebook: Predictor
    sides: dict[Side, list[Song]]
    is_whole: bool
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
        if not self.is_whole:
            provenance["cut"] = True  # so that an evaluation divides the songs in the same way
        info = ModelInfo(1, echoes.MAX_NOTES, Encoding.ECHO, provenance)
        _, onnx_file = save(self.network, info, folder, name)
        validation = [song.letters for song in self.sides[Side.VALIDATION]]
        info = replace(info, mixture=calibrate(OnnxPredictor(onnx_file), validation))
        write_info(onnx_file, info)
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
        write_info(onnx_file, info)
        facts = self._facts(name, tuple(scores))
        write_card(facts, folder, self.notes)
        return facts

    def _facts(self, name: str, scores: tuple[Score, ...]) -> Facts:
        return Facts(
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
            whole=self.is_whole,
            curve=[asdict(epoch) for epoch in self.progress.epochs],
            best=self.progress.best,
            seconds=self.progress.seconds,
            scores=scores,
        )
