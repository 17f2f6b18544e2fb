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

__all__ = ["ChannelMessage", "Clock", "Message", "NoteOff", "NoteOn", "load_midi", "write_midi"]
__all__ += ["Key", "Predictor", "load_model"]
__all__ += ["Control", "Mode", "Settings"]
__all__ += ["EndOfAnswer", "EndOfPhrase", "Event", "Notice", "Output", "TempoChange"]
__all__ += ["MidigenError", "Performer", "perform", "render"]

_HOMES = {
    "errors": ["MidigenError"],
    "instrument.events": ["EndOfAnswer", "EndOfPhrase", "Event", "Notice", "Output", "TempoChange"],
    "instrument.performer": ["Performer"],
    "instrument.render": ["perform", "render"],
    "midi.messages": ["ChannelMessage", "Clock", "Message", "NoteOff", "NoteOn"],
    "midi.reader": ["load_midi"],
    "midi.writer": ["write_midi"],
    "music.keys": ["Key"],
    "prediction.models": ["load_model"],
    "prediction.predictor": ["Predictor"],
    "settings.choices": ["Mode"],
    "settings.controls": ["Control"],
    "settings.table": ["Settings"],
}
_THERE = {"load_midi": "load", "write_midi": "write"}  # those that have another name at home


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # a type checker would take any name to be here

    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                found = getattr(import_module(f"midigen.{home}"), _THERE.get(name, name))
                globals()[name] = found
                return found
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
