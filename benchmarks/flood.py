"""Measures midigen in a flood of messages: `python -m benchmarks.flood [--seconds 30]`.

Over JACK, a client sends 10,000 messages a second to midigen, which plays duet with thru: note-ons
and their note-offs, aftertouch, controllers and system exclusive. Measured are what comes out, what
hangs afterwards, the memory, what midigen reports as dropped, and how long the player's next note
waits for its answer, ten times over, beside answers before the flood. Needs the dev extra and
jackd.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.latency import Partner, Result, midigen, milliseconds, resident_mib
from benchmarks.server import jack_server
from midigen.midi.messages import NoteOff, NoteOn
from tests.jack import connect

RATE = 10_000  # messages a second
BURST = 0.5  # seconds of flood before each of the player's notes
NOTES = 10
SETTLES = 0.3  # seconds, for the server to reorder its graph


def _status() -> dict[str, float]:
    asked = subprocess.run(
        [sys.executable, "-m", "midigen", "status", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    status: dict[str, float] = json.loads(asked.stdout)
    return status


def _flood(seconds: float) -> int:
    """Flood midigen from another process, and return the number of messages sent."""
    sender = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.bare", "flood", "flood", str(RATE), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sender.stdout
    sender.stdout.readline()  # its port is open
    if not connect("flood-out:flood out", "midigen-in:midigen in"):
        sys.exit("the flood couldn't be connected")
    time.sleep(SETTLES)
    output, _ = sender.communicate("")
    return int(output)


def measure(seconds: float) -> Result:
    """The figures of a flood."""
    with ExitStack() as stack:
        partner = Partner(
            stack, "midigen", *midigen("--mode", "duet", "--set", "thru=true", "--model", "songs")
        )
        time.sleep(SETTLES)
        before = _answers(partner, 0.0)
        start_memory = resident_mib(partner.process.pid)
        with partner.ear.came:
            partner.ear.heard.clear()
        started = time.perf_counter()
        sent = _flood(seconds)
        took = time.perf_counter() - started
        time.sleep(1.0)
        heard = list(partner.ear.heard)
        hanging = len(partner.ear.hanging())
        end_memory = resident_mib(partner.process.pid)
        after = _answers(partner, BURST)
        status = _status()
    onsets = [at for at, message in heard if isinstance(message, NoteOn)]
    return {
        "sent": sent,
        "rate": sent / seconds,
        "took": took,
        "heard": len(heard),
        "onsets": len(onsets),
        "ends": sum(isinstance(message, NoteOff) for _, message in heard),
        "hanging": hanging,
        "notes_in": status["notes_in"],
        "dropped": status["dropped"],
        "memory_before": start_memory,
        "memory_after": end_memory,
        "answer_before": milliseconds(before),
        "answer_after": milliseconds(after),
    }


def _answers(partner: Partner, flooded: float) -> list[float]:
    """The seconds until each of the player's notes is answered, right after a flood."""
    times = []
    for place in range(NOTES):
        if flooded:
            _flood(flooded)
        with partner.ear.came:
            partner.ear.heard.clear()
            struck = time.perf_counter()
            partner.hand.strike(100 + place % 2)
            # The first note-on is the player's own, by thru.
            came = partner.ear.came.wait_for(lambda: len(_onsets(partner)) > 1, timeout=1.0)
        times.append(_onsets(partner)[1] - struck if came else float(np.inf))
        partner.hand.release(100 + place % 2)
        time.sleep(0.1)
    return times


def _onsets(partner: Partner) -> list[float]:
    return [at for at, message in list(partner.ear.heard) if isinstance(message, NoteOn)]


def table(results: Result) -> str:
    """The results as text."""
    before, after = results["answer_before"], results["answer_after"]
    return (
        f"{results['sent']} messages, {results['rate']:.0f} a second: {results['notes_in']} notes "
        f"taken in, {results['onsets']} sent on or answered, {results['hanging']} hanging "
        f"afterwards, {results['dropped']} messages and answers dropped and counted; memory "
        f"{results['memory_before']:.1f} MiB before, {results['memory_after']:.1f} after.\n"
        f"Answers: {before['p50']:.1f} ms before (at most {before['max']:.1f}), right after a "
        f"flood {after['p50']:.1f} ms (at most {after['max']:.1f}), of {NOTES} each."
    )


def main() -> None:
    """Measure and print the results."""
    parser = argparse.ArgumentParser(description="Flood midigen over JACK.")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    options = parser.parse_args()
    with jack_server() as folder:
        os.environ["XDG_RUNTIME_DIR"] = str(folder)  # for the control socket
        results = measure(options.seconds)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
