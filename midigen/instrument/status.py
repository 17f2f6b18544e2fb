"""The state of a performance at one moment, for display on stage."""

from dataclasses import dataclass

from midigen.midi.messages import Beats, Pitch, Seconds


@dataclass(frozen=True, slots=True)
class Status:
    """A snapshot, which any thread may read."""

    mode: str
    turn: str
    """Whose turn it is: `you`, `midigen`, or empty in a silence."""
    key: str
    notes: tuple[str, ...]
    """The notes that the seven letters stand for in that key, from C to B."""
    bpm: float
    beat: str
    """Where the tempo comes from: `internal`, `clock`, `clock (lost)`, `follow (none yet)`."""
    heard: tuple[str, ...]
    """The newest notes of the player's melody, spelled in the key, oldest first."""
    played: tuple[str, ...]
    """The newest notes that midigen played, spelled in the key, oldest first."""
    probabilities: tuple[float, ...] | None
    """The probabilities of the next letter, from C to B; None while they aren't known."""
    rhythm: tuple[tuple[Beats, float], ...]
    """How soon the next note is expected after the newest one, and how likely that is: the three
    likeliest times, the likeliest first; empty while that isn't known. If no beat is shared, the
    player's usual step counts as half a beat."""
    sounding: tuple[Pitch, ...]
    """The sounding pitches, lowest first."""
    sounds: tuple[str, ...]
    """The same, spelled in the key, such as `Bb4`."""
    model: str
    trouble: str
    """What is wrong with the model, if only the memory plays; else empty."""
    silence: str
    """Why no answer comes, and what to do about it; else empty."""
    scene: str
    """The scene that was recalled last; else empty."""
    muted: bool
    holding: bool
    """Whether the control `hold` is on, so that answers don't end."""
    dropped: int
    """How many notes were dropped, because they were too many or too late."""
    worst: Seconds = 0.0
    """The worst lateness of a note so far."""
    notes_in: int = 0
    """How many notes the player has struck."""
    notes_out: int = 0
    """How many notes were sent, including those of thru."""
