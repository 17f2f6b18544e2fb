"""Reads Standard MIDI Files, whoever wrote them and however damaged they are.

A file that other programs play can be read here too. Whatever surrounds the header and the tracks
is skipped, and meta events that make no sense are ignored. Of a damaged file, what is readable is
kept, with a note of what is wrong. Time and memory grow with a file's size, which is limited.
"""

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

from midigen.errors import MidiFileError
from midigen.midi import wire
from midigen.midi.file import KeySignature, MidiFile, TimeSignature, Track

LARGEST = 4 * 2**20
"""The largest file that is read, in bytes: four hours of seventy messages a second."""

_HEADER, _TRACK = b"MThd", b"MTrk"
_HEAD = 8  # bytes of a chunk before its content: its kind and its length
_CHUNK = re.compile(rb"MThd|MTrk")
_FOREIGN = re.compile(rb"[ -~]{4}")  # the kind of a chunk that isn't known here
_END = b"\xff\x2f\0"  # the event that ends a track
_APART = 2  # the format of a file whose tracks are pieces of their own
_MOST_DAMAGES = 2  # kinds of damage that are named

_STATUS, _SYSEX, _ESCAPE, _META = 0x80, 0xF0, 0xF7, 0xFF
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages, which files mustn't hold
_TRACK_NAME, _END_OF_TRACK, _TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x03, 0x2F, 0x51, 0x58, 0x59
_LENGTHS = {_TEMPO: 3, _TIME_SIGNATURE: 4, _KEY_SIGNATURE: 2}
_LONGEST_NUMBER = 4  # bytes, with seven bits each
_SHORTEST_BEAT = 64  # a time signature in shorter notes than sixty-fourths is ignored
_MOST_SIGNS = 7  # sharps or flats of a key


def load(path: Path) -> MidiFile:
    """Read a file whose times are in beats; data bytes over 127 are read as 127.

    A damaged file is read as far as possible (see `MidiFile.damage`), and a file may be without
    notes. Raises MidiFileError if it can't be read, is too large, isn't a MIDI file, or has its
    times in SMPTE frames.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        return _parsed(path, content)
    except OSError as exc:
        raise MidiFileError(f"{path}: can't be read: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise MidiFileError(f"{path}: {exc}") from None


def _parsed(path: Path, content: bytes) -> MidiFile:
    """Parse the bytes of a file. Raises ValueError, with the reason."""
    if not content:
        raise ValueError("the file is empty")
    if len(content) > LARGEST:
        most = f"{LARGEST // 2**20} MiB, the most that is read"
        raise ValueError(f"larger than {most}: cut it into parts")
    header = content.find(_HEADER)
    if header < 0:
        raise ValueError("not a MIDI file: it has no MThd header")
    start = header + _HEAD
    if len(content) < start + 6:
        raise ValueError("the file breaks off in its header")
    kind, announced, division = struct.unpack_from(">3H", content, start)
    if division >= 1 << 15:
        raise ValueError("its times are in SMPTE frames, not in beats: save it with ticks per beat")
    if not division:
        raise ValueError("it has 0 ticks per beat: save it with some")
    after = _chunk_end(content, header)
    tracks, damages = _tracks(content, after if _is_place(content, after) else start + 6, announced)
    more = ["more is wrong"] if len(damages) > _MOST_DAMAGES else []
    damage = " and ".join(damages[:_MOST_DAMAGES] + more)
    return MidiFile(path, division, tracks, kind == _APART, damage)


def _tracks(content: bytes, at: int, announced: int) -> tuple[list[Track], list[str]]:
    """Read all tracks from a place on; also returns what is wrong with them."""
    tracks: list[Track] = []
    damages: list[str] = []
    while (found := _next_track(content, at)) is not None:
        track, at, damage = _read_track(content, found)
        tracks.append(track)
        if damage:
            damages.append(f"track {len(tracks)} {damage}")
    if len(tracks) < announced:
        damages.append(f"it has {len(tracks)} of {announced} tracks")
    return tracks, damages


def _next_track(content: bytes, at: int) -> int | None:
    """Find where the next track begins, past other chunks and bytes that are in no chunk.

    A second header belongs to another file that was appended, so the search ends there.
    """
    while _is_foreign(content, padded := at + content.startswith(b"\0", at)):
        at = _chunk_end(content, padded)
    match = _CHUNK.search(content, at)
    return match.start() if match and match[0] == _TRACK else None


def _chunk_end(content: bytes, at: int) -> int:
    return at + _HEAD + int.from_bytes(content[at + 4 : at + _HEAD], "big")


def _is_foreign(content: bytes, at: int) -> bool:
    """Whether a complete chunk of a kind that MIDI files don't define is at a place."""
    kind = content[at : at + 4]
    return (
        kind not in (_HEADER, _TRACK)
        and _FOREIGN.fullmatch(kind) is not None
        and _chunk_end(content, at) <= len(content)
    )


def _is_place(content: bytes, at: int) -> bool:
    """Whether a chunk can end at a place: another one begins there, or the file ends."""
    return at == len(content) or content.startswith(_TRACK, at) or _is_foreign(content, at)


def _read_track(content: bytes, at: int) -> tuple[Track, int, str]:
    """Read a track. Also returns where it ends, and its damage; "" for none.

    A track's length is trusted if a chunk can end there. If not, the track ends with its
    end-of-track event, or where the next track begins.
    """
    start, end = at + _HEAD, _chunk_end(content, at)
    limit = end
    if not _is_place(content, end):
        following = content.find(_TRACK, start)
        limit = len(content) if following < 0 else following
        if end < limit and content.find(_END, max(start, end - len(_END) + 1), limit) < 0:
            limit = end
    reader = _TrackReader(content, start, limit)
    is_whole = reader.read()
    ends_itself = reader.has_ended and (limit != end or content.startswith(_TRACK, reader.at))
    after = reader.at if ends_itself else limit
    if end > limit == len(content) and not ends_itself:
        return reader.track, after, "breaks off"
    if not is_whole:
        return reader.track, after, f"makes no sense from byte {reader.at} on"
    return reader.track, after, "" if after == end else "has another length than it says"


@dataclass
class _TrackReader:
    """Reads events from `at` on, where the next one begins, up to `limit`, into `track`."""

    content: bytes
    at: int
    limit: int
    track: Track = field(default_factory=Track)
    has_ended: bool = False  # with the event that ends a track
    status: int = 0  # running status; files keep it across meta events and sysex too
    is_named: bool = False

    def read(self) -> bool:
        """Read to the end. Returns False at an event that is incomplete or makes no sense."""
        while self.at < self.limit and not self.has_ended:
            begin = self.at
            try:
                self.track.end += self._number()
                self._event()
            except ValueError:
                self.at = begin
                return False
        return True

    def _event(self) -> None:
        first = self.content[self.at] if self.at < self.limit else 0
        if first >= _STATUS:
            self.at += 1
        if _STATUS <= first < _SYSEX:
            self.status = first
        if first < _SYSEX:
            self._channel_message()
        elif first == _META:
            (kind,) = self._bytes(1)
            self._meta(kind, self._bytes(self._number()))
        elif first in (_SYSEX, _ESCAPE):
            self._bytes(self._number())
        else:
            self._bytes(_SYSTEM.get(first, 0))

    def _channel_message(self) -> None:
        if not self.status:
            raise ValueError("data without a status")
        data = self._bytes(wire.data_length(self.status))
        message = wire.decode(self.status, *(min(byte, 127) for byte in data))
        self.track.messages.append((self.track.end, message))

    def _meta(self, kind: int, data: bytes) -> None:
        """Keep what a meta event says, unless it makes no sense."""
        if kind == _END_OF_TRACK:
            self.has_ended = True
        elif kind == _TRACK_NAME:
            if not self.is_named:
                self.track.name = _text(data)
            self.is_named = True
        elif len(data) != _LENGTHS.get(kind):
            return
        elif kind == _TEMPO:
            if tempo := int.from_bytes(data, "big"):
                self.track.tempos.append((self.track.end, tempo))
        elif kind == _TIME_SIGNATURE:
            count, power = data[:2]
            if count and 1 << power <= _SHORTEST_BEAT:
                signature = TimeSignature(count, 1 << power)
                self.track.time_signatures.append((self.track.end, signature))
        else:
            sharps = int.from_bytes(data[:1], "big", signed=True)
            if abs(sharps) <= _MOST_SIGNS and data[1] <= 1:
                key = KeySignature(sharps, is_minor=bool(data[1]))
                self.track.key_signatures.append((self.track.end, key))

    def _number(self) -> int:
        """Read a variable-length number: seven bits a byte, the top bit set in all but the last."""
        number = 0
        for byte in self.content[self.at : min(self.at + _LONGEST_NUMBER, self.limit)]:
            self.at += 1
            number = number << 7 | byte & 0x7F
            if byte < _STATUS:
                return number
        raise ValueError("a number without an end")

    def _bytes(self, size: int) -> bytes:
        if self.at + size > self.limit:
            raise ValueError("more than there is")
        self.at += size
        return self.content[self.at - size : self.at]


def _text(data: bytes) -> str:
    """Decode UTF-8, or else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
