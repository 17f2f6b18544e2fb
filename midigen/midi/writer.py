"""Writes Standard MIDI Files: at once, or while they are still being played.

The recording of a long session must be a valid file at any moment, so a `MidiFileBuilder` keeps
events as the bytes that the file will hold.
"""

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from midigen import files
from midigen.errors import MidiFileError
from midigen.midi import wire
from midigen.midi.file import Ticks
from midigen.midi.messages import Seconds, TimedMessage

RESOLUTION = 960
"""Ticks a beat in the files that are written: half a millisecond at 120 beats a minute."""

Pieces: TypeAlias = Sequence[bytes | bytearray]
"""The bytes of a file in pieces, in order, so that a long track needn't be copied."""

_NOTE_OFF, _NOTE_ON, _META = 0x80, 0x90, 0xFF
_KIND, _CHANNEL = 0xF0, 0x0F  # the halves of a channel message's status byte
_TEXT, _TRACK_NAME, _END_OF_TRACK, _SET_TEMPO, _TIME_SIGNATURE = 0x01, 0x03, 0x2F, 0x51, 0x58
_QUARTERS = (2, 24, 8)  # a beat is a 2 ** 2th note, of 24 MIDI clocks; 8 thirty-seconds a quarter
_FARTHEST: Ticks = 0x0FFFFFFF  # the largest distance of two events: 38 hours at 120 beats a minute
_MANY_TRACKS = 1  # the format of a file whose tracks sound together
_SLOWEST = 0xFFFFFF  # microseconds a beat: files store them in three bytes
_UNITS = 1_000_000 * RESOLUTION  # units in a second; at n microseconds a beat a tick has n units


def write(path: Path, tracks: Mapping[str, Sequence[TimedMessage]], bpm: float, bar: int) -> None:
    """Write named tracks of messages, with their times in seconds; a bar has `bar` quarters.

    The first track also holds the tempo and the time signature. Raises MidiFileError if the file
    can't be written.
    """
    builder = MidiFileBuilder([*tracks], 0.0, microseconds_a_beat(bpm), bar)
    for number, messages in enumerate(tracks.values()):
        for time, message in messages:
            builder.add(number, bytes(wire.encode(message)), time)
    try:
        files.write(path, builder.pieces(0.0))
    except OSError as exc:
        raise MidiFileError(f"{path}: can't be written: {exc.strerror or exc}") from exc


def microseconds_a_beat(bpm: float) -> int:
    """A tempo as files store it, 1 to 16,777,215."""
    return max(1, min(_SLOWEST, round(60_000_000 / bpm)))


class TempoMap:
    """Seconds to ticks, at a tempo that changes. Tick 0 is at `start`.

    Ticks are counted from the last tempo change as a reader of the file will find it, in whole
    numbers, so that times are right to half a tick however often the tempo changes.
    """

    def __init__(self, start: Seconds, tempo: int) -> None:
        self.tempo = tempo
        self._start = start
        self._tick: Ticks = 0  # of the last change
        self._units = 0  # from the start to the last change

    def tick(self, time: Seconds) -> Ticks:
        """The tick nearest to a time, never before the last tempo change."""
        since = round((time - self._start) * _UNITS) - self._units
        return self._tick + max(0, (2 * since + self.tempo) // (2 * self.tempo))

    def change(self, tempo: int, time: Seconds) -> Ticks:
        """Change the tempo at a time, and return the tick where the new tempo begins."""
        tick = self.tick(time)
        self._units += (tick - self._tick) * self.tempo
        self._tick, self.tempo = tick, tempo
        return tick


class MidiFileBuilder:
    """A file that grows. Its tracks follow one tempo, which stands in the first, the conductor.

    `names` are the tracks', `start` is the time of tick 0, `tempo` the first tempo in
    microseconds a beat, and `bar` the number of quarters in a bar.
    """

    def __init__(self, names: Sequence[str], start: Seconds, tempo: int, bar: int) -> None:
        self._tempo = TempoMap(start, tempo)
        self._tracks = [TrackBuilder(name) for name in names]
        self._conductor = self._tracks[0]
        self._conductor.add(0, _meta(_TIME_SIGNATURE, bytes([bar, *_QUARTERS])))
        self._conductor.add(0, _set_tempo(tempo))

    @property
    def messages(self) -> int:
        """The number of messages on all tracks."""
        return sum(track.messages for track in self._tracks)

    def change_tempo(self, tempo: int, time: Seconds) -> None:
        """Change the tempo at a time, to so many microseconds a beat."""
        if tempo != self._tempo.tempo:
            self._conductor.add(self._tempo.change(tempo, time), _set_tempo(tempo))

    def add(self, track: int, message: bytes, time: Seconds) -> None:
        """Add a channel message to a track."""
        self._tracks[track].message(self._tempo.tick(time), message)

    def ends_nothing(self, track: int, message: bytes) -> bool:
        """Whether a message is a note-off for a note that isn't sounding on a track."""
        return self._tracks[track].ends_nothing(message)

    def pieces(self, end: Seconds) -> Pieces:
        """The file as it is if it ends at a time, or with its last event if that comes later.

        Notes that are still sounding end there.
        """
        last = max(self._tempo.tick(end), *(track.last for track in self._tracks))
        header = struct.pack(">4sI3H", b"MThd", 6, _MANY_TRACKS, len(self._tracks), RESOLUTION)
        return [header, *(piece for track in self._tracks for piece in track.pieces(last))]


class TrackBuilder:
    """The events of one track as bytes, which are only ever added to."""

    def __init__(self, name: str) -> None:
        self.last: Ticks = 0
        """The tick of the newest event."""
        self.messages = 0
        """The number of channel messages."""
        self._events = bytearray(b"\0" + _meta(_TRACK_NAME, name.encode()))
        self._sounding: Counter[tuple[int, int]] = Counter()  # channel and pitch

    def add(self, tick: Ticks, event: bytes) -> None:
        """Add a meta event; if it is older than the newest event, it is put at its tick."""
        self._events += _distance(max(0, tick - self.last)) + event
        self.last = max(tick, self.last)

    def message(self, tick: Ticks, message: bytes) -> None:
        """Add a channel message, as `add` does."""
        if (note := _note(message)) is not None:
            if _begins(message):
                self._sounding[note] += 1
            elif self._sounding[note] > 1:
                self._sounding[note] -= 1
            else:
                del self._sounding[note]  # which a Counter needn't have
        self.messages += 1
        self.add(tick, message)

    def ends_nothing(self, message: bytes) -> bool:
        """Whether a message is a note-off for a note that isn't sounding."""
        note = _note(message)
        return note is not None and not _begins(message) and note not in self._sounding

    def pieces(self, end: Ticks) -> Pieces:
        """The track's chunk if it ends at a tick, where notes that are still sounding end."""
        sounding = self._sounding.elements()
        ends = [bytes([_NOTE_OFF | channel, pitch, 0]) for channel, pitch in sounding]
        events = [*ends, _meta(_END_OF_TRACK, b"")]
        ending = _distance(max(0, end - self.last)) + b"\0".join(events)  # all at once
        length = len(self._events) + len(ending)
        return [b"MTrk" + length.to_bytes(4, "big"), self._events, ending]


def variable_length(number: int) -> bytes:
    """Encode a number as files do: seven bits a byte, the top bit set in all but the last."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _set_tempo(tempo: int) -> bytes:
    return _meta(_SET_TEMPO, tempo.to_bytes(3, "big"))


def _meta(kind: int, data: bytes) -> bytes:
    return bytes([_META, kind]) + variable_length(len(data)) + data


def _distance(ticks: Ticks) -> bytes:
    """The time since the event before; one that is too long is bridged by empty texts."""
    bridges, rest = divmod(ticks, _FARTHEST)
    return (variable_length(_FARTHEST) + _meta(_TEXT, b"")) * bridges + variable_length(rest)


def _note(message: bytes) -> tuple[int, int] | None:
    """The channel (from 0) and pitch of a note-on or note-off; None for other messages."""
    kind = message[0] & _KIND
    return (message[0] & _CHANNEL, message[1]) if kind in (_NOTE_ON, _NOTE_OFF) else None


def _begins(message: bytes) -> bool:
    return message[0] & _KIND == _NOTE_ON and message[2] > 0
