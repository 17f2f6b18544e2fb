"""A MIDI file that grows while it is played: whole at every moment, as bytes. No I/O.

`writer` is for a file that is written once; for one that must be whole every second of a long
session, messages are kept as the bytes that they are in it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from midigen.midi.messages import Seconds
from midigen.midi.ticks import TICKS_PER_BEAT, TempoMap, Ticks

Pieces: TypeAlias = Sequence[bytes | bytearray]
"""What makes a file, one after another: in pieces, so that a long track isn't copied."""

_NOTE_OFF, _NOTE_ON, _META = 0x80, 0x90, 0xFF
_KIND, _CHANNEL = 0xF0, 0x0F  # the halves of a channel message's status byte
_TEXT, _TRACK_NAME, _END_OF_TRACK, _SET_TEMPO, _TIME_SIGNATURE = 0x01, 0x03, 0x2F, 0x51, 0x58
_QUARTERS = (2, 24, 8)  # 2 ** 2 is a quarter, of 24 clocks, of 8 thirty-seconds
_LONGEST: Ticks = 0x0FFFFFFF  # that may lie between two events: 38 hours at 120 beats a minute
_MANY_TRACKS = 1  # the format of a file whose tracks sound together


def variable_length(number: int) -> bytes:
    """A number as a file writes it: seven bits a byte, the top bit set but in the last."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


class Track:
    """The events of one track as bytes, which only ever grow."""

    def __init__(self, name: str) -> None:
        self.last: Ticks = 0
        """The tick of the newest event."""
        self.messages = 0
        """How many channel messages there are."""
        self._events = bytearray(b"\0" + _meta(_TRACK_NAME, name.encode()))
        self._sounding: Counter[tuple[int, int]] = Counter()  # channel and pitch

    def meta(self, tick: Ticks, event: bytes) -> None:
        """Add a tempo, a time signature or the like."""
        self._add(tick, event)

    def message(self, tick: Ticks, message: bytes) -> None:
        """Add a channel message; one that comes late counts as of the newest tick."""
        if (note := _note(message)) is not None:
            if _begins(message):
                self._sounding[note] += 1
            else:
                self._end(note)
        self.messages += 1
        self._add(tick, message)

    def ends_nothing(self, message: bytes) -> bool:
        """Whether a message is the end of a note that doesn't sound."""
        note = _note(message)
        return note is not None and not _begins(message) and note not in self._sounding

    def pieces(self, end: Ticks) -> Pieces:
        """The track as a file has it, up to a tick at which whatever sounds is ended."""
        distance = max(0, end - self.last)
        ending = bytearray()
        for channel, pitch in self._sounding.elements():
            ending += _distance(distance) + bytes([_NOTE_OFF | channel, pitch, 0])
            distance = 0
        ending += _distance(distance) + _meta(_END_OF_TRACK, b"")
        length = len(self._events) + len(ending)
        return [b"MTrk" + length.to_bytes(4, "big"), self._events, ending]

    def _add(self, tick: Ticks, event: bytes) -> None:
        self._events += _distance(max(0, tick - self.last)) + event
        self.last = max(tick, self.last)

    def _end(self, note: tuple[int, int]) -> None:
        self._sounding[note] -= 1
        if self._sounding[note] <= 0:
            del self._sounding[note]


class Score:
    """A file: tracks that follow one tempo, which the first of them, the conductor, holds.

    Tick 0 is at `start`; `tempo` is the first, `bar` the quarters of a bar.
    """

    def __init__(self, names: Sequence[str], start: Seconds, tempo: int, bar: int) -> None:
        self._tempo = TempoMap(start, tempo)
        self._tracks = [Track(name) for name in names]
        self._conductor = self._tracks[0]
        self._conductor.meta(0, _meta(_TIME_SIGNATURE, bytes([bar, *_QUARTERS])))
        self._conductor.meta(0, _set_tempo(tempo))

    @property
    def messages(self) -> int:
        """How many messages there are on all tracks."""
        return sum(track.messages for track in self._tracks)

    def change_tempo(self, tempo: int, time: Seconds) -> None:
        """The tempo is another from this time on, in microseconds a beat."""
        if tempo != self._tempo.tempo:
            self._conductor.meta(self._tempo.change(tempo, time), _set_tempo(tempo))

    def add(self, track: int, message: bytes, time: Seconds) -> None:
        """Add a channel message to a track."""
        self._tracks[track].message(self._tempo.tick(time), message)

    def ends_nothing(self, track: int, message: bytes) -> bool:
        """Whether a message is the end of a note that doesn't sound on a track."""
        return self._tracks[track].ends_nothing(message)

    def pieces(self, end: Seconds) -> Pieces:
        """The file, if it ends at this time: whatever sounds then is ended."""
        last = max(self._tempo.tick(end), *(track.last for track in self._tracks))
        tracks = [piece for track in self._tracks for piece in track.pieces(last)]
        return [_header(len(self._tracks)), *tracks]


def _header(tracks: int) -> bytes:
    numbers = (_MANY_TRACKS, tracks, TICKS_PER_BEAT)
    return b"MThd\0\0\0\6" + b"".join(number.to_bytes(2, "big") for number in numbers)


def _set_tempo(tempo: int) -> bytes:
    return _meta(_SET_TEMPO, tempo.to_bytes(3, "big"))


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([_META, kind]) + variable_length(len(data)) + data


def _distance(ticks: Ticks) -> bytes:
    """How far an event is from the one before it; over days, with empty texts between."""
    rests, rest = divmod(ticks, _LONGEST)
    return (variable_length(_LONGEST) + _meta(_TEXT, b"")) * rests + variable_length(rest)


def _note(message: bytes) -> tuple[int, int] | None:
    """Channel (from 0) and pitch of a note's beginning or end."""
    kind = message[0] & _KIND
    return (message[0] & _CHANNEL, message[1]) if kind in (_NOTE_ON, _NOTE_OFF) else None


def _begins(message: bytes) -> bool:
    return message[0] & _KIND == _NOTE_ON and message[2] > 0
