"""A judge that learns to tell real answers from played ones, to say how real the played ones are.

It is a classifier. It learns on the calls of one half of the songs, each with a real and a played
answer, and is asked about the other half; then the halves change places, so that each call is
judged once. Its AUC is the chance that it finds a real answer more real than a played one: 0.5 if
it can't tell them apart, 1 if it always can.

It compares like with like. What an answerer doesn't choose says nothing about how well it
answers, so the judge isn't told of it:

- How many notes an answer has: that is set, for instance to the call's number.
- How an answer's rhythm follows the call's: a player that mirrors the call's rhythm is told to, and
  real answers keep to no such rule, so that alone would give it away, whatever it plays. The judge
  hears the rhythm of the answer itself, and what the pitches do in it: which notes are long, and
  what leads to them. So it doesn't hear whether a rhythm fits the call.
- The pause before an answer, how long its last note rings, the tempo and the touch.
- Notes outside the key: the seven letters have none. Each note, of calls and of real answers too,
  is moved to the pitch of its letter, a semitone away.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from midigen.errors import MidigenError
from midigen.learning.features import features
from midigen.learning.notes import Notes

VOID_BELOW = 0.95
"""A judge that tells a random walk from real answers with a smaller AUC hears too little."""


def judge(
    songs: Sequence[str],
    calls: Sequence[Notes],
    real: Sequence[Notes],
    played: Sequence[Notes],
    seed: int = 0,
) -> float:
    """The judge's AUC, 0 to 1: the mean of both halves of the songs.

    `songs` are the names of the songs that the calls are from; all four are as many, in the same
    order. The same seed gives the same halves. Raises MidigenError if all are from one song.
    """
    names = np.array(songs)
    different = np.unique(names)
    if len(different) < 2:  # noqa: PLR2004
        raise MidigenError(
            "the judge needs calls from two songs or more: give --answers more songs"
        )
    half = np.random.default_rng(seed).permutation(different)[: len(different) // 2]
    is_first = np.isin(names, half)
    both = [
        np.array([features(*pair) for pair in zip(calls, answers, strict=True)])
        for answers in (real, played)
    ]
    with threadpool_limits(1):  # so few numbers are learned sooner by one thread
        return float(np.mean([_auc(both, learned) for learned in (is_first, ~is_first)]))


def _auc(both: Sequence[npt.NDArray[np.float64]], learned: npt.NDArray[np.bool_]) -> float:
    """The AUC on what wasn't learned, from the features of real and played answers."""
    classifier = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, min_samples_leaf=20, random_state=0
    )
    known, labels = _labelled(both, learned)
    told = ~np.isnan(known).all(axis=0)  # a feature that no answer has tells nothing
    classifier.fit(known[:, told], labels)
    asked, labels = _labelled(both, ~learned)
    return float(roc_auc_score(labels, classifier.predict_proba(asked[:, told])[:, 1]))


def _labelled(
    both: Sequence[npt.NDArray[np.float64]], some: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The features of some calls' answers, and 1 for each real and 0 for each played one."""
    count = int(some.sum())
    return np.concatenate([each[some] for each in both]), np.repeat([1.0, 0.0], count)
