"""The predictor that plays: a model file on ONNX Runtime, with one thread and no spinning.

One .onnx file is all that is needed to play. What the network itself can't tell is in the file's
metadata, under these keys:

    midigen.format       "1", the version of this list
    midigen.vocabulary   the letters in order, "C D E F G A B"
    midigen.encoding     how a melody becomes its input: see `window.Encoding`
    midigen.min_notes    the shortest window it predicts from
    midigen.max_notes    the longest window it makes use of
    midigen.memory       how to mix the model with the session's memory, as a JSON object with
                         `trust` and `exponents` (see `mixture.Mixture`); without it, the model
                         plays without memory
    midigen.provenance   how it was made, as a JSON object (for people)

The graph of a model that takes letters has one input, which `window.scale` makes, and one output:
the probabilities of the letters, shape (batch, 7). That of a model that takes steps has two inputs,
rows and what comes next, both made by `line`, and four outputs: those of `Outlook`, in its order.

A model file may come from anywhere. It is data, and no Python code in it is ever run. Its size is
limited, it may not refer to other files, and it must predict within a time limit.
"""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from midigen.errors import ModelError
from midigen.midi.messages import Seconds
from midigen.music.keys import LETTERS, SIZE
from midigen.prediction.line import KEPT, Line, Rows
from midigen.prediction.memory import ORDERS
from midigen.prediction.mixture import BUCKETS, Mixture, Probabilities
from midigen.prediction.outlook import Outlook
from midigen.prediction.steps import GAPS, NOTHING_DECIDED, OCTAVES, SHARES, Step
from midigen.prediction.window import Degrees, Encoding, scale
from midigen.text import printable

FORMAT = "1"
VOCABULARY = " ".join(LETTERS)
LARGEST = 64 * 2**20
"""The largest model file, in bytes: 16 million weights, 100 times those of the shipped models."""

MOST_NOTES = KEPT
"""The longest window that a model may ask for, in notes."""

TIME_LIMIT: Seconds = 10.0
"""A model whose first prediction takes longer is refused: it might take for ever."""

# How a model says that its weights are in another file: an entry's name, `location`, after its
# length in one byte, or in several, of which the last is 0.
_ELSEWHERE = (b"\x08location", b"\0location")


def open_model(path: Path) -> "OnnxPredictor":
    """The predictor that a model file needs, loaded, checked and warm.

    Raises ModelError if the file is missing, damaged or of another kind.
    """
    session = _open_session(path)
    try:
        metadata = session.get_modelmeta().custom_metadata_map
    except UnicodeDecodeError as exc:
        raise _refusal(path, f"not a midigen model: its metadata is damaged: {exc}") from exc
    encoding = metadata.get("midigen.encoding")
    if encoding == Encoding.STEPS:
        return OnnxStepPredictor(path, session, metadata)
    return OnnxPredictor(path, session, metadata)


class OnnxPredictor:
    """A `Predictor` that runs a model file which takes letters."""

    _encoding = Encoding.SCALED
    _ends = 1, 1
    """How many inputs and outputs the graph has."""

    def __init__(
        self, path: Path, session: onnxruntime.InferenceSession, metadata: Mapping[str, str]
    ) -> None:
        self.path = path
        self._session = session
        self._inputs = [each.name for each in session.get_inputs()]
        try:
            kind = metadata["midigen.format"], metadata["midigen.vocabulary"]
            encoding = metadata["midigen.encoding"]
            self.min_notes = int(metadata["midigen.min_notes"])
            self.max_notes = int(metadata["midigen.max_notes"])
        except KeyError as exc:
            raise _refusal(path, f"not a midigen model: its metadata lacks {exc}") from exc
        except ValueError as exc:
            raise _refusal(path, f"not a midigen model: its metadata is damaged: {exc}") from exc
        if kind != (FORMAT, VOCABULARY):
            raise _refusal(
                path,
                f"made for format {kind[0]} and the notes {kind[1]}; "
                f"this midigen plays format {FORMAT} and the notes {VOCABULARY}",
            )
        if encoding != self._encoding:
            known = " and ".join(Encoding)
            raise _refusal(
                path,
                f"its input is {encoding}, and this midigen knows {known}: "
                "train it again with this version",
            )
        if not 1 <= self.min_notes <= self.max_notes <= MOST_NOTES:
            raise _refusal(
                path,
                f"takes {self.min_notes} to {self.max_notes} notes, "
                f"which must be in 1 to {MOST_NOTES}",
            )
        if (len(self._inputs), len(session.get_outputs())) != self._ends:
            raise _refusal(path, "not a midigen model: its graph has other inputs or outputs")
        self.mixture = _read_mixture(path, metadata.get("midigen.memory"))
        self.provenance = _read_provenance(path, metadata.get("midigen.provenance", "{}"))
        """How the model was made, and its `scores` if it was tested."""
        self._check()

    def predict(self, windows: Degrees) -> Probabilities:
        """Probabilities of shape (batch, 7) for windows of shape (batch, notes)."""
        result: Probabilities
        (result,) = self._run(scale(windows))
        return result

    def _run(self, *inputs: npt.NDArray[np.float32]) -> list[Any]:
        """The graph's outputs."""
        named = dict(zip(self._inputs, inputs, strict=True))
        outputs: list[Any] = self._session.run(None, named, self._options)
        return outputs

    _options: Any = None

    def _check(self) -> None:
        """Check the model and warm it up: predict from the shortest and the longest window."""
        self._options = onnxruntime.RunOptions()
        end = threading.Timer(TIME_LIMIT, setattr, (self._options, "terminate", True))
        end.daemon = True
        end.start()
        try:
            for notes in (self.min_notes, self.max_notes):
                self._try(np.zeros((1, notes), dtype=np.int64))
        except ModelError:
            raise
        except Exception as exc:  # ONNX Runtime's errors have no common parent
            raise _refusal(self.path, f"the model can't predict: {exc}") from exc
        finally:
            end.cancel()
            self._options = None

    def _try(self, window: Degrees) -> None:
        if not _is_distribution(self.predict(window), (1, SIZE)):
            raise _refusal(self.path, "the model doesn't give seven probabilities")


class OnnxStepPredictor(OnnxPredictor):
    """A `StepPredictor` that runs a model file which takes steps."""

    _encoding = Encoding.STEPS
    _ends = 2, 4

    def expect(self, rows: Rows, coming: Rows) -> Outlook:
        """The outlook from rows, shape (batch, steps, FEATURES), and coming, (batch, COMING)."""
        return Outlook(*self._run(rows, coming))

    def predict(self, windows: Degrees) -> Probabilities:
        """Probabilities of shape (batch, 7) for windows of shape (batch, notes).

        Of the steps only the letters are known.
        """
        return np.concatenate([self._expect_after(window).letters for window in windows])

    def _expect_after(self, window: npt.NDArray[np.int64]) -> Outlook:
        line = Line()
        for degree in window:
            line.push(Step(int(degree)))
        return self.expect(line.rows(), line.coming(NOTHING_DECIDED))

    def _try(self, window: Degrees) -> None:
        outlook = self._expect_after(window[0])
        shapes = (1, SIZE), (1, SIZE, len(OCTAVES)), (1, len(GAPS)), (1, len(SHARES))
        parts = outlook.letters, outlook.octaves, outlook.gaps, outlook.shares
        if not all(map(_is_distribution, parts, shapes)):
            raise _refusal(self.path, "the model doesn't give probabilities of the right shapes")


def write_mixture(mixture: Mixture) -> str:
    """A mixture as JSON, for a model file's metadata."""
    numbers = {"trust": mixture.trust, "exponents": mixture.exponents}
    return json.dumps({name: array.round(4).tolist() for name, array in numbers.items()})


# What foreign JSON may raise, including deeply nested brackets and enormous numbers.
_NOT_AS_WRITTEN = (ValueError, KeyError, TypeError, RecursionError, OverflowError)
_ROUNDING = 1e-3  # how far the sum of seven probabilities may be from 1
_STEEPEST = 20.0  # a larger exponent could make all seven too small for a float


def _read_mixture(path: Path, text: str | None) -> Mixture | None:
    if text is None:
        return None
    try:
        numbers = json.loads(text)
        trust, exponents = (np.array(numbers[name], np.float32) for name in ("trust", "exponents"))
    except _NOT_AS_WRITTEN as exc:
        raise _refusal(path, f"its mixture with memory can't be read: {exc}") from exc
    if trust.shape != (ORDERS, BUCKETS) or exponents.shape != (ORDERS + 1, 2):
        raise _refusal(path, "its mixture with memory isn't of this midigen's shape")
    # Written this way round, so that NaN is refused too.
    if not ((abs(exponents) <= _STEEPEST).all() and ((trust >= 0) & (trust <= 1)).all()):
        raise _refusal(path, "its mixture with memory holds numbers that can't be")
    return Mixture(trust, exponents)


def _read_provenance(path: Path, text: str) -> dict[str, Any]:
    try:
        provenance = json.loads(text)
    except _NOT_AS_WRITTEN as exc:
        raise _refusal(path, f"its provenance can't be read: {exc}") from exc
    return provenance if isinstance(provenance, dict) else {}


def _is_distribution(result: Any, shape: tuple[int, ...]) -> bool:
    """Whether a model's output has a shape, and probabilities along its last axis."""
    return bool(
        isinstance(result, np.ndarray)
        and result.dtype.kind == "f"
        and result.shape == shape
        and (result >= 0).all()
        and (abs(result.sum(axis=-1) - 1) < _ROUNDING).all()  # NaN isn't
    )


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a file that isn't too large and is self-contained. Raises ModelError for others."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as exc:
        raise _refusal(path, f"can't be read: {exc.strerror or exc}") from exc
    if len(content) > LARGEST:
        raise _refusal(path, f"larger than {LARGEST // 2**20} MiB, the most a model may have")
    if any(mark in content for mark in _ELSEWHERE):
        raise _refusal(path, "its weights are in another file: export it as a single one")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.log_severity_level = 4  # errors come as exceptions, and players need no log
    try:
        return onnxruntime.InferenceSession(
            content,
            sess_options=options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it would be to the same provider, with a message on stdout
        )
    except Exception as exc:  # ONNX Runtime's errors have no common parent
        raise _refusal(path, f"not a model that ONNX Runtime can load: {exc}") from exc


def _refusal(path: Path, why: str) -> ModelError:
    """The error that says why, on one line, without characters that a terminal would obey."""
    return ModelError(f"{path}: {printable(why, ' ')}")
