"""What a person on stage wants to see: the state of a performance at one moment."""

from dataclasses import dataclass

from midigen.midi.messages import Pitch, Seconds


@dataclass(frozen=True, slots=True)
class Status:
    """How it stands. It is a value: whoever has it may read it on any thread."""

    mode: str
    turn: str
    """Who plays: `you`, `midigen`, or `` when it is silent."""
    key: str
    notes: tuple[str, ...]
    """The note that each of the seven letters stands for in that key, C to B."""
    bpm: float
    beat: str
    """What the tempo is: `internal`, `clock`, `follow`; `clock (none yet)`, `clock (lost)`."""
    heard: tuple[str, ...]
    """The newest notes of the player's melody by their names in the key, oldest first."""
    played: tuple[str, ...]
    """The newest notes of the machine's by their names in the key, oldest first."""
    probabilities: tuple[float, ...] | None
    """Of the next letter, C to B, as far as it is known: seven numbers."""
    sounding: tuple[Pitch, ...]
    """What sounds, lowest first."""
    sounds: tuple[str, ...]
    """The same by its names in the key, such as `Bb4`."""
    model: str
    trouble: str
    """What is wrong with the model, while it fails and the memory plays alone; else ``."""
    silence: str
    """Why no answer comes, and what to do about it; `` while nothing is in its way."""
    scene: str
    """The scene that was recalled last, or ``."""
    muted: bool
    holding: bool
    """Whether the answer is to go on and on."""
    dropped: int
    """Notes that were too many or too late to play."""
    worst: Seconds = 0.0
    """How late a note was sent at the worst."""
    notes_in: int = 0
    """Notes that the player has struck."""
    notes_out: int = 0
    """Notes that were sent, through thru too."""
