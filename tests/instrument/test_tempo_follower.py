"""The player's own tempo, by the onsets alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.tempo_follower import FEWEST, TempoFollower
from midigen.music.timeline import Timeline

RHYTHMS = {
    "quarters": [1.0],
    "eighths": [0.5],
    "quarters and eighths": [1.0, 0.5, 0.5],
    "dotted": [1.5, 0.5],
    "gallop": [0.5, 0.25, 0.25],
    "long and short": [2.0, 1.0, 1.0],
}


def listen(onsets: list[float], line: Timeline) -> Timeline:
    follower = TempoFollower()
    for onset in onsets:
        line = follower.hear(onset, line) or line
    return line


def onsets(
    rhythm: list[float], bpm: float, beats: float, seed: int = 0, unsteady: float = 0.0
) -> list[float]:
    chance = np.random.default_rng(seed)
    found, beat, step = [], 0.0, 0
    while beat < beats:
        found.append(10 + beat * 60 / bpm + float(chance.normal(0, unsteady)))
        beat += rhythm[step % len(rhythm)]
        step += 1
    return found


@pytest.mark.parametrize("rhythm", RHYTHMS.values(), ids=RHYTHMS)
@pytest.mark.parametrize("bpm", [84.0, 100.0, 120.0])
def test_the_tempo_of_common_rhythms(rhythm: list[float], bpm: float) -> None:
    """To one percent, in the octave that the player means, with a hand's unsteadiness."""
    line = listen(onsets(rhythm, bpm, 16, unsteady=0.01), Timeline(0, 0, 120))
    assert line.bpm == pytest.approx(bpm, rel=0.015)


@given(st.floats(76, 145), st.integers(0, 99))
@effort(max_examples=40, deadline=None)
def test_beats_are_where_quarters_are(bpm: float, seed: int) -> None:
    """For tempi within half an octave of the usual one: from 148 on they might be eighths."""
    played = onsets([1.0], bpm, 12, seed, unsteady=0.008)
    line = listen(played, Timeline(0, 0, 120))
    off = (line.beat_at(played[-1]) + 0.5) % 1 - 0.5
    assert abs(off) < 0.06


def test_the_count_goes_on() -> None:
    """The beat is found, not numbered anew: it is the nearest to what was counted before."""
    before = Timeline(0, 0, 118)
    played = onsets([1.0], 120, 10)
    line = listen(played, before)
    assert abs(line.beat_at(played[FEWEST]) - before.beat_at(played[FEWEST])) <= 0.51


def test_it_follows_a_player_who_slows_down() -> None:
    now, played = 10.0, []
    for beat in range(40):
        played.append(now)
        now += 60 / (120 - beat)
    line = listen(played, Timeline(0, 0, 120))
    assert line.bpm == pytest.approx(82, rel=0.06)


def test_few_notes_say_nothing() -> None:
    follower, line = TempoFollower(), Timeline(0, 0, 120)
    assert [follower.hear(10 + beat / 2, line) for beat in range(FEWEST - 1)] == [None] * 4


@given(st.lists(st.floats(0, 4), max_size=60))
@effort(max_examples=100, deadline=None)
def test_nothing_that_is_played_breaks_it(gaps: list[float]) -> None:
    played = [float(time) for time in np.cumsum(gaps)]
    line = listen(played, Timeline(0, 0, 120))
    assert 30 < line.bpm < 330
