"""Measures how fast midigen answers, how well it keeps time, and what it costs.

    python -m benchmarks.latency [--solo-minutes 5] [--json FILE]

Inside the process it runs the real daemon and the shipped model, with a port that takes the time
of each callback and of each send. Over JACK (dummy driver, 48 kHz, 64 frames a period,
synchronous) it runs midigen beside a bare echo client, in alternating blocks of one run.

JACK passes messages on once a period, every 1.33 ms. A bare echo always sends at the same point of
the period, where a small delay may cost a whole period and a larger one nothing. So the control is
an echo that is late by a random part of a period, with and without 1 ms more. The mean must show
about 1 ms of difference, or the run is void. Needs the dev extra and jackd; takes about ten
minutes.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.server import jack_server
from midigen.instrument.events import Output
from midigen.instrument.performer import Performer
from midigen.live.connection import Enqueue
from midigen.live.daemon import Daemon
from midigen.live.feedback import Feedback
from midigen.live.intake import Intake
from midigen.midi.messages import Channel, NoteOn
from midigen.prediction.models import load_model
from midigen.settings.choices import Mode, RhythmSource
from midigen.settings.table import Settings
from tests.jack import Ear, Hand, wait_until

INSIDE_NOTES = 5_000
JACK_NOTES = 2_000
BLOCK = 100
WARM_UP = 5  # notes at the start of a block that don't count: the first ones get no answer
PAUSE = 0.006  # seconds between notes: duet answers 200 a second
PERIOD_MS = "1.333"  # 64 frames at 48 kHz
CONTROL = 0.8, 1.2  # ms that 1 ms may show up as
STARTS = 5
IDLE = 10.0  # seconds
Result = dict[str, Any]


class Probe:
    """A `Connection` that takes the time of each note-on it sends, and lets a test play."""

    latency = 0.0
    listening = playing = missing = ()
    trouble = ""
    dropped = returned = 0

    def __init__(self) -> None:
        self.sent: list[float] = []
        self.answered = threading.Event()

    def open(self, enqueue: Enqueue) -> None:
        """Make the callback that a live port would have."""
        self.on_message = Intake(enqueue, Feedback()).on_message

    def send(self, output: Output) -> bool:
        """Take the time of a note-on."""
        now = time.perf_counter()
        if isinstance(output, NoteOn):
            self.sent.append(now)
            self.answered.set()
        return True

    def adjust(self, *, hears_clock: bool, channel: Channel) -> None:
        """Neither clock nor channel matter here."""

    def release_held(self) -> int:
        """No note-off is ever lost here."""
        return 0

    def check(self) -> list[str]:
        """No port can be lost here."""
        return []

    def close(self) -> None:
        """There is nothing to close."""

    def strike(self, pitch: int) -> None:
        """Do what RtMidi does when a key is pressed."""
        self.on_message(([0x90, pitch, 80], 0.0), None)

    def release(self, pitch: int) -> None:
        """Do what RtMidi does when a key is released."""
        self.on_message(([0x80, pitch, 0], 0.0), None)


def _quiet(_: str) -> None:
    """Ignore notices."""


def _daemon(chosen: Settings, probe: Probe) -> Daemon:
    predictor = load_model(chosen.model)
    return Daemon(Performer(chosen, predictor, np.random.default_rng(0)), probe, _quiet)


def milliseconds(seconds: list[float]) -> Result:
    """The median, mean, 99th percentile and maximum of some times, in milliseconds.

    A note that never came counts as infinitely late.
    """
    ranked = sorted(seconds)  # no interpolation, which fails between infinities
    p50, p99 = (ranked[min(len(ranked) * part // 100, len(ranked) - 1)] * 1000 for part in (50, 99))
    mean = statistics.fmean(seconds) * 1000
    return {"n": len(seconds), "p50": p50, "mean": mean, "p99": p99, "max": max(seconds) * 1000}


def inside_duet() -> Result:
    """The time from the callback's entry to the send of the answer."""
    probe = Probe()
    daemon = _daemon(replace(Settings(), mode=Mode.DUET), probe)
    latencies: list[float] = []

    def player() -> None:
        for index in range(INSIDE_NOTES + 3):
            pitch = 60 + (0, 2, 4, 5, 7, 9, 11)[index * 3 % 7]
            probe.answered.clear()
            struck = time.perf_counter()
            probe.strike(pitch)
            answered = probe.answered.wait(timeout=0.5)  # the first notes get none
            latencies.append(probe.sent[-1] - struck if answered else math.inf)
            probe.release(pitch)
            time.sleep(PAUSE)
        daemon.stop()

    daemon.run(threading.Thread(target=player).start)
    return milliseconds(latencies[-INSIDE_NOTES:])


def inside_solo(minutes: float) -> Result:
    """How late each send is against the grid, and how far it has drifted at the end.

    Beside it, half a step off the grid, runs a thread that only sleeps. It shows what this machine
    can do at best.
    """
    probe = Probe()
    chosen = replace(Settings(), mode=Mode.SOLO).changed("rhythm.source", RhythmSource.STEADY)
    step = 60 / chosen.tempo.bpm / chosen.rhythm.subdivision
    daemon = _daemon(chosen, probe)
    overslept: list[float] = []

    def player() -> None:
        for pitch in (60, 62, 64):
            probe.strike(pitch)
            time.sleep(0.05)
            probe.release(pitch)
        start = daemon.performer.timeline.time + step / 2
        for index in range(1, round(minutes * 60 / step)):
            target = start + index * step
            time.sleep(max(0.0, target - time.perf_counter()))
            overslept.append(time.perf_counter() - target)
        daemon.stop()

    daemon.run(threading.Thread(target=player).start)
    origin = daemon.performer.timeline.time
    late = [sent - origin - round((sent - origin) / step) * step for sent in probe.sent]
    tenth = max(1, len(late) // 10)
    drift = statistics.median(late[-tenth:]) - statistics.median(late[:tenth])
    return {
        "midigen": {**milliseconds([abs(each) for each in late]), "on_time": _on_time(late)},
        "sleep": {**milliseconds(overslept), "on_time": _on_time(overslept)},
        "drift": drift * 1000,
        "minutes": minutes,
    }


def _on_time(late: list[float]) -> float:
    """The share of times that are off by less than 1 ms."""
    return sum(abs(each) < 0.001 for each in late) / len(late)


@contextmanager
def _client(*command: str, stderr: int | None = None) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if stderr is None else stderr,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


class Partner:
    """A client that is measured, with its own hand and ear.

    `stderr` may be a terminal for it to draw on.
    """

    def __init__(
        self, stack: ExitStack, name: str, *command: str, stderr: int | None = None
    ) -> None:
        self.process = stack.enter_context(_client(*command, stderr=stderr))
        self.hand, self.ear = Hand(), Ear()
        stack.callback(self.hand.close)
        stack.callback(self.ear.close)
        self.hand.connect(f"{name}-in:{name} in")
        self.ear.connect(f"{name}-out:{name} out")
        self.round_trips: list[float] = []

    def play(self, pitch: int) -> None:
        """Press a key, wait for what comes back, and release the key."""
        with self.ear.came:
            self.ear.heard.clear()
            struck = time.perf_counter()
            self.hand.strike(pitch)
            came = self.ear.came.wait_for(lambda: _onsets(self.ear), timeout=0.2)
        self.round_trips.append(_onsets(self.ear)[0] - struck if came else math.inf)
        self.hand.release(pitch)


def midigen(*options: str) -> tuple[str, ...]:
    """The command that starts midigen, for a `Partner`."""
    return ("midigen", "run", "--ports", "jack", *options)


BLOCKS = {
    "echo": ("echo", "benchmarks.bare", "echo", "echo"),
    "midigen": ("midigen", *midigen("--mode", "duet")),
    "late echo": ("late", "benchmarks.bare", "late", "late", "0", PERIOD_MS),
    "late echo + 1 ms": ("late", "benchmarks.bare", "late", "late", "1", PERIOD_MS),
}


def jack_duet() -> Result:
    """The round trips through midigen, a bare echo and the controls, in alternating blocks.

    Each block has a process of its own, so that only the measured client is on the server, and the
    order of starting doesn't matter.
    """
    jitter = np.random.default_rng(0)  # so that notes come anywhere in a period
    round_trips: dict[str, list[float]] = {name: [] for name in BLOCKS}
    for _ in range(JACK_NOTES // BLOCK):
        for kind, (name, *command) in BLOCKS.items():
            with ExitStack() as stack:
                partner = Partner(stack, name, *command)
                for _ in range(BLOCK + WARM_UP):
                    partner.play(60 + int(jitter.integers(0, 12)))
                    time.sleep(PAUSE + float(jitter.uniform(0, 0.004)))
                round_trips[kind] += partner.round_trips[-BLOCK:]
    return {kind: milliseconds(times) for kind, times in round_trips.items()}


def costs() -> Result:
    """The resident memory after playing, and the processor time while idle."""
    with ExitStack() as stack:
        partners = {
            kind: Partner(stack, name, *command)
            for kind, (name, *command) in BLOCKS.items()
            if kind in ("echo", "midigen")
        }
        for _ in range(BLOCK):
            for partner in partners.values():
                partner.play(60)
                time.sleep(PAUSE)
        pids = {kind: partner.process.pid for kind, partner in partners.items()}
        return {
            "memory": {kind: resident_mib(pid) for kind, pid in pids.items()},
            "idle": _idle(pids),
        }


def jack_solo(minutes: float) -> Result:
    """How uneven the notes of midigen and of a bare port are over JACK."""
    step = 0.25
    with ExitStack() as stack:
        bare = Partner(stack, "pulse", "benchmarks.bare", "pulse", "pulse", str(step))
        own = Partner(stack, "midigen", *midigen("--mode", "solo", "--set", "rhythm.source=steady"))
        for pitch in (60, 62, 64):
            own.hand.strike(pitch)
            time.sleep(0.05)
            own.hand.release(pitch)
        time.sleep(minutes * 60)
        return {
            name: milliseconds(
                [abs(span - step) for span in np.diff(_onsets(partner.ear)).tolist()]
            )
            for name, partner in (("bare port", bare), ("midigen", own))
        }


def _onsets(ear: Ear) -> list[float]:
    return [at for at, message in list(ear.heard) if isinstance(message, NoteOn)]


def start_up() -> Result:
    """The time from the command until its ports exist."""
    lister = Ear()

    def seconds(name: str, *command: str) -> float:
        started = time.perf_counter()
        with _client(*command):
            wait_until(lambda: f"{name}-out:{name} out" in lister.ports(), name)
            return time.perf_counter() - started

    measured: dict[str, list[float]] = {"echo": [], "midigen": []}
    for _ in range(STARTS):
        measured["echo"].append(seconds("echo", "benchmarks.bare", "echo", "echo"))
        measured["midigen"].append(seconds("midigen", *midigen()))
    lister.close()
    return {name: milliseconds(spans) for name, spans in measured.items()}


def resident_mib(pid: int) -> float:
    """The resident memory of a process, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def _idle(pids: dict[str, int]) -> dict[str, float]:
    """How much of a core each process uses while nothing is played, in percent."""
    before = {name: _processor_seconds(pid) for name, pid in pids.items()}
    time.sleep(IDLE)
    return {
        name: 100 * (_processor_seconds(pid) - before[name]) / IDLE for name, pid in pids.items()
    }


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _row(name: str, times: Result, note: str = "") -> str:
    figures = " | ".join(f"{times[which]:.2f}" for which in ("p50", "mean", "p99", "max"))
    return f"| {name} | {figures} | {note} |"


def _control(results: Result) -> float:
    """What 1 ms more shows up as in the mean, since single notes lose whole periods or none."""
    duet = results["jack_duet"]
    return float(duet["late echo + 1 ms"]["mean"] - duet["late echo"]["mean"])


def table(results: Result) -> str:
    """The results as a table, in milliseconds."""
    duet, solo, starts = results["jack_duet"], results["jack_solo"], results["start_up"]
    inside = results["inside_solo"]
    own, sleep = inside["midigen"], inside["sleep"]
    more = duet["midigen"]["p50"] - duet["echo"]["p50"]
    memory, idle = results["costs"]["memory"], results["costs"]["idle"]
    on_time = (
        f"{inside['minutes']:g} min: {own['on_time']:.1%} within 1 ms, "
        f"drift {inside['drift']:+.3f} ms"
    )
    rows = [
        "| ms | p50 | mean | p99 | max | |",
        "|---|---|---|---|---|---|",
        _row(
            "answer, inside the process",
            results["inside_duet"],
            f"{results['inside_duet']['n']} notes, duet",
        ),
        _row("round trip over JACK, bare echo", duet["echo"], f"{duet['echo']['n']} notes"),
        _row("round trip over JACK, midigen", duet["midigen"], f"{more:+.2f} at p50"),
        _row("control: an echo at random", duet["late echo"], "within a period"),
        _row(
            "control: the same and 1 ms",
            duet["late echo + 1 ms"],
            f"{_control(results):+.2f} in the mean",
        ),
        _row("off the grid, a thread that sleeps", sleep, f"{sleep['on_time']:.1%} within 1 ms"),
        _row("off the grid, solo inside the process", own, on_time),
        _row("uneven onsets over JACK, bare port", solo["bare port"], "sends on the same grid"),
        _row("uneven onsets over JACK, midigen", solo["midigen"], "solo"),
        _row("start until the ports exist, bare echo", starts["echo"], f"{STARTS} starts"),
        _row("start until the ports exist, midigen", starts["midigen"], f"{STARTS} starts"),
    ]
    expenses = (
        f"Resident memory: {memory['midigen']:.0f} MiB, bare echo {memory['echo']:.0f} MiB "
        f"({memory['midigen'] - memory['echo']:+.0f}). Idle: {idle['midigen']:.2f} % of a core, "
        f"bare echo {idle['echo']:.2f} % ({idle['midigen'] - idle['echo']:+.2f})."
    )
    return "\n".join([*rows, "", expenses])


def measure(solo_minutes: float) -> Result:
    """Measure everything, one after another."""
    parts: dict[str, Callable[[], Result]] = {
        "start_up": start_up,
        "jack_duet": jack_duet,
        "costs": costs,
        "jack_solo": lambda: jack_solo(min(solo_minutes, 1.0)),
    }
    print("measuring inside the process ...", file=sys.stderr, flush=True)
    results: Result = {
        "inside_duet": inside_duet(),
        "inside_solo": inside_solo(solo_minutes),
    }
    with jack_server():
        for name, part in parts.items():
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            results[name] = part()
    return results


def main() -> None:
    """Measure and print the table. The exit code is 1 if the control makes the run void."""
    parser = argparse.ArgumentParser(description="Measure midigen's latency, timing and costs.")
    parser.add_argument("--solo-minutes", type=float, default=5.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    options = parser.parse_args()
    results = measure(options.solo_minutes)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))
    control = _control(results)
    if not CONTROL[0] <= control <= CONTROL[1]:
        sys.exit(f"void: 1 ms shows up as {control:.2f} ms")


if __name__ == "__main__":
    main()
