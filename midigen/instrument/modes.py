"""The three modes, and which of them is in force."""

from midigen.instrument.call_response import CallResponse
from midigen.instrument.duet import Duet
from midigen.instrument.mode import Parts, PlayingMode
from midigen.instrument.solo import Solo
from midigen.settings.choices import Mode


class Modes:
    """One object for each mode."""

    def __init__(self, parts: Parts) -> None:
        self._panel = parts.panel
        self._modes: dict[Mode, PlayingMode] = {
            Mode.CALL_RESPONSE: CallResponse(parts),
            Mode.DUET: Duet(parts),
            Mode.SOLO: Solo(parts),
        }

    @property
    def current(self) -> PlayingMode:
        """The mode that is set."""
        return self._modes[self._panel.settings.mode]
