"""Model files that take steps: what they expect, and which are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from midigen.errors import ModelError
from midigen.instrument.performer import Performer
from midigen.midi.messages import NoteOn
from midigen.prediction.line import Line
from midigen.prediction.onnx_predictor import OnnxStepPredictor, open_model
from midigen.prediction.predictor import StepPredictor
from midigen.prediction.session import Session
from midigen.prediction.steps import Coming, Step
from midigen.settings.choices import Mode, RhythmSource
from tests.players import NOTEBOOK, drive, key, settings, together
from tests.step_models import HEADS, write_step_model

TUNE = [Step(degree, 60 + 2 * degree, 0.5, 0.7, degree / 2, 4.0) for degree in (0, 1, 2, 4, 2, 0)]


@pytest.fixture
def model(tmp_path: Path) -> OnnxStepPredictor:
    opened = open_model(write_step_model(tmp_path / "steps.onnx"))
    assert isinstance(opened, OnnxStepPredictor)
    return opened


def test_it_expects_probabilities_of_every_part(model: OnnxStepPredictor) -> None:
    session = Session(model, 1.0)
    for step in TUNE:
        session.hear(step)
    for answers, rows in ((False, 1), (True, 7)):
        outlook = session.predict(Coming(0.5, 1.0, 4.0, 2), answers=answers)
        for name, shape in HEADS.items():
            part = getattr(outlook, name)
            assert part.shape == (rows, *shape)
            assert part.dtype == np.float32
            np.testing.assert_allclose(part.sum(axis=-1), 1, atol=1e-5)


def test_what_is_decided_counts(model: OnnxStepPredictor) -> None:
    session = Session(model, 1.0)
    for step in TUNE:
        session.hear(step)
    one, other = (session.predict(Coming(left=left)) for left in (1, 8))
    assert abs(one.letters - other.letters).max() > 0.01


def test_of_letters_alone_it_predicts_letters(model: OnnxStepPredictor) -> None:
    """As a line does of which nothing else is known."""
    windows = np.array([[0, 1, 2], [4, 4, 0]])
    likely = model.predict(windows)
    for window, row in zip(windows.tolist(), likely, strict=True):
        line = Line()
        for degree in window:
            line.push(Step(degree))
        expected = model.expect(line.rows(), line.coming(Coming())).letters
        np.testing.assert_array_equal(row, expected[0])


def test_only_a_model_of_steps_takes_steps(model: OnnxStepPredictor) -> None:
    assert isinstance(model, StepPredictor)
    assert not isinstance(open_model(NOTEBOOK), StepPredictor)


@pytest.mark.parametrize(
    ("heads", "why"),
    [
        ({"letters": (7,)}, "other inputs or outputs"),
        ({**HEADS, "shares": (4,)}, "probabilities of the right shapes"),
        ({**HEADS, "octaves": (3, 7)}, "probabilities of the right shapes"),
    ],
)
def test_a_model_of_another_shape_is_refused(tmp_path: Path, heads: Any, why: str) -> None:
    with pytest.raises(ModelError, match=why):
        open_model(write_step_model(tmp_path / "other.onnx", heads))


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("source", RhythmSource)
def test_it_plays(model: OnnxStepPredictor, mode: Mode, source: RhythmSource) -> None:
    chosen = settings(mode=mode, rhythm={"source": source}, turn={"silence": 0.5})
    playing = Performer(chosen, model, np.random.default_rng(1))
    tune = together(*(key(60 + 2 * n, 0.4 * n, 0.4 * n + 0.3) for n in range(4)))
    outputs = drive(playing, tune, 9.0)
    assert sum(isinstance(output, NoteOn) for _, output in outputs) >= 4
    assert playing.status().trouble == ""
