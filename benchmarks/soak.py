"""Plays for a long time: `python -m benchmarks.soak [--minutes 10]`.

First come two hours of simulated time, as fast as possible: a player plays phrases, changes the
mode and turns controls, and now and then everything stands still for 10 s. Then come real minutes
over JACK at sixteen notes a second, beside a bare port that sends on the same grid. Measured are
the growth of resident memory after the first minute, lost and hanging notes, and drift. Needs the
dev extra and jackd.
"""

import argparse
import json
import time
import tracemalloc
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.latency import Partner, Result, midigen, resident_mib
from benchmarks.server import jack_server
from midigen.instrument.events import Output
from midigen.instrument.performer import Performer
from midigen.midi.messages import NoteOff, NoteOn
from midigen.prediction.models import load_model
from midigen.settings.controls import Control
from midigen.settings.table import Settings

HOURS = 2.0
STANDSTILL = 10.0  # seconds
STEP = 1 / 16  # seconds: sixteen notes a second
SAMPLES = 6  # of the memory, in a minute
STEADY = ("--set", "rhythm.source=steady", "--set", "tempo.bpm=240")
SIXTEEN = (*STEADY, "--set", "rhythm.subdivision=4")


# --- simulated time


class Listener:
    """Counts notes, and those that hang."""

    def __init__(self) -> None:
        self.notes = 0
        self.sounding: set[tuple[int, int]] = set()
        self.errors = 0

    def hear(self, outputs: list[Output]) -> None:
        """Hear what is sent."""
        for output in outputs:
            if isinstance(output, NoteOn):
                self.notes += 1
                self.errors += (output.channel, output.pitch) in self.sounding
                self.sounding.add((output.channel, output.pitch))
            elif isinstance(output, NoteOff):
                self.sounding.discard((output.channel, output.pitch))


def simulated() -> Result:
    """Two hours of a set, as fast as they can be simulated."""
    performer = Performer(
        replace(Settings(), thru=True),
        load_model(Settings().model),
        np.random.default_rng(0),
    )
    chance = np.random.default_rng(1)
    listener = Listener()
    now = 0.0
    player = 0
    kept: list[int] = []
    started = time.perf_counter()
    listener.hear(performer.start(now))

    def wait_until(end: float) -> None:
        while (due := performer.deadline) is not None and due <= end:
            performer.prepare()
            listener.hear(performer.advance(due))

    tracemalloc.start()
    while now < HOURS * 3600:
        for _ in range(int(chance.integers(3, 12))):
            pitch = 60 + int(chance.integers(-12, 13))
            listener.hear(performer.handle(NoteOn(pitch, int(chance.integers(40, 110))), now))
            player += 1
            wait_until(now + 0.2)
            listener.hear(performer.handle(NoteOff(pitch), now + 0.2))
            now += 0.25
        if chance.random() < 0.1:
            mode = ("call-response", "duet", "solo")[int(chance.integers(3))]
            listener.hear(performer.handle(Control("mode", mode), now))
        if chance.random() < 0.1:
            listener.hear(
                performer.handle(Control("temperature", float(chance.uniform(0, 2))), now)
            )
        if chance.random() < 0.02:
            now += STANDSTILL
            listener.hear(performer.advance(now))
        wait_until(now + 6.0)
        now += 6.0
        if len(kept) < now // 600:
            kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    listener.hear(performer.stop())
    return {
        "hours": HOURS,
        "minutes_taken": (time.perf_counter() - started) / 60,
        "player_notes": player,
        "notes": listener.notes,
        "struck_while_sounding": listener.errors,
        "hanging": len(listener.sounding),
        "kib_after_10_minutes": kept[0] / 1024,
        "kib_at_the_end": kept[-1] / 1024,
    }


# --- real time


def real(minutes: float) -> Result:
    """Minutes of solo over JACK, sixteen notes a second."""
    with ExitStack() as stack:
        bare = Partner(stack, "pulse", "benchmarks.bare", "pulse", "pulse", str(STEP))
        own = Partner(stack, "midigen", *midigen("--mode", "solo", *SIXTEEN))
        own.hand.strike(60)
        time.sleep(0.05)
        own.hand.release(60)
        memory: list[tuple[float, float]] = []
        start = time.perf_counter()
        while (passed := time.perf_counter() - start) < minutes * 60:
            memory.append((passed, resident_mib(own.process.pid)))
            time.sleep(60 / SAMPLES)
        own.process.terminate()
        own.process.wait()
        time.sleep(0.5)
        results: Result = {
            name: _grid(partner) for name, partner in (("bare port", bare), ("midigen", own))
        }
        heard = [message for _, message in own.ear.heard]
    results["midigen"]["hanging"] = len(own.ear.hanging())
    results["midigen"]["ends"] = sum(isinstance(message, NoteOff) for message in heard)
    first_minute = [mib for passed, mib in memory if passed >= 60]
    results["memory_after_a_minute"] = first_minute[0]
    results["memory_at_the_end"] = first_minute[-1]
    results["minutes"] = minutes
    return results


def _grid(partner: Partner) -> Result:
    """The number of notes that came and of those in the grid, and how far off it they are."""
    onsets = np.array(partner.ear.times(lambda message: isinstance(message, NoteOn)))
    places = np.round((onsets - onsets[0]) / STEP)
    off = (onsets - onsets[0] - places * STEP) * 1000
    minute = round(60 / STEP)
    off -= np.median(off[:minute])
    return {
        "notes": len(onsets),
        "grid": int(places[-1]) + 1,
        "lost": int(places[-1]) + 1 - len(set(places.tolist())),
        "off_p99": float(np.percentile(abs(off), 99)),
        "off_max": float(abs(off).max()),
        "drift": float(np.median(off[-minute:])),
    }


def table(results: Result) -> str:
    """The results as text."""
    hours = results["simulated"]
    lines = [
        f"{hours['hours']:g} hours in simulated time, in {hours['minutes_taken']:.1f} minutes: "
        f"{hours['player_notes']} notes by the player, {hours['notes']} sent, "
        f"{hours['hanging']} hanging, {hours['struck_while_sounding']} struck while sounding; "
        f"memory {hours['kib_after_10_minutes']:.0f} KiB after ten minutes, "
        f"{hours['kib_at_the_end']:.0f} KiB at the end.",
    ]
    if "real" not in results:
        return lines[0]
    real_time = results["real"]
    grown = real_time["memory_at_the_end"] - real_time["memory_after_a_minute"]
    lines += [
        "",
        f"{real_time['minutes']:g} real minutes at sixteen notes a second: resident memory "
        f"{real_time['memory_after_a_minute']:.1f} MiB after the first, {grown:+.2f} MiB since; "
        f"{real_time['midigen']['hanging']} notes hanging.",
        "",
        "| | notes | lost | off its grid, p99 ms | max | drift |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("bare port", "midigen"):
        row = real_time[name]
        lines.append(
            f"| {name} | {row['notes']} | {row['lost']} | {row['off_p99']:.2f} "
            f"| {row['off_max']:.2f} | {row['drift']:+.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure both and print the results."""
    parser = argparse.ArgumentParser(description="Play for hours, simulated, and minutes.")
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="of real time, 2 at least; 0: none"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    options = parser.parse_args()
    results: Result = {}
    if options.minutes:
        with jack_server():
            results["real"] = real(options.minutes)
    results["simulated"] = simulated()
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
