"""The predictor that plays: a model file on ONNX Runtime, one thread, no spinning.

One .onnx file is all that a player needs. What the network can't say of itself
stands in the file's metadata, under these keys:

    midigen.format       "1", the version of this list
    midigen.vocabulary   the letters in order, "C D E F G A B"
    midigen.encoding     how letters become its input: see `window.Encoding`
    midigen.min_notes    the shortest window it predicts from
    midigen.max_notes    the longest window; of more notes the newest count
    midigen.provenance   how it was made, as a JSON object (for people)

The graph takes one input as `window.encode` makes it and returns one array of
shape (batch, 7): a softmax over the letters.
"""

from importlib import resources
from pathlib import Path

import numpy as np
import onnxruntime

from midigen.errors import ModelError
from midigen.predictor import Probabilities
from midigen.vocabulary import LETTERS, SIZE
from midigen.window import Degrees, Encoding, encode

FORMAT = "1"
VOCABULARY = " ".join(LETTERS)
MODELS = Path("models")
"""Where models are looked for first and written: `models/` in the working directory."""


class OnnxPredictor:
    """A `Predictor` on one model file.

    Raises ModelError if the file is missing, damaged or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._session = _open_session(path)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._input = self._session.get_inputs()[0].name
        try:
            kind = metadata["midigen.format"], metadata["midigen.vocabulary"]
            self._encoding = Encoding(metadata["midigen.encoding"])
            self._min_notes = int(metadata["midigen.min_notes"])
            self._max_notes = int(metadata["midigen.max_notes"])
        except (KeyError, ValueError) as exc:
            raise ModelError(f"{path}: not a midigen model: its metadata lacks {exc}") from exc
        if kind != (FORMAT, VOCABULARY):
            raise ModelError(
                f"{path}: made for format {kind[0]} and the notes {kind[1]}; "
                f"this midigen plays format {FORMAT} and the notes {VOCABULARY}"
            )
        if not 1 <= self._min_notes <= self._max_notes:
            raise ModelError(f"{path}: takes {self._min_notes} to {self._max_notes} notes")
        self._check()

    @property
    def min_notes(self) -> int:
        """The shortest window it can predict from."""
        return self._min_notes

    @property
    def max_notes(self) -> int:
        """The longest window it makes use of."""
        return self._max_notes

    def predict(self, windows: Degrees) -> Probabilities:
        """Probabilities of shape (batch, 7) for windows of shape (batch, notes)."""
        network_input = encode(windows, self._encoding)
        (probabilities,) = self._session.run(None, {self._input: network_input})
        result: Probabilities = probabilities
        return result

    def _check(self) -> None:
        """Predict at both ends: it proves the model and makes the next prediction a fast one."""
        for notes in (self._min_notes, self._max_notes):
            try:
                result = self.predict(np.zeros((1, notes), dtype=np.int64))
            except Exception as exc:  # ONNX Runtime's errors have no common parent
                raise ModelError(f"{self.path}: the model can't predict: {exc}") from exc
            if result.shape != (1, SIZE) or not np.isfinite(result).all():
                raise ModelError(f"{self.path}: the model doesn't give seven probabilities")


def find_model(name: str) -> Path:
    """The file of a model: a path, a name in `models/` here, or a shipped one.

    Raises ModelError, which lists the names there are.
    """
    path = Path(name)
    if path.suffix == ".onnx":
        if path.is_file():
            return path
        raise ModelError(f"no model file {name}")
    folders = [MODELS, _shipped_models()]
    for folder in folders:
        if (folder / f"{name}.onnx").is_file():
            return folder / f"{name}.onnx"
    names = sorted({file.stem for folder in folders for file in folder.glob("*.onnx")})
    known = f"there is {', '.join(names)}" if names else "there are none"
    raise ModelError(f"no model {name!r}: {known}; the path of an .onnx file works too")


def _shipped_models() -> Path:
    """In an installed package the models are inside it; in a checkout, beside it."""
    package = Path(str(resources.files("midigen")))
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def _open_session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # its errors come as exceptions; nothing else is for a player
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as exc:  # ONNX Runtime's errors have no common parent
        raise ModelError(f"{path}: not a model that ONNX Runtime can load: {exc}") from exc
