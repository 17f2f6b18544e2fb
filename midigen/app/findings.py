"""The findings of `doctor`: what it measures on this computer, and what a player would notice."""

import contextlib
import queue
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import numpy as np

from midigen.errors import ExitCode, MidigenError
from midigen.live import realtime
from midigen.live.connection import Arrival
from midigen.live.ports import MidiPorts
from midigen.midi.messages import NoteOff, Pitch, Seconds
from midigen.settings.choices import Api
from midigen.settings.sections import Ports

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

WAKES = 200
"""How many times `measure_waking` sleeps."""

_SPREAD: Seconds = 0.020  # the longest pause, so that notes fall anywhere in a period
_PATIENCE: Seconds = 0.5  # then a note is lost
_TRIES = 8  # notes until one comes back: a JACK server first sorts its graph, and may lose some
_SLEEP: Seconds = 0.005
_FOR_SPEED = "real-time priority, fewer other programs"

_Result = TypeVar("_Result")


def _ports(ear: str, mouth: str) -> Ports:
    return Ports(in_client=ear, in_port=ear, out_client=mouth, out_port=mouth)


_ECHO = _ports("midigen-doctor-in", "midigen-doctor-out")
_APART = _ports("midigen-doctor-ear", "midigen-doctor-hand")
_HAND = replace(_APART, input=(_ECHO.out_port,), output=(_ECHO.in_port,))


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


# --- measuring


def measure_round_trip(api: Api, notes: int) -> list[Seconds]:
    """How long notes take from a keyboard's port to midigen's and on to a synth's, in seconds.

    Those that get lost are left out. Notes are sent at irregular times, so that they fall
    anywhere in a period of JACK, and they are note-offs, which make no sound if they reach
    another program. Raises MidigenError if the ports can't be opened.
    """
    struck: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    answered: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    chance = random.Random(0)
    with (
        contextlib.closing(MidiPorts(api, _ECHO, hears_clock=False)) as echo,
        contextlib.closing(MidiPorts(api, _HAND, hears_clock=False)) as hand,
    ):
        echo.open(struck.put)
        hand.open(answered.put)

        def there_and_back(pitch: Pitch) -> Seconds | None:
            note, answer = NoteOff(pitch, channel=1), NoteOff(pitch, channel=2)
            began = time.perf_counter()
            hand.send(note)
            if _wait_for(note, struck) is None:
                return None
            echo.send(answer)  # on another channel, since its own messages would be ignored
            came = _wait_for(answer, answered)
            return None if came is None else came - began

        if all(there_and_back(pitch) is None for pitch in range(_TRIES)):
            return []
        times = []
        for number in range(notes):
            time.sleep(chance.uniform(0, _SPREAD))
            times.append(there_and_back((_TRIES + number) % 128))
    return [took for took in times if took is not None]


def measure_waking() -> list[Seconds]:
    """How late this thread wakes up from each of many short sleeps, in seconds."""
    start = time.perf_counter()
    late = []
    for number in range(1, WAKES + 1):
        deadline = start + number * _SLEEP
        time.sleep(max(0.0, deadline - time.perf_counter()))
        late.append(time.perf_counter() - deadline)
    return late


def as_played(measure: Callable[[], _Result]) -> _Result:
    """Measure on a thread with the worker's priority and conditions."""
    with (
        realtime.undisturbed(),
        ThreadPoolExecutor(max_workers=1, initializer=realtime.raise_priority) as threads,
    ):
        return threads.submit(measure).result()


def _wait_for(note: NoteOff, arrivals: "queue.SimpleQueue[Arrival]") -> Seconds | None:
    """When a note arrived, or None if it got lost. Notes from before are skipped."""
    end = time.perf_counter() + _PATIENCE
    with contextlib.suppress(queue.Empty):
        while True:
            arrival = arrivals.get(timeout=max(0.0, end - time.perf_counter()))
            if note in arrival.events(arrival.data):
                return arrival.time
    return None
