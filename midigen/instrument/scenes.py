"""Scenes: which is wanted, from which beat on, and its model once it is loaded."""

from collections.abc import Sequence

from midigen.errors import ModelError
from midigen.midi.messages import Beats
from midigen.prediction.predictor import Models, Predictor
from midigen.settings.knobs_and_scenes import Scene


class Scenes:
    """The configured scenes. `models` loads theirs; without it none can have another."""

    def __init__(self, scenes: Sequence[Scene], model: str, models: Models | None) -> None:
        self.model = model
        """The name of the model that plays."""
        self.current = ""
        """The scene that was recalled last."""
        self.due: Beats | None = None
        """The beat at which `enter` is to be called."""
        self._scenes = {scene.name: scene for scene in scenes}
        self._models = models
        self._wanted = ""

    def call(self, name: str, beat: Beats) -> None:
        """Want a scene at a beat, and have its model loaded meanwhile.

        Raises ModelError if that can't be, ValueError if there is no such scene.
        """
        if name not in self._scenes:
            known = ", ".join(self._scenes) or "none"
            raise ValueError(f"no scene {name!r}: there are {known}")
        self._model_of(self._scenes[name])
        self._wanted, self.due = name, beat

    def enter(self, beat: Beats) -> tuple[Scene, Predictor | None] | None:
        """The scene that is due, and its model if it plays with another one.

        None if the model isn't there yet: it is due again at a later beat, `beat` or
        after. Raises ModelError, with the scene given up, if it can't be loaded.
        """
        scene, due, self.due = self._scenes[self._wanted], self.due, None
        model = self._model_of(scene)
        if model is None and self._changes_model(scene):
            self.due = max(beat, (due or 0.0) + 1)
            return None
        if model is not None:
            self.model = scene.model
        self.current = scene.name
        return scene, model

    def _changes_model(self, scene: Scene) -> bool:
        return bool(scene.model) and scene.model != self.model

    def _model_of(self, scene: Scene) -> Predictor | None:
        if not self._changes_model(scene):
            return None
        if self._models is None:
            raise ModelError(f"model {scene.model} can't be loaded here")
        return self._models.get(scene.model)
