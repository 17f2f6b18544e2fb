"""Measures how the interpreter holds up the worker thread: `python -m benchmarks.interpreter`.

A note passes through (thru) while another thread predicts the next answers, at several switch
intervals, in alternating blocks of one run. The same is measured while yet another thread computes
all the time, as reading a configuration does. It also measures how long a garbage collection
takes, with and without what was loaded at the start.
"""

import gc
import math
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from benchmarks.conditions import DUET, MARK, Marked
from benchmarks.latency import Result, milliseconds
from midigen.instrument.performer import Performer
from midigen.live import realtime
from midigen.live.daemon import Daemon
from midigen.prediction.models import load_model
from midigen.prediction.predictor import Predictor

INTERVALS = (0.005, 0.001, 0.0005, 0.0001)  # seconds; the first is the interpreter's own
ROUNDS = 4
NOTES = 300
LATEST = 0.0013  # seconds after a key: its prediction takes about a millisecond
COLLECTIONS = 20


@contextmanager
def computing(*, really: bool) -> Iterator[None]:
    """Run a thread that computes all the time, unless it isn't to be `really` so."""
    ended = threading.Event()

    def compute() -> None:
        while not ended.is_set():
            sum(number for number in range(1000))

    thread = threading.Thread(target=compute, daemon=True)
    if really:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if really:
            thread.join()


def through(predictor: Predictor, interval: float) -> list[float]:
    """The seconds that notes take through midigen, if they come during a prediction."""
    realtime.SWITCH_INTERVAL = interval
    probe = Marked()
    performer = Performer(replace(DUET, thru=True), predictor, np.random.default_rng(0))
    daemon = Daemon(performer, probe, lambda _: None)
    times: list[float] = []
    chance = np.random.default_rng(1)

    def play() -> None:
        for index in range(NOTES):
            pitch = 60 + index % 7
            probe.strike(pitch)  # its answer is sent, and the next ones are predicted
            time.sleep(float(chance.uniform(0.0001, LATEST)))
            probe.answered.clear()
            struck = time.perf_counter()
            probe.strike(MARK)
            came = probe.answered.wait(timeout=0.5)
            times.append(probe.sent[-1] - struck if came else math.inf)
            probe.release(MARK)
            probe.release(pitch)
            time.sleep(0.008)
        daemon.stop()

    daemon.run(threading.Thread(target=play).start)
    return times


def collections() -> dict[str, float]:
    """The median time of a full garbage collection, in milliseconds."""

    def median() -> float:
        spans = []
        for _ in range(COLLECTIONS):
            start = time.perf_counter()
            gc.collect()
            spans.append(time.perf_counter() - start)
        return statistics.median(spans) * 1000

    everything = median()
    gc.freeze()
    frozen = median()
    gc.unfreeze()
    return {"everything": everything, "what was created since the start": frozen}


def main() -> None:
    """Measure both and print the tables."""
    predictor = load_model(DUET.model)
    kinds = ("", ", while another thread computes")
    times: dict[tuple[str, float], list[float]] = {
        (kind, interval): [] for kind in kinds for interval in INTERVALS
    }
    for _ in range(ROUNDS):
        for kind, interval in times:
            with computing(really=bool(kind)):
                times[kind, interval] += through(predictor, interval)
    print("| switch interval | thru while it predicts, p50 ms | mean | p99 | max |")
    print("|---|---|---|---|---|")
    for (kind, interval), spans in times.items():
        row: Result = milliseconds(spans)
        figures = " | ".join(f"{row[key]:.2f}" for key in ("p50", "mean", "p99", "max"))
        print(f"| {interval * 1000:g} ms{kind} | {figures} |")
    print("\n| a garbage collection of | ms |\n|---|---|")
    for name, span in collections().items():
        print(f"| {name} | {span:.2f} |")


if __name__ == "__main__":
    main()
