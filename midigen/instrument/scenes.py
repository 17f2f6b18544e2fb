"""Scenes: which one was called, the beat at which it begins, and its model."""

from midigen.errors import ModelError
from midigen.instrument.panel import Panel
from midigen.instrument.pulse import Pulse
from midigen.midi.messages import Beats, Seconds
from midigen.prediction.predictor import Models, Predictor
from midigen.settings.sections import Scene


class Scenes:
    """The configured scenes. `models` loads their models; without it no scene can change it."""

    def __init__(self, panel: Panel, pulse: Pulse, models: Models | None) -> None:
        self._panel = panel
        self._pulse = pulse
        self.begin(models)

    def begin(self, models: Models | None) -> None:
        """Be in no scene, with the model that is set."""
        self.model = self._panel.settings.model
        """The name of the model that plays."""
        self.current = ""
        """The scene that was recalled last."""
        self.models = models
        self._wanted = Scene()
        self._due: Beats | None = None

    @property
    def next_time(self) -> Seconds | None:
        """When to call `enter`."""
        return None if self._due is None else self._pulse.timeline.time_of(self._due)

    def call(self, name: str, now: Seconds) -> None:
        """Plan a scene for the next beat, and load its model meanwhile.

        Raises ModelError if the model can't be loaded, ValueError if there is no such scene.
        """
        scenes = {scene.name: scene for scene in self._panel.settings.scene}
        if name not in scenes:
            raise ValueError(f"no scene {name!r}: there are {', '.join(scenes) or 'none'}")
        self._model_of(scenes[name])
        self._wanted, self._due = scenes[name], self._pulse.next_place(now, 1.0)

    def enter(self, now: Seconds) -> tuple[Scene, Predictor | None] | None:
        """The scene that is due, and its model if it plays with another one.

        None if the model is still being loaded: the scene is due again at a later beat. If the
        model can't be loaded, drops the scene and raises ModelError.
        """
        scene, due, self._due = self._wanted, self._due, None
        model = self._model_of(scene)
        if model is None and self._changes_model(scene):
            self._due = max(self._pulse.next_place(now, 1.0), (due or 0.0) + 1)
            return None
        if model is not None:
            self.model = scene.model
        self.current = scene.name
        return scene, model

    def move(self, beats: Beats) -> None:
        """The count of beats has jumped, but the beat goes on: move with it."""
        if self._due is not None:
            self._due += beats

    def wait_for_beat(self, now: Seconds) -> None:
        """The count of beats has restarted: a planned scene is due at the next beat."""
        if self._due is not None:
            self._due = self._pulse.next_place(now, 1.0)

    def give_up(self) -> None:
        """Drop the planned scene."""
        self._due = None

    def _changes_model(self, scene: Scene) -> bool:
        return bool(scene.model) and scene.model != self.model

    def _model_of(self, scene: Scene) -> Predictor | None:
        if not self._changes_model(scene):
            return None
        if self.models is None:
            raise ModelError(f"model {scene.model} can't be loaded here")
        return self.models.get(scene.model)
