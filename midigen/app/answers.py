"""`evaluate --answers`: has midigen answer the calls of songs, and prints how it compares."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from midigen.app.console import show, tell
from midigen.app.songs import training_packages
from midigen.errors import UsageError
from midigen.music.keys import Key
from midigen.music.melody import Note
from midigen.settings.choices import Mode
from midigen.settings.table import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from midigen.learning.answers import AnswerReport
    from midigen.learning.corpus import Song
    from midigen.prediction.predictor import Predictor

_LAST = {"C": (0,), "E, G": (2, 4), "A": (5,), "B, D, F": (6, 1, 3)}
"""The last letters that are counted together: the tonic, its chord, the minor tonic, the rest."""

_ROWS = {
    "divergence_of_endings": ("last letters, divergence in bits", ".3f"),
    "divergence_of_intervals": ("intervals, divergence in bits", ".3f"),
    "register": ("distance from the call, semitones", ".1f"),
    "far": ("farther than 7 semitones", ".1%"),
    "inside": ("notes in the call's range ± 2", ".1%"),
    "leaps": ("intervals over 7 semitones", ".1%"),
    "motifs": ("pairs of intervals from the call", ".1%"),
    "contour": ("correlation with the call", ".2f"),
}
"""The lines of the table below the last letters: what they are called, and their format."""


def evaluation_seed(settings: Settings) -> int:
    """The seed that `evaluate` draws with: 0, unless another one is set."""
    return 0 if settings.sampling.seed == "random" else int(settings.sampling.seed)


def check_settings(settings: Settings) -> None:
    """Check what `--answers` needs before the long work begins. Raises MidigenError."""
    if settings.mode is not Mode.CALL_RESPONSE:
        raise UsageError(f"--answers needs the mode {Mode.CALL_RESPONSE}, not {settings.mode}")
    with training_packages("--answers"):
        import midigen.learning.judge  # noqa: F401


def report_answers(
    predictor: "Predictor", songs: "Sequence[Song]", count: int, settings: Settings
) -> "AnswerReport":
    """Have midigen answer so many calls of the songs, with these settings.

    The call is all that it has heard, and the key is given. Raises MidigenError as `report` does.
    """
    from midigen.instrument.reply import reply
    from midigen.learning.answerers import played_by
    from midigen.learning.answers import report

    def play(phrase: "Sequence[Note]", key: Key, rng: "np.random.Generator") -> list[Note]:
        return reply(phrase, key, settings, predictor, rng)

    return report(songs, count, played_by(play, settings.tempo.bpm), evaluation_seed(settings))


def as_json(report: "AnswerReport") -> dict[str, Any]:
    """The report as it stands in the JSON object of `evaluate`."""
    answers = {name: asdict(each) for name, each in report.answers.items()}
    return {"answers": answers, "judge": dict(report.judge)}


def print_answers(report: "AnswerReport") -> None:
    """Print a column for each answerer, and what the judge says."""
    show(f"\n{report.calls} calls and their answers\n")
    show(f"{'':33}" + "".join(f"{name:>12}" for name in report.answers))
    for letters, degrees in _LAST.items():
        shares = [each[list(degrees)].sum() for each in report.endings.values()]
        _print_row(f"ends on {letters}", shares, ".1%")
    for name, (label, form) in _ROWS.items():
        _print_row(label, [getattr(each, name) for each in report.answers.values()], form)
    judged = [report.judge.get(name) for name in report.answers]
    _print_row("judge, AUC (0.5 is best)", judged, ".2f")


def warn_of_void_judge(report: "AnswerReport") -> None:
    """Tell the user if the judge can't tell even a random walk from real answers."""
    from midigen.learning.judge import VOID_BELOW

    if (auc := report.judge["random-walk"]) < VOID_BELOW:
        tell(
            f"the judge is void: its AUC for the random walk is {auc:.2f}, not {VOID_BELOW} or "
            "more; it learns more from more calls"
        )


def _print_row(label: str, values: "Sequence[float | None]", form: str) -> None:
    cells = ("" if value is None else format(value, form) for value in values)
    show(f"{label:33}" + "".join(f"{cell:>12}" for cell in cells))
