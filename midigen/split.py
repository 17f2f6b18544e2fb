"""Which songs are learned from and which are kept to prove a model, by their names alone."""

import hashlib
from collections.abc import Iterable
from enum import StrEnum

from midigen.corpus import Song


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
