"""The songs that `train` and `evaluate` read from MIDI files."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from midigen.app.console import tell
from midigen.errors import MidiFileError

if TYPE_CHECKING:
    from midigen.learning.corpus import Song


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
