"""What the three modes have in common: the parts they share, and the interface of a mode."""

from dataclasses import dataclass

import numpy as np

from midigen.instrument.events import Output
from midigen.instrument.hearing import Hearing
from midigen.instrument.improviser import Improviser
from midigen.instrument.ledger import Ledger
from midigen.instrument.loop import Loop
from midigen.instrument.pace import Pace
from midigen.instrument.panel import Panel
from midigen.instrument.pulse import Pulse
from midigen.instrument.scenes import Scenes
from midigen.instrument.silence import Silence
from midigen.instrument.turns import Phrase, StruckKey, Turns
from midigen.instrument.voice import Voice
from midigen.midi.messages import Seconds, Velocity
from midigen.music.keys import Degree
from midigen.prediction.predictor import Models, Predictor
from midigen.prediction.steps import Coming
from midigen.settings.table import Settings


class Parts:
    """The parts of the performer, which all modes share. All outputs go to one `outbox`."""

    def __init__(
        self,
        settings: Settings,
        predictor: Predictor,
        rng: np.random.Generator,
        models: Models | None,
    ) -> None:
        (touch,) = rng.spawn(1)  # so that touch doesn't change which notes are drawn
        self.outbox: list[Output] = []  # survives an exception, so that no note-off is lost
        self.panel = Panel(settings, self.outbox)
        self.pulse = Pulse(self.panel, self.outbox)
        self.pace = Pace(self.panel, self.pulse)
        self.scenes = Scenes(self.panel, self.pulse, models)
        self.hearing = Hearing(self.panel)
        self.phrase = Phrase()
        self.turns = Turns(self.panel, self.outbox)
        self.silence = Silence(self.outbox)
        self.improviser = Improviser(predictor, self.panel, rng)
        self.ledger = Ledger(settings.output.channel)
        self.voice = Voice(self.panel, self.ledger, self.outbox, touch)
        self.loop = Loop(
            self.panel, self.pulse, self.pace, self.hearing, self.improviser, self.voice, touch
        )


@dataclass(frozen=True, slots=True)
class Struck:
    """A key that was struck and is a step of the melody."""

    key: StruckKey
    velocity: Velocity
    degree: Degree
    at: Seconds
    is_foreseen: bool
    """Whether the answer to it is known."""


class PlayingMode:
    """How midigen reacts to the player. The base class plays nothing by itself."""

    foresees_answers = False
    """Whether to predict the answers to all seven letters, rather than just the next letter."""
    answers_phrases = False
    """Whether phrases are answered when they are over: then `again` repeats an answer, and `turn`
    takes it back."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def next_time(self) -> Seconds | None:
        """When to call `act` next."""
        return self._parts.loop.next_time

    @property
    def coming(self) -> Coming:
        """What is decided of the next note, as far as it is known by now."""
        return self._parts.loop.coming

    @property
    def waits_since(self) -> Seconds | None:
        """When the key that waits for its answer was struck; None if none waits."""
        return None

    def enter(self, now: Seconds) -> None:
        """Begin: from now on this mode is in force. Nothing sounds yet."""

    def make_way(self) -> None:
        """A key is struck, whether or not it becomes a step of the melody."""

    def key(self, struck: Struck) -> None:
        """A key is a new step of the melody."""

    def release(self, key: StruckKey, now: Seconds) -> None:
        """A key comes up."""

    def turn(self, at: Seconds) -> None:
        """The player's phrase is over: the turn is midigen's."""

    def find(self, now: Seconds) -> None:
        """A forecast has come: play the answer that waited for it."""

    def act(self, due: Seconds, now: Seconds) -> None:
        """Do what is due; `now` is the present time."""

    def stop(self) -> None:
        """Silence midigen; notes that thru passed on sound on."""
        parts = self._parts
        parts.voice.end_all()
        parts.improviser.owed = None
        parts.loop.run = None
        parts.turns.finish()

    def start_again(self, _: Seconds) -> None:
        """The beat or the window has been reset: drop what depended on it, and go on."""
        self.stop()
