"""Which models there are, and the one of a name: in `models/` here, shipped, or at a path."""

import threading
from collections.abc import Iterable
from pathlib import Path

from midigen.errors import ModelError
from midigen.prediction.onnx_predictor import OnnxPredictor

MODELS = Path("models")
"""Where models are looked for first and written: `models/` in the working directory."""


def load_model(name: str) -> OnnxPredictor:
    """The model of a name or path, loaded, proved and warm.

    Raises ModelError if there is none, or if its file is damaged or of another kind.
    """
    return OnnxPredictor(find_model(name))


def find_model(name: str) -> Path:
    """The file of a model: a path, a name in `models/` here, or a shipped one.

    Raises ModelError, which lists the names there are.
    """
    path = Path(name)
    if path.suffix == ".onnx":
        if path.is_file():
            return path
        raise ModelError(f"no model file {name}")
    for file in list_models():
        if file.stem == name:
            return file
    names = [file.stem for file in list_models()]
    known = f"there is {', '.join(names)}" if names else "there are none"
    raise ModelError(f"no model {name!r}: {known}; the path of an .onnx file works too")


def list_models() -> list[Path]:
    """The models in `models/` here and the shipped ones, by name; of one name, the former."""
    found: dict[str, Path] = {}
    for folder in (MODELS, _shipped_models()):
        for file in folder.glob("[!.]*.onnx"):
            found.setdefault(file.stem, file)
    return [found[name] for name in sorted(found)]


def _shipped_models() -> Path:
    """In an installed package the models are inside it; in a checkout, beside it."""
    package = Path(__file__).parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def load_models(name: str, scenes: Iterable[str]) -> tuple[OnnxPredictor, "BackgroundModels"]:
    """A model, and where scenes find theirs, which are loaded meanwhile. Raises ModelError."""
    predictor, models = load_model(name), BackgroundModels()
    for scene in scenes:
        find_model(scene)
        models.get(scene)
    return predictor, models


class BackgroundModels:
    """Models for scenes, each loaded and warmed on a thread of its own while the music goes on."""

    def __init__(self) -> None:
        self._found: dict[str, OnnxPredictor | ModelError] = {}
        self._begun: set[str] = set()

    def get(self, name: str) -> OnnxPredictor | None:
        """A model, or None while it is loaded. Raises ModelError if that has failed."""
        found = self._found.get(name)
        if isinstance(found, ModelError):
            del self._found[name]
            self._begun.discard(name)  # the file may be there the next time
            raise found
        if found is None and name not in self._begun:
            self._begun.add(name)
            threading.Thread(target=self._load, args=(name,), name="models", daemon=True).start()
        return found

    def _load(self, name: str) -> None:
        try:
            self._found[name] = load_model(name)
        except ModelError as exc:
            self._found[name] = exc
        except Exception as exc:  # told to the player, who waits for the scene
            self._found[name] = ModelError(f"{name}: {exc!r}")


class LoadedModels:
    """Models for scenes where nobody waits: each is loaded when it is asked for."""

    def get(self, name: str) -> OnnxPredictor:
        """A model. Raises ModelError."""
        return load_model(name)
