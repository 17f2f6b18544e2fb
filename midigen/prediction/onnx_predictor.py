"""The predictor that plays: a model file on ONNX Runtime, with one thread and no spinning.

One .onnx file is all that is needed to play. What the network itself can't tell is in the file's
metadata, under these keys:

    midigen.format       "1", the version of this list
    midigen.vocabulary   the letters in order, "C D E F G A B"
    midigen.encoding     how letters become its input: see `window.Encoding`
    midigen.min_notes    the shortest window it predicts from
    midigen.max_notes    the longest window it makes use of
    midigen.memory       how to mix the model with the session's memory, as a JSON object with
                         `trust` and `exponents` (see `mixture.Mixture`); without it, the model
                         plays without memory
    midigen.provenance   how it was made, as a JSON object (for people)

The graph has one input, which the encoder makes, and one output: the probabilities of the
letters, shape (batch, 7).

A model file may come from anywhere. It is data, and no Python code in it is ever run. Its size is
limited, it may not refer to other files, and it must predict within a time limit.
"""

import json
import threading
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from midigen.errors import ModelError
from midigen.midi.messages import Seconds
from midigen.music.keys import LETTERS, SIZE
from midigen.prediction.memory import ORDERS
from midigen.prediction.mixture import BUCKETS, Mixture, Probabilities
from midigen.prediction.window import Degrees, Encoding, new_encoder
from midigen.text import printable

FORMAT = "1"
VOCABULARY = " ".join(LETTERS)
LARGEST = 64 * 2**20
"""The largest model file, in bytes: 16 million weights, 100 times those of the shipped models."""

MOST_NOTES = 65_536
"""The longest window that a model may ask for: three hours of six notes a second."""

TIME_LIMIT: Seconds = 10.0
"""A model whose first prediction takes longer is refused: it might take for ever."""

# How a model says that its weights are in another file: an entry's name, `location`, after its
# length in one byte, or in several, of which the last is 0.
_ELSEWHERE = (b"\x08location", b"\0location")


class OnnxPredictor:
    """A `Predictor` that runs a model file.

    Raises ModelError if the file is missing, damaged or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._session = _open_session(path)
        inputs = self._session.get_inputs()
        if not inputs:
            raise _refusal(path, "not a midigen model: it takes no input")
        self._input = inputs[0].name
        try:
            metadata = self._session.get_modelmeta().custom_metadata_map
            kind = metadata["midigen.format"], metadata["midigen.vocabulary"]
            self._encode = new_encoder(Encoding(metadata["midigen.encoding"]))
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
        if not 1 <= self.min_notes <= self.max_notes <= MOST_NOTES:
            raise _refusal(
                path,
                f"takes {self.min_notes} to {self.max_notes} notes, "
                f"which must be in 1 to {MOST_NOTES}",
            )
        self.mixture = _read_mixture(path, metadata.get("midigen.memory"))
        self.provenance = _read_provenance(path, metadata.get("midigen.provenance", "{}"))
        """How the model was made, and its `scores` if it was tested."""
        self._check()

    def predict(self, windows: Degrees, options: Any = None) -> Probabilities:
        """Probabilities of shape (batch, 7) for windows of shape (batch, notes).

        `options` are those of ONNX Runtime for this run.
        """
        result: Probabilities
        (result,) = self._session.run(None, {self._input: self._encode(windows)}, options)
        return result

    def _check(self) -> None:
        """Check the model and warm it up: predict from the shortest and the longest window."""
        options = onnxruntime.RunOptions()
        end = threading.Timer(TIME_LIMIT, setattr, (options, "terminate", True))
        end.daemon = True
        end.start()
        try:
            results = [
                self.predict(np.zeros((1, notes), dtype=np.int64), options)
                for notes in (self.min_notes, self.max_notes)
            ]
        except Exception as exc:  # ONNX Runtime's errors have no common parent
            raise _refusal(self.path, f"the model can't predict: {exc}") from exc
        finally:
            end.cancel()
        if not all(map(_is_distribution, results)):
            raise _refusal(self.path, "the model doesn't give seven probabilities")


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


def _is_distribution(result: Any) -> bool:
    """Whether a model's output for one window is seven probabilities, shape (1, 7)."""
    return bool(
        isinstance(result, np.ndarray)
        and result.dtype.kind == "f"
        and result.shape == (1, SIZE)
        and (result >= 0).all()
        and abs(result.sum() - 1) < _ROUNDING  # NaN isn't
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
