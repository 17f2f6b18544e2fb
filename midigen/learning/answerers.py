"""Ways to answer a phrase: a random walk, the call shuffled, the call again, or a player.

Each is given the call, which has four notes or more in one key, and a random generator. The
first three take over the call's rhythm.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from midigen.learning.notes import Notes
from midigen.midi.messages import Pitch
from midigen.music.keys import SIZE, Key
from midigen.music.melody import Note

Answerer: TypeAlias = Callable[[Notes, np.random.Generator], Notes]
"""Answers a call."""

Player: TypeAlias = Callable[[Sequence[Note], Key, np.random.Generator], Sequence[Note]]
"""Answers a call whose times are in seconds from 0, in its key."""

MOVES = (-2, -1, 1, 2)
"""The degrees up or down that a random walk goes with each note."""

_LOW: Pitch = 36
_HIGH: Pitch = 96


def random_walk(call: Notes, rng: np.random.Generator) -> Notes:
    """From the call's last note on, each note is as likely one or two degrees up or down.

    It goes to the nearest octave, in the range in which midigen plays by default.
    """
    key, pitch, degree = key_of(call), int(call.pitches[-1]), int(call.degrees[-1])
    degrees = (degree + np.cumsum(rng.choice(MOVES, len(call)))) % SIZE
    pitches = np.zeros(len(call), dtype=np.int16)
    for note, degree in enumerate(degrees.tolist()):
        pitches[note] = pitch = key.nearest(degree, pitch, _LOW, _HIGH)
    return replace(call, degrees=degrees.astype(np.uint8), pitches=pitches)


def shuffled(call: Notes, rng: np.random.Generator) -> Notes:
    """The call's notes in any order, in the call's rhythm."""
    order = rng.permutation(len(call))
    return replace(call, degrees=call.degrees[order], pitches=call.pitches[order])


def again(call: Notes, _: np.random.Generator) -> Notes:
    """The call once more."""
    return call


def played_by(player: Player, bpm: float) -> Answerer:
    """An answerer that has somebody play the call and the answer, at so many beats a minute.

    It notes the answer in beats from its first onset, and none of its bars. The answer may be
    empty.
    """

    def answer(call: Notes, rng: np.random.Generator) -> Notes:
        beat, key, start = 60 / bpm, key_of(call), float(call.onsets[0])
        columns = (call.pitches.tolist(), (call.onsets - start) * beat, (call.ends - start) * beat)
        return _noted(
            player([Note(*each) for each in zip(*columns, strict=True)], key, rng), key, beat
        )

    return answer


def key_of(call: Notes) -> Key:
    """The major key with the signature of a phrase."""
    signature = int(call.signatures[0])
    return Key(f"{Key('', signature).note_names[0]} major", signature)


def _noted(played: Sequence[Note], key: Key, beat: float) -> Notes:
    """Notes that were played, with a beat of so many seconds, from the first onset on."""
    pitches = [note.pitch for note in played]
    degrees = [key.degree(pitch, 1) or 0 for pitch in pitches]
    start = played[0].onset if played else 0.0
    onsets = np.array([(note.onset - start) / beat for note in played])
    lengths = [0.0 if note.end is None else (note.end - note.onset) / beat for note in played]
    unknown = np.full(len(played), np.nan)
    return Notes(
        degrees=np.array(degrees, dtype=np.uint8),
        pitches=np.array(pitches, dtype=np.int16),
        onsets=onsets,
        lengths=np.array(lengths),
        places=unknown,
        bars=unknown,
        signatures=np.full(len(played), key.signature, dtype=np.int8),
    )
