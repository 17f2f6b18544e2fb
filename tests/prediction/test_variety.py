import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from midigen.music.keys import SIZE
from midigen.prediction.variety import DIFFERENT, LONGEST, REMEMBERED, Variety

answers = st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=8)


def give(variety: Variety, call: int, answer: list[int]) -> None:
    variety.begin((call,))
    for letter in answer:
        variety.add(letter)
    variety.end()


def weights(variety: Variety, call: int, begun: list[int]) -> list[float] | None:
    """The weights after the beginning of an answer."""
    variety.begin((call,))
    for letter in begun:
        variety.add(letter)
    found = variety.weights
    variety.end()
    return None if found is None else found.tolist()


def test_what_went_on_so_is_half_as_likely_and_barred_at_the_last() -> None:
    variety = Variety()
    give(variety, 0, [4, 3, 4])
    assert weights(variety, 0, []) == [1, 1, 1, 1, 0.5, 1, 1]
    assert weights(variety, 0, [4]) is not None  # this one is a former answer now, too
    variety = Variety()
    give(variety, 0, [4, 3, 4])
    assert weights(variety, 0, [4, 3]) == [1, 1, 1, 1, 0, 1, 1]


def test_every_former_answer_counts_that_was_the_same_so_far() -> None:
    variety = Variety()
    for answer in ([4, 3, 4], [4, 3, 5], [4, 2, 1, 1]):
        give(variety, 0, answer)
    variety.begin((0,))
    found = []
    for letter in (4, 3, 2, 2):
        found.append(variety.weights)
        variety.add(letter)
    assert [None if each is None else each.tolist() for each in found] == [
        [1, 1, 1, 1, 0.125, 1, 1],
        [1, 1, 0.5, 0.25, 1, 1, 1],
        [1, 1, 1, 1, 0, 0, 1],
        None,
    ]


def test_other_calls_count_for_nothing() -> None:
    variety = Variety()
    give(variety, 0, [4, 3, 4])
    assert weights(variety, 1, []) is None


def test_between_answers_all_letters_count_the_same() -> None:
    variety = Variety()
    give(variety, 0, [4])
    assert variety.weights is None
    variety.add(4)  # in another mode
    assert variety.weights is None
    assert weights(variety, 0, []) == [1, 1, 1, 1, 0, 1, 1]


def test_an_answer_without_a_letter_is_none() -> None:
    variety = Variety()
    give(variety, 0, [])
    assert weights(variety, 0, []) is None


def test_what_is_forgotten_may_come_again() -> None:
    variety = Variety()
    give(variety, 0, [4])
    variety.forget()
    assert weights(variety, 0, []) is None
    give(variety, 0, [4])
    for call in range(1, REMEMBERED + 1):
        give(variety, call, [4])
    assert weights(variety, 0, []) is None


def test_of_a_very_long_answer_the_beginning_is_remembered() -> None:
    variety = Variety()
    give(variety, 0, [4] * (LONGEST + 10))
    assert weights(variety, 0, [4] * (LONGEST - 1)) == [1, 1, 1, 1, 0, 1, 1]
    assert weights(variety, 0, [4] * (LONGEST + 5)) is None


@given(st.lists(answers, max_size=20), answers)
def test_two_letters_are_always_left(former: list[list[int]], answer: list[int]) -> None:
    variety = Variety()
    for each in former:
        give(variety, 0, each)
    variety.begin((0,))
    for letter in answer:
        found = variety.weights
        assert found is None or (found > 0).sum() >= SIZE - DIFFERENT
        variety.add(letter)


@given(st.integers(1, 12), st.integers(0, 2**32 - 1), st.integers(2, 30))
def test_of_the_newest_answers_no_two_are_the_same(length: int, seed: int, rounds: int) -> None:
    """Though the likeliest letter is taken wherever it isn't barred."""
    variety, rng = Variety(), np.random.default_rng(seed)
    given_answers: list[list[int]] = []
    for _ in range(rounds):
        variety.begin((0,))
        answer: list[int] = []
        for place in range(length):
            found = variety.weights
            likely = np.where(np.arange(SIZE) == place % SIZE, 1.0, 1e-6 * rng.random(SIZE))
            letter = int(np.argmax(likely if found is None else likely * found))
            variety.add(letter)
            answer.append(letter)
        assert answer not in given_answers[-DIFFERENT:]
        given_answers.append(answer)
