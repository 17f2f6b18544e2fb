"""Why no answer comes, and what the player can do about it, in words."""

from collections.abc import Sequence

from midigen.instrument.events import Notice, Output
from midigen.midi.messages import Seconds
from midigen.settings.choices import Mode

LONG: Seconds = 8.0
"""What keeps a phrase from ending for so long may do so by mistake."""

NO_START = "solo waits for the clock's start: press play where the clock comes from"

_NAMED = 3  # of the keys that are held, at the most
_AGAIN = {Mode.CALL_RESPONSE: "on", Mode.DUET: "on", Mode.SOLO: "a note to start it again"}


class Silence:
    """What the player was told of why it is silent."""

    def __init__(self, outbox: list[Output]) -> None:
        self.line = ""
        """The reason that holds now; empty while nothing is in the way of an answer."""
        self._outbox = outbox
        self._told_since: Seconds | None = None  # since when what was told of is held
        self._unheard: set[str] = set()  # the lines about notes that aren't heard

    def explain(self, line: str) -> None:
        """Tell the player, now and in the status."""
        self.line = line
        self._outbox.append(Notice(line))

    def clear(self) -> None:
        """Nothing is in the way any more."""
        self.line = ""

    def explain_once(self, line: str, *, lasting: bool) -> None:
        """Tell the player of notes that aren't heard; in the status too if that is `lasting`."""
        if line not in self._unheard:
            self._unheard.add(line)
            self._outbox.append(Notice(line))
        if lasting:
            self.line = line

    def hold_time(self, since: Seconds | None) -> Seconds | None:
        """When to tell of what has been held `since` then; None if there is nothing to tell."""
        return None if since is None or since == self._told_since else since + LONG

    def explain_hold(self, keys: Sequence[str], since: Seconds | None) -> None:
        """Tell of these keys, which have been held long; without any, of the pedal."""
        self._told_since = since
        self.explain(_held(keys))

    def nothing_is_held(self) -> None:
        """What was told of keys and pedals is over."""
        if self._told_since is not None:
            self._told_since = None
            self.line = ""


def panicked(mode: Mode) -> str:
    """Everything was silenced."""
    return f"panic: everything is silent until you play {_AGAIN[mode]}"


def missing(notes: int) -> str:
    """The model needs to hear so many more notes."""
    what = "note" if notes == 1 else "notes"
    return f"listening: {notes} more {what} before the model can answer"


def _held(keys: Sequence[str]) -> str:
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
