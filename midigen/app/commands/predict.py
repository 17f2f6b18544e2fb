"""`midigen predict`: the probabilities of the note after some notes."""

import argparse

from midigen.app.console import show
from midigen.errors import UsageError
from midigen.settings import config, config_file


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "notes",
        nargs="+",
        metavar="NOTE",
        help="the letters C D E F G A B, degrees of any key, oldest first",
    )
    parser.add_argument("--model", metavar="NAME", help="a model's name or path")


def run(options: argparse.Namespace) -> None:
    """Print a bar for each letter, and the likeliest."""
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
