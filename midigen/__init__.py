"""midigen: play a few notes, hear them carried on.

What another program needs has its name here, and `docs/api.md` shows how to use it. The packages
have the rest: start with `midigen.instrument`, the instrument itself. Nothing is imported before
its name is used, so `import midigen` alone costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from midigen.errors import MidigenError
    from midigen.instrument.events import (
        EndOfAnswer,
        EndOfPhrase,
        Event,
        Notice,
        Output,
        TempoChange,
    )
    from midigen.instrument.performer import Performer
    from midigen.instrument.render import perform, render
    from midigen.midi.messages import ChannelMessage, Clock, Message, NoteOff, NoteOn
    from midigen.midi.reader import load as load_midi
    from midigen.midi.writer import write as write_midi
    from midigen.music.keys import Key
    from midigen.prediction.models import load_model
    from midigen.prediction.predictor import Predictor
    from midigen.settings.choices import Mode
    from midigen.settings.controls import Control
    from midigen.settings.table import Settings

__version__ = "0.1.0"

__all__ = [
    "ChannelMessage",
    "Clock",
    "Control",
    "EndOfAnswer",
    "EndOfPhrase",
    "Event",
    "Key",
    "Message",
    "MidigenError",
    "Mode",
    "NoteOff",
    "NoteOn",
    "Notice",
    "Output",
    "Performer",
    "Predictor",
    "Settings",
    "TempoChange",
    "load_midi",
    "load_model",
    "perform",
    "render",
    "write_midi",
]

_HOMES = {
    "ChannelMessage": "midigen.midi.messages.ChannelMessage",
    "Clock": "midigen.midi.messages.Clock",
    "Control": "midigen.settings.controls.Control",
    "EndOfAnswer": "midigen.instrument.events.EndOfAnswer",
    "EndOfPhrase": "midigen.instrument.events.EndOfPhrase",
    "Event": "midigen.instrument.events.Event",
    "Key": "midigen.music.keys.Key",
    "Message": "midigen.midi.messages.Message",
    "MidigenError": "midigen.errors.MidigenError",
    "Mode": "midigen.settings.choices.Mode",
    "NoteOff": "midigen.midi.messages.NoteOff",
    "NoteOn": "midigen.midi.messages.NoteOn",
    "Notice": "midigen.instrument.events.Notice",
    "Output": "midigen.instrument.events.Output",
    "Performer": "midigen.instrument.performer.Performer",
    "Predictor": "midigen.prediction.predictor.Predictor",
    "Settings": "midigen.settings.table.Settings",
    "TempoChange": "midigen.instrument.events.TempoChange",
    "load_midi": "midigen.midi.reader.load",
    "load_model": "midigen.prediction.models.load_model",
    "perform": "midigen.instrument.render.perform",
    "render": "midigen.instrument.render.render",
    "write_midi": "midigen.midi.writer.write",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # a type checker would take any name to be here

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home, _, its_name = _HOMES[name].rpartition(".")
        globals()[name] = found = getattr(import_module(home), its_name)
        return found
