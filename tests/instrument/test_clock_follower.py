"""MIDI clock with all that makes it hard: jitter, late and missing ticks, other tempi."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from midigen.instrument.clock_follower import CLOCKS_PER_BEAT, MISSING, SETTLED, ClockFollower
from midigen.midi.messages import Clock, SongPosition


def spans(*tempi: tuple[float, float]) -> list[float]:
    """The exact times of ticks for so many beats at each of some tempi."""
    periods = [
        60 / bpm / CLOCKS_PER_BEAT
        for bpm, beats in tempi
        for _ in range(int(beats * CLOCKS_PER_BEAT))
    ]
    return [float(time) for time in np.concatenate([[0.0], np.cumsum(periods)])]


def follow(times: list[float]) -> ClockFollower:
    follower = ClockFollower()
    for time in times:
        follower.hear(Clock.TICK, time)
    return follower


def errors(exact: list[float], heard: list[float], ahead: int = 6) -> npt.NDArray[np.float64]:
    """How far off each tick is foretold, `ahead` ticks before it comes."""
    follower = ClockFollower()
    found = []
    for count, time in enumerate(heard):
        follower.hear(Clock.TICK, time)
        line = follower.timeline
        if line is not None and count + ahead < len(exact):
            foretold = line.time_of((count + ahead) / CLOCKS_PER_BEAT)
            found.append(foretold - exact[count + ahead])
    return np.array(found)


@given(st.floats(20, 400))
def test_a_perfect_clock_is_known_after_two_ticks(bpm: float) -> None:
    line = follow(spans((bpm, 1))[:2]).timeline
    assert line is not None
    assert line.bpm == pytest.approx(bpm)
    assert line.beat == 1 / CLOCKS_PER_BEAT


@given(st.floats(40, 240), st.integers(0, 99))
@effort(max_examples=30, deadline=None)
def test_jitter_of_two_milliseconds_is_smoothed_within_two_beats(bpm: float, seed: int) -> None:
    exact = spans((bpm, 20))
    jitter = np.random.default_rng(seed).uniform(-0.002, 0.002, len(exact))
    off = errors(exact, [time + float(late) for time, late in zip(exact, jitter, strict=True)])
    assert abs(off[2 * CLOCKS_PER_BEAT :]).max() < 0.002
    assert off[2 * CLOCKS_PER_BEAT :].std() < 0.0007


@given(st.floats(60, 180), st.floats(0.7, 1.4), st.integers(0, 99))
@effort(max_examples=30, deadline=None)
def test_another_tempo_is_met_within_a_beat(bpm: float, change: float, seed: int) -> None:
    """From then on a note is on its tick to 3 ms, and to 5 a sixteenth before it falls due."""
    exact = spans((bpm, 8), (bpm * change, 12))
    jitter = np.random.default_rng(seed).uniform(-0.002, 0.002, len(exact))
    heard = [time + float(late) for time, late in zip(exact, jitter, strict=True)]
    due = errors(exact, heard, ahead=1)[9 * CLOCKS_PER_BEAT :]
    assert np.percentile(abs(due), 99) < 0.003
    before = errors(exact, heard, ahead=6)[9 * CLOCKS_PER_BEAT :]
    assert abs(before).max() < 0.005


def test_it_has_no_drift_in_half_an_hour() -> None:
    exact = spans((119.7, 3600))
    jitter = np.random.default_rng(1).uniform(-0.002, 0.002, len(exact))
    off = errors(exact, [time + float(late) for time, late in zip(exact, jitter, strict=True)])
    assert abs(off[-1000:].mean()) < 0.0002


def test_ticks_that_are_late_by_chance_change_nothing() -> None:
    """A busy computer hands three ticks on at once."""
    exact = spans((120, 10))
    heard = list(exact)
    heard[100:103] = [exact[102] + 0.001 * n for n in range(3)]
    assert abs(errors(exact, heard)[30:]).max() < 0.0005


def test_start_begins_the_count_and_stop_holds_it() -> None:
    follower = follow(spans((120, 2)))
    follower.hear(Clock.START, 1.01)
    assert follower.beat == pytest.approx(-1 / CLOCKS_PER_BEAT)
    follower.hear(Clock.TICK, 1.021)
    assert follower.beat == 0
    follower.hear(Clock.STOP, 1.03)
    assert follower.running is False
    follower.hear(Clock.TICK, 1.042)
    assert follower.beat == 0
    follower.hear(Clock.CONTINUE, 1.05)
    follower.hear(Clock.TICK, 1.063)
    assert follower.beat == 1 / CLOCKS_PER_BEAT


def test_a_song_position_is_where_the_next_tick_is() -> None:
    follower = ClockFollower()
    follower.hear(SongPosition(18), 0.0)
    follower.hear(Clock.CONTINUE, 0.0)
    follower.hear(Clock.TICK, 0.1)
    assert follower.beat == 4.5


def test_it_is_missed_after_half_a_second_and_begins_anew() -> None:
    times = spans((120, 4))
    follower = follow(times)
    assert follower.settled
    assert follower.lost_at == times[-1] + MISSING
    follower.lose()
    anew = follower
    assert anew.lost_at is None
    assert not anew.settled
    for time in spans((90, 2)):
        follower.hear(Clock.TICK, 100 + time)
    assert follower.timeline is not None
    assert follower.timeline.bpm == pytest.approx(90)


@given(st.lists(st.floats(0, 0.2) | st.floats(0, 3), max_size=200))
def test_no_ticks_make_a_tempo_that_could_not_be(gaps: list[float]) -> None:
    times = [float(time) for time in np.cumsum(gaps)]
    line = follow(times).timeline
    assert line is None or 19.9 <= line.bpm <= 400.1


def test_settling_takes_half_a_beat() -> None:
    assert SETTLED * 2 == CLOCKS_PER_BEAT
