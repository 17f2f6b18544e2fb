"""Call and response: the player's phrase is answered when it is over."""

from midigen.instrument import silence
from midigen.instrument.answer import answer
from midigen.instrument.mode import PlayingMode
from midigen.midi.messages import Seconds


class CallResponse(PlayingMode):
    """Answers phrases, and stops when the player plays on."""

    repeats_answers = True

    @property
    def waits_for_turn(self) -> bool:
        """Whether no answer is being played."""
        return self._parts.loop.run is None

    def make_way(self) -> None:
        """The player plays on: stop the answer, unless the control `hold` is on."""
        if self._parts.turns.is_answering and not self._parts.panel.settings.response.hold:
            self.stop()

    def begin_line(self) -> None:
        """Start a new line: the next answer may begin with the letter that ended the last one."""
        self._parts.improviser.begin_line()

    def turn(self, at: Seconds) -> None:
        """Answer the phrase."""
        parts = self._parts
        if parts.improviser.missing:
            parts.silence.explain(silence.missing(parts.improviser.missing))
            parts.turns.finish()
        elif parts.loop.run is None:  # with `hold` an answer may be going on
            parts.loop.run = answer(parts.panel.settings, parts.phrase, parts.pulse, at)

    def take_back(self) -> bool:
        """End the answer."""
        was_answering = self._parts.turns.is_answering
        if was_answering:
            self.stop()
        return was_answering

    def act(self, due: Seconds, now: Seconds) -> None:
        """Play the next step of the answer."""
        end = self._parts.loop.step(due, now)
        if self._parts.loop.run is None:
            self._parts.turns.answer_ends = end
