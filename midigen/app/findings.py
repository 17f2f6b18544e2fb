"""What `doctor` finds, and its judgement of what it measured: what a player would notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from midigen.errors import ExitCode, MidigenError
from midigen.midi.messages import Seconds
from midigen.settings.choices import Api

TOO_SLOW: Seconds = 0.010
"""The longest way from a key to its sound that players find as good as none.

R. Jack, A. Mehrabi, T. Stockman, A. McPherson, "Action-sound Latency and the Perceived
Quality of Digital Musical Instruments", Music Perception 36(1), 2018: percussionists and
amateurs rated an instrument with 10 ms no lower than one without delay, but lower with
20 ms, and with 10 ms that varied by 3.
"""

NOTICED: Seconds = TOO_SLOW / 2
"""What may be spent here; the other half is for the synth and its sound card."""

UNSTEADY: Seconds = 0.003
"""By the same study, a delay that varies by this much is noticed."""

LONG_PERIOD: Seconds = 0.006
"""A note and its answer take up to two of JACK's periods; 256 frames at 44.1 kHz are 5.8 ms."""


class Verdict(StrEnum):
    """How something stands."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    FAILS = "won't work"
    PASSED_OVER = "passed over"


@dataclass(frozen=True)
class Finding:
    """What was found, what to do about it, and the exit code of `run` where it would fail."""

    verdict: Verdict
    text: str
    remedy: str = ""
    code: ExitCode = ExitCode.OK


def failure(exc: MidigenError, remedy: str = "") -> Finding:
    """An error that `run` would end with; many say themselves what to do."""
    return Finding(Verdict.FAILS, str(exc), remedy, exc.exit_code)


def judge_period(period: Seconds) -> Finding:
    """Whether JACK hands notes on often enough."""
    text = f"JACK: its server runs, with a period of {_ms(period)}"
    if period <= LONG_PERIOD:
        return Finding(Verdict.GOOD, text)
    return Finding(
        Verdict.DOUBTFUL,
        f"{text}, for which every note waits",
        "start it with a shorter one, such as `jackd -d alsa -p 128`",
    )


def judge_prediction(model: str, took: Seconds) -> Finding:
    """Whether a model is fast enough."""
    text = f"{model}: a prediction takes {_ms(took)}"
    if took <= NOTICED:
        return Finding(Verdict.GOOD, text)
    return Finding(Verdict.DOUBTFUL, f"{text}, so fast notes may come late", "choose a smaller one")


def judge_round_trip(times: Sequence[Seconds], sent: int, api: Api) -> Finding:
    """What a player will feel of how long notes were under way; of those sent, some may lack."""
    if not times:
        return Finding(
            Verdict.FAILS,
            "notes don't come through from one port to another",
            "restart the JACK server, or this machine"
            if api is Api.JACK
            else "restart this machine",
            ExitCode.PORT,
        )
    if len(times) < sent:
        return Finding(
            Verdict.DOUBTFUL,
            f"of {sent} notes sent to itself, {sent - len(times)} got lost",
            "a JACK server needs its synchronous mode, `jackd -S`; else the machine is overloaded"
            if api is Api.JACK
            else "the machine is overloaded: end other programs, allow real-time priority",
        )
    usual, p99 = (float(np.percentile(times, share)) for share in (50, 99))
    text = (
        f"a note to midigen and on is under way for {_ms(usual)} (p50), {_ms(p99)} (p99), "
        f"{_ms(max(times))} (max)"
    )
    remedy = "real-time priority, fewer other programs"
    if api is Api.JACK:
        remedy = f"a shorter period of JACK, {remedy}"
    if p99 <= NOTICED:
        return Finding(Verdict.GOOD, f"{text}: you will not notice it")
    if p99 <= TOO_SLOW:
        return Finding(Verdict.DOUBTFUL, f"{text}: felt by some players", remedy)
    return Finding(Verdict.DOUBTFUL, f"{text}: too slow to play with", remedy)


def judge_waking(late: Sequence[Seconds]) -> Finding:
    """Whether planned notes come steadily."""
    p99 = float(np.percentile(late, 99))
    text = f"this machine wakes up {_ms(p99)} late (p99), {_ms(max(late))} at worst"
    if p99 <= UNSTEADY:
        return Finding(Verdict.GOOD, f"{text}: you will not notice it")
    remedy = "real-time priority, fewer other programs, a machine that isn't shared"
    return Finding(Verdict.DOUBTFUL, f"{text}: its rhythm may sound unsteady", remedy)


def _ms(seconds: Seconds) -> str:
    return f"{seconds * 1000:.1f} ms"
