"""The commands about models: predict, train, evaluate and models.

Each imports what it needs when it runs, so that none pays for another: only `train`
imports Keras.
"""

import argparse
import contextlib
import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midigen.app.command_line import (
    add_command,
    add_seed,
    add_settings,
    effective_settings,
    number,
    show,
    tell,
)
from midigen.errors import ExitCode, MidiFileError, MidigenError, ModelError, UsageError
from midigen.settings import config, config_file
from midigen.settings.kinds import Number
from midigen.settings.table import Settings

if TYPE_CHECKING:
    from midigen.learning.baselines import Baselines
    from midigen.learning.corpus import Song
    from midigen.learning.evaluation import Score
    from midigen.learning.generation import Report
    from midigen.prediction.onnx_predictor import OnnxPredictor

_OPENINGS = Number(1, 1_000_000, "openings")
_CHAIN = re.compile(r"markov-\d|ltm\+stm")
_NOT_AS_WRITTEN = (LookupError, OverflowError, StopIteration, TypeError, ValueError)


def add_commands(commands: Any) -> None:
    """Add these commands to the command line, in the order of its help."""
    _add_predict(commands)
    _add_train(commands)
    _add_evaluate(commands)
    _add_models(commands)


# --- the command line


def _add_predict(commands: Any) -> None:
    parser = add_command(
        commands,
        "predict",
        _predict,
        "print the probabilities of the note after these",
        "midigen predict E A A",
    )
    parser.add_argument(
        "notes",
        nargs="+",
        metavar="NOTE",
        help="the letters C D E F G A B, degrees of any key, oldest first",
    )
    parser.add_argument("--model", metavar="NAME", help="a model's name or path")


def _add_train(commands: Any) -> None:
    parser = add_command(
        commands,
        "train",
        _train,
        "train a model on MIDI files (needs the train extra) and write it to models/",
        "midigen train corpus/pop909 --name pop --seed 1",
    )
    _add_corpus(parser, "*")
    parser.add_argument(
        "--recipe",
        choices=["notebook"],
        help="instead of a corpus: an LSTM of 50 units learns one scale from windows of 3 notes",
    )
    parser.add_argument("--name", help="the model's name; a recipe's own is its default")
    add_seed(parser, "makes the run repeatable")
    parser.add_argument(
        "--resume", action="store_true", help="go on where Ctrl-C ended a training of this name"
    )


def _add_evaluate(commands: Any) -> None:
    parser = add_command(
        commands,
        "evaluate",
        _evaluate,
        "measure how well a model predicts songs, beside what it must beat",
        "midigen evaluate pop corpus/pop909 --split test",
    )
    parser.add_argument("model", metavar="MODEL", help="a model's name or path")
    _add_corpus(parser, "+")
    parser.add_argument(
        "--split",
        choices=["test"],
        help="only the songs that training keeps for the test; without it, all there are",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--notes",
        type=Path,
        metavar="FILE",
        help="write the model's seven probabilities, with memory, for every note, as CSV; "
        "letters are degrees of the song's key",
    )
    parser.add_argument(
        "--generate",
        type=number(_OPENINGS),
        metavar="N",
        help="report on what it plays, too: carry on N openings by these settings",
    )
    add_settings(parser, model=False)


def _add_corpus(parser: argparse.ArgumentParser, number: str) -> None:
    parser.add_argument(
        "corpus", nargs=number, type=Path, metavar="CORPUS", help="MIDI files, or folders of them"
    )
    parser.add_argument(
        "--track", metavar="NAME", help="the melody's track; else the most melodic one is taken"
    )


def _add_models(commands: Any) -> None:
    add_command(
        commands, "models", _models, "list the models here and how well they play", "midigen models"
    )


# --- the commands


def _predict(options: argparse.Namespace) -> ExitCode:
    import numpy as np

    from midigen.music.keys import LETTERS, degree_named
    from midigen.prediction.models import load_model

    degrees = [degree_named(name) for name in options.notes]
    chosen = {"model": options.model} if options.model else {}
    settings = config.load(config_file.find(), chosen)
    predictor = load_model(settings.model)
    if len(degrees) < predictor.min_notes:
        raise UsageError(
            f"{predictor.path.stem} needs {predictor.min_notes} notes, {len(degrees)} given"
        )
    window = degrees[-predictor.max_notes :]
    probabilities = predictor.predict(np.array([window]))[0]
    show("input     " + " ".join(LETTERS[degree] for degree in window))
    for letter, probability in zip(LETTERS, probabilities, strict=True):
        show(f"{letter}  {probability:6.1%}  {'█' * round(40 * float(probability))}".rstrip())
    show(f"predicted {LETTERS[int(np.argmax(probabilities))]}")
    return ExitCode.OK


def _train(options: argparse.Namespace) -> ExitCode:
    if options.recipe and (options.corpus or options.resume):
        raise UsageError("a recipe takes neither a corpus nor --resume")
    if not options.recipe and not (options.corpus and options.name):
        raise UsageError("training needs a CORPUS and a --name for the model, or a --recipe")
    if options.name and not re.fullmatch(r"[\w][\w.-]*", options.name):
        raise UsageError(f"{options.name!r} can't be the name of a model's files")
    if options.name == "notebook" and not options.recipe:
        raise UsageError("notebook is the name of the recipe's model: choose another --name")
    return _train_notebook(options) if options.recipe else _train_on_songs(options)


def _train_notebook(options: argparse.Namespace) -> ExitCode:
    with _training_packages():
        from midigen.learning.notebook import train_notebook
    from midigen.prediction.models import MODELS

    trained = train_notebook(MODELS, options.name or options.recipe, options.seed)
    show(
        f"wrote {trained.keras_file} and {trained.onnx_file}: "
        f"all {trained.windows} training windows right"
    )
    return ExitCode.OK


def _train_on_songs(options: argparse.Namespace) -> ExitCode:
    with _training_packages():
        from midigen.learning.fitting import Plan
        from midigen.learning.training import train
    from midigen.prediction.models import MODELS

    songs = _read_songs(options)

    corpus = [*map(str, options.corpus)]
    if options.track is not None:
        corpus += ["--track", options.track]
    seed = [] if options.seed is None else ["--seed", str(options.seed)]
    try:
        trained = train(
            songs,
            MODELS,
            options.name,
            plan=Plan(),
            seed=options.seed,
            resume=options.resume,
            command=shlex.join(["midigen", "train", *corpus, "--name", options.name, *seed]),
            repeat=shlex.join(["midigen", "evaluate", options.name, *corpus, "--split", "test"]),
        )
    except OSError as exc:
        raise MidigenError(f"{exc.filename}: can't be written: {exc.strerror or exc}") from exc
    _print_scores(trained.scores)
    show("wrote " + ", ".join(str(file) for file in trained.files))
    if trained.interrupted:
        tell("interrupted: this is the best so far; --resume goes on from here")
    tell(f"say in models/{options.name}.md, below its mark, where the songs are from")
    return ExitCode.OK


@contextlib.contextmanager
def _training_packages() -> Iterator[None]:
    """Import what imports Keras, quietly, or say what to install."""
    # Neither TensorFlow's remarks to its developers, nor results that depend on the processor.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        yield
    except ImportError as exc:
        raise MidigenError(
            f"training needs more packages ({exc.name} is missing): "
            'pip install "midigen[train]", or -e ".[train]" in a checkout'
        ) from exc


def _read_songs(options: argparse.Namespace) -> "list[Song]":
    """The songs of a corpus, with a line for each file that gave none; a single one is an error."""
    from tqdm import tqdm

    from midigen.learning.corpus import Tune, read, songs
    from midigen.learning.sources import find_files

    tunes: list[Tune] = []
    skipped = 0
    files = find_files(options.corpus)
    with tqdm(total=len(files), desc="reading", unit=" files", dynamic_ncols=True) as bar:
        for result in read(files, options.track):
            bar.update()
            if isinstance(result, Tune):
                tunes.append(result)
                if result.notice:
                    bar.write(f"midigen: {result.path}: {result.notice}", file=sys.stderr)
            elif len(files) == 1:
                raise MidiFileError(f"{result.path}: {result.reason}")
            else:
                skipped += 1
                bar.write(f"midigen: skipped {result.path}: {result.reason}", file=sys.stderr)
    if not tunes:
        where = ", ".join(map(str, options.corpus))
        raise MidiFileError(f"no melody found in {where}: all {skipped} files skipped")
    if skipped:
        tell(f"{skipped} of {len(files)} files skipped")
    return songs(tunes)


def _evaluate(options: argparse.Namespace) -> ExitCode:
    options.model, name = None, options.model
    settings = effective_settings(options)

    from tqdm import tqdm

    from midigen.learning.baselines import Baselines
    from midigen.learning.evaluation import evaluate
    from midigen.learning.split import Side, cut, divide
    from midigen.prediction.models import find_model, load_model
    from midigen.prediction.onnx_predictor import OnnxPredictor

    path = find_model(name)
    predictor = OnnxPredictor(path)
    baselines = Baselines.load(path.with_suffix(".baselines.npz"))
    songs = _read_songs(options)
    if options.split:
        divided = cut if predictor.provenance.get("cut") else divide
        songs = divided(songs)[Side(options.split)]
        if not songs:
            raise MidiFileError("none of these songs is a test song: leave out --split")
    scores = evaluate(
        predictor,
        songs,
        baselines,
        load_model("notebook"),
        lambda each: tqdm(each, desc="predicting", unit=" songs", dynamic_ncols=True),
    )
    notes = sum(len(song.letters) for song in songs)
    if not options.json:
        show(f"{name} on {len(songs)} songs, {notes} notes")
        _print_scores(scores)
    if options.notes:
        _write_notes(options.notes, predictor, songs)
    report = None
    if options.generate:
        report = _generate(options.generate, settings, predictor, songs, baselines)
    if options.json:
        result = {
            "model": name,
            "corpus": [str(each) for each in options.corpus],
            "songs": len(songs),
            "notes": notes,
            "rows": [asdict(score) for score in scores],
        }
        print(json.dumps(result | ({"generated": asdict(report)} if report else {})))
    elif report:
        _print_report(report)
    return ExitCode.OK


def _generate(
    openings: int,
    settings: Settings,
    predictor: "OnnxPredictor",
    songs: "list[Song]",
    baselines: "Baselines",
) -> "Report":
    from midigen.instrument.improviser import new_sampler
    from midigen.learning.generation import report

    return report(
        predictor,
        songs,
        baselines,
        openings,
        new_sampler=partial(new_sampler, settings.sampling),
        memory_amount=settings.memory.amount,
        seed=0 if settings.sampling.seed == "random" else int(settings.sampling.seed),
    )


def _write_notes(path: Path, predictor: "OnnxPredictor", songs: "list[Song]") -> None:
    import csv

    from midigen import files
    from midigen.learning.evaluation import predict_song
    from midigen.music.keys import LETTERS

    try:
        with files.replacing(path) as new, new.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["song", "note", "letter", *LETTERS])
            for song in songs:
                rows = predict_song(predictor, song.letters, memory_amount=1.0)
                for note, (degree, row) in enumerate(zip(song.letters, rows, strict=True)):
                    probabilities = (f"{probability:.9g}" for probability in row)
                    table.writerow([song.name, note, LETTERS[degree], *probabilities])
    except OSError as exc:
        raise MidigenError(f"{path}: can't be written: {exc.strerror or exc}") from exc


def _print_scores(scores: "Iterable[Score]") -> None:
    show(f"{'':12}  bits a note   right  among three")
    for score in scores:
        show(f"{score.name:12}  {score.bits_per_note:11.3f}  {score.top1:6.1%}  {score.top3:11.1%}")


def _print_report(report: "Report") -> None:
    from midigen.learning.generation import CONTINUATION, OPENING, PHRASE

    show(
        f"\n{report.openings} openings of {OPENING} notes carried on for {CONTINUATION}, "
        "and as the songs go on"
    )
    played, real = report.played, report.real
    for text, ours, theirs in (
        (f"phrases of {PHRASE} notes from the opening", played.from_opening, real.from_opening),
        (f"phrases of {PHRASE} notes of training songs", played.from_training, real.from_training),
        ("with a loop", played.loops, real.loops),
    ):
        show(f"{text:40} {ours:6.1%}  {theirs:6.1%}")
    show(f"{'letters, divergence in bits':40} {played.letters:6.3f}")
    show(f"{'intervals, divergence in bits':40} {played.intervals:6.3f}")


def _models(_: argparse.Namespace) -> ExitCode:
    from midigen.prediction.models import list_models
    from midigen.prediction.onnx_predictor import OnnxPredictor

    models = list_models()
    if not models:
        raise ModelError("there are no models here: midigen train makes one")
    show(f"{'':12}  notes  bits a note   right  the best Markov chain on the same songs")
    for path in models:
        try:
            show(f"{path.stem:12}  {_model_line(OnnxPredictor(path))}")
        except ModelError as exc:
            show(f"{path.stem:12}  {exc}")
    return ExitCode.OK


def _model_line(predictor: "OnnxPredictor") -> str:
    window = f"{predictor.min_notes}-{predictor.max_notes}"
    try:
        measured = _measured(predictor.provenance["scores"])
    except _NOT_AS_WRITTEN:  # there are none, or the file says something else
        measured = "not measured"
    return f"{window:>5}  {measured}"


def _measured(rows: Any) -> str:
    """A model's own scores and those of the best Markov chain, of the rows of its table."""
    own = next(row for row in rows if row["name"] == "lstm+memory")
    chains = [row for row in rows if _CHAIN.fullmatch(row["name"])]
    rival = min(chains, key=lambda row: float(row["bits_per_note"]))
    return (
        f"{own['bits_per_note']:11.3f}  {own['top1']:6.1%}"
        f"  {rival['bits_per_note']:.3f} bits, {rival['top1']:.1%} ({rival['name']})"
    )
