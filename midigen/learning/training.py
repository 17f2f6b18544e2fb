"""Trains a model on songs: divides them, fits the network, and writes the files of the model.

`batches` is what the network sees, and `fitting` fits it.
"""

import secrets
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from midigen.learning.corpus import Side, Song, cut, divide
from midigen.learning.encoding import gaps_of
from midigen.learning.evaluation import Evaluation, evaluate
from midigen.learning.fitting import Plan, ProgressFolder, fit
from midigen.learning.network import ModelInfo, save, write_info
from midigen.prediction.line import KEPT
from midigen.prediction.models import load_model
from midigen.prediction.onnx_predictor import open_model
from midigen.prediction.predictor import Predictor
from midigen.prediction.window import Encoding

_FEWEST_NOTES = 20  # of a song that is cut: a tenth of it must have two notes


@dataclass(frozen=True)
class Trained:
    """The files that a training wrote, and how well the model predicts its test songs."""

    files: tuple[Path, ...]
    evaluation: Evaluation
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
    instead (see `corpus`). Training stops once validation no longer improves. Ctrl-C stops it too
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
    training, validation = sides[Side.TRAINING], sides[Side.VALIDATION]
    network, progress = fit(plan, training, validation, progress_folder, seed, resume=resume)
    facts = Facts(name, command, repeat, plan, sides, is_whole, progress)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder) as temporary:
        new = Path(temporary)
        evaluation = _write_model(network, facts, new, notebook)
        write_card(facts, network.count_params(), evaluation, new, notes)
        files = tuple(file.replace(folder / file.name) for file in sorted(new.iterdir()))
    if not progress.interrupted:
        shutil.rmtree(progress_folder.folder)
    return Trained(files, evaluation, progress.interrupted)


def _divide(songs: Sequence[Song]) -> tuple[dict[Side, list[Song]], bool]:
    """The songs of each side, and whether they are whole. Raises MidigenError for too few."""
    for divided, is_whole in ((divide, True), (cut, False)):
        sides = divided(songs)
        if all(any(len(song.letters) > 1 for song in part) for part in sides.values()):
            return sides, is_whole
    longest = max((len(song.letters) for song in songs), default=0)
    raise MidigenError(
        f"there is too little to learn from: {len(songs)} songs, the longest of {longest} "
        f"notes, and with so few of them one must have {_FEWEST_NOTES} at least"
    )


def _write_model(
    network: keras.Model, facts: Facts, folder: Path, notebook: Predictor
) -> Evaluation:
    """Write the network and the baselines, and return their scores, which the .onnx file has too.

    The memory's mixture is calibrated on the validation songs.
    """
    provenance: dict[str, Any] = {
        "command": facts.command,
        "seed": facts.progress.seed,
        "midigen": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
    }
    if not facts.whole:
        provenance["cut"] = True  # so that an evaluation divides the songs in the same way
    info = ModelInfo(1, KEPT, Encoding.STEPS, provenance)
    _, onnx_file = save(network, info, folder, facts.name)
    mixture = calibrate(open_model(onnx_file), facts.sides[Side.VALIDATION])
    info = replace(info, mixture=mixture)
    write_info(onnx_file, info)
    training = facts.sides[Side.TRAINING]
    letters, gaps = [song.letters for song in training], [gaps_of(song) for song in training]
    baselines = Baselines.count(letters, gaps)
    baselines.save(folder / f"{facts.name}.baselines.npz")
    evaluation = evaluate(
        open_model(onnx_file),
        facts.sides[Side.TEST],
        baselines,
        notebook,
        lambda songs: tqdm(songs, desc="test songs", unit=" songs", dynamic_ncols=True),
    )
    provenance |= {"scores": evaluation.rows(), "heads": evaluation.heads_by_name()}
    write_info(onnx_file, info)
    return evaluation
