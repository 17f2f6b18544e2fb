"""The three modes, and which of them is in force."""

from midigen.instrument.call_response import CallResponse
from midigen.instrument.duet import Duet
from midigen.instrument.mode import Mode, Parts
from midigen.instrument.panel import Panel
from midigen.instrument.solo import Solo
from midigen.settings import choices


class Modes:
    """Every mode there is, made once."""

    def __init__(self, parts: Parts) -> None:
        self._panel: Panel = parts.panel
        self._modes: dict[choices.Mode, Mode] = {
            choices.Mode.CALL_RESPONSE: CallResponse(parts),
            choices.Mode.DUET: Duet(parts),
            choices.Mode.SOLO: Solo(parts),
        }

    @property
    def current(self) -> Mode:
        """The mode that is set."""
        return self._modes[self._panel.settings.mode]
