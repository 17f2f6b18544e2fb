"""Which songs are learned from and which are kept to prove a model.

By their names alone, or, where there are too few of them, by the place in each.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum

import numpy as np

from midigen.learning.corpus import Song


class Side(StrEnum):
    """What a song is for."""

    TRAINING = "training"
    VALIDATION = "validation"
    TEST = "test"


def side_of(name: str) -> Side:
    """The side of a song: 8 of 10 are learned from, one validates, one tests.

    It depends on the name (without its part) only, so it stays the same on every
    machine and in a larger collection.
    """
    content = name.encode(errors="surrogatepass")  # a file's name may be no valid text
    tenth = int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % 10
    return {0: Side.TEST, 1: Side.VALIDATION}.get(tenth, Side.TRAINING)


def divide(songs: Iterable[Song]) -> dict[Side, list[Song]]:
    """The songs of each side."""
    sides: dict[Side, list[Song]] = {side: [] for side in Side}
    for song in songs:
        sides[side_of(song.name)].append(song)
    return sides


def cut(songs: Iterable[Song]) -> dict[Side, list[Song]]:
    """A part of each song for each side, for a player's first evenings.

    The first eight tenths are learned from, the next validates, the last tests.
    """
    sides: dict[Side, list[Song]] = {side: [] for side in Side}
    for song in songs:
        notes = len(song.letters)
        parts = np.split(song.letters, [notes * 8 // 10, notes * 9 // 10])
        for side, part in zip(Side, parts, strict=True):
            if len(part):
                sides[side].append(Song(song.name, part))
    return sides
