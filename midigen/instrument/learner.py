"""Learns which knob, pad or pedal is to set a control, from the messages that it sends."""

from collections.abc import Sequence
from itertools import pairwise

from midigen.errors import MidigenError
from midigen.instrument.events import Event
from midigen.instrument.panel import sent_by_knob
from midigen.midi import messages as midi
from midigen.midi.messages import Channel, ChannelMessage, NoteOff

_COARSE, _FINE = range(32), range(32, 64)
"""The halves of 14-bit controllers: each fine half is 32 above its coarse half."""

_NONE = 127  # the value that deselects a parameter
_STEPS = (96, 97)  # data increment and decrement
_SELECTORS = (*midi.PARAMETER, *midi.UNREGISTERED)
_PARAMETERS = (midi.DATA_ENTRY, midi.DATA_ENTRY + _FINE.start, *_STEPS, *_SELECTORS)
_IS_PARAMETER = (
    "it sends a parameter (RPN or NRPN, by the controllers 6, 38 and 96 to 101), which midigen "
    "doesn't follow: set it to send a controller of its own on the keyboard"
)

_SMALL_STEPS = {*range(1, 8), *range(57, 64), *range(65, 72), *range(121, 128)}
"""What relative encoders send: up to 7 steps up or down, in each of the usual encodings."""
_ENOUGH = 5  # after so many of these values it is an encoder, not a knob that passes through them
_IS_RELATIVE = (
    "it sends steps (a relative encoder), not positions: set it to absolute mode on the keyboard"
)


def source_of(message: Event) -> dict[str, int] | None:
    """The source of a message, as a mapping names it: `{"cc": 21, "channel": 1}`.

    A controller, a program change or a key that goes down; None for anything else.
    """
    (kind, number, channel), _ = sent_by_knob(message)
    return {kind: number, "channel": channel} if kind and not isinstance(message, NoteOff) else None


class Learner:
    """Finds the source: a key, a program change, or a controller that moves.

    A controller is accepted at its second value, because some send a first one unasked. One that
    could still be something else is accepted after more values, or once it rests. Parameters
    (RPN and NRPN) and relative encoders are refused: midigen doesn't support them.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[Channel, int], list[int]] = {}

    def hear(self, message: Event) -> dict[str, int] | None:
        """The message's source, if it is clearly the intended one.

        Raises MidigenError if midigen doesn't support it.
        """
        source = source_of(message)
        if source is None or "cc" not in source or not isinstance(message, ChannelMessage):
            return source
        channel, number = source["channel"], source["cc"]
        values = self._values.setdefault((channel, number), [])
        values.append(message.data[1])
        if number in _PARAMETERS:
            different = {*values} - ({_NONE} if number in _SELECTORS else set())
            if number in _STEPS or len(different) > 1:  # else it may just be selected once
                raise MidigenError(_IS_PARAMETER)
            return None
        if halves := self._halves(channel, number):
            coarse = {"cc": number % _FINE.start, "channel": channel}
            return coarse if any(map(_moves, halves)) else None
        if number in _FINE:
            return None  # the coarse half may still come
        return source if _is_meant(values, rests=False) else None

    def rest(self) -> dict[str, int] | None:
        """The source that has moved and rests now, if `hear` was still undecided.

        Raises MidigenError if midigen doesn't support it.
        """
        for (channel, number), values in self._values.items():
            if number in _PARAMETERS or self._halves(channel, number):
                continue
            if _is_meant(values, rests=True):
                return {"cc": number, "channel": channel}
        return None

    def _halves(self, channel: Channel, number: int) -> list[list[int]]:
        """The values of both halves of a 14-bit controller, if both have come."""
        if number not in (*_COARSE, *_FINE):
            return []
        coarse = number % _FINE.start
        halves = [self._values.get((channel, each), []) for each in (coarse, coarse + _FINE.start)]
        return halves if all(halves) else []


def _is_meant(values: Sequence[int], *, rests: bool) -> bool:
    """Whether a controller has moved. Raises MidigenError if it is a relative encoder."""
    if not all(value in _SMALL_STEPS for value in values):
        return _moves(values)
    if _may_be_steps(values):
        if len(values) >= _ENOUGH:
            raise MidigenError(_IS_RELATIVE)
        return False
    return _moves(values) and (rests or len(values) >= _ENOUGH)


def _may_be_steps(values: Sequence[int]) -> bool:
    """Whether small values look like an encoder's: repeated, or going back and forth.

    A knob that sends its position goes one way, or turns back once.
    """
    ups = [later > earlier for earlier, later in pairwise(values)]
    turns = sum(later != earlier for earlier, later in pairwise(ups))
    both_ways = len({value // _FINE.start for value in values}) > 1
    return (
        any(later == earlier for earlier, later in pairwise(values))
        or turns > 1
        or (both_ways and (turns > 0 or len(values) < _ENOUGH))
    )


def _moves(values: Sequence[int]) -> bool:
    return len({*values}) > 1
