"""Why no answer comes, and what the player can do about it, in words."""

from collections.abc import Sequence

from midigen.midi.messages import Seconds
from midigen.settings.choices import Mode

LONG: Seconds = 8.0
"""What keeps a phrase from ending for so long may do so by mistake."""

NO_START = "solo waits for the clock's start: press play where the clock comes from"

_NAMED = 3  # of the keys that are held, at the most
_AGAIN = {Mode.CALL_RESPONSE: "on", Mode.DUET: "on", Mode.SOLO: "a note to start it again"}


def held(keys: Sequence[str]) -> str:
    """These keys have been down for long; without any, the pedal."""
    if not keys:
        return (
            "no answer while the sustain pedal is down: if it is up, its polarity is the "
            "other way round: set that on the keyboard, or plug it in before switching it on"
        )
    if len(keys) == 1:
        return (
            f"no answer while {keys[0]} is held: if it isn't, its note-off was lost: "
            "strike it again, or type :panic"
        )
    return (
        f"no answer while {', '.join(keys[:_NAMED])} are held: if they aren't, their note-offs "
        "were lost: strike them again, or type :panic"
    )


def panicked(mode: Mode) -> str:
    """Everything was silenced."""
    return f"panic: everything is silent until you play {_AGAIN[mode]}"


def missing(notes: int) -> str:
    """The model needs to hear so many more notes."""
    what = "note" if notes == 1 else "notes"
    return f"listening: {notes} more {what} before the model can answer"
