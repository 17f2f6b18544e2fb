"""MIDI files that may come from anywhere, as mido has them.

What other programs play is played: what a file says wrongly, or in a way that isn't of use
here, is left out, and of a damaged one all that can be understood is there. (mido itself
refuses such files, and takes a time that grows with the square of the length of some.)
Whatever is in a file, reading takes time and memory in proportion to its size, and that is
limited.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import mido

from midigen.errors import MidiFileError

LARGEST = 4 * 2**20
"""Bytes of a file that is read: four hours of seventy messages a second have as many."""

_HEADER, _TRACK = b"MThd", b"MTrk"
_CHUNK = re.compile(rb"[ -~]{4}")  # the name of any
_HEAD = 8  # bytes before what is in a chunk: its name and length
_FEWEST = 6  # bytes of a header: format, tracks, ticks a beat
_FORMATS = range(3)

_META, _SYSEX, _ESCAPE, _FIRST_STATUS, _FIRST_SYSTEM = 0xFF, 0xF0, 0xF7, 0x80, 0xF0
_SYSTEM_LENGTHS = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes; the others have none
_ONE_BYTE = (0xC0, 0xD0)  # channel messages of one data byte
_HIGHEST = 127
_LONGEST_NUMBER = 4  # bytes

_END = 0x2F  # of the meta messages, the end of the track
_LARGEST_POWER = 8  # of two, below a bar's fraction line: 256ths
_KEYS = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINOR_KEYS = (
    *("Abm", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "C#m", "G#m"),
    *("D#m", "A#m"),
)
_SEVEN_FLATS = -7


class _BrokenError(Exception):
    """The rest of a track can't be understood. The text says why."""


def load(path: Path, tell: Callable[[str], None] = lambda _: None) -> mido.MidiFile:
    """Read a file whose times are in beats; data bytes beyond 127 count as 127.

    Of meta messages it has names (in UTF-8, else Latin-1), tempi, time and key signatures.
    `tell` is called with a line where the file is damaged. Raises MidiFileError if it can't be
    read, is too large, isn't a MIDI file, or has its times in SMPTE's frames.
    """
    content = _content(path)
    if not content:
        raise MidiFileError(f"{path}: the file is empty")
    start = content.find(_HEADER)  # it may be wrapped in another format's, such as RIFF's
    if start < 0:
        raise MidiFileError(f"{path}: not a MIDI file")
    header, position = _header(path, content, start)
    if header.ticks_per_beat < 0:  # frames a second
        raise MidiFileError(f"{path}: its times aren't in beats: save it with ticks per beat")
    if not header.ticks_per_beat:
        raise MidiFileError(f"{path}: it says that a beat has no ticks")
    tracks = [*_tracks(content, position)]
    if not tracks:
        raise MidiFileError(f"{path}: there are no tracks in it")
    damage = [
        f"track {number} {each.damage}" for number, each in enumerate(tracks, 1) if each.damage
    ]
    if len(tracks) < header.tracks:
        damage.append(f"it has {len(tracks)} of {header.tracks} tracks")
    if damage:
        tell(f"{path}: the file is damaged ({damage[0]}): what is there is taken")
    return mido.MidiFile(
        type=header.format if header.format in _FORMATS else 1,
        ticks_per_beat=header.ticks_per_beat,
        tracks=[each.track for each in tracks],
    )


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as exc:
        raise MidiFileError(f"{path}: can't be read: {exc.strerror or exc}") from exc
    if len(content) > LARGEST:
        raise MidiFileError(
            f"{path}: larger than {LARGEST // 2**20} MiB, the most that is read: cut it into parts"
        )
    return content


# --- chunks


@dataclass(frozen=True)
class _Header:
    format: int
    tracks: int
    ticks_per_beat: int


@dataclass(frozen=True)
class _Track:
    track: mido.MidiTrack
    end: int  # where the file goes on
    damage: str = ""


def _header(path: Path, content: bytes, start: int) -> tuple[_Header, int]:
    """What the header says, and where the chunks after it begin."""
    size = int.from_bytes(content[start + 4 : start + _HEAD], "big")
    data = content[start + _HEAD : start + _HEAD + _FEWEST]
    if len(data) < _FEWEST:
        raise MidiFileError(f"{path}: the file breaks off in its header")
    numbers = [int.from_bytes(data[place : place + 2], "big", signed=True) for place in (0, 2, 4)]
    end = start + _HEAD + max(size, _FEWEST)
    if content[end : end + 4] != _TRACK and not _CHUNK.match(content, end):  # its size is wrong
        end = start + _HEAD + _FEWEST
    return _Header(*numbers), end


def _tracks(content: bytes, position: int) -> Iterator[_Track]:
    """The tracks from a place on; chunks of other names are stepped over."""
    while position + _HEAD <= len(content):
        name = content[position : position + 4]
        size = int.from_bytes(content[position + 4 : position + _HEAD], "big")
        if name == _TRACK:
            track = _read_track(content, position + _HEAD, size)
            yield track
            position = track.end
        elif _CHUNK.match(name) and position + _HEAD + size <= len(content):
            position += _HEAD + size
        else:
            found = content.find(_TRACK, position + 1)
            position = found if found >= 0 else len(content)


def _read_track(content: bytes, start: int, size: int) -> _Track:
    """A track. If its length is wrong, it goes to its own end, and the file goes on there."""
    end = start + size
    is_right = end == len(content) or (end < len(content) and _goes_on(content, end))
    reader = _Reader(content, start, end if is_right else len(content))
    damage = ""
    try:
        reader.read()
    except _BrokenError as exc:
        damage = f"breaks off: {exc}" if str(exc) else "breaks off"
    if is_right or reader.position == end:  # whatever comes after it
        return _Track(reader.track, end, damage)
    after = reader.position
    if damage:  # look for the next one in what could not be understood
        found = content.find(_TRACK, start)
        after = found if found >= 0 else len(content)
    return _Track(reader.track, after, damage or "has another length than it says")


def _goes_on(content: bytes, position: int) -> bool:
    """Whether another chunk may begin here; RIFF fills up to an even place."""
    return any(
        content.startswith(_TRACK, at) or _CHUNK.match(content, at)
        for at in (position, position + 1)
    )


# --- events


class _Reader:
    """Reads the events of one track, up to its end or a place in the file."""

    def __init__(self, content: bytes, position: int, limit: int) -> None:
        self.track = mido.MidiTrack()
        self.position = position
        self._content = content
        self._limit = limit
        self._wait = 0  # ticks since the last message that was kept

    def read(self) -> None:
        """Read all of it. Raises _BrokenError, with what was understood in `track`."""
        status = 0
        while self.position < self._limit:
            self._wait += self._number()
            byte = self._byte()
            if byte < _FIRST_STATUS:
                if not status:
                    raise _BrokenError("there is data without a status")
                self.position -= 1
                self._channel_message(status)
            elif byte < _FIRST_SYSTEM:
                status = byte
                self._channel_message(status)
            elif byte == _META:
                kind = self._byte()
                if kind == _END:
                    self._data(self._number())
                    self._keep(mido.MetaMessage("end_of_track"))
                    return
                self._meta(kind, self._data(self._number()))
            elif byte in (_SYSEX, _ESCAPE):
                self._data(self._number())
            else:
                self._data(_SYSTEM_LENGTHS.get(byte, 0))
        if self._limit == len(self._content):  # nothing came after it that could be its end
            raise _BrokenError

    def _keep(self, message: mido.Message | mido.MetaMessage) -> None:
        message.time = self._wait
        self.track.append(message)
        self._wait = 0

    def _channel_message(self, status: int) -> None:
        data = self._data(1 if status & 0xF0 in _ONE_BYTE else 2)
        self._keep(mido.Message.from_bytes([status, *(min(byte, _HIGHEST) for byte in data)]))

    def _meta(self, kind: int, data: bytes) -> None:
        """Keep a meta message that is of use here and is as it must be."""
        match kind, len(data):
            case (0x03, _):
                self._keep(mido.MetaMessage("track_name", name=_text(data)))
            case (0x51, 3) if any(data):
                tempo = int.from_bytes(data, "big")
                self._keep(mido.MetaMessage("set_tempo", tempo=tempo))
            case (0x58, 4) if data[0] and data[1] <= _LARGEST_POWER:
                self._keep(
                    mido.MetaMessage("time_signature", numerator=data[0], denominator=2 ** data[1])
                )
            case (0x59, 2):
                fifths = int.from_bytes(data[:1], "big", signed=True) - _SEVEN_FLATS
                names = {0: _KEYS, 1: _MINOR_KEYS}.get(data[1], ())
                if 0 <= fifths < len(names):
                    self._keep(mido.MetaMessage("key_signature", key=names[fifths]))

    def _byte(self) -> int:
        return self._data(1)[0]

    def _number(self) -> int:
        """A number of variable length."""
        number = 0
        for _ in range(_LONGEST_NUMBER):
            byte = self._byte()
            number = number << 7 | byte & 0x7F
            if byte < _FIRST_STATUS:
                return number
        raise _BrokenError("a number is longer than four bytes")

    def _data(self, length: int) -> bytes:
        end = self.position + length
        if end > self._limit:
            raise _BrokenError
        data = self._content[self.position : end]
        self.position = end
        return data


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
