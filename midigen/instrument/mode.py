"""What the three modes have in common: the parts they play with, and what they are asked."""

from dataclasses import dataclass

from midigen.instrument.hearing import Hearing
from midigen.instrument.held import StruckKey
from midigen.instrument.improviser import Improviser
from midigen.instrument.loop import Loop
from midigen.instrument.panel import Panel
from midigen.instrument.phrase import Phrase
from midigen.instrument.pulse import Pulse
from midigen.instrument.silence import Silence
from midigen.instrument.turns import Turns
from midigen.instrument.voice import Voice
from midigen.midi.messages import Seconds, Velocity
from midigen.music.keys import Degree


@dataclass(frozen=True, slots=True)
class Parts:
    """What the modes play with; all of them share it."""

    panel: Panel
    pulse: Pulse
    hearing: Hearing
    phrase: Phrase
    turns: Turns
    improviser: Improviser
    voice: Voice
    loop: Loop
    silence: Silence


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
    """What midigen does with what it hears. The base class does nothing of its own accord."""

    foresees_answers = False
    """Whether what follows each of the seven letters is wanted, rather than what comes next."""
    repeats_answers = False
    """Whether the control `again` means anything."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def next_time(self) -> Seconds | None:
        """When `act` is to be called next."""
        return self._parts.loop.next_time

    @property
    def waits_for_turn(self) -> bool:
        """Whether nothing is played until the player's turn is over."""
        return False

    @property
    def waits_since(self) -> Seconds | None:
        """When the key was struck that waits for its answer; None if none does."""
        return None

    def enter(self, now: Seconds) -> None:
        """Begin: the mode is in force from now on, and nothing sounds."""

    def make_way(self) -> None:
        """A key is struck, whatever comes of it."""

    def begin_line(self) -> None:
        """A step of the melody is heard."""

    def key(self, struck: Struck) -> None:
        """A key is a new step of the melody."""

    def release(self, key: StruckKey, now: Seconds) -> None:
        """A key comes up."""

    def turn(self, at: Seconds) -> None:
        """The player's phrase is over: the turn is midigen's."""

    def take_back(self) -> bool:
        """Give the turn back to the player, if it is midigen's. Returns whether it was."""
        return False

    def find(self, now: Seconds) -> None:
        """A forecast has come: what waited for it may be played."""

    def act(self, due: Seconds, now: Seconds) -> None:
        """Do what is due; `now` is when that is done."""

    def stop(self) -> None:
        """Silence midigen; what the player holds through thru sounds on."""
        parts = self._parts
        parts.voice.end_all()
        parts.improviser.owe_nothing()
        parts.loop.run = None
        parts.turns.finish()

    def start_again(self, _: Seconds) -> None:
        """Stop what was placed on a beat that is void, or on what is forgotten, and go on."""
        self.stop()
