"""Carries out the requests of the control channel."""

import os
import time
from collections.abc import Callable, Mapping

from midigen import __version__
from midigen.errors import MidigenError
from midigen.instrument.events import Reload
from midigen.live.connection import Connection
from midigen.live.daemon import Daemon
from midigen.live.feedback import Feedback
from midigen.live.intake import Intake
from midigen.midi.messages import Seconds
from midigen.prediction.models import load_models
from midigen.settings import controls
from midigen.settings.controls import Control
from midigen.settings.table import Settings

REPLY_TIMEOUT: Seconds = 2.0
"""How long the worker gets to answer."""

_AT_START = ("ports", "osc", "record")
_SHOWN = (
    *("mode", "turn", "silence", "key", "notes", "bpm", "beat", "model", "trouble", "scene"),
    *("sounding", "sounds", "heard", "played", "muted", "holding"),
)


class Remote:
    """The `Backend` of a daemon that was started with `settings`.

    `load` reloads the configuration, and raises ConfigError.
    """

    def __init__(
        self,
        daemon: Daemon,
        connection: Connection,
        settings: Settings,
        load: Callable[[], Settings],
    ) -> None:
        self._daemon = daemon
        self._connection = connection
        self._load = load
        self._at_start = settings
        self._started = time.perf_counter()

    def status(self) -> Mapping[str, object]:
        """The state of the performance, in values that JSON has.

        Raises MidigenError before there is one.
        """
        status = self._daemon.status
        if status is None:
            raise MidigenError("midigen is still starting")
        return {
            **{name: getattr(status, name) for name in _SHOWN},
            "listening": list(self._connection.listening),
            "playing": list(self._connection.playing),
            "missing": list(self._connection.missing),
            "uptime": time.perf_counter() - self._started,
            "notes_in": status.notes_in,
            "notes_out": status.notes_out,
            "dropped": status.dropped,
            "echoes": self._connection.returned,
            "worst": status.worst,
            "priority": self._daemon.priority,
            "pid": os.getpid(),
            "version": __version__,
        }

    def set(self, name: str, value: str) -> list[str]:
        """Set or press a control. Returns the notices. Raises MidigenError."""
        control = Control(name, value)
        try:
            controls.read(control)
        except ValueError as exc:
            raise MidigenError(str(exc)) from exc
        return self._daemon.ask(control, REPLY_TIMEOUT)

    def keyboard(self) -> Intake:
        """A new keyboard, whose notes count like those of a port."""
        return Intake(self._daemon.enqueue, Feedback())

    def reload(self) -> list[str]:
        """Reload the configuration. Returns the notices.

        Raises MidigenError; then nothing changes.
        """
        settings = self._load()
        models = load_models(settings.model, settings.scene_models)
        lines = self._daemon.ask(Reload(settings, *models), REPLY_TIMEOUT)
        self._connection.adjust(hears_clock=settings.hears_clock, channel=settings.output.channel)
        later = [
            name for name in _AT_START if getattr(settings, name) != getattr(self._at_start, name)
        ]
        if later:
            lines.append(f"changes in {', '.join(later)} take effect at the next start")
        return lines
