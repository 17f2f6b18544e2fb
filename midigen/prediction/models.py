"""Finds and loads models: in `models/` of the working directory, shipped ones, or at a path."""

import threading
from collections.abc import Iterable
from pathlib import Path

from midigen.errors import ModelError
from midigen.prediction.onnx_predictor import OnnxPredictor, open_model

MODELS = Path("models")
"""The folder that models are written to and looked for in first."""


def load_model(name: str) -> OnnxPredictor:
    """The model with a name or path, loaded, checked and warm.

    Raises ModelError if there is none, or if its file is damaged or of another kind.
    """
    return open_model(find_model(name))


def find_model(name: str) -> Path:
    """The file of a model, by its path, or by its name in `models/` or among the shipped ones.

    Raises ModelError if there is none, which lists the names.
    """
    path = Path(name)
    if path.suffix == ".onnx":
        if path.is_file():
            return path
        raise ModelError(f"no model file {name}")
    models = {file.stem: file for file in list_models()}
    if name in models:
        return models[name]
    known = f"there is {', '.join(models)}" if models else "there are none"
    raise ModelError(f"no model {name!r}: {known}; the path of an .onnx file works too")


def list_models() -> list[Path]:
    """The files of all models, sorted by name. One in `models/` hides a shipped one of its name."""
    found: dict[str, Path] = {}
    for folder in (MODELS, _shipped_models()):
        for file in folder.glob("[!.]*.onnx"):
            found.setdefault(file.stem, file)
    return [found[name] for name in sorted(found)]


def _shipped_models() -> Path:
    """The folder of the shipped models: inside an installed package, beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "models"
    return inside if inside.is_dir() else package.parent / "models"


def load_models(name: str, scenes: Iterable[str]) -> tuple[OnnxPredictor, "BackgroundModels"]:
    """Load a model, and begin to load those of scenes. Raises ModelError if one is missing."""
    predictor, models = load_model(name), BackgroundModels()
    for scene in scenes:
        find_model(scene)
        models.get(scene)
    return predictor, models


class BackgroundModels:
    """Models for scenes. Each is loaded on a thread of its own while the music goes on."""

    def __init__(self) -> None:
        self._found: dict[str, OnnxPredictor | ModelError | None] = {}  # None while it is loaded

    def get(self, name: str) -> OnnxPredictor | None:
        """A model, or None while it is being loaded. Raises ModelError if that has failed."""
        if name not in self._found:
            self._found[name] = None
            threading.Thread(target=self._load, args=(name,), name="models", daemon=True).start()
            return None
        found = self._found[name]
        if isinstance(found, ModelError):
            del self._found[name]  # so that the next call tries again
            raise found
        return found

    def _load(self, name: str) -> None:
        try:
            self._found[name] = load_model(name)
        except ModelError as exc:
            self._found[name] = exc
        except Exception as exc:  # the player, who waits for the scene, is told
            self._found[name] = ModelError(f"{name}: {exc!r}")


class LoadedModels:
    """Models for scenes of offline rendering: each is loaded when it is asked for."""

    def get(self, name: str) -> OnnxPredictor:
        """Load a model. Raises ModelError as `load_model` does."""
        return load_model(name)
