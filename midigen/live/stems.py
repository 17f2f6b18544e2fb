"""The names under which other processes find running midigens."""

import zlib
from urllib.parse import quote

_LONGEST = 40  # bytes: the whole path of a Unix socket may have 107, on macOS 103


def stem(client: str) -> str:
    """A short name in ASCII for a midigen whose input has this client name, any text at all.

    The stem of a stem is the same again.
    """
    name = quote(client, safe="%", errors="replace")
    if len(name) > _LONGEST:
        mark = f"-{zlib.crc32(name.encode()):08x}"
        name = name[: _LONGEST - len(mark)] + mark
    return name
