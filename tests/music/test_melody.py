import pytest

from midigen.music.keys import Key
from midigen.music.melody import CHORD, Chromatic, Melody, Step

C_MAJOR = Key("C major", 0)


def heard(pitches: list[int], chromatic: Chromatic = Chromatic.FOLLOW) -> list[int | None]:
    """The degrees of a line of separate notes."""
    melody = Melody(C_MAJOR, chromatic)
    steps = [melody.hear(pitch, onset) for onset, pitch in enumerate(pitches)]
    return [None if step is None else step.degree for step in steps]


@pytest.mark.parametrize(
    ("line", "degrees"),
    [
        ([65, 66, 67], [3, 4, 4]),  # F F# G: rising to G
        ([67, 66, 65], [4, 3, 3]),  # G F# F: falling to F
        ([67, 66, 66], [4, 3, 3]),  # a repeated note keeps the direction
        ([66], [4]),  # nothing before it, so up
    ],
)
def test_a_chromatic_note_follows_the_melody(line: list[int], degrees: list[int]) -> None:
    assert heard(line) == degrees


def test_chromatic_notes_can_be_ignored() -> None:
    assert heard([65, 66, 67], Chromatic.IGNORE) == [3, None, 4]


def test_a_chord_is_its_highest_note() -> None:
    melody = Melody(C_MAJOR)
    assert melody.hear(64, 0.0) == Step(2, 64, replaces=False)
    assert melody.hear(60, 0.01) is None
    assert melody.hear(67, 0.02) == Step(4, 67, replaces=True)
    assert melody.hear(65, CHORD) is None
    assert melody.hear(72, CHORD + 0.001) == Step(0, 72, replaces=False)


def test_a_chord_is_timed_from_its_first_note() -> None:
    """A fast run isn't one long chord."""
    melody = Melody(C_MAJOR)
    steps = [melody.hear(60 + pitch, 0.02 * index) for index, pitch in enumerate((0, 2, 4, 5))]
    assert [step is not None and step.replaces for step in steps] == [False, True, False, True]


def test_a_chords_top_note_moves_from_the_chord_before() -> None:
    melody = Melody(C_MAJOR)
    melody.hear(72, 0.0)
    melody.hear(60, 1.0)
    assert melody.hear(66, 1.01) == Step(3, 66, replaces=True)  # C5 down to F sharp: F


def test_an_ignored_note_does_not_begin_a_chord() -> None:
    melody = Melody(C_MAJOR, Chromatic.IGNORE)
    assert melody.hear(61, 0.0) is None
    assert melody.hear(60, 0.01) == Step(0, 60, replaces=False)


def test_notes_that_do_not_overlap_are_not_a_chord() -> None:
    """However fast they follow, the release of a key ends its chord."""
    melody = Melody(C_MAJOR)
    melody.hear(60, 0.0)
    melody.release(60)
    assert melody.hear(64, 0.01) == Step(2, 64, replaces=False)
    assert melody.hear(67, 0.02) == Step(4, 67, replaces=True)
    melody.release(64)
    assert melody.hear(72, 0.03) == Step(0, 72, replaces=True)  # G still sounds
