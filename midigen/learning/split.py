"""Divides songs into those that are learned from and those that validate and test a model.

Their names decide. If there are too few songs, each is cut into three parts instead.
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
    """The side of a song: of ten, about eight are learned from, one validates and one tests.

    It depends only on the name (without the number of a part), so it is the same on every machine
    and in a larger collection.
    """
    content = name.encode(errors="surrogatepass")  # file names may hold invalid text
    tenth = int.from_bytes(hashlib.sha256(content).digest()[:8], "big") % 10
    return {0: Side.TEST, 1: Side.VALIDATION}.get(tenth, Side.TRAINING)


def divide(songs: Iterable[Song]) -> dict[Side, list[Song]]:
    """The songs of each side."""
    sides: dict[Side, list[Song]] = {side: [] for side in Side}
    for song in songs:
        sides[side_of(song.name)].append(song)
    return sides


def cut(songs: Iterable[Song]) -> dict[Side, list[Song]]:
    """Each song cut into three parts, one for each side, for when there are few songs.

    The first eight tenths are learned from, the next tenth validates, and the last tests.
    """
    sides: dict[Side, list[Song]] = {side: [] for side in Side}
    for song in songs:
        notes = len(song.letters)
        parts = np.split(song.letters, [notes * 8 // 10, notes * 9 // 10])
        for side, part in zip(Side, parts, strict=True):
            if len(part):
                sides[side].append(Song(song.name, part))
    return sides
