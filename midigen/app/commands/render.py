"""`midigen render`: play a MIDI file to midigen and write what both play."""

import argparse
from pathlib import Path

from midigen.app.console import show, tell
from midigen.app.options import add_settings, effective_settings, new_rng
from midigen.settings import config


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        type=Path,
        metavar="IN.MID",
        help="what the player plays; sets tempo and bar too, unless --set does",
    )
    parser.add_argument("destination", type=Path, metavar="OUT.MID", help="the file to write")
    parser.add_argument(
        "--plot", type=Path, metavar="PNG", help="draw both as a piano roll (needs the plot extra)"
    )
    add_settings(parser)


def run(options: argparse.Namespace) -> None:
    settings = effective_settings(options)

    from midigen.instrument.render import count_notes, render
    from midigen.midi import reader
    from midigen.midi.writer import write
    from midigen.prediction.models import LoadedModels, load_model

    file = reader.load(options.source)
    given = {config.parse_option(text)[0] for text in options.set}
    predictor = load_model(settings.model)
    result = render(
        file, settings, predictor, new_rng(settings), models=LoadedModels(), given=given
    )
    write(options.destination, result.tracks, result.settings.tempo.bpm, result.settings.tempo.bar)
    if file.notice:
        tell(f"{options.source}: {file.notice}")
    show(
        f"{options.destination}: {count_notes(result.player)} notes by the player, "
        f"{count_notes(result.machine)} by midigen, {result.length:.1f} s"
    )
    if options.plot:
        from midigen.app.piano_roll import plot

        plot(options.destination, options.plot, result.key)
        show(str(options.plot))
