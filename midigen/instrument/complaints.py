"""Tells the player, once for each model, what is wrong with it or what it can't do."""

from midigen.instrument.events import Notice
from midigen.instrument.mode import Parts
from midigen.settings.choices import RhythmSource


class Complaints:
    """The complaints about the model that plays."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._told: dict[str, str] = {}  # the model that each kind of complaint was about

    def forget(self) -> None:
        """Complain anew: another model may have come under the same name."""
        self._told.clear()

    def tell(self) -> None:
        """Complain of whatever hasn't been told yet."""
        improviser, model = self._parts.improviser, self._parts.scenes.model
        if improviser.trouble:
            self._tell(
                "fault",
                f"the model {model} fails ({improviser.trouble}): playing on from memory alone",
            )
        is_own = self._parts.panel.settings.rhythm.source is RhythmSource.LEARNED
        if is_own and not improviser.has_rhythm:
            self._tell(
                "rhythm",
                f"the model {model} has no rhythm of its own: midigen mirrors yours "
                "(rhythm.source)",
            )

    def _tell(self, kind: str, text: str) -> None:
        model = self._parts.scenes.model
        if self._told.get(kind) != model:
            self._told[kind] = model
            self._parts.outbox.append(Notice(text))
