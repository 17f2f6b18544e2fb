"""What `train` and `evaluate` share: songs of a corpus, a table of scores, and their packages."""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from midigen.app.console import show, tell
from midigen.errors import MidiFileError, MidigenError

if TYPE_CHECKING:
    from midigen.learning.corpus import Song
    from midigen.learning.evaluation import Evaluation


def add_corpus(parser: argparse.ArgumentParser, number: str) -> None:
    """Add the options that name MIDI files; `number` is how many, as argparse writes it."""
    parser.add_argument(
        "corpus", nargs=number, type=Path, metavar="CORPUS", help="MIDI files, or folders of them"
    )
    parser.add_argument(
        "--track", metavar="NAME", help="the melody's track; else the most melodic one is taken"
    )


def read_songs(options: argparse.Namespace) -> "list[Song]":
    """The songs of a corpus. Files without one are reported and skipped, unless there is only one.

    Raises MidiFileError if there are no songs at all.
    """
    from tqdm import tqdm

    from midigen.learning.corpus import Tune, find_files, read, songs

    tunes: list[Tune] = []
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
                bar.write(f"midigen: skipped {result.path}: {result.reason}", file=sys.stderr)
    if not tunes:
        where = ", ".join(map(str, options.corpus))
        raise MidiFileError(f"no melody found in {where}: all {len(files)} files skipped")
    if skipped := len(files) - len(tunes):
        tell(f"{skipped} of {len(files)} files skipped")
    return songs(tunes)


def print_scores(evaluation: "Evaluation") -> None:
    """Print a line for each way to predict letters, and for each way of each other head."""
    show(f"{'':12}  bits a note   right  among three  bits, first 32 notes")
    for score in evaluation.scores:
        show(
            f"{score.name:12}  {score.bits_per_note:11.3f}  {score.top1:6.1%}  {score.top3:11.1%}"
            f"  {score.first32:20.3f}"
        )
    for head, ways in evaluation.heads.items():
        show(f"\n{head}")
        for name, found in ways.items():
            show(
                f"{name:12}  {found.bits:11.3f}  {found.right:6.1%}  {'':11}  {found.first32:20.3f}"
            )


@contextlib.contextmanager
def training_packages(what: str) -> Iterator[None]:
    """Import what needs the packages of the train extra, quietly, or say what to install.

    `what` needs them, such as "training".
    """
    # Neither TensorFlow's remarks to its developers, nor results that depend on the processor.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        yield
    except ImportError as exc:
        raise MidigenError(
            f"{what} needs more packages ({exc.name} is missing): "
            'pip install "midigen[train]", or -e ".[train]" in a checkout'
        ) from exc
