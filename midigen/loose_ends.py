"""What a MIDI file leaves sounding, brought to an end.

A player's key comes up again. In a file its note-off may be missing, and no answer would
come while it seems to be held; nor while a pedal is down.
"""

import math
import statistics
from collections.abc import Sequence
from typing import TypeAlias, TypeGuard

from midigen.melody import CHORD
from midigen.notes import (
    CONTROL_CHANGE,
    HALF,
    SUSTAIN,
    Channel,
    ChannelMessage,
    Message,
    NoteOff,
    NoteOn,
    Pitch,
    Seconds,
)

Timed: TypeAlias = tuple[Seconds, Message]

UNKNOWN: Seconds = 0.5
"""How long a note is where no other one tells."""


def ended(played: Sequence[Timed]) -> list[Timed]:
    """The same, in the order of its times, in which all keys and pedals come up.

    A note without an end gets one where the next begins on its channel, at the latest after the
    usual length of those that have one. A pedal that isn't lifted any more isn't pressed.
    """
    lengths, endless = _notes(played)
    usual = statistics.median(lengths) if lengths else UNKNOWN
    ends = [
        (min(begun + usual, _next_onset(played, channel, begun)), NoteOff(pitch, channel))
        for channel, pitch, begun in endless
    ]
    kept = _without_unlifted(played)
    return sorted([*ends, *kept] if ends else kept, key=lambda timed: timed[0])


def _notes(
    played: Sequence[Timed],
) -> tuple[list[Seconds], list[tuple[Channel, Pitch, Seconds]]]:
    """The lengths of the notes that end, and those that don't, with their onsets."""
    down: dict[tuple[Channel, Pitch], Seconds] = {}
    lengths: list[Seconds] = []
    endless: list[tuple[Channel, Pitch, Seconds]] = []
    for time, message in played:
        if isinstance(message, NoteOn):
            key = (message.channel, message.pitch)
            if key in down:
                endless.append((*key, down[key]))
            down[key] = time
        elif isinstance(message, NoteOff):
            begun = down.pop((message.channel, message.pitch), None)
            if begun is not None:
                lengths.append(time - begun)
    return lengths, endless + [(*key, begun) for key, begun in down.items()]


def _next_onset(played: Sequence[Timed], channel: Channel, begun: Seconds) -> Seconds:
    """When the next note begins that is no part of the same chord."""
    onsets = (
        time
        for time, message in played
        if isinstance(message, NoteOn) and message.channel == channel and time > begun + CHORD
    )
    return next(onsets, math.inf)


def _without_unlifted(played: Sequence[Timed]) -> list[Timed]:
    """All but the pedals that go down and stay so."""
    lifted = {
        message.channel: place for place, (_, message) in enumerate(played) if _is_up(message)
    }
    return [
        (time, message)
        for place, (time, message) in enumerate(played)
        if not (_is_down(message) and place > lifted.get(message.channel, -1))
    ]


def _is_down(message: Message) -> TypeGuard[ChannelMessage]:
    return _is_pedal(message) and message.data[1] >= HALF


def _is_up(message: Message) -> TypeGuard[ChannelMessage]:
    return _is_pedal(message) and message.data[1] < HALF


def _is_pedal(message: Message) -> TypeGuard[ChannelMessage]:
    return (
        isinstance(message, ChannelMessage)
        and message.status == CONTROL_CHANGE
        and message.data[0] == SUSTAIN
    )
