"""How long notes are under way on this machine, and how late it wakes."""

import contextlib
import queue
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from midigen.live import realtime
from midigen.live.arrivals import Arrival, Enqueue
from midigen.live.ports import MidiPorts
from midigen.midi.messages import NoteOff, Pitch, Seconds
from midigen.settings.choices import Api
from midigen.settings.connections import Ports

WAKES = 200
"""How often it sleeps."""

_SPREAD: Seconds = 0.020  # up to this between two notes, so that they fall anywhere in a period
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
    """How long each of some notes takes from a keyboard's port to here and on to a synth's.

    Those that get lost are missing. They come at irregular times, so that they fall evenly
    into the periods of a JACK server, and are ends of notes, which make no sound wherever
    else they may go. Raises MidigenError if the ports can't be had.
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
            echo.send(answer)  # another message, as nobody listens to what they said themselves
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
    """How late this thread wakes, sleeping to one deadline after another for a second."""
    start = time.perf_counter()
    late = []
    for number in range(1, WAKES + 1):
        deadline = start + number * _SLEEP
        time.sleep(max(0.0, deadline - time.perf_counter()))
        late.append(time.perf_counter() - deadline)
    return late


def as_played(measure: Callable[[], _Result]) -> _Result:
    """What is measured on a thread that has what the one that plays has."""
    with (
        realtime.undisturbed(),
        ThreadPoolExecutor(max_workers=1, initializer=realtime.raise_priority) as threads,
    ):
        return threads.submit(measure).result()


@contextlib.contextmanager
def opened(api: Api, ports: Ports, enqueue: Enqueue) -> Iterator[MidiPorts]:
    """Ports that are open meanwhile; what they hear is enqueued. Raises MidigenError."""
    connection = MidiPorts(api, ports, hears_clock=False)
    connection.open(enqueue)
    try:
        yield connection
    finally:
        connection.close()


def _wait_for(note: NoteOff, arrivals: "queue.SimpleQueue[Arrival]") -> Seconds | None:
    """When a note arrived; None if it is lost. What is left of others is passed over."""
    end = time.perf_counter() + _PATIENCE
    with contextlib.suppress(queue.Empty):
        while True:
            arrival = arrivals.get(timeout=max(0.0, end - time.perf_counter()))
            if note in arrival.events(arrival.data):
                return arrival.time
    return None
