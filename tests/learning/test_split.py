from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.learning.corpus import Side, Song, Tune, cut, divide, side_of, song_name, songs

LETTERS = np.zeros(3, dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("lc4996160", Side.TRAINING),
        ("001", Side.TRAINING),
        ("Ännchen von Tharau", Side.TRAINING),
        ("Für Elise", Side.TEST),
        ("004", Side.VALIDATION),
    ],
)
def test_the_side_of_a_name_never_changes(name: str, side: Side) -> None:
    """If this fails, models would be tested on songs that they have learned."""
    assert side_of(name) is side


def test_eight_of_ten_songs_are_for_training() -> None:
    sides = [side_of(f"song {number}") for number in range(10_000)]
    for side, share in ((Side.TRAINING, 0.8), (Side.VALIDATION, 0.1), (Side.TEST, 0.1)):
        assert abs(sides.count(side) / len(sides) - share) < 0.015


@given(st.text(), st.lists(st.integers(0, 99), min_size=1))
def test_all_parts_of_a_song_are_on_one_side(name: str, numbers: list[int]) -> None:
    name = "x" + name.replace("/", "").replace("\0", "")
    names = {song_name(Path(f"{name}-{number}.mid")) for number in numbers}
    assert len({side_of(each) for each in names}) == 1
    parts = (Tune(Path(f"{name}-{number}.mid"), name, LETTERS) for number in numbers)
    assert sum(map(len, divide(songs(parts)).values())) == 1


@given(st.text(st.characters(codec=None), max_size=5))
def test_a_name_with_invalid_text_has_a_side(name: str) -> None:
    assert side_of(name + "\udcff") in Side


@given(st.lists(st.text()))
def test_every_song_is_on_exactly_one_side(names: list[str]) -> None:
    given_ = [Song(name, LETTERS) for name in names]
    sides = divide(given_)
    assert list(sides) == list(Side)
    for side, part in sides.items():
        expected = [id(song) for song in given_ if side_of(song.name) is side]
        assert [id(song) for song in part] == expected  # in their order


def test_a_few_songs_are_cut_by_tenths() -> None:
    few = [Song("one", np.arange(20, dtype=np.uint8)), Song("two", np.arange(5, dtype=np.uint8))]
    assert {
        side: [(song.name, song.letters.tolist()) for song in part]
        for side, part in cut(few).items()
    } == {
        Side.TRAINING: [("one", list(range(16))), ("two", [0, 1, 2, 3])],
        Side.VALIDATION: [("one", [16, 17])],
        Side.TEST: [("one", [18, 19]), ("two", [4])],
    }


@given(st.lists(st.integers(0, 500)))
def test_every_note_of_a_cut_song_is_on_one_side(lengths: list[int]) -> None:
    few = [
        Song(f"{index}", np.resize(np.arange(7, dtype=np.uint8), length))
        for index, length in enumerate(lengths)
    ]
    for side in Side:
        assert all(len(part.letters) for part in cut(few)[side])
    for song in few:
        parts = [part for side in cut(few).values() for part in side if part.name == song.name]
        assert [note for part in parts for note in part.letters] == list(song.letters)
