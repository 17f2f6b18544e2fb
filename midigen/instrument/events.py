"""What a performer takes and gives: events in, outputs out, as frozen values."""

from dataclasses import dataclass
from typing import TypeAlias

from midigen.midi.messages import Message
from midigen.prediction.foresight import Forecast
from midigen.prediction.predictor import Models, Predictor
from midigen.settings.controls import Control
from midigen.settings.table import Settings


@dataclass(frozen=True, slots=True)
class EndOfPhrase:
    """The player says that the phrase is over, instead of falling silent."""


@dataclass(frozen=True)
class Reload:
    """Other settings from now on, and their models, if they aren't to stay as they are."""

    settings: Settings
    predictor: Predictor | None = None
    models: Models | None = None
    """Where scenes find theirs from now on; None: where they did."""


@dataclass(frozen=True, slots=True)
class EndOfAnswer:
    """The machine has said what it had to say to the phrase."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the player to read."""

    text: str
    is_refusal: bool = False
    """It says why what was asked for isn't done."""


@dataclass(frozen=True, slots=True)
class TempoChange:
    """From now on the beat goes at another pace, in beats per minute."""

    bpm: float


@dataclass(frozen=True, slots=True)
class Keep:
    """What was played lately is worth keeping."""


Event: TypeAlias = Message | Control | EndOfPhrase
"""What somebody plays or asks for."""

Cue: TypeAlias = Event | Forecast | Reload
"""All that a performer handles."""

Output: TypeAlias = Message | EndOfAnswer | Notice | TempoChange | Keep
"""All that it gives back."""
