"""`midigen evaluate`: how well a model predicts songs, and answers phrases of them."""

import argparse
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from midigen.app.answers import (
    as_json,
    check_settings,
    evaluation_seed,
    print_answers,
    report_answers,
    warn_of_void_judge,
)
from midigen.app.console import show
from midigen.app.options import add_settings, effective_settings, number
from midigen.app.songs import add_corpus, print_scores, read_songs
from midigen.errors import MidiFileError, MidigenError
from midigen.settings.kinds import Number

if TYPE_CHECKING:
    from midigen.learning.baselines import Baselines
    from midigen.learning.corpus import Song
    from midigen.learning.evaluation import Evaluation
    from midigen.learning.generation import Report
    from midigen.prediction.onnx_predictor import OnnxPredictor
    from midigen.settings.table import Settings


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a model's name or path")
    add_corpus(parser, "+")
    parser.add_argument(
        "--split",
        choices=["test"],
        help="only the songs that training holds out for the test; without it, all of them",
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
        type=number(Number(1, 1_000_000, "openings")),
        metavar="N",
        help="also report on what it plays: it continues N openings with these settings",
    )
    parser.add_argument(
        "--answers",
        type=number(Number(1, 1_000_000, "calls")),
        metavar="N",
        help="also have N phrases of the songs answered, with these settings and by simpler "
        "means, and compare that with how the songs answer them (needs the train extra)",
    )
    add_settings(parser, model=False)


def run(options: argparse.Namespace) -> None:
    options.model, name = None, options.model
    settings = effective_settings(options)
    if options.answers:
        check_settings(settings)

    from midigen.learning.baselines import Baselines
    from midigen.prediction.models import load_model

    predictor = load_model(name)
    baselines = Baselines.load(predictor.path.with_suffix(".baselines.npz"))
    songs = _songs(options, is_cut=bool(predictor.provenance.get("cut")))
    notes = sum(len(song.letters) for song in songs)
    evaluation = _evaluate(predictor, songs, baselines)
    if not options.json:
        show(f"{name} on {len(songs)} songs, {notes} notes")
        print_scores(evaluation)
    if options.notes:
        _write_notes(options.notes, predictor, songs)
    result: dict[str, Any] = {
        "model": name,
        "corpus": [str(each) for each in options.corpus],
        "songs": len(songs),
        "notes": notes,
        "rows": evaluation.rows(),
        "heads": evaluation.heads_by_name(),
    }
    if options.generate:
        report = _generated(predictor, songs, baselines, options.generate, settings)
        result["generated"] = asdict(report)
        if not options.json:
            _print_report(report)
    if options.answers:
        answers = report_answers(predictor, songs, options.answers, settings)
        result |= as_json(answers)
        if not options.json:
            print_answers(answers)
        warn_of_void_judge(answers)
    if options.json:
        print(json.dumps(result))


def _songs(options: argparse.Namespace, *, is_cut: bool) -> "list[Song]":
    """The songs of the corpus, or of one side; `is_cut` says that songs were cut in training."""
    from midigen.learning.corpus import Side, cut, divide

    songs = read_songs(options)
    if options.split:
        songs = (cut if is_cut else divide)(songs)[Side(options.split)]
        if not songs:
            raise MidiFileError("none of these songs is a test song: leave out --split")
    return songs


def _evaluate(
    predictor: "OnnxPredictor", songs: "list[Song]", baselines: "Baselines"
) -> "Evaluation":
    from tqdm import tqdm

    from midigen.learning.evaluation import evaluate
    from midigen.prediction.models import load_model

    progress = partial(tqdm, desc="predicting", unit=" songs", dynamic_ncols=True)
    return evaluate(predictor, songs, baselines, load_model("notebook"), progress)


def _generated(
    predictor: "OnnxPredictor",
    songs: "list[Song]",
    baselines: "Baselines",
    openings: int,
    settings: "Settings",
) -> "Report":
    from midigen.instrument.drawing import new_sampler
    from midigen.learning import generation

    return generation.report(
        predictor,
        songs,
        baselines,
        openings,
        new_sampler=partial(new_sampler, settings.sampling),
        memory_amount=settings.memory.amount,
        seed=evaluation_seed(settings),
    )


def _print_report(report: "Report") -> None:
    """Compare what a model plays with how the songs go on."""
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


def _write_notes(path: Path, predictor: "OnnxPredictor", songs: "list[Song]") -> None:
    import csv

    from midigen import files
    from midigen.learning.listening import predict_song
    from midigen.music.keys import LETTERS

    try:
        with files.replacing(path) as new, new.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["song", "note", "letter", *LETTERS])
            for song in songs:
                rows = predict_song(predictor, song, memory_amount=1.0)
                for note, (degree, row) in enumerate(zip(song.letters, rows, strict=True)):
                    probabilities = (f"{probability:.9g}" for probability in row)
                    table.writerow([song.name, note, LETTERS[degree], *probabilities])
    except OSError as exc:
        raise MidigenError(f"{path}: can't be written: {exc.strerror or exc}") from exc
