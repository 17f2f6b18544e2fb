"""Solo: plays endlessly, in the rhythm and with the velocities of the player's last phrase."""

from midigen.instrument import silence
from midigen.instrument.answer import count, solo
from midigen.instrument.mode import PlayingMode, Struck
from midigen.midi.messages import Seconds


class Solo(PlayingMode):
    """Plays on by itself."""

    _owed = 0  # notes until a phrase counts as answered

    def enter(self, now: Seconds) -> None:
        """Begin to play."""
        parts = self._parts
        parts.loop.run = None
        if parts.improviser.missing and not parts.improviser.can_begin:
            parts.silence.explain(silence.missing(parts.improviser.missing))
        elif parts.pulse.stands_still:
            parts.silence.explain(silence.NO_START)
        else:
            parts.silence.clear()
            # So that no step of the grid is played twice when one run replaces another.
            start = max(now, parts.loop.stepped_at + parts.pulse.grid_step / 2)
            start -= parts.panel.offset
            parts.loop.run = solo(parts.panel.settings, parts.phrase, parts.pulse, start)

    def key(self, struck: Struck) -> None:
        """Start to play, if it is silent."""
        if self._parts.loop.run is None:
            self.enter(struck.at)

    def turn(self, at: Seconds) -> None:
        """Go on with the rhythm and the touch of this phrase."""
        parts = self._parts
        if parts.improviser.missing:  # already reported at each note
            self._finish()
            return
        response = parts.panel.settings.response
        self._owed = count(response, parts.phrase) or response.max
        self.enter(at)
        if parts.loop.run is None:  # the clock stands still
            self._finish()

    def act(self, due: Seconds, now: Seconds) -> None:
        """Play the next step."""
        end = self._parts.loop.step(due, now)
        if self._owed:
            self._owed -= 1
            if not self._owed:
                self._parts.turns.answer_ends = end

    def stop(self) -> None:
        """Silence midigen until a key is struck."""
        self._owed = 0
        super().stop()

    def start_again(self, now: Seconds) -> None:
        """Start over with the present beat and window."""
        self.stop()
        self.enter(now)

    def _finish(self) -> None:
        self._owed = 0
        self._parts.turns.finish()
