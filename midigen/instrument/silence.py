"""Why no answer comes, and what the player can do about it, in words."""

from collections.abc import Sequence

from midigen.instrument.events import Notice, Output
from midigen.midi.messages import Seconds
from midigen.settings.choices import Mode

LONG: Seconds = 8.0  # a key or pedal that is held this long may be held by mistake

NO_START = "solo waits for the clock's start: press play where the clock comes from"

_NAMED = 3  # of the keys that are held, at the most
_AGAIN = {Mode.CALL_RESPONSE: "on", Mode.DUET: "on", Mode.SOLO: "a note to start it again"}


class Silence:
    """Keeps and reports the reason why no answer comes."""

    def __init__(self, outbox: list[Output]) -> None:
        self.line = ""
        """The present reason; empty while an answer can come."""
        self._outbox = outbox
        self._told_since: Seconds | None = None  # since when the reported keys have been held
        self._unheard: set[str] = set()  # lines about ignored notes

    def explain(self, line: str) -> None:
        """Report a reason, now and in the status."""
        self.line = line
        self._outbox.append(Notice(line))

    def explain_once(self, line: str, *, lasting: bool) -> None:
        """Report ignored notes once; in the status too if `lasting`."""
        if line not in self._unheard:
            self._unheard.add(line)
            self._outbox.append(Notice(line))
        if lasting:
            self.line = line

    def hold_time(self, since: Seconds | None) -> Seconds | None:
        """When to report keys that have been held `since` then; None if there is no need."""
        return None if since is None or since == self._told_since else since + LONG

    def explain_hold(self, keys: Sequence[str], since: Seconds | None) -> None:
        """Report that these keys have been held for long; without any, the pedal."""
        self._told_since = since
        if not keys:
            line = (
                "no answer while the sustain pedal is down: if it is up, its polarity is reversed: "
                "change that on the keyboard, or plug the pedal in before you switch it on"
            )
        elif len(keys) == 1:
            line = (
                f"no answer while {keys[0]} is held: if it isn't, its note-off was lost: "
                "strike it again, or type :panic"
            )
        else:
            line = (
                f"no answer while {', '.join(keys[:_NAMED])} are held: if they aren't, their "
                "note-offs were lost: strike them again, or type :panic"
            )
        self.explain(line)

    def explain_missing(self, notes: int) -> None:
        """Report that the model needs to hear so many more notes."""
        what = "note" if notes == 1 else "notes"
        self.explain(f"listening: {notes} more {what} before the model can answer")

    def explain_panic(self, mode: Mode) -> None:
        """Report that everything was silenced."""
        self.explain(f"panic: everything is silent until you play {_AGAIN[mode]}")

    def nothing_is_held(self) -> None:
        """All keys and pedals are up: drop what was reported about them."""
        if self._told_since is not None:
            self._told_since = None
            self.line = ""
