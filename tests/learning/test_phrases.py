"""Where phrases end, and which two are a call and its answer."""

import numpy as np
import pytest

from midigen.learning.corpus import Song
from midigen.learning.notes import Notes, joined
from midigen.learning.phrases import exchanges, phrase_starts, phrases
from tests.phrases import phrase, rested, song

FOUR = (60, 62, 64, 65)


def starts(*onsets: float) -> list[int]:
    return phrase_starts(np.array(onsets, dtype=float))


@pytest.mark.parametrize(
    ("onsets", "expected"),
    [
        ((0, 0.5, 1, 2.5, 3), [0, 3]),  # 1.5 beats, three times the usual step
        ((0, 0.5, 1, 2.4, 3), [0]),  # less than 1.5 beats
        ((0, 1, 2, 4, 5), [0, 3]),  # twice the usual step
        ((0, 1, 2, 3.9, 5), [0]),  # less than that
        ((0, 2, 4, 6, 8), [0]),  # slow, but steady
        ((0, 0.5, 1, 3, 5, 7, 7.5), [0, 3]),  # the second phrase is slow
        ((0, 1 / 3, 2 / 3, 2 / 3 + 1.5), [0, 3]),  # sums of floats aren't exact
        ((0,), [0]),
        ((), []),
    ],
)
def test_a_phrase_ends_before_a_long_and_unusual_step(
    onsets: tuple[float, ...], expected: list[int]
) -> None:
    assert starts(*onsets) == expected


def test_a_phrase_of_one_note_takes_the_usual_step_of_the_song() -> None:
    """The steps are 2, 2, 0.5, 0.5 and 0.5: the median is 0.5, so that the first two are pauses."""
    assert starts(0, 2, 4, 4.5, 5, 5.5) == [0, 1, 2]


def test_the_usual_step_is_that_of_the_phrase_not_of_the_song() -> None:
    """Steps of a quarter at first, then of a beat: 1.75 beats are a pause only in the first."""
    onsets = [0, 0.25, 0.5, 2.25, 3.25, 4.25, 6.0, 7.0]
    assert starts(*onsets) == [0, 3]


def test_phrases_are_the_whole_song_in_order() -> None:
    notes = phrase([60, 62, 64, 65, 67], [0, 0.5, 1, 3, 3.5])
    assert [each.pitches.tolist() for each in phrases(notes)] == [[60, 62, 64], [65, 67]]
    assert phrases(notes[:0]) == []


def pairs(*parts: Notes) -> list[tuple[list[int], list[int]]]:
    whole = joined([rested(each) for each in parts])
    found = exchanges([Song("a", whole.degrees, whole)])
    assert {each.song for each in found} <= {"a"}
    return [(each.call.pitches.tolist(), each.answer.pitches.tolist()) for each in found]


def test_each_phrase_is_answered_by_the_next() -> None:
    one, two, three = ([pitch + up for pitch in FOUR] for up in (0, 12, -12))
    assert pairs(phrase(one), phrase(two), phrase(three)) == [(one, two), (two, three)]


def test_both_have_four_notes() -> None:
    short = phrase([60, 62, 64])
    assert pairs(phrase(FOUR), short, phrase(FOUR), phrase(FOUR)) == [([*FOUR], [*FOUR])]


def test_both_are_in_one_key() -> None:
    assert pairs(phrase(FOUR), phrase(FOUR, signature=1)) == []
    assert len(pairs(phrase(FOUR, signature=1), phrase(FOUR, signature=1))) == 1


def test_no_phrase_is_answered_by_another_song() -> None:
    songs = [song("a", phrase(FOUR)), song("b", phrase(FOUR), phrase(FOUR))]
    assert [each.song for each in exchanges(songs)] == ["b"]


def test_letters_alone_make_no_phrases() -> None:
    assert exchanges([Song("a", np.zeros(50, dtype=np.uint8))]) == []
