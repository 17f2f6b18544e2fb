"""How `doctor` judges what it measured: good up to the limits, doubtful beyond them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.app.findings import (
    LONG_PERIOD,
    NOTICED,
    TOO_SLOW,
    UNSTEADY,
    Finding,
    Verdict,
    judge_period,
    judge_prediction,
    judge_round_trip,
    judge_waking,
)
from midigen.errors import ExitCode
from midigen.settings.choices import Api

GOOD, DOUBTFUL, FAILS, PASSED_OVER = Verdict

APIS = st.sampled_from([Api.ALSA, Api.COREMIDI, Api.JACK])
TIMES = st.lists(st.floats(0.0001, 1), min_size=1, max_size=300)


def words(finding: Finding) -> str:
    """What the numbers mean for a player, in words."""
    return finding.text.rpartition(": ")[2]


@given(APIS, TIMES, st.floats(0, 1))
def test_latency_is_judged_by_its_99th_percentile(
    api: Api, times: list[float], share: float
) -> None:
    slowest = max(times)
    for limit, verdict, said in (
        (NOTICED, GOOD, "you will not notice it"),
        (TOO_SLOW, DOUBTFUL, "felt by some players"),
    ):
        quick = [time / slowest * limit * share for time in times]
        finding = judge_round_trip(quick, len(quick), api)
        told = (finding.verdict, words(finding))
        assert told in ((GOOD, "you will not notice it"), (verdict, said))
    slow = [time / min(times) * TOO_SLOW * 1.001 for time in times]
    finding = judge_round_trip(slow, len(slow), api)
    assert (finding.verdict, words(finding)) == (DOUBTFUL, "too slow to play with")
    assert ("JACK" in finding.remedy) is (api is Api.JACK)
    assert finding.code == ExitCode.OK


@pytest.mark.parametrize(
    ("milliseconds", "verdict", "said"),
    [
        (1.8, GOOD, "you will not notice it"),
        (5.0, GOOD, "you will not notice it"),
        (5.1, DOUBTFUL, "felt by some players"),
        (10.0, DOUBTFUL, "felt by some players"),
        (10.1, DOUBTFUL, "too slow to play with"),
    ],
)
def test_the_limits_of_what_is_felt(milliseconds: float, verdict: Verdict, said: str) -> None:
    finding = judge_round_trip([milliseconds / 1000] * 200, 200, Api.ALSA)
    assert (finding.verdict, words(finding)) == (verdict, said)
    assert f"take {milliseconds} ms (p50), {milliseconds} ms (p99), {milliseconds}" in finding.text


def test_one_late_note_of_many_does_not_matter() -> None:
    assert judge_round_trip([0.002] * 199 + [0.1], 200, Api.ALSA).verdict is GOOD
    assert judge_round_trip([0.002] * 190 + [0.1] * 10, 200, Api.ALSA).verdict is DOUBTFUL


@given(APIS, TIMES, st.integers(1, 50))
def test_lost_notes_are_counted(api: Api, times: list[float], lost: int) -> None:
    finding = judge_round_trip(times, len(times) + lost, api)
    assert (finding.verdict, finding.code) == (DOUBTFUL, ExitCode.OK)
    assert f"latency: {lost} of {len(times) + lost} test notes got lost" in finding.text
    assert ("JACK" in finding.remedy) is (api is Api.JACK)
    finding = judge_round_trip([], lost, api)
    assert ("JACK" in finding.remedy) is (api is Api.JACK)
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.PORT)


@given(st.floats(0, 1))
def test_periods_predictions_and_waking_are_good_up_to_their_limits(time: float) -> None:
    for finding, limit in (
        (judge_period(time), LONG_PERIOD),
        (judge_prediction("model x", time), NOTICED),
        (judge_waking([time] * 200), UNSTEADY),
    ):
        assert finding.verdict is (GOOD if time <= limit else DOUBTFUL)
        assert bool(finding.remedy) is (time > limit)
        assert finding.code == ExitCode.OK
