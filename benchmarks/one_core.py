"""Measures midigen with everything on one core: `python -m benchmarks.one_core`.

The JACK server, the player, midigen (in duet) and a neighbour share one core of this machine. The
neighbour is a process of normal priority that wakes up every millisecond. At several paces and
switch intervals of the interpreter, with and without real-time priority, it measures how long
answers take, how much of the core midigen uses, and how late the neighbour wakes up. Needs the dev
extra and jackd; takes about five minutes.
"""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.server import jack_server
from midigen.midi.messages import NoteOn
from tests.jack import Ear, Hand

PACES = (4, 25, 160)  # notes a second
INTERVALS = (0.005, 0.001, 0.0001)  # seconds; the first is the interpreter's own
NOTES = {4: 16, 25: 100, 160: 640}

MIDIGEN = """
import sys
from midigen.live import realtime
realtime.switch_interval = lambda _: {interval}
if not {is_urgent}:
    realtime.raise_priority = lambda *_: "normal priority"
from midigen.app.cli import main
sys.exit(main(["run", "--ports", "jack", "--mode", "duet", "--quiet"]))
"""
NEIGHBOUR = """
import signal, sys, time
late, ends = [], []
signal.signal(signal.SIGTERM, lambda *_: ends.append(1))
due = time.perf_counter()
while not ends:
    due += 0.001
    time.sleep(max(0.0, due - time.perf_counter()))
    now = time.perf_counter()
    late.append(now - due)
    due = max(due, now - 0.001)
print(sorted(late)[len(late) * 99 // 100], max(late))
"""


@contextmanager
def midigen(interval: float, *, is_urgent: bool) -> Iterator["subprocess.Popen[bytes]"]:
    """Run midigen on the server, with such a switch interval."""
    program = MIDIGEN.format(interval=interval, is_urgent=is_urgent)
    process = subprocess.Popen([sys.executable, "-c", program])
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def processor_time(process: int) -> float:
    """The processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(interval: float, pace: int, *, is_urgent: bool) -> str:
    """A row of the table, for one pace and interval."""
    with midigen(interval, is_urgent=is_urgent) as process:
        hand, ear = Hand(), Ear()
        hand.connect("midigen-in:midigen in")
        ear.connect("midigen-out:midigen out")
        time.sleep(1.0)
        neighbour = subprocess.Popen(
            [sys.executable, "-c", NEIGHBOUR], stdout=subprocess.PIPE, text=True
        )
        used, began = processor_time(process.pid), time.perf_counter()
        struck = []
        for note in range(NOTES[pace]):
            pitch = 60 + note % 7
            time.sleep(max(0.0, began + note / pace - time.perf_counter()))
            struck.append(time.perf_counter())
            hand.strike(pitch)
            hand.release(pitch)
        lasted = time.perf_counter() - began
        used = processor_time(process.pid) - used
        time.sleep(0.5)
        neighbour.send_signal(signal.SIGTERM)
        p99, most = (float(each) * 1000 for each in neighbour.communicate()[0].split())
        answered = ear.times(lambda message: isinstance(message, NoteOn))
        hand.close()
        ear.close()
    # If an answer is missing, it isn't known which answer belongs to which note.
    came = len(answered) == len(struck)
    waits = [(b - a) * 1000 for a, b in zip(struck, answered, strict=True)] if came else []
    waited = (
        f"{statistics.median(waits):.2f} | {sorted(waits)[len(waits) * 99 // 100]:.2f}"
        if came
        else "- | -"
    )
    kind = "real-time" if is_urgent else "normal"
    return (
        f"| {pace} | {interval * 1000:g} ms, {kind} | {waited} | {len(struck) - len(answered)} "
        f"| {used / lasted:.1%} | {p99:.2f} | {most:.1f} |"
    )


def main() -> None:
    """Measure and print the table."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(
        "| notes a second | switch interval, priority | answer p50 ms | p99 | missing "
        "| of the core | neighbour late p99 ms | max |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for pace in PACES:
        for is_urgent in (True, False):
            for interval in INTERVALS:
                with jack_server():
                    print(measure(interval, pace, is_urgent=is_urgent), flush=True)


if __name__ == "__main__":
    main()
