"""Ends notes and pedals that a MIDI file doesn't end, or ends too late.

Some programs lose note-offs; others end whatever still sounds at the end of the file. Such a key
would be held all the time, and no phrase would ever be over. So it is released in the first pause
of all other keys: at the earliest a beat after its onset, and only if the pause is long enough for
an answer.
"""

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from midigen.instrument.hearing import Hearing
from midigen.midi import messages as midi
from midigen.midi.messages import (
    Channel,
    ChannelMessage,
    Message,
    NoteOff,
    NoteOn,
    Pitch,
    Seconds,
    TimedMessage,
)

_Pause: TypeAlias = tuple[Seconds, Seconds]


@dataclass
class _Hold:
    """A key or pedal that is down, and the indices of later messages about it."""

    start: Seconds
    end: Seconds = math.inf
    is_loose: bool = False
    later: list[int] = field(default_factory=list)


_Held: TypeAlias = tuple[Channel, Pitch | None]  # a key, or a pedal


def tied(
    played: Sequence[TimedMessage], hearing: Hearing, beat: Seconds, pause: Seconds
) -> list[TimedMessage]:
    """The messages in the order of their times, with an end to everything that is heard.

    A `pause` is long enough for an answer; `beat` is how long a beat lasts. A key or pedal lacks
    its end if it never ends, ends after the last onset, or is struck again while down.
    """
    holds = [*_holds(played, hearing)]
    last = max((hold.start for held, hold in holds if held[1] is not None), default=0.0)
    for _, hold in holds:
        hold.is_loose = hold.is_loose or hold.end > last
    pauses, silent = _pauses(holds, beat, pause)
    ends: list[TimedMessage] = []
    left_out: set[int] = set()
    for held, hold in holds:
        if hold.is_loose and (end := _end(held, hold, pauses, silent)) is not None:
            channel, pitch = held
            lifted = ChannelMessage(midi.CONTROL_CHANGE, (midi.SUSTAIN, 0), channel)
            ends.append((end, lifted if pitch is None else NoteOff(pitch, channel)))
            left_out |= {place for place in hold.later if played[place][0] > end}
    kept = (timed for place, timed in enumerate(played) if place not in left_out)
    return sorted([*kept, *ends], key=lambda timed: timed[0])


def _holds(played: Sequence[TimedMessage], hearing: Hearing) -> Iterator[tuple[_Held, _Hold]]:
    down: dict[_Held, _Hold] = {}
    for place, (time, message) in enumerate(played):
        for held in _released_by(message, down):
            down[held].end = time
            if isinstance(message, NoteOff) or held[1] is None:
                down[held].later.append(place)
            yield held, down.pop(held)
        match message:
            case NoteOn() if hearing.listens_to(message):
                key = message.channel, message.pitch
                if before := down.pop(key, None):
                    before.end, before.is_loose = time, True
                    yield key, before
                down[key] = _Hold(time)
            case ChannelMessage() if _pedal(message) and hearing.listens_on(message.channel):
                pedal = down.setdefault((message.channel, None), _Hold(time))
                pedal.later.append(place)
    yield from down.items()


def _released_by(message: Message, down: Iterable[_Held]) -> list[_Held]:
    """The keys and pedals among those down that a message releases."""
    released: list[_Held]
    match message:
        case NoteOff():
            released = [(message.channel, message.pitch)]
        case ChannelMessage(status=midi.CONTROL_CHANGE, data=(number, *_)):
            if number in midi.ENDS_NOTES:
                return [held for held in down if held[0] == message.channel and held[1] is not None]
            if number not in (midi.SUSTAIN, midi.RESET_CONTROLLERS) or _pedal(message):
                return []
            released = [(message.channel, None)]
        case _:
            return []
    return [held for held in released if held in down]


def _pedal(message: ChannelMessage) -> bool:
    """Whether a message presses the sustain pedal."""
    is_pedal = message.status == midi.CONTROL_CHANGE and message.data[0] == midi.SUSTAIN
    return is_pedal and message.data[1] >= midi.HALF


def _pauses(
    holds: Iterable[tuple[_Held, _Hold]], beat: Seconds, pause: Seconds
) -> tuple[list[_Pause], Seconds]:
    """The pauses between all that is played, and when the last of it ends."""
    spans = sorted(
        (hold.start, min(hold.end, hold.start + beat) if hold.is_loose else hold.end)
        for held, hold in holds
        if held[1] is not None or not hold.is_loose
    )
    pauses: list[_Pause] = []
    silent = 0.0
    for start, end in spans:
        if start - silent >= pause:
            pauses.append((silent, start))
        silent = max(silent, end)
    return pauses, silent


def _end(held: _Held, hold: _Hold, pauses: Sequence[_Pause], silent: Seconds) -> Seconds | None:
    """When to end a key or pedal that lacks its end; None to leave it as it is."""
    first = bisect.bisect_right(pauses, hold.start, key=lambda pause: pause[1])
    if first < len(pauses):
        end = max(pauses[first][0], hold.start)
        return end if end < hold.end else None
    return silent if hold.end == math.inf and held[1] is not None else None
