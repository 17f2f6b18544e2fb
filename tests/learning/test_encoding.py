"""Songs as steps and rows: nothing of the future is heard, and what is hidden is as unknown."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.learning import hiding
from midigen.learning.corpus import Song
from midigen.learning.encoding import (
    GAP,
    LETTER,
    OCTAVE,
    SHARE,
    UNKNOWN,
    comings_of,
    encode,
    gaps_of,
    steps_of,
)
from midigen.learning.excerpts import EVERY, FEWEST, LENGTHS, at_own_pace, excerpts
from midigen.learning.notes import Notes
from midigen.learning.phrases import phrase_starts
from midigen.prediction.line import BEGINS, Line
from midigen.prediction.steps import GAPS, SHARES, Coming, Step
from tests.songs import BAR, random_song, song


def changed(whole: Song, **columns: object) -> Song:
    assert whole.notes is not None
    notes = Notes(**{**vars(whole.notes), **columns})
    return Song(whole.name, notes.degrees, notes)


def beginning(whole: Song, count: int) -> Song:
    assert whole.notes is not None
    return Song(whole.name, whole.letters[:count], whole.notes[:count])


def test_a_song_as_steps() -> None:
    """Two phrases of two notes: C D, a pause, and E an octave higher, with F after it."""
    tune = song([0, 1, 2, 3], [0.5, 3.0, 1.0], leaps=[0, 0, 1, 0], shares=[0.9, 0.5, 0.2])
    assert steps_of(tune) == [
        Step(0, 60, None, None, 0.0, 4.0, begins_phrase=True),
        Step(1, 62, 0.5, 0.9, 0.5, 4.0),
        Step(2, 76, 3.0, 0.5, 3.5, 4.0, begins_phrase=True),
        Step(3, 65, 1.0, 0.2, 0.5, 4.0),
    ]
    assert comings_of(tune) == [
        Coming(None, 0.0, 4.0, 2, begins_phrase=True),
        Coming(0.5, 0.5, 4.0, 1),
        Coming(3.0, 3.5, 4.0, 2, begins_phrase=True),
        Coming(1.0, 0.5, 4.0, 1),
    ]
    targets = encode(tune).targets
    assert targets[:, LETTER].tolist() == [1, 2, 3]
    assert targets[:, OCTAVE].tolist() == [1, 2, 0]
    assert targets[:, GAP].tolist() == [GAPS.index(0.5), GAPS.index(3), GAPS.index(1)]
    assert targets[:, SHARE].tolist() == [SHARES.index(0.5), SHARES.index(0.2), UNKNOWN[SHARE]]
    assert gaps_of(tune).tolist() == targets[:, GAP].tolist()


def test_a_song_in_letters_has_steps_without_time_or_pitch() -> None:
    letters = Song("a", np.array([0, 4, 2], dtype=np.uint8))
    assert steps_of(letters) == [Step(0), Step(4), Step(2)]
    assert encode(letters).targets.tolist() == [[4, *UNKNOWN[1:]], [2, *UNKNOWN[1:]]]
    assert gaps_of(letters).tolist() == []


def test_where_no_bar_is_known_there_are_no_places() -> None:
    tune = song([0, 1])
    nan = np.full(2, np.nan)
    assert all(
        step.place is step.bar is None for step in steps_of(changed(tune, places=nan, bars=nan))
    )


@given(st.integers(0, 2**16), st.integers(2, 59))
@effort(deadline=None, max_examples=20)
def test_rows_tell_nothing_of_later_notes(seed: int, count: int) -> None:
    whole = random_song(seed)
    heard, part = encode(whole), encode(beginning(whole, count))
    np.testing.assert_array_equal(part.rows, heard.rows[: count - 1])
    np.testing.assert_array_equal(part.targets[:-1], heard.targets[: count - 2])


@pytest.mark.parametrize("count", [0, 1])
def test_very_short_songs_have_nothing_to_predict(count: int) -> None:
    assert len(encode(song([0] * count))) == 0


# --- excerpts


@given(st.integers(0, 2**16), st.integers(24, 400))
@effort(deadline=None, max_examples=30)
def test_excerpts_begin_with_phrases(seed: int, count: int) -> None:
    whole = random_song(seed, count)
    assert whole.notes is not None
    found = excerpts([whole], np.random.default_rng(seed))
    starts = whole.notes.onsets[phrase_starts(whole.notes.onsets)]
    assert len(found) <= max(1, count // EVERY)
    for each in found:
        assert each.notes is not None
        if each.notes.bars[0] == BAR:
            assert each.notes.onsets[0] in starts
        assert FEWEST <= len(each.letters) < LENGTHS[1]


def test_short_songs_and_those_in_letters_have_no_excerpts() -> None:
    letters = Song("a", np.zeros(100, dtype=np.uint8))
    assert excerpts([letters, song([0] * 20)], np.random.default_rng(0)) == []


def test_some_excerpts_are_heard_without_a_beat() -> None:
    found = excerpts([random_song(1, 8000)], np.random.default_rng(1))
    paced = [
        each.notes for each in found if each.notes is not None and np.isnan(each.notes.bars[0])
    ]
    assert 0.3 < len(paced) / len(found) < 0.7
    for notes in paced:
        assert np.median(np.diff(notes.onsets)) == pytest.approx(0.5)
        assert np.isnan(notes.places).all()


@pytest.mark.parametrize("beat", [0.5, 1.0, 3.0])
def test_the_own_pace_is_the_same_at_any_tempo(beat: float) -> None:
    tune = song([0, 2, 4, 5, 4], [beat, beat, 2 * beat, beat])
    assert tune.notes is not None
    notes = at_own_pace(tune.notes)
    assert np.diff(notes.onsets).tolist() == pytest.approx([0.5, 0.5, 1.0, 0.5])
    assert notes.lengths.tolist() == pytest.approx([0.45, 0.45, 0.9, 0.45, 0.45])
    assert notes.degrees.tolist() == [0, 2, 4, 5, 4]
    assert len(at_own_pace(tune.notes[:1])) == 1


# --- what is hidden


ALWAYS = ("PLACES", "COMING_GAPS", "TIMES", "OWN_TIMES", "LEFT", "BEGINS")


def hidden(
    tune: Song, monkeypatch: pytest.MonkeyPatch, *names: str
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of a song with some knowledge hidden everywhere, and all other knowledge kept."""
    for name in ALWAYS:
        monkeypatch.setattr(hiding, name, float(name in names))
    encoded = encode(tune)
    rows, coming = encoded.rows[np.newaxis].copy(), encoded.coming[np.newaxis].copy()
    hiding.hide(rows, coming, np.random.default_rng(0))
    return rows[0], coming[0]


def heard(steps: list[Step], comings: list[Coming]) -> tuple[np.ndarray, np.ndarray]:
    """The rows of these steps, and those of what comes next."""
    line, rows, coming = Line(), [], []
    for step, each in zip(steps[:-1], comings[1:], strict=True):
        line.push(step)
        rows.append(line.newest_row())
        coming.append(line.coming(each)[0].astype(np.float16))
    return np.array(rows), np.array(coming)


def test_what_is_hidden_is_as_if_it_had_never_been_known(monkeypatch: pytest.MonkeyPatch) -> None:
    tune = random_song(3)
    steps, comings = steps_of(tune), comings_of(tune)
    nowhere = [replace(step, place=None, bar=None) for step in steps]
    nowhere_next = [replace(each, place=None, bar=None) for each in comings]
    never = [replace(step, gap=None, share=None, place=None, bar=None) for step in steps]
    never_next = [replace(each, gap=None, place=None, bar=None) for each in comings]
    for names, expected in (
        ((), heard(steps, comings)),
        (("PLACES",), heard(nowhere, nowhere_next)),
        (("PLACES", "COMING_GAPS"), heard(nowhere, never_next)),
        (("TIMES",), heard(never, never_next)),
        (("LEFT",), heard(steps, [replace(each, left=None) for each in comings])),
    ):
        found = hidden(tune, monkeypatch, *names)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_step_may_be_known_by_its_letter_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is then as when answers to all letters are predicted, before one is struck."""
    tune = song([0, 2, 1, 4, 0, 2, 1, 5, 0], [0.5, 0.25])
    rows, _ = hidden(tune, monkeypatch, "OWN_TIMES")
    line = Line()
    for note, step in enumerate(steps_of(tune)[:-1]):
        if note:
            np.testing.assert_allclose(
                line.rows_after_each_letter()[step.degree, -1], rows[note], atol=1e-3
            )
        line.push(step)
    assert not rows[:, BEGINS].any()


def test_hiding_leaves_most_of_what_is_known() -> None:
    encoded = encode(random_song(4, 600))
    rows, coming = encoded.rows.reshape(-1, 1, encoded.rows.shape[1]), encoded.coming[:, None]
    kept = rows.copy()
    hiding.hide(kept, coming.copy(), np.random.default_rng(1))
    share = (kept == rows).all(axis=(1, 2)).mean()
    assert 0.5 < share < 0.75  # neither places, times nor the own time is hidden
    letters = slice(0, 7)
    np.testing.assert_array_equal(kept[..., letters], rows[..., letters])
