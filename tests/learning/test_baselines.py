import math
import zipfile
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.errors import ModelError
from midigen.learning.baselines import (
    BIAS,
    COUNTED_ORDER,
    LONG_TERM_ORDER,
    Baselines,
    PerNote,
    combine,
    short_term,
    witten_bell,
)
from midigen.learning.notes import Letters
from midigen.music.keys import SIZE
from midigen.prediction.memory import ORDERS

lines = st.lists(st.integers(0, 2), max_size=30) | st.lists(st.integers(0, SIZE - 1), max_size=30)
"""Lines of few different letters, in which long contexts repeat, or of all letters."""

corpora = st.lists(lines, min_size=1, max_size=4)


def song(*degrees: int) -> Letters:
    return np.array(degrees, dtype=np.uint8)


def count(corpus: Sequence[Sequence[int]]) -> Baselines:
    return Baselines.count([song(*line) for line in corpus])


def followers(corpus: Sequence[Sequence[int]], context: Sequence[int]) -> list[int]:
    """What followed a context in the songs of a corpus, counted the slow and simple way."""
    counts = [0] * SIZE
    order = len(context)
    for line in corpus:
        for end in range(order, len(line)):
            counts[line[end]] += list(line[end - order : end]) == list(context)
    return counts


def contexts(line: Sequence[int], note: int, longest: int) -> list[Sequence[int]]:
    return [line[note - order : note] for order in range(min(note, longest) + 1)]


def smoothed(counts: Sequence[Sequence[int]]) -> list[Fraction]:
    """Witten and Bell's method C, interpolated, in exact fractions, from order 0 up."""
    probabilities = [Fraction(1, SIZE)] * SIZE
    for each in counts:
        kinds, total = sum(number > 0 for number in each), sum(each)
        if total:
            escape = Fraction(kinds, total + kinds)
            probabilities = [
                escape * lower + Fraction(number, total + kinds)
                for number, lower in zip(each, probabilities, strict=True)
            ]
    return probabilities


def floats(rows: Sequence[Sequence[Fraction]]) -> PerNote:
    return np.array([[float(each) for each in row] for row in rows]).reshape(-1, SIZE)


def assert_probabilities(rows: PerNote) -> None:
    assert (rows > 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1)


def peak(letter: int, height: float) -> PerNote:
    """One letter is likelier, all the others equally likely."""
    row = np.full((1, SIZE), (1 - height) / (SIZE - 1))
    row[0, letter] = height
    return row


# --- counts


@given(corpora, lines)
@effort(deadline=None)
def test_baselines_count_what_followed_every_context(
    corpus: list[list[int]], line: list[int]
) -> None:
    found = count(corpus).followers(song(*line))
    assert found.shape == (len(line), COUNTED_ORDER + 1, SIZE)
    for note in range(len(line)):
        for order in range(COUNTED_ORDER + 1):
            context = line[note - order : note]
            expected = followers(corpus, context) if order <= note else [0] * SIZE
            assert found[note, order].tolist() == expected


def test_no_context_reaches_into_another_song() -> None:
    found = count([[0, 1], [2, 3]]).followers(song(1, 2), order=1)
    assert not found[1, 1].any()  # D ended a song, so nothing followed it
    assert found[1, 0].tolist() == [1, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("length", [0, 1, 2, COUNTED_ORDER, COUNTED_ORDER + 1])
def test_songs_may_be_shorter_than_the_longest_context(length: int) -> None:
    line = [note % SIZE for note in range(length)]
    baselines = count([line])
    long = song(*[note % SIZE for note in range(20)])
    assert_probabilities(baselines.markov(long, COUNTED_ORDER))
    assert_probabilities(baselines.long_and_short_term(long))


@given(corpora, lines, st.integers(2, COUNTED_ORDER + 1))
def test_baselines_know_the_phrases_of_training_songs(
    corpus: list[list[int]], line: list[int], length: int
) -> None:
    phrases = {
        tuple(each[start : start + length])
        for each in corpus
        for start in range(len(each) - length + 1)
    }
    known = count(corpus).known(song(*line), length)
    ends = range(1, len(line) + 1)
    assert known.tolist() == [
        end >= length and tuple(line[end - length : end]) in phrases for end in ends
    ]


@given(lines)
def test_the_short_term_model_counts_the_song_so_far(line: list[int]) -> None:
    found = short_term(song(*line))
    assert found.shape == (len(line), ORDERS + 1, SIZE)
    for note in range(len(line)):
        for order in range(ORDERS + 1):
            context = line[note - order : note]
            past = line[:note]
            expected = followers([past], context) if order <= note else [0] * SIZE
            assert found[note, order].tolist() == expected


# --- probabilities


def test_probabilities_computed_by_hand() -> None:
    """From C D C E: after C came D and E, and of four letters two were C."""
    rows = count([[0, 1, 0, 2]]).markov(song(0, 6), order=1)
    order_0 = np.array([17, 10, 10, 3, 3, 3, 3]) / 49  # (2 + 3/7) / 7, (1 + 3/7) / 7, (3/7) / 7
    np.testing.assert_allclose(rows[0], order_0)
    order_1 = np.array([34, 69, 69, 6, 6, 6, 6]) / 196  # (0 + 2 * 17/49) / 4 and so on
    np.testing.assert_allclose(rows[1], order_1)


@given(corpora, lines, st.sampled_from([0, 1, 2, 4]))
@effort(deadline=None)
def test_markov_chains_are_smoothed_by_witten_and_bell(
    corpus: list[list[int]], line: list[int], order: int
) -> None:
    rows = count(corpus).markov(song(*line), order)
    expected = [
        smoothed([followers(corpus, context) for context in contexts(line, note, order)])
        for note in range(len(line))
    ]
    np.testing.assert_allclose(rows, floats(expected))
    assert_probabilities(rows)


@given(corpora, lines)
@effort(deadline=None)
def test_long_term_and_short_term_models_are_combined(
    corpus: list[list[int]], line: list[int]
) -> None:
    rows = count(corpus).long_and_short_term(song(*line))
    assert_probabilities(rows)
    for note, row in enumerate(rows):
        past = line[:note]
        models = [
            [float(each) for each in smoothed([followers(source, c) for c in known])]
            for source, known in (
                (corpus, contexts(line, note, LONG_TERM_ORDER)),
                ([past], contexts(line, note, ORDERS)),
            )
        ]
        entropies = [sum(-p * math.log(p, SIZE) for p in model) for model in models]
        weights = [max(entropy, 1e-3) ** -BIAS for entropy in entropies]
        likely = [
            math.prod(p ** (weight / sum(weights)) for p, weight in zip(pair, weights, strict=True))
            for pair in zip(*models, strict=True)
        ]
        np.testing.assert_allclose(row, np.array(likely) / sum(likely), rtol=1e-6)


def test_without_counts_all_letters_are_equally_likely() -> None:
    np.testing.assert_allclose(witten_bell(np.zeros((3, 5, SIZE))), 1 / SIZE)


def test_a_song_of_one_note_leaves_every_letter_possible() -> None:
    """Even certainty after thousands of notes, at all orders, gives finite numbers."""
    rows = count([[0] * 3000]).long_and_short_term(song(*[0] * 1500, 1, 0))
    assert_probabilities(rows)
    assert rows[-2, 0] > 0.999


# --- combining


@given(st.lists(st.lists(st.floats(1e-9, 1), min_size=SIZE, max_size=SIZE), min_size=1))
def test_combining_equal_models_changes_nothing(weights: list[list[float]]) -> None:
    model = np.array(weights) / np.sum(weights, axis=1, keepdims=True)
    for models in ((model,), (model, model), (model, model, model)):
        np.testing.assert_allclose(combine(*models), model, rtol=1e-9)


@given(st.floats(0.2, 0.999), st.floats(0.01, 0.2))
def test_the_more_certain_model_weighs_more(high: float, less: float) -> None:
    low = max(1 / SIZE, high - less)
    sure, unsure = peak(0, high), peak(1, low)
    for combined in (combine(sure, unsure), combine(unsure, sure)):
        assert combined[0, 0] > combined[0, 1]
        assert_probabilities(combined)


def test_a_model_that_knows_nothing_weighs_least() -> None:
    combined = combine(peak(0, 0.9), np.full((1, SIZE), 1 / SIZE))
    assert (0.9 + 1 / SIZE) / 2 < combined[0, 0] < 0.9


def test_a_nearly_certain_model_can_be_combined() -> None:
    for height in (1 - 1e-12, 1 - 1e-6):
        combined = combine(peak(0, height), peak(1, 0.5))
        assert_probabilities(combined)
        assert combined[0, 0] > 0.99


# --- files


CORPUS = [[0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 0, 1, 3], [2, 2, 2, 2], [5]]


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.baselines.npz"
    count(CORPUS).save(path)
    return path


def assert_refused(path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        Baselines.load(path)
    assert str(caught.value).startswith(f"{path}: ")


@given(corpora, lines)
@effort(deadline=None)
def test_saved_baselines_are_loaded_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, corpus: list[list[int]], line: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round trip.npz"
    baselines = count(corpus)
    baselines.save(path)
    loaded = Baselines.load(path)
    np.testing.assert_array_equal(loaded.followers(song(*line)), baselines.followers(song(*line)))
    np.testing.assert_array_equal(
        loaded.long_and_short_term(song(*line)), baselines.long_and_short_term(song(*line))
    )


def test_a_missing_file_is_refused_with_advice(tmp_path: Path) -> None:
    assert_refused(tmp_path / "none.npz")
    with pytest.raises(ModelError, match="midigen train"):
        Baselines.load(tmp_path / "none.npz")


def test_a_file_cut_anywhere_is_refused(saved: Path) -> None:
    content = saved.read_bytes()
    for length in range(0, len(content), 7):
        saved.write_bytes(content[:length])
        assert_refused(saved)


@given(st.data())
@effort(deadline=None)
def test_a_damaged_file_is_refused_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    count(CORPUS).save(path)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        baselines = Baselines.load(path)
    except ModelError:
        return
    np.testing.assert_array_equal(
        baselines.followers(song(*CORPUS[0])), count(CORPUS).followers(song(*CORPUS[0]))
    )


@pytest.mark.parametrize("content", [b"no counts\nat all", b"\0" * 500, b"PK\3\4", b"\x93NUMPY"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert_refused(path)


def test_folders_and_other_archives_are_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("contexts_0.npy", "text")
    assert_refused(tmp_path / "a.zip")
    np.save(tmp_path / "a.npy", np.zeros(3))
    assert_refused(tmp_path / "a.npy")


Arrays = dict[str, npt.NDArray[Any]]


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("counts_8"),
        lambda arrays: arrays.pop("contexts_0"),
        lambda arrays: arrays.update(counts_3=arrays["counts_2"]),  # of other contexts
        lambda arrays: arrays.update(contexts_3=arrays["contexts_2"]),
        lambda arrays: arrays.update(counts_1=arrays["counts_1"][:, :6]),
        lambda arrays: arrays.update(counts_1=arrays["counts_1"].ravel()),
        lambda arrays: arrays.update(counts_1=np.array(1)),
        lambda arrays: arrays.update(contexts_1=np.array(1)),
        lambda arrays: arrays.update(contexts_1=arrays["contexts_1"][::-1]),
        lambda arrays: arrays.update(contexts_1=arrays["contexts_1"] * 0),
        lambda arrays: arrays.update(contexts_1=arrays["contexts_1"] + 0.5),
        lambda arrays: arrays.update(counts_1=arrays["counts_1"] * np.nan),
        lambda arrays: arrays.update(counts_1=arrays["counts_1"].astype(np.int64) - 5),
        lambda arrays: arrays.update(counts_1=np.full(arrays["counts_1"].shape, "x")),
    ],
)
def test_an_archive_with_other_arrays_is_refused(
    saved: Path, change: Callable[[Arrays], object]
) -> None:
    with np.load(saved) as file:
        arrays = dict(file)
    change(arrays)
    np.savez_compressed(saved, **arrays)
    assert_refused(saved)


# --- steps in time


GAP_LINES = [[5, 5, 2, 5, 5, 2], [5, 17, 0]]


def with_gaps() -> Baselines:
    return Baselines.count([song(0, 1, 2)], [song(*line) for line in GAP_LINES])


def test_steps_in_time_are_counted_as_letters_are() -> None:
    """There are 18 of them, so in the lowest order each of three kinds escapes to 1/18."""
    gaps = with_gaps().gaps
    assert gaps is not None
    (row,) = gaps.markov(song(0), 0)
    kinds, notes = 4, 9
    expected = np.zeros(18)
    for line in GAP_LINES:
        for gap in line:
            expected[gap] += 1
    np.testing.assert_allclose(row, (expected + kinds / 18) / (notes + kinds))
    rows = gaps.long_and_short_term(song(*[5, 5, 2] * 8))
    assert rows.shape == (24, 18)
    assert_probabilities(rows)
    assert rows[-1].argmax() == 2
    assert rows[-1].max() > 0.8


def test_steps_in_time_are_saved_with_the_letters(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with_gaps().save(path)
    loaded = Baselines.load(path)
    line = song(5, 5, 2, 5)
    assert loaded.gaps is not None
    expected = with_gaps().gaps
    assert expected is not None
    np.testing.assert_array_equal(loaded.gaps.followers(line), expected.followers(line))
    np.testing.assert_array_equal(loaded.followers(song(0, 1)), with_gaps().followers(song(0, 1)))


def test_baselines_of_letters_alone_have_no_steps_in_time(saved: Path) -> None:
    assert Baselines.load(saved).gaps is None


def test_damaged_steps_in_time_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with_gaps().save(path)
    with np.load(path) as file:
        arrays = dict(file)
    del arrays["gaps_counts_2"]
    np.savez_compressed(path, **arrays)
    assert_refused(path)
