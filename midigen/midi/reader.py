"""Reads Standard MIDI Files, whoever wrote them and however damaged they are.

A file that other programs play can be read here too. Whatever surrounds the header and the tracks
is skipped, and meta events that make no sense are ignored. Of a damaged file, what is readable is
kept, with a note of what is wrong. Time and memory grow with a file's size, which is limited.
"""

import re
from pathlib import Path

from midigen.errors import MidiFileError
from midigen.midi.file import MidiFile, Track
from midigen.midi.track_reader import TrackReader

LARGEST = 4 * 2**20
"""The largest file that is read, in bytes: four hours of seventy messages a second."""

_HEADER, _TRACK = b"MThd", b"MTrk"
_HEAD = 8  # bytes of a chunk before its content: its kind and its length
_CHUNK = re.compile(rb"MThd|MTrk")
_FOREIGN = re.compile(rb"[ -~]{4}")  # the kind of a chunk that isn't known here
_END = b"\xff\x2f\0"  # the event that ends a track
_APART = 2  # the format of a file whose tracks are pieces of their own
_MOST_DAMAGES = 2  # kinds of damage that are named


def load(path: Path) -> MidiFile:
    """Read a file whose times are in beats; data bytes over 127 are read as 127.

    A damaged file is read as far as possible (see `MidiFile.damage`), and a file may be without
    notes. Raises MidiFileError if it can't be read, is too large, isn't a MIDI file, or has its
    times in SMPTE frames.
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


def _parsed(path: Path, content: bytes) -> MidiFile:
    """Parse the bytes of a file. Raises ValueError, with the reason."""
    if not content:
        raise ValueError("the file is empty")
    header = content.find(_HEADER)
    if header < 0:
        raise ValueError("not a MIDI file: it has no MThd header")
    start = header + _HEAD
    if len(content) < start + 6:
        raise ValueError("the file breaks off in its header")
    kind, announced, division = (_whole(content, start + at, 2) for at in (0, 2, 4))
    if division >= 1 << 15:
        raise ValueError("its times are in SMPTE frames, not in beats: save it with ticks per beat")
    if not division:
        raise ValueError("it has 0 ticks per beat: save it with some")
    after = start + _whole(content, header + 4, 4)
    tracks, damages = _tracks(content, after if _is_place(content, after) else start + 6, announced)
    more = ["more is wrong"] if len(damages) > _MOST_DAMAGES else []
    damage = " and ".join(damages[:_MOST_DAMAGES] + more)
    return MidiFile(path, division, tracks, kind == _APART, damage)


def _whole(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "big")


def _tracks(content: bytes, at: int, announced: int) -> tuple[list[Track], list[str]]:
    """Read all tracks from a place on; also returns what is wrong with them."""
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
    """Find where the next track begins, past other chunks and bytes that are in no chunk.

    A second header belongs to another file that was appended, so the search ends there.
    """
    while _is_foreign(content, padded := at + content.startswith(b"\0", at)):
        at = _chunk_end(content, padded)
    match = _CHUNK.search(content, at)
    return match.start() if match and match[0] == _TRACK else None


def _chunk_end(content: bytes, at: int) -> int:
    return at + _HEAD + _whole(content, at + 4, 4)


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
    """Read a track. Also returns where it ends, and its damage with `{}` for the track's name.

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
    reader = TrackReader(content, start, limit)
    is_whole = reader.read()
    return reader.track, *_ending(content, reader, end, limit, is_whole=is_whole)


def _ending(
    content: bytes, reader: TrackReader, end: int, limit: int, *, is_whole: bool
) -> tuple[int, str]:
    """Where a track that was read ends, and its damage."""
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
