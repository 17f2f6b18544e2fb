import math
from collections.abc import Iterable, Iterator
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.learning.baselines import Baselines, PerNote
from midigen.learning.corpus import Song
from midigen.learning.evaluation import POSITIONS, Score, evaluate, predictions
from midigen.learning.listening import predict_song
from midigen.learning.notes import Letters
from midigen.music.keys import SIZE
from midigen.prediction.mixture import Mixture, Probabilities
from midigen.prediction.onnx_predictor import open_model
from midigen.prediction.predictor import Predictor
from midigen.prediction.session import Session
from midigen.prediction.steps import Step
from midigen.prediction.window import Degrees
from tests.models import CONSTANT, Leaning, any_mixture
from tests.players import NOTEBOOK, AnyLetter, NextLetter

BASELINES = ["uniform", "markov-0", "markov-1", "markov-2", "markov-4", "ltm+stm"]
IMPOSSIBLE = -math.log2(1e-12)
"""The bits of a letter that was thought impossible."""

lines = st.lists(st.integers(0, 2), max_size=20) | st.lists(st.integers(0, SIZE - 1), max_size=20)


class Always(AnyLetter):
    """A predictor that always predicts the same, whatever was played."""

    def __init__(self, *row: float) -> None:
        super().__init__()
        self.row = np.array([row], dtype=np.float32)

    def predict(self, windows: Degrees) -> Probabilities:
        return np.repeat(self.row, len(windows), axis=0)


def letters(*degrees: int) -> Letters:
    return np.array(degrees, dtype=np.uint8)


def songs(*lines: list[int]) -> list[Song]:
    return [Song(str(number), letters(*line)) for number, line in enumerate(lines)]


def random_songs(seed: int, count: int, length: int) -> list[Song]:
    drawn = np.random.default_rng(seed).integers(0, SIZE, (count, length), dtype=np.uint8)
    return [Song(str(number), line) for number, line in enumerate(drawn)]


def count(*lines: list[int]) -> Baselines:
    return Baselines.count([letters(*line) for line in lines])


NOWHERE = (0.0,) * len(POSITIONS)
SCALE = count([0, 1, 2, 3, 4, 5, 6, 0])


def scores(predictor: Predictor, *lines: list[int]) -> dict[str, tuple[float, float, float]]:
    """The bits, top1 and top3 of each score, by its name."""
    table = evaluate(predictor, songs(*lines), SCALE)
    return {score.name: (score.bits_per_note, score.top1, score.top3) for score in table.scores}


# --- scores computed by hand


def test_scores_are_in_order_and_the_notebooks_is_optional() -> None:
    rows = [score.name for score in evaluate(AnyLetter(), [], SCALE).scores]
    assert rows == [*BASELINES, "lstm", "lstm+memory"]
    rows = [score.name for score in evaluate(AnyLetter(), [], SCALE, AnyLetter()).scores]
    assert rows == [*BASELINES, "notebook", "lstm", "lstm+memory"]


def test_chance_is_right_one_time_in_seven() -> None:
    for name in ("uniform", "lstm", "lstm+memory"):
        assert scores(AnyLetter(), [3, 1, 4, 1, 5])[name] == pytest.approx(
            (math.log2(7), 1 / 7, 3 / 7)
        )


def test_a_sure_and_right_predictor_needs_no_bits_after_the_first_note() -> None:
    line = [note % SIZE for note in range(10)]
    expected = (math.log2(7) / 10, (1 / 7 + 9) / 10, (3 / 7 + 9) / 10)
    assert scores(NextLetter(), line)["lstm"] == pytest.approx(expected)


def test_a_sure_and_wrong_predictor_needs_a_finite_number_of_bits() -> None:
    """The six letters that it finds impossible tie, so two of them are among the three."""
    bits, top1, top3 = scores(NextLetter(), [0, 0, 0])["lstm"]
    assert bits == pytest.approx((math.log2(7) + 2 * IMPOSSIBLE) / 3)
    assert top1 == pytest.approx(1 / 21)
    assert top3 == pytest.approx((3 / 7 + 2 * 2 / 6) / 3)


@pytest.mark.parametrize(
    ("degree", "bits", "top1", "top3"),
    [
        (0, 2, 0.5, 1),  # two letters are the likeliest
        (1, 2, 0.5, 1),
        (2, 3, 0, 1 / 4),  # four letters are the third likeliest
        (5, 3, 0, 1 / 4),
        (6, IMPOSSIBLE, 0, 0),
    ],
)
def test_ties_are_decided_by_chance(degree: int, bits: float, top1: float, top3: float) -> None:
    predictor = Always(1 / 4, 1 / 4, 1 / 8, 1 / 8, 1 / 8, 1 / 8, 0)
    found = scores(predictor, [degree, degree])["lstm"]
    expected = (math.log2(7) + bits, 1 / 7 + top1, 3 / 7 + top3)
    assert found == pytest.approx([each / 2 for each in expected])


def test_notes_before_the_model_can_predict_are_left_to_chance() -> None:
    line = [0, 1, 2, 3, 4]
    (row,) = (scores(NextLetter(min_notes=3), line)["lstm"],)
    assert row == pytest.approx((3 * math.log2(7) / 5, (3 / 7 + 2) / 5, (9 / 7 + 2) / 5))


def test_a_markov_chain_by_hand() -> None:
    """The rows are those of C D C E: see `test_probabilities_computed_by_hand`."""
    baselines = count([0, 1, 0, 2])
    (score,) = (
        each
        for each in evaluate(AnyLetter(), songs([0, 3]), baselines).scores
        if each.name == "markov-1"
    )
    bits = -math.log2(17 / 49) - math.log2(6 / 196)
    assert astuple(score)[1:5] == pytest.approx((bits / 2, 1 / 2, 1 / 2, bits / 2))


def test_without_songs_all_scores_are_0() -> None:
    for table in (evaluate(AnyLetter(), [], SCALE), evaluate(AnyLetter(), songs([]), SCALE)):
        assert all(score == Score(score.name, 0, 0, 0, 0, NOWHERE) for score in table.scores)


def test_notes_count_the_same_and_memory_ends_with_its_song() -> None:
    predictor = Leaning(any_mixture())
    lines = [[0, 1, 0, 1, 0, 1], [0, 1, 0], []]
    together = scores(predictor, *lines)
    apart = [scores(predictor, line) for line in lines]
    for name, found in together.items():
        weighted = (6 * np.array(apart[0][name]) + 3 * np.array(apart[1][name])) / 9
        np.testing.assert_allclose(found, weighted)


def test_the_first_32_notes_of_each_song_are_scored_on_their_own() -> None:
    """It needs no bits for a scale after its first note, and many for a note that is repeated."""
    scale = [note % SIZE for note in range(32)]
    chance = math.log2(SIZE)
    (lstm,) = (
        score.first32
        for score in evaluate(NextLetter(), songs([*scale, 3, 3, 3], [0, 0], scale), SCALE).scores
        if score.name == "lstm"
    )
    assert lstm == pytest.approx((3 * chance + IMPOSSIBLE) / 66)


def test_memory_helps_when_a_song_repeats_itself() -> None:
    table = scores(Leaning(CONSTANT), [0, 3, 1, 4] * 20)
    assert table["lstm+memory"][0] < table["lstm"][0] - 1
    assert table["ltm+stm"][0] < table["markov-4"][0] - 1


def test_songs_are_passed_on_one_by_one() -> None:
    passed: list[str] = []

    def each(given_: Iterable[Song]) -> Iterator[Song]:
        for song in given_:
            passed.append(song.name)
            yield song

    evaluate(AnyLetter(), songs([0], [1], [2]), SCALE, each=each)
    assert passed == ["0", "1", "2"]


def test_beginnings_and_later_parts_of_songs_are_scored_on_their_own() -> None:
    """The song is a scale until its 41st note, and then one letter."""
    line = [note % SIZE for note in range(40)] + [0] * 100
    (score,) = (
        each
        for each in evaluate(NextLetter(), songs(line, [0, 1]), SCALE).scores
        if each.name == "lstm"
    )
    wrong = [0, 0, 0, 24, 64, 12]
    wrong[3] -= line[39] == SIZE - 1  # C after B is right
    notes = [8 + 2, 8, 16, 32, 64, 12]
    chance = [2 * math.log2(SIZE), *[0] * 5]
    bits = [each * IMPOSSIBLE + more for each, more in zip(wrong, chance, strict=True)]
    assert score.by_position == pytest.approx([a / b for a, b in zip(bits, notes, strict=True)])
    assert score.first32 == pytest.approx(sum(bits[:3]) / sum(notes[:3]))
    assert score.bits_per_note == pytest.approx(sum(bits) / sum(notes))


# --- what holds for every way to predict


NOTEBOOKS = open_model(NOTEBOOK)
LEANING = Leaning(any_mixture(1))
WAYS = [*BASELINES, "notebook", "lstm", "lstm+memory"]


def predicted(name: str, line: Letters) -> PerNote:
    return predictions(LEANING, Song("a", line), SCALE, NOTEBOOKS)[name]


@pytest.mark.parametrize("name", WAYS)
@given(lines, lines, lines)
@effort(deadline=None)
def test_no_prediction_depends_on_later_notes(
    name: str, line: list[int], future: list[int], other: list[int]
) -> None:
    one, another = (predicted(name, letters(*line, *end)) for end in (future, other))
    same = len(line) + (1 if future and other else 0)  # the next row is predicted from the line
    np.testing.assert_allclose(one[:same], another[:same], atol=1e-6)


@pytest.mark.parametrize("name", WAYS)
@given(lines)
@effort(deadline=None)
def test_all_predictions_are_probabilities(name: str, line: list[int]) -> None:
    song = letters(*line)
    rows = predicted(name, song)
    assert rows.shape == (len(song), SIZE)
    assert (rows > 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-5)
    assert song.tolist() == line  # unchanged


@given(lines, st.sampled_from([0.0, 0.4, 1.0]))
@effort(deadline=None)
def test_a_song_is_predicted_as_in_live_play(line: list[int], amount: float) -> None:
    """Each row is what a session would predict. The predictor needs two notes at first."""
    predictor = Leaning(any_mixture(2))
    predictor.min_notes = 3
    rows = predict_song(predictor, Song("a", letters(*line)), amount)
    for note in range(len(line)):
        session = Session(predictor, amount)
        for degree in line[:note]:
            session.hear(Step(degree))
        expected = np.full((1, SIZE), 1 / SIZE) if session.missing else session.predict().letters
        np.testing.assert_allclose(rows[note], expected[0], rtol=1e-6)


# --- what can't be predicted


def test_random_letters_cannot_be_predicted() -> None:
    """Fewer than log2(7) = 2.807 bits a note would mean that the future leaks.

    The fake trusts its memory as little as calibration on random letters would teach it.
    """
    fake = AnyLetter()
    fake.mixture = Mixture(CONSTANT.trust * np.float32(0.05), CONSTANT.exponents)
    trained = Baselines.count([song.letters for song in random_songs(1, 40, 500)])
    table = evaluate(fake, random_songs(2, 40, 500), trained, open_model(NOTEBOOK))
    assert len(table.scores) == 9
    for score in table.scores:
        assert score.bits_per_note >= 2.79, score
        assert abs(score.top1 - 1 / 7) < 0.01
        assert abs(score.top3 - 3 / 7) < 0.015
