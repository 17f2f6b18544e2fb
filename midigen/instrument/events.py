"""A performer's events and outputs, as frozen values."""

from dataclasses import dataclass
from typing import TypeAlias

from midigen.midi.messages import Message
from midigen.prediction.foresight import Forecast
from midigen.prediction.predictor import Models, Predictor
from midigen.settings.controls import Control
from midigen.settings.table import Settings


@dataclass(frozen=True, slots=True)
class EndOfPhrase:
    """The player ends the phrase explicitly, without a silence."""


@dataclass(frozen=True)
class Reload:
    """New settings, and new models unless these are None."""

    settings: Settings
    predictor: Predictor | None = None
    models: Models | None = None
    """The models of scenes; None to keep the present ones."""


@dataclass(frozen=True, slots=True)
class EndOfAnswer:
    """midigen's answer to the phrase is over."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A line for the player to read."""

    text: str
    is_refusal: bool = False
    """Whether it says why a request was refused."""


@dataclass(frozen=True, slots=True)
class TempoChange:
    """The tempo changes, in beats per minute."""

    bpm: float


@dataclass(frozen=True, slots=True)
class Keep:
    """Save the last minutes: the control `keep` was pressed."""


Event: TypeAlias = Message | Control | EndOfPhrase
"""A message or request from the player."""

Cue: TypeAlias = Event | Forecast | Reload
"""All that a performer handles."""

Output: TypeAlias = Message | EndOfAnswer | Notice | TempoChange | Keep
"""All that a performer returns."""
