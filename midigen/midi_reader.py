"""MIDI files that may come from anywhere: mido reads them, within limits that it doesn't set.

Whatever is in a file, reading takes time and memory in proportion to its size, and that is
limited.
"""

import io
import re
from pathlib import Path

import mido

from midigen.errors import MidiFileError

LARGEST = 4 * 2**20
"""Bytes of a file that is read: four hours of seventy messages a second have as many."""

# mido reads a number up to the first byte whose top bit isn't set, in a time that grows with the
# square of its length: 3 ms for 4096 bytes, ten seconds for 256 KiB. Numbers have four bytes at
# the most; a text or other data may have more such bytes in a row.
_RUN = 4096
_ENDLESS = re.compile(rb"(?<![\x80-\xff])[\x80-\xff]{%d}" % (_RUN + 1))

# Four bytes hold so many ticks between two events. mido takes a number of thousands of digits,
# which would then be in the time of every event that follows.
_LONGEST = 0x0FFFFFFF


def load(path: Path) -> mido.MidiFile:
    """Read a file whose times are in beats; data bytes beyond 127 count as 127.

    Raises MidiFileError if it can't be read, is too large or damaged, or has its times in
    SMPTE's frames.
    """
    content = _content(path)
    try:
        file = _parsed(content)
    except EOFError as exc:
        raise MidiFileError(f"{path}: the file is empty or breaks off") from exc
    except Exception as exc:  # mido's errors on damaged files are of many kinds
        raise MidiFileError(f"{path}: not a MIDI file that can be read: {exc}") from exc
    if file.ticks_per_beat <= 0:  # negative: frames a second
        raise MidiFileError(f"{path}: its times aren't in beats: save it with ticks per beat")
    return file


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


def _parsed(content: bytes) -> mido.MidiFile:
    """What the bytes of a file say. Raises ValueError, EOFError, and whatever else mido does."""
    if endless := _ENDLESS.search(content):
        raise ValueError(
            f"from byte {endless.start()} on, over {_RUN} bytes have their top bit set"
        )
    file = mido.MidiFile(file=io.BytesIO(content), clip=True)
    if any(message.time > _LONGEST for track in file.tracks for message in track):
        raise ValueError(f"two events are more than {_LONGEST} ticks apart")
    return file
