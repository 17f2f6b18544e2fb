"""How well octaves, steps in time and lengths are predicted, computed by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from midigen.learning.baselines import Baselines
from midigen.learning.corpus import Song
from midigen.learning.encoding import gaps_of
from midigen.learning.evaluation import evaluate
from midigen.learning.heads import HeadScore
from midigen.music.keys import SIZE
from midigen.prediction.line import COMING_PHRASE, Rows
from midigen.prediction.outlook import Outlook
from midigen.prediction.steps import GAPS, OCTAVES, SHARES
from tests.players import AnyLetter
from tests.songs import song

HALF = GAPS.index(0.5)


class AnyStep(AnyLetter):
    """A predictor for which everything is equally likely."""

    def expect(self, rows: Rows, coming: Rows) -> Outlook:
        del coming
        return Outlook(
            *(
                np.full((len(rows), *shape), 1 / shape[-1], dtype=np.float32)
                for shape in ((SIZE,), (SIZE, len(OCTAVES)), (len(GAPS),), (len(SHARES),))
            )
        )


class Told(AnyStep):
    """A predictor that is sure of half a beat if it is told anything of the phrase.

    It is sure that D is an octave higher than it might be, and of nothing else.
    """

    def expect(self, rows: Rows, coming: Rows) -> Outlook:
        outlook = super().expect(rows, coming)
        assert outlook.octaves is not None
        assert outlook.gaps is not None
        outlook.octaves[:, 1] = np.eye(len(OCTAVES))[2]
        outlook.gaps[coming[:, COMING_PHRASE].any(axis=1)] = np.eye(len(GAPS))[HALF]
        return outlook


def heads(
    predictor: AnyLetter, songs: Sequence[Song], *, baselines: Baselines | None = None
) -> dict[str, dict[str, HeadScore]]:
    counted = baselines or Baselines.count([np.zeros(1, dtype=np.uint8)])
    return {head: dict(ways) for head, ways in evaluate(predictor, songs, counted).heads.items()}


def test_chance() -> None:
    found = heads(AnyStep(), [song([0, 1, 2, 3] * 20)])
    for head, classes in (("octaves", 3), ("gaps", 18), ("shares", 5)):
        score = found[head]["lstm"]
        assert score.bits == pytest.approx(np.log2(classes))
        assert score.first32 == pytest.approx(np.log2(classes))
    assert found["gaps"]["lstm-told"] == found["gaps"]["lstm"]
    assert found["gaps"]["uniform"].bits == pytest.approx(np.log2(18))


def test_octaves_are_scored_given_the_letter() -> None:
    """C D E D, where the first D is an octave higher: sure and right, open, sure and wrong."""
    tune = song([0, 1, 2, 1], leaps=[0, 1, 1, 1])
    score = heads(Told(), [tune])["octaves"]["lstm"]
    assert score.bits == pytest.approx((0 + np.log2(3) - np.log2(1e-12)) / 3)
    assert score.right == pytest.approx(1 / 3)
    nearest = heads(Told(), [tune])["octaves"]["nearest"]
    assert nearest.right == pytest.approx(2 / 3)


def test_steps_in_time_are_scored_with_and_without_the_phrase() -> None:
    found = heads(Told(), [song([0, 2] * 10, [0.5])])["gaps"]
    assert found["lstm-told"].bits == pytest.approx(0, abs=1e-6)
    assert found["lstm-told"].right == 1
    assert found["lstm"].bits == pytest.approx(np.log2(18))


def test_beginnings_are_scored_on_their_own() -> None:
    """Of a hundred notes, the first forty come every half beat, and then one every beat."""
    tune = song([0, 2] * 50, [0.5] * 40 + [1.0] * 60)
    score = heads(Told(), [tune])["gaps"]["lstm-told"]
    assert score.first32 == pytest.approx(0, abs=1e-6)
    assert score.right == pytest.approx(40 / 99)


def test_chains_count_the_steps_in_time() -> None:
    tune = song([0, 2] * 20, [0.5, 0.25])
    baselines = Baselines.count([tune.letters] * 20, [gaps_of(tune)] * 20)
    found = heads(AnyStep(), [tune], baselines=baselines)["gaps"]
    for chain in ("markov-2", "ltm+stm"):
        assert found[chain].bits < 0.5
        assert found[chain].right > 0.9
    assert list(found) == ["uniform", "markov-2", "ltm+stm", "lstm", "lstm-told"]


def test_what_is_not_known_of_a_song_is_not_scored() -> None:
    letters = Song("a", np.zeros(10, dtype=np.uint8))
    assert heads(AnyStep(), [letters]) == {}
    assert heads(AnyStep(), [song([0])]) == {}
    assert heads(AnyLetter(), [song([0, 1, 2])]) == {}  # it takes letters only
