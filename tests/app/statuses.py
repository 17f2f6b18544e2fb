"""Statuses to draw, sizes of terminals, and the plain text of drawn rows."""

import os
from dataclasses import replace

from midigen.app.status_rows import Row
from midigen.instrument.status import Status
from midigen.music.keys import LETTERS

WIDE, NARROW = os.terminal_size((80, 24)), os.terminal_size((60, 20))
SILENT = Status(
    mode="call-response",
    turn="",
    key="C major",
    notes=LETTERS,
    bpm=120.0,
    beat="internal",
    heard=(),
    played=(),
    probabilities=None,
    rhythm=(),
    sounding=(),
    sounds=(),
    model="songs",
    trouble="",
    silence="",
    scene="",
    muted=False,
    holding=False,
    dropped=0,
)
BUSY = replace(
    SILENT,
    turn="midigen",
    beat="clock (lost)",
    heard=("C", "D", "E") * 20,
    played=("G", "A"),
    probabilities=(0.5, 0.0, 0.02, 0.25, 0.03, 0.19, 0.01),
    rhythm=((0.5, 0.62), (1 / 3, 0.2), (1.25, 0.061)),
    sounding=(60, 64, 67),
    sounds=("C4", "E4", "G4"),
    scene="bridge",
    muted=True,
    holding=True,
    dropped=3,
    worst=0.0012,
)


def plain(drawn: list[Row]) -> list[str]:
    """The text of the rows, without styles."""
    return ["".join(text for text, _ in row).rstrip() for row in drawn]
