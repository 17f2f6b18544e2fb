"""`midigen train`: train a model on MIDI files, or by a recipe. The only command with Keras."""

import argparse
import re
import shlex

from midigen.app.console import show, tell
from midigen.app.options import add_seed
from midigen.app.songs import add_corpus, print_scores, read_songs, training_packages
from midigen.errors import MidigenError, UsageError


def add_options(parser: argparse.ArgumentParser) -> None:
    add_corpus(parser, "*")
    parser.add_argument(
        "--recipe",
        choices=["notebook"],
        help="instead of a corpus: an LSTM of 50 units learns one scale from windows of 3 notes",
    )
    parser.add_argument("--name", help="the model's name; a recipe's own is its default")
    add_seed(parser, "makes the run repeatable")
    parser.add_argument(
        "--resume", action="store_true", help="continue a training of this name that Ctrl-C ended"
    )


def run(options: argparse.Namespace) -> None:
    if options.recipe and (options.corpus or options.resume):
        raise UsageError("a recipe takes neither a corpus nor --resume")
    if not options.recipe and not (options.corpus and options.name):
        raise UsageError("training needs a CORPUS and a --name for the model, or a --recipe")
    if options.name and not re.fullmatch(r"[\w][\w.-]*", options.name):
        raise UsageError(f"{options.name!r} can't be the name of a model's files")
    if options.name == "notebook" and not options.recipe:
        raise UsageError("notebook is the name of the recipe's model: choose another --name")
    if options.recipe:
        _train_notebook(options)
    else:
        _train_on_songs(options)


def _train_notebook(options: argparse.Namespace) -> None:
    with training_packages("training"):
        from midigen.learning.notebook import train_notebook
    from midigen.prediction.models import MODELS

    trained = train_notebook(MODELS, options.name or options.recipe, options.seed)
    show(
        f"wrote {trained.keras_file} and {trained.onnx_file}: "
        f"all {trained.windows} training windows right"
    )


def _train_on_songs(options: argparse.Namespace) -> None:
    with training_packages("training"):
        from midigen.learning.fitting import Plan
        from midigen.learning.training import train
    from midigen.prediction.models import MODELS

    songs = read_songs(options)
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
    print_scores(trained.evaluation)
    show("wrote " + ", ".join(str(file) for file in trained.files))
    if trained.interrupted:
        tell("interrupted: this is the best model so far; --resume continues from here")
    tell(f"please write in models/{options.name}.md, below its mark, where the songs are from")
