"""Tables of how well a model does, for `train` and `evaluate`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from midigen.app.console import show

if TYPE_CHECKING:
    from midigen.learning.evaluation import Score
    from midigen.learning.generation import Report


def print_scores(scores: "Iterable[Score]") -> None:
    """Print a line for each score: bits a note, the shares that were right and among three."""
    show(f"{'':12}  bits a note   right  among three")
    for score in scores:
        show(f"{score.name:12}  {score.bits_per_note:11.3f}  {score.top1:6.1%}  {score.top3:11.1%}")


def print_report(report: "Report") -> None:
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
