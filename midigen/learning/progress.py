"""How far a training has come, and the folder that keeps it, so that it can be resumed."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras

from midigen import files
from midigen.errors import MidigenError


@dataclass(frozen=True)
class Epoch:
    """How an epoch went: bits a note in training (with dropout) and in validation."""

    training: float
    validation: float
    accuracy: float


@dataclass
class Progress:
    """What a training has come to, after each of its epochs."""

    fingerprint: str
    """Tells the songs and the network that it is about."""
    seed: int
    epochs: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def best(self) -> int:
        """The index of the epoch with the fewest bits a note in validation."""
        return min(range(len(self.epochs)), key=lambda index: self.epochs[index].validation)


class ProgressFolder:
    """A folder with the progress, the network after its last epoch, and its best weights."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self) -> Progress:
        """The saved progress. Raises MidigenError if there is none, or if it is damaged."""
        try:
            saved = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
            epochs = [Epoch(**epoch) for epoch in saved["epochs"]]
            return Progress(saved["fingerprint"], saved["seed"], epochs, saved["seconds"])
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise MidigenError(
                f"there is no interrupted training in {self.folder} to resume"
            ) from exc

    def resume(self, fingerprint: str, seed: int) -> tuple[keras.Model, Progress]:
        """The network and the progress of an interrupted training.

        Raises MidigenError if there is none, if it had another fingerprint or seed, or if it is
        damaged.
        """
        progress = self.read()
        if (progress.fingerprint, progress.seed) != (fingerprint, seed):
            raise MidigenError(
                f"{self.folder} is of a training with other songs or another seed: "
                "train without --resume"
            )
        try:
            model = keras.models.load_model(self._model(len(progress.epochs)))
        except (OSError, ValueError) as exc:
            raise MidigenError(f"{self.folder} is damaged: train without --resume ({exc})") from exc
        return model, progress

    def save(self, model: keras.Model, progress: Progress) -> None:
        """Save the network and the progress.

        New files are written first, then named in state.json, and only then are old ones deleted.
        So the folder can be resumed from at any moment, whenever Ctrl-C comes.
        """
        model.save(self._model(len(progress.epochs)))
        files.write(self.folder / "state.json", [json.dumps(asdict(progress)).encode()])
        current = {self._model(len(progress.epochs)), self.weights(progress.best)}
        for file in [*self.folder.glob("*.keras"), *self.folder.glob("*.weights.h5")]:
            if file not in current:
                file.unlink()

    def weights(self, epoch: int) -> Path:
        """The file of an epoch's averaged weights."""
        return self.folder / f"epoch-{epoch}.weights.h5"

    def _model(self, epochs: int) -> Path:
        """The file of the network as it was after so many epochs."""
        return self.folder / f"model-{epochs}.keras"
