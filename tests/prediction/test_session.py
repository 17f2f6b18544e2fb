import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.music.keys import SIZE
from midigen.prediction.mixture import Probabilities
from midigen.prediction.session import OWN_WEIGHT, Session
from midigen.prediction.steps import Step
from tests.models import CONSTANT, Leaning, any_mixture
from tests.players import AnyLetter

letters = st.integers(0, SIZE - 1)
notes = st.tuples(st.sampled_from(["hear", "play"]), st.integers(0, 2) | letters)
moves = st.lists(
    notes
    | st.tuples(st.just("replace"), letters)
    | st.tuples(st.just("forget"), st.none())
    | st.tuples(st.just("amount"), st.sampled_from([0.0, 0.5, 1.0])),
    max_size=40,
)


mixtures = st.none() | st.integers(0, 9).map(any_mixture)
predictors = mixtures.map(Leaning)


def session(predictor: AnyLetter, *moves: tuple[str, int | float | None]) -> Session:
    """A session that has heard and played these moves."""
    result = Session(predictor, 1.0)
    for name, value in moves:
        if name == "amount":
            result.memory_amount = float(value or 0)
        elif value is None:
            result.forget()
        else:
            getattr(result, name)(Step(int(value)))
    return result


def letters_of(session: Session, *, answers: bool = False) -> Probabilities:
    """The probabilities of the letters that a session predicts."""
    return session.predict(answers=answers).letters


def heard(predictor: AnyLetter, *degrees: int) -> Session:
    return session(predictor, *(("hear", degree) for degree in degrees))


def assert_alike(one: Session, other: Session) -> None:
    for answers in (False, True):
        given, due = letters_of(one, answers=answers), letters_of(other, answers=answers)
        np.testing.assert_allclose(given, due, atol=1e-6)


@given(predictors, moves)
@effort(deadline=None)
def test_predictions_after_each_letter_are_those_made_later(
    predictor: Leaning, moves: list[tuple[str, int | float | None]]
) -> None:
    moves = [*moves, ("hear", 0)]
    ahead = letters_of(session(predictor, *moves), answers=True)
    assert ahead.shape == (SIZE, SIZE)
    for degree in range(SIZE):
        later = letters_of(session(predictor, *moves, ("hear", degree)))
        assert later.shape == (1, SIZE)
        np.testing.assert_allclose(ahead[degree], later[0], atol=1e-6)


@given(predictors, moves, letters)
def test_predicting_changes_nothing(
    predictor: Leaning, moves: list[tuple[str, int | float | None]], degree: int
) -> None:
    asked, unasked = (session(predictor, ("hear", degree), *moves) for _ in range(2))
    asked.predict(answers=True)
    asked.predict()
    assert_alike(asked, unasked)


def test_a_session_tells_how_many_notes_are_missing() -> None:
    tonight = Session(AnyLetter(min_notes=3), 1.0)
    assert tonight.missing == 3
    tonight.hear(Step(0))
    tonight.play(Step(0))
    assert tonight.missing == 1
    for _ in range(5):
        tonight.hear(Step(0))
        assert tonight.missing == 0


@given(predictors, st.lists(notes, max_size=20), letters, letters, st.data())
@effort(deadline=None)
def test_the_top_of_a_chord_replaces_the_note_heard_first(
    predictor: Leaning, before: list[tuple[str, int]], first: int, top: int, data: st.DataObject
) -> None:
    """Even after notes of the machine's own."""
    answers = [("play", degree) for degree in data.draw(st.lists(letters, max_size=6))]
    later = [("hear", degree) for degree in data.draw(st.lists(letters, max_size=3))]
    replaced = session(predictor, *before, ("hear", first), *answers, ("replace", top), *later)
    assert_alike(replaced, session(predictor, *before, ("hear", top), *answers, *later))


@given(predictors, moves, st.lists(letters, min_size=1, max_size=8))
@effort(deadline=None)
def test_after_forgetting_a_session_is_like_new(
    predictor: Leaning, moves: list[tuple[str, int | float | None]], line: list[int]
) -> None:
    tonight = session(predictor, *moves, ("amount", 1.0))
    tonight.forget()
    assert tonight.missing == 1
    for each in line:
        tonight.hear(Step(each))
    assert_alike(tonight, heard(predictor, *line))


def test_a_chord_across_forgetting_is_harmless() -> None:
    tonight = heard(Leaning(CONSTANT), 0, 1, 2)
    tonight.forget()
    tonight.replace(Step(4))
    tonight.hear(Step(5))
    assert_alike(tonight, heard(Leaning(CONSTANT), 5))


@given(predictors, st.lists(letters, min_size=1), st.lists(letters), letters)
@effort(deadline=None)
def test_taking_back_undoes_what_was_played(
    predictor: Leaning, line: list[int], answer: list[int], after: int
) -> None:
    tonight = heard(predictor, *line)
    for each in answer:
        tonight.play(Step(each))
    tonight.take_back()
    assert_alike(tonight, heard(predictor, *line))
    tonight.replace(Step(after))
    assert_alike(tonight, heard(predictor, *line[:-1], after))


def test_another_model_is_given_what_was_played() -> None:
    """Even more of it than the window of the model before held."""
    short, long = Leaning(CONSTANT), Leaning(CONSTANT)
    short.max_notes = 1
    tonight = heard(short, 0, 1, 2, 3, 0, 1)
    tonight.use(long)
    assert_alike(tonight, heard(long, 0, 1, 2, 3, 0, 1))


def test_replacing_before_anything_was_heard_does_nothing() -> None:
    assert session(Leaning(CONSTANT), ("replace", 3)).missing == 1


def test_the_machines_notes_count_less_than_the_players() -> None:
    """After C the player goes to D as often as the machine goes to E."""
    moves = [("hear", 0), ("hear", 1), ("play", 0), ("play", 2), ("play", 0)]
    (row,) = letters_of(session(Leaning(CONSTANT), *moves))
    (model,) = letters_of(session(Leaning(), *moves))
    share = np.array([0, 1, OWN_WEIGHT, 0, 0, 0, 0]) / (1 + OWN_WEIGHT)
    np.testing.assert_allclose(row, 0.3 * share + 0.7 * model, atol=1e-6)


def test_once_the_player_plays_on_the_machines_notes_before_count_no_more() -> None:
    """Else it would give the same answer to the same call each time."""
    moves = [("hear", 0), ("hear", 1), ("play", 0), ("play", 2), ("hear", 0)]
    (row,) = letters_of(session(Leaning(CONSTANT), *moves))
    (model,) = letters_of(session(Leaning(), *moves))
    np.testing.assert_allclose(row, 0.3 * np.eye(SIZE)[1] + 0.7 * model, atol=1e-6)


@given(moves, letters, letters)
def test_the_amount_can_change_at_any_time(
    moves: list[tuple[str, int | float | None]], first: int, second: int
) -> None:
    line = [("hear", degree) for degree in (first, second, first)]
    tonight = session(Leaning(CONSTANT), *moves, *line, ("amount", 0.0))
    model = session(Leaning(), *moves, *line)
    for answers in (False, True):
        given, due = letters_of(tonight, answers=answers), letters_of(model, answers=answers)
        np.testing.assert_array_equal(given, due)
    tonight.memory_amount = 1.0
    assert abs(letters_of(tonight) - letters_of(model)).max() > 0.01


@pytest.mark.parametrize("amount", [0.25, 0.5, 1.0])
def test_the_amount_scales_the_memory(amount: float) -> None:
    tonight = heard(Leaning(CONSTANT), 0, 1, 0)
    tonight.memory_amount = amount
    (model,) = letters_of(heard(Leaning(), 0, 1, 0))
    trust = 0.3 * amount
    np.testing.assert_allclose(
        letters_of(tonight)[0], trust * np.eye(SIZE)[1] + (1 - trust) * model, atol=1e-6
    )
