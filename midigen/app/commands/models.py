"""`midigen models`: the models here, and how well they play."""

import argparse
import re
from typing import Any

from midigen.app.console import show
from midigen.errors import ModelError

_NOT_AS_WRITTEN = (LookupError, OverflowError, StopIteration, TypeError, ValueError)


def run(_: argparse.Namespace) -> None:
    from midigen.prediction.models import list_models
    from midigen.prediction.onnx_predictor import open_model

    models = list_models()
    if not models:
        raise ModelError("there are no models here: midigen train makes one")
    show(f"{'':12}  notes  bits a note   right  the best Markov chain on the same songs")
    for path in models:
        try:
            predictor = open_model(path)
        except ModelError as exc:
            show(f"{path.stem:12}  {exc}")
            continue
        try:
            measured = _measured(predictor.provenance["scores"])
        except _NOT_AS_WRITTEN:  # there are none, or they have another form
            measured = "not measured"
        window = f"{predictor.min_notes}-{predictor.max_notes}"
        show(f"{path.stem:12}  {window:>5}  {measured}")


def _measured(rows: Any) -> str:
    """A model's own scores and those of the best Markov chain, from the rows of its table."""
    own = next(row for row in rows if row["name"] == "lstm+memory")
    chains = [row for row in rows if re.fullmatch(r"markov-\d|ltm\+stm", row["name"])]
    rival = min(chains, key=lambda row: float(row["bits_per_note"]))
    return (
        f"{own['bits_per_note']:11.3f}  {own['top1']:6.1%}"
        f"  {rival['bits_per_note']:.3f} bits, {rival['top1']:.1%} ({rival['name']})"
    )
