"""The findings of `doctor`, and its limits: what a player would notice."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from midigen.errors import ExitCode, MidigenError
from midigen.midi.messages import Seconds
from midigen.settings.choices import Api

TOO_SLOW: Seconds = 0.010
"""The longest delay from a key to its sound that players don't mind.

R. Jack, A. Mehrabi, T. Stockman, A. McPherson, "Action-sound Latency and the Perceived
Quality of Digital Musical Instruments", Music Perception 36(1), 2018: percussionists and
amateurs rated an instrument with 10 ms no lower than one without delay, but lower with
20 ms, and with 10 ms that varied by 3.
"""

NOTICED: Seconds = TOO_SLOW / 2
"""The part of it that midigen may take; the rest is for the synth and its sound card."""

UNSTEADY: Seconds = 0.003
"""A delay that varies this much is noticed, according to the same study."""

LONG_PERIOD: Seconds = 0.006
"""A note and its answer take up to two periods of JACK; 256 frames at 44.1 kHz are 5.8 ms."""

_FOR_SPEED = "real-time priority, fewer other programs"


class Verdict(StrEnum):
    """The verdict of one check."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    FAILS = "won't work"
    PASSED_OVER = "skipped"


@dataclass(frozen=True)
class Finding:
    """The result of a check, the remedy, and the exit code if `run` would fail."""

    verdict: Verdict
    text: str
    remedy: str = ""
    code: ExitCode = ExitCode.OK


def failure(exc: MidigenError, remedy: str = "") -> Finding:
    """The finding for an error of `run`. Many errors include the remedy."""
    return Finding(Verdict.FAILS, str(exc), remedy, exc.exit_code)


def judge_period(period: Seconds) -> Finding:
    """Whether JACK's period is short enough."""
    text = f"JACK: its server runs, with a period of {_ms(period)}"
    if period <= LONG_PERIOD:
        return Finding(Verdict.GOOD, text)
    remedy = "start it with a shorter one, such as `jackd -d alsa -p 128`"
    return Finding(Verdict.DOUBTFUL, f"{text}, and every note waits for its end", remedy)


def judge_prediction(model: str, took: Seconds) -> Finding:
    """Whether a model is fast enough."""
    text = f"{model}: a prediction takes {_ms(took)}"
    if took <= NOTICED:
        return Finding(Verdict.GOOD, text)
    return Finding(Verdict.DOUBTFUL, f"{text}, so fast notes may come late", "choose a smaller one")


def judge_round_trip(times: Sequence[Seconds], sent: int, api: Api) -> Finding:
    """Whether a player will notice the latency, by the `times` of the notes that came back."""
    is_jack = api is Api.JACK
    if not times:
        remedy = f"restart {'the JACK server, or ' if is_jack else ''}this machine"
        text = "notes don't get from one port to another"
        return Finding(Verdict.FAILS, text, remedy, ExitCode.PORT)
    if len(times) < sent:
        remedy = "the machine is overloaded: end other programs, allow real-time priority"
        if is_jack:
            remedy = "start JACK in its synchronous mode, `jackd -S`; if it is, "
            remedy += "the machine is overloaded"
        text = f"latency: {sent - len(times)} of {sent} test notes got lost"
        return Finding(Verdict.DOUBTFUL, text, remedy)
    usual, p99 = (float(np.percentile(times, share)) for share in (50, 99))
    text = (
        f"latency: a note to midigen and its answer take {_ms(usual)} (p50), {_ms(p99)} (p99), "
        f"{_ms(max(times))} (max)"
    )
    if p99 <= NOTICED:
        return Finding(Verdict.GOOD, f"{text}: you will not notice it")
    remedy = f"{'a shorter period of JACK, ' if is_jack else ''}{_FOR_SPEED}"
    felt = "felt by some players" if p99 <= TOO_SLOW else "too slow to play with"
    return Finding(Verdict.DOUBTFUL, f"{text}: {felt}", remedy)


def judge_waking(late: Sequence[Seconds]) -> Finding:
    """Whether this computer wakes up in time for planned notes."""
    p99 = float(np.percentile(late, 99))
    text = f"this machine wakes up {_ms(p99)} late (p99), {_ms(max(late))} at worst"
    if p99 <= UNSTEADY:
        return Finding(Verdict.GOOD, f"{text}: you will not notice it")
    remedy = f"{_FOR_SPEED}, a machine that isn't shared"
    return Finding(Verdict.DOUBTFUL, f"{text}: its rhythm may sound unsteady", remedy)


def _ms(seconds: Seconds) -> str:
    return f"{seconds * 1000:.1f} ms"
