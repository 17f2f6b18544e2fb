"""Measures the latency of notes on this computer, and how late it wakes up."""

import contextlib
import queue
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from midigen.live import realtime
from midigen.live.connection import Arrival, Enqueue
from midigen.live.ports import MidiPorts
from midigen.midi.messages import NoteOff, Pitch, Seconds
from midigen.settings.choices import Api
from midigen.settings.connections import Ports

WAKES = 200
"""How many times `measure_waking` sleeps."""

_SPREAD: Seconds = 0.020  # the longest pause, so that notes fall anywhere in a period
_PATIENCE: Seconds = 0.5  # then a note is lost
_TRIES = 8  # notes until one comes back: a JACK server first sorts its graph, and may lose some
_SLEEP: Seconds = 0.005

_Result = TypeVar("_Result")

_ECHO = Ports(
    in_client="midigen-doctor-in",
    in_port="midigen-doctor-in",
    out_client="midigen-doctor-out",
    out_port="midigen-doctor-out",
)
_HAND = Ports(
    input=(_ECHO.out_port,),
    output=(_ECHO.in_port,),
    in_client="midigen-doctor-ear",
    in_port="midigen-doctor-ear",
    out_client="midigen-doctor-hand",
    out_port="midigen-doctor-hand",
)


def measure_round_trip(api: Api, notes: int) -> list[Seconds]:
    """How long notes take from a keyboard's port to midigen's and on to a synth's, in seconds.

    Those that get lost are left out. Notes are sent at irregular times, so that they fall
    anywhere in a period of JACK, and they are note-offs, which make no sound if they reach
    another program. Raises MidigenError if the ports can't be opened.
    """
    struck: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    answered: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    chance = random.Random(0)
    with opened(api, _ECHO, struck.put) as echo, opened(api, _HAND, answered.put) as hand:

        def there_and_back(pitch: Pitch) -> Seconds | None:
            note, answer = NoteOff(pitch, channel=1), NoteOff(pitch, channel=2)
            began = time.perf_counter()
            hand.send(note)
            if _wait_for(note, struck) is None:
                return None
            echo.send(answer)  # on another channel, since its own messages would be ignored
            came = _wait_for(answer, answered)
            return None if came is None else came - began

        times: list[Seconds] = []
        if all(there_and_back(pitch) is None for pitch in range(_TRIES)):
            return times
        for number in range(notes):
            time.sleep(chance.uniform(0, _SPREAD))
            took = there_and_back((_TRIES + number) % 128)
            if took is not None:
                times.append(took)
    return times


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


@contextlib.contextmanager
def opened(api: Api, ports: Ports, enqueue: Enqueue) -> Iterator[MidiPorts]:
    """Open ports that enqueue what they hear, and close them. Raises MidigenError."""
    connection = MidiPorts(api, ports, hears_clock=False)
    connection.open(enqueue)
    try:
        yield connection
    finally:
        connection.close()


def _wait_for(note: NoteOff, arrivals: "queue.SimpleQueue[Arrival]") -> Seconds | None:
    """When a note arrived, or None if it got lost. Notes from before are skipped."""
    end = time.perf_counter() + _PATIENCE
    with contextlib.suppress(queue.Empty):
        while True:
            arrival = arrivals.get(timeout=max(0.0, end - time.perf_counter()))
            if note in arrival.events(arrival.data):
                return arrival.time
    return None
