"""Measures how long a prediction takes, memory included, in a process that plays.

    python -m benchmarks.prediction.prediction [MODEL ...]

For each model (by default, all of them) it times the single prediction of an answer's next note,
and the seven that duet predicts ahead. It does so back to back, and at eight notes a second, when
the processor's caches have gone cold in between. The session has heard 4,000 notes before. As in
live play, the process doesn't import TensorFlow.
"""

import argparse
import statistics
import sys
import time

import numpy as np

from midigen.prediction.models import list_models, load_model
from midigen.prediction.onnx_predictor import OnnxPredictor
from midigen.prediction.session import Session
from midigen.prediction.steps import NOTHING_DECIDED, Coming, Step

HEARD = 4_000
BACK_TO_BACK = 2_000
SPACED = 100
GAP = 0.125  # seconds: eight notes a second


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL")
    names = parser.parse_args().models or [path.stem for path in list_models()]
    print("| ms, median | back to back | of seven | at eight a second | of seven |")
    print("|---|---|---|---|---|")
    for name in names:
        predictor = load_model(name)
        figures = [
            median_ms(predictor, *pace, answers=answers)
            for pace in ((BACK_TO_BACK, 0.0), (SPACED, GAP))
            for answers in (False, True)
        ]
        print(f"| {name} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " |")
    assert not {"tensorflow", "keras"} & set(sys.modules)


def median_ms(predictor: OnnxPredictor, times: int, gap: float, *, answers: bool) -> float:
    """The median time of a prediction in milliseconds, each after a new note."""
    rng = np.random.default_rng(1)
    session = Session(predictor, memory_amount=1.0)
    tune = rng.integers(0, 7, 200)
    for note in range(HEARD):
        session.hear(_step(tune[note % 200] if note % 3 else rng.integers(0, 7), note))
    session.predict(answers=answers)
    coming = NOTHING_DECIDED if answers else Coming(0.5, 2.5, 4.0, left=3)
    took = []
    for note in range(times):
        session.hear(_step(rng.integers(0, 7), HEARD + note))
        time.sleep(gap)
        began = time.perf_counter()
        session.predict(coming, answers=answers)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000


def _step(degree: int | np.int64, note: int) -> Step:
    """A step of which everything is known: an eighth, in phrases of a bar."""
    place = note % 8 / 2
    pitch = 60 + 2 * int(degree)
    return Step(int(degree), pitch, 0.5, 0.7, place, 4.0, begins_phrase=not place)


if __name__ == "__main__":
    main()
