"""The answer of a fresh performer to one phrase, offline, as a listener would write it down."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from midigen.errors import ModelError
from midigen.instrument.events import EndOfPhrase, Event
from midigen.instrument.performer import Performer
from midigen.instrument.render import perform
from midigen.midi.messages import NoteOff, NoteOn, Seconds
from midigen.music.keys import Key
from midigen.music.melody import Note
from midigen.prediction.predictor import Predictor
from midigen.settings.choices import Mode
from midigen.settings.table import Settings

VELOCITY = 80
"""How hard each note of the phrase is struck."""

_NEVER: Seconds = 1e6  # a silence too long to end a phrase


def reply(
    phrase: Sequence[Note],
    key: Key,
    settings: Settings,
    predictor: Predictor,
    rng: np.random.Generator,
) -> list[Note]:
    """What midigen answers to a phrase, when it has heard nothing else and is told the key.

    The phrase is one line of notes in the order of their onsets, in seconds from 0. A note ends at
    the latest where the next one begins, and the phrase ends with its last note: no silence inside
    it gives the turn away. An answer that matches the phrase has all its notes, however many they
    are. All other settings are in force, in the mode call-response. The times of the answer are
    seconds from the beginning of the phrase. Raises ModelError if the model fails.
    """
    chosen = replace(settings, mode=Mode.CALL_RESPONSE, key=key, thru=False)
    chosen = chosen.changed("turn.silence", _NEVER).changed("response.hold", value=False)
    if chosen.response.length == "match":
        chosen = chosen.changed("response.max", max(len(phrase), chosen.response.max))
    elif chosen.response.length == "endless":
        chosen = chosen.changed("response.length", chosen.response.max)
    performer = Performer(chosen, predictor, rng)
    heard: list[Note] = []
    for time, output in perform(performer, _events(phrase)):
        if isinstance(output, NoteOn):
            heard.append(Note(output.pitch, time, None))
        elif isinstance(output, NoteOff):
            _end(heard, output, time)
        elif trouble := performer.status().trouble:
            raise ModelError(f"the model {settings.model} fails: {trouble}")
    return heard


def _events(phrase: Sequence[Note]) -> list[tuple[Seconds, Event]]:
    events: list[tuple[Seconds, Event]] = []
    last = 0.0
    for index, note in enumerate(phrase):
        after = [later.onset for later in phrase[index + 1 : index + 2]]
        last = min([note.end if note.end is not None else note.onset, *after])
        events += [(note.onset, NoteOn(note.pitch, VELOCITY)), (last, NoteOff(note.pitch))]
    return [*events, (last, EndOfPhrase())]


def _end(heard: list[Note], off: NoteOff, time: Seconds) -> None:
    """Write down the end of the latest note of this pitch that sounds."""
    for index in reversed(range(len(heard))):
        if heard[index].pitch == off.pitch and heard[index].end is None:
            heard[index] = replace(heard[index], end=time)
            return
