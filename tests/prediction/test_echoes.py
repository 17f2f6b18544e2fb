import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from midigen.music.keys import SIZE
from midigen.prediction.echoes import (
    FEATURES,
    INTERVALS,
    LATEST,
    LENGTHS,
    MAX_NOTES,
    REACH,
    STEPS,
    EchoEncoder,
    encode_line,
)
from midigen.prediction.window import Window

lines = st.lists(st.integers(0, 2), min_size=1, max_size=90) | st.builds(
    lambda phrase, times: phrase * times,
    st.lists(st.integers(0, 6), min_size=3, max_size=20),
    st.integers(2, 4),
)


def plain(line: list[int]) -> npt.NDArray[np.float64]:
    """The rows of a line, computed the slow and simple way."""
    intervals = [(to - came) % SIZE for came, to in itertools.pairwise(line)]
    rows = []
    for end, degree in enumerate(line):
        features = [np.eye(SIZE)[degree]]
        features += echoes(line[: end + 1], LENGTHS, LATEST)
        for relative in echoes(intervals[:end], INTERVALS, LATEST):
            features.append(np.roll(relative, degree))
        rows.append(np.concatenate(features))
    return np.array(rows)


def echoes(
    line: list[int], lengths: Sequence[int], latest: Sequence[int]
) -> list[npt.NDArray[np.float64]]:
    """The shares of followers for each length of match, and the latest followers, one-hot."""
    features = []
    for length in lengths:
        counts = np.zeros(SIZE)
        for place in matches(line, length):
            counts[line[place]] += 1
        features.append(counts / (counts.sum() + 0.5))
    for length in latest:
        places = matches(line, length)
        features.append(np.eye(SIZE)[line[places[-1]]] if places else np.zeros(SIZE))
    return features


def matches(line: list[int], length: int) -> list[int]:
    """Where the last so many letters of a line were followed by something before."""
    first = max(length, len(line) - REACH + 1)
    context = line[max(0, len(line) - length) :]
    return [place for place in range(first, len(line)) if line[place - length : place] == context]


@given(lines)
@settings(deadline=None)
def test_an_echo_is_what_followed_the_same_letters_before(line: list[int]) -> None:
    np.testing.assert_allclose(encode_line(np.array(line)), plain(line), atol=1e-6)


def test_an_echo_goes_no_farther_back_than_its_reach() -> None:
    line = [6, 5, *[0, 1, 2, 3] * ((REACH + 40) // 4), 6]
    rows = encode_line(np.array(line))
    assert not rows[-1, SIZE:].any()
    np.testing.assert_allclose(rows[-3:], plain(line)[-3:], atol=1e-6)


@given(lines)
@settings(deadline=None)
def test_a_window_gives_the_newest_rows_of_its_line(line: list[int]) -> None:
    rows = EchoEncoder()(np.array([line]))
    assert rows.shape == (1, min(len(line), STEPS), FEATURES)
    np.testing.assert_array_equal(rows[0], encode_line(np.array(line))[-STEPS:])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["push", "push", "replace", "ahead", "other"]), st.integers(0, 2)
        ),
        min_size=1,
        max_size=40,
    )
)
@settings(deadline=None)
def test_what_it_returns_depends_on_the_windows_alone(moves: list[tuple[str, int]]) -> None:
    """Whether windows go on, are corrected, or have nothing to do with each other."""
    encoder, window = EchoEncoder(), Window(MAX_NOTES)
    for move, letter in moves:
        batch = window.as_batch()
        match move:
            case "push":
                window.push(letter)
                batch = window.as_batch()
            case "replace":
                window.replace(0, letter)
                batch = window.as_batch()
            case "ahead":
                batch = window.as_batch_after_each_letter()
            case _:
                batch = np.array([[letter, 1, letter, 1], [0, 1, 2, letter]])
        if batch.shape[1]:
            expected = [EchoEncoder()(single[None])[0] for single in batch]
            np.testing.assert_array_equal(encoder(batch), expected)


def test_a_full_window_holds_everything_that_matters() -> None:
    """Whatever was heard before it changes nothing, however long the line grows."""
    rng = np.random.default_rng(4)
    encoder, window = EchoEncoder(), Window(MAX_NOTES)
    for note in range(5 * REACH):  # more than the encoder has room for
        window.push(int(rng.integers(0, 2)))
        rows = encoder(window.as_batch())
        if note % 300 == 299:
            np.testing.assert_array_equal(rows, EchoEncoder()(window.as_batch()))
            ahead = window.as_batch_after_each_letter()
            np.testing.assert_array_equal(encoder(ahead)[5], EchoEncoder()(ahead[5:6])[0])
