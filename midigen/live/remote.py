"""Carries out the requests of the control channel."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

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

REPLY_TIMEOUT: Seconds = 2.0  # how long the worker gets to answer

_AT_START = ("ports", "osc", "record")
_SHOWN = (
    *("mode", "turn", "silence", "key", "notes", "bpm", "beat", "model", "trouble", "scene"),
    *("sounding", "sounds", "heard", "played", "muted", "holding"),
)


@dataclass(eq=False)
class Remote:
    """The `Backend` of a daemon that was started with the settings `at_start`.

    `load` reloads the configuration, and raises ConfigError.
    """

    daemon: Daemon
    connection: Connection
    at_start: Settings
    load: Callable[[], Settings]
    _started: Seconds = field(default_factory=time.perf_counter, init=False)

    def status(self) -> Mapping[str, object]:
        """The state of the performance, in JSON's values. Raises MidigenError before the start."""
        status = self.daemon.status
        if status is None:
            raise MidigenError("midigen is still starting")
        return {
            **{name: getattr(status, name) for name in _SHOWN},
            "listening": list(self.connection.listening),
            "playing": list(self.connection.playing),
            "missing": list(self.connection.missing),
            "uptime": time.perf_counter() - self._started,
            "notes_in": status.notes_in,
            "notes_out": status.notes_out,
            "dropped": status.dropped,
            "echoes": self.connection.returned,
            "worst": status.worst,
            "priority": self.daemon.priority,
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
        return self.daemon.ask(control, REPLY_TIMEOUT)

    def keyboard(self) -> Intake:
        """A new keyboard, whose notes count like those of a port."""
        return Intake(self.daemon.enqueue, Feedback())

    def reload(self) -> list[str]:
        """Reload the configuration. Returns the notices. On MidigenError nothing changes."""
        settings = self.load()
        models = load_models(settings.model, settings.scene_models)
        lines = self.daemon.ask(Reload(settings, *models), REPLY_TIMEOUT)
        self.connection.adjust(hears_clock=settings.hears_clock, channel=settings.output.channel)
        later = [
            name for name in _AT_START if getattr(settings, name) != getattr(self.at_start, name)
        ]
        if later:
            lines.append(f"changes in {', '.join(later)} take effect at the next start")
        return lines
