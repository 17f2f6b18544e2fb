"""MIDI files that may come from anywhere: read as they are, not as they should be.

What other programs play is played: whatever is around the header and the tracks is stepped
over, meta events that make no sense are passed over, and of a file that is damaged counts what
is there, with a sentence that says so. Reading takes time and memory in proportion to a file's
size, and that is limited.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

from midigen.errors import MidiFileError
from midigen.midi import wire
from midigen.midi.messages import Message
from midigen.midi.ticks import TickClock, Ticks, Timed

LARGEST = 4 * 2**20
"""Bytes of a file that is read: four hours of seventy messages a second have as many."""

_HEADER, _TRACK = b"MThd", b"MTrk"
_HEAD = 8  # bytes of a chunk before its content: its kind and its length
_CHUNK = re.compile(rb"MThd|MTrk")
_FOREIGN = re.compile(rb"[ -~]{4}")  # the kind of a chunk that isn't known here
_END = b"\xff\x2f\0"  # the event that ends a track
_LONGEST_NUMBER = 4  # bytes, each of which has seven bits
_STATUS, _SYSEX, _ESCAPE, _META = 0x80, 0xF0, 0xF7, 0xFF
_ONE_BYTE = (0xC0, 0xD0)  # channel messages of one data byte
_SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages, which no file may have
_TRACK_NAME, _END_OF_TRACK, _TEMPO, _TIME_SIGNATURE, _KEY_SIGNATURE = 0x03, 0x2F, 0x51, 0x58, 0x59
_LENGTHS = {_TEMPO: 3, _TIME_SIGNATURE: 4, _KEY_SIGNATURE: 2}
_SHORTEST_BEAT = 64  # that a time signature is believed, as a part of a whole note
_MOST_SIGNS = 7  # sharps or flats of a key
_APART = 2  # the format of a file whose tracks are pieces of their own
_TOLD = 2  # kinds of damage

_T = TypeVar("_T")


class TimeSignature(NamedTuple):
    """So many beats a bar, each of them one `unit`th of a whole note."""

    beats: int
    unit: int


class KeySignature(NamedTuple):
    """So many sharps, or flats if negative, -7…7, of a major or a minor key."""

    sharps: int
    is_minor: bool


@dataclass
class Track:
    """What a track plays and says, each with its tick, in order."""

    name: str = ""
    messages: list[Timed[Message]] = field(default_factory=list)
    tempos: list[Timed[int]] = field(default_factory=list)
    """Microseconds a beat, more than none."""
    time_signatures: list[Timed[TimeSignature]] = field(default_factory=list)
    key_signatures: list[Timed[KeySignature]] = field(default_factory=list)
    end: Ticks = 0


@dataclass(frozen=True)
class MidiFile:
    """What is in a file; `damage` says what isn't as it should be, or is empty."""

    path: Path
    ticks_per_beat: int
    tracks: list[Track]
    is_apart: bool
    """Its tracks are pieces of their own, one after another."""
    damage: str = ""

    @cached_property
    def tempos(self) -> list[Timed[int]]:
        """Those of all tracks; of several at one tick the last counts."""
        return _in_order(track.tempos for track in self.tracks)

    @cached_property
    def time_signatures(self) -> list[Timed[TimeSignature]]:
        """Those of all tracks."""
        return _in_order(track.time_signatures for track in self.tracks)

    @cached_property
    def key_signatures(self) -> list[Timed[KeySignature]]:
        """Those of all tracks."""
        return _in_order(track.key_signatures for track in self.tracks)

    @cached_property
    def messages(self) -> list[Timed[Message]]:
        """Those of all tracks, as they sound together."""
        return _in_order(track.messages for track in self.tracks)

    @cached_property
    def clock(self) -> TickClock:
        """When its ticks are."""
        return TickClock(self.ticks_per_beat, self.tempos)

    @property
    def notice(self) -> str:
        """What to tell whoever uses a damaged file; empty for another."""
        return f"the file is damaged ({self.damage}): what is there is taken" if self.damage else ""

    def refusal(self, why: str) -> MidiFileError:
        """The error for a file that lacks something, which may be because it is damaged."""
        because = f" ({self.damage})" if self.damage else ""
        return MidiFileError(f"{self.path}: {why}{because}")


def load(path: Path) -> MidiFile:
    """Read a file whose times are in beats; data bytes beyond 127 count as 127.

    Raises MidiFileError if it can't be read, is too large, is no MIDI file, or has its times in
    SMPTE's frames. One that is damaged isn't refused, nor is one without notes.
    """
    content = _content(path)
    try:
        return _parsed(path, content)
    except ValueError as exc:
        raise MidiFileError(f"{path}: {exc}") from None


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


def _in_order(of_tracks: Iterable[list[Timed[_T]]]) -> list[Timed[_T]]:
    return sorted(chain.from_iterable(of_tracks), key=lambda timed: timed[0])


# --- chunks


def _parsed(path: Path, content: bytes) -> MidiFile:
    """What the bytes of a file say. Raises ValueError, with the reason."""
    if not content:
        raise ValueError("the file is empty")
    header = content.find(_HEADER)
    if header < 0:
        raise ValueError("not a MIDI file: it has no header of one (MThd)")
    start = header + _HEAD
    if len(content) < start + 6:
        raise ValueError("the file breaks off in its header")
    kind, announced, division = (_whole(content, start + at, 2) for at in (0, 2, 4))
    if division >= 1 << 15:
        raise ValueError(
            "its times are in SMPTE frames and not in beats: save it with ticks per beat"
        )
    if not division:
        raise ValueError("it says that a beat has no ticks: save it with some")
    after = start + _whole(content, header + 4, 4)
    tracks, damages = _tracks(content, after if _is_place(content, after) else start + 6, announced)
    more = ["more is wrong"] if len(damages) > _TOLD else []
    return MidiFile(path, division, tracks, kind == _APART, " and ".join(damages[:_TOLD] + more))


def _whole(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "big")


def _tracks(content: bytes, at: int, announced: int) -> tuple[list[Track], list[str]]:
    """All tracks from a place on, and what is wrong with them."""
    tracks: list[Track] = []
    damages: list[str] = []
    found = _next_track(content, at)
    while found is not None:
        name = f"track {len(tracks) + 1}"
        track, after, damage = _read_track(content, found)
        tracks.append(track)
        if damage:
            damages.append(damage.format(name))
        found = _next_track(content, after)
    if len(tracks) < announced:
        damages.append(f"it has {len(tracks)} of {announced} tracks")
    return tracks, damages


def _next_track(content: bytes, at: int) -> int | None:
    """Where the next track begins, other chunks and what is no chunk left out.

    Another header is another file's, which may come after.
    """
    while _is_foreign(content, padded := at + content.startswith(b"\0", at)):
        at = _chunk_end(content, padded)
    match = _CHUNK.search(content, at)
    return match.start() if match and match[0] == _TRACK else None


def _chunk_end(content: bytes, at: int) -> int:
    return at + _HEAD + _whole(content, at + 4, 4)


def _is_foreign(content: bytes, at: int) -> bool:
    """Whether a chunk that isn't of a MIDI file is at a place, and whole."""
    kind = content[at : at + 4]
    return (
        kind not in (_HEADER, _TRACK)
        and _FOREIGN.fullmatch(kind) is not None
        and _chunk_end(content, at) <= len(content)
    )


def _is_place(content: bytes, at: int) -> bool:
    """Whether a chunk can end at a place: another one begins there, or the file has ended."""
    return at == len(content) or content.startswith(_TRACK, at) or _is_foreign(content, at)


def _read_track(content: bytes, at: int) -> tuple[Track, int, str]:
    """A track, where it ends, and what is wrong with it, with a place for its name.

    Its length is believed if it leads to a place where a chunk can end. Else the event that
    ends it says where that is, or the next track does.
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
    return reader.track, *_ending(content, reader, end, limit, is_whole=is_whole)


def _ending(
    content: bytes, reader: "_TrackReader", end: int, limit: int, *, is_whole: bool
) -> tuple[int, str]:
    """Where a track that was read ends, and what is wrong with it."""
    breaks_off = end > limit == len(content)
    if not is_whole:
        senseless = f"{{}} makes no sense from byte {reader.at} on"
        return limit, "{} breaks off" if breaks_off else senseless
    if reader.has_ended and (limit != end or content.startswith(_TRACK, reader.at)):
        damage = "" if reader.at == end else "{} has another length than it says"
        return reader.at, damage
    if breaks_off:
        return limit, "{} breaks off"
    return limit, "" if limit == end else "{} has another length than it says"


# --- events


class _TrackReader:
    """The events of a track, from a place to a limit at most."""

    def __init__(self, content: bytes, at: int, limit: int) -> None:
        self.track = Track()
        self.at = at
        """Where the next event begins."""
        self.has_ended = False
        """It came to the event that ends a track."""
        self._content = content
        self._limit = limit
        self._status = 0  # the running status: files have it run on after other events, too
        self._is_named = False
        self._decoder = wire.Decoder()

    def read(self) -> bool:
        """Read on to the end. False if there is an event that isn't whole or makes no sense."""
        while self.at < self._limit and not self.has_ended:
            begin = self.at
            try:
                self.track.end += self._number()
                self._event()
            except ValueError:
                self.at = begin
                return False
        return True

    def _event(self) -> None:
        first = self._content[self.at] if self.at < self._limit else 0
        if first < _STATUS:
            self._channel_message(self._status)
            return
        self.at += 1
        if first < _SYSEX:
            self._status = first
            self._channel_message(first)
        elif first == _META:
            (kind,) = self._bytes(1)
            self._meta(kind, self._bytes(self._number()))
        elif first in (_SYSEX, _ESCAPE):
            self._bytes(self._number())
        else:
            self._bytes(_SYSTEM.get(first, 0))

    def _channel_message(self, status: int) -> None:
        if not status:
            raise ValueError("data without a status")
        data = self._bytes(1 if status & 0xF0 in _ONE_BYTE else 2)
        for message in self._decoder.feed([status, *(min(byte, 127) for byte in data)]):
            self.track.messages.append((self.track.end, message))

    def _meta(self, kind: int, data: bytes) -> None:
        """Take what a meta event says, unless it can't be so."""
        if kind == _END_OF_TRACK:
            self.has_ended = True
        elif kind == _TRACK_NAME:
            if not self._is_named:
                self.track.name = _text(data)
            self._is_named = True
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
        """A number as a file writes it: seven bits a byte, the top bit set but in the last."""
        number = 0
        for byte in self._content[self.at : min(self.at + _LONGEST_NUMBER, self._limit)]:
            self.at += 1
            number = number << 7 | byte & 0x7F
            if byte < _STATUS:
                return number
        raise ValueError("a number without an end")

    def _bytes(self, size: int) -> bytes:
        if self.at + size > self._limit:
            raise ValueError("more than there is")
        self.at += size
        return self._content[self.at - size : self.at]


def _text(data: bytes) -> str:
    """Text in UTF-8, else in Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
