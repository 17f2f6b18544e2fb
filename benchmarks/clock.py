"""Measures how well answers follow a MIDI clock: `python -m benchmarks.clock --minutes 5.5`.

A real clock, `jack_midi_clock`, follows the transport of a JACK server, whose tempo
`jack_transport` sets. midigen gives an endless answer in sixteenths of that clock. One process
hears everything: the clock, midigen, and a bare echo of the clock, which shows what any Python
client costs.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.server import jack_server
from midigen.instrument.clock_follower import CLOCKS_PER_BEAT
from midigen.midi.messages import Clock, Message, NoteOn
from tests.jack import (
    CLOCK_OUT,
    Ear,
    Hand,
    Transport,
    connect,
    pause,
    play_phrase,
    wait_until,
)

TICKS_PER_SIXTEENTH = CLOCKS_PER_BEAT // 4
TEMPI = (120.0, 132.0, 96.0)
"""The tempos of a run, one after another, in beats per minute."""

P99_MS, MEAN_MS = 3.0, 1.0
"""The goals: the 99th percentile beyond the echo's own jitter, and the mean at the end."""

Times = list[float]


@contextmanager
def process(*command: str, end: signal.Signals = signal.SIGTERM) -> Iterator[None]:
    """Run a process, and end it at the end."""
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.send_signal(end)
        running.wait()


@dataclass
class Heard:
    """When ticks, their echoes and midigen's notes were heard, and when the tempo changed."""

    ticks: Times
    echoes: Times
    onsets: Times
    changes: Times


def listen(minutes: float, *options: str) -> Heard:
    """Play for so long. The tempo changes after each third of the first minute."""
    with ExitStack() as stack:
        transport = Transport()
        stack.callback(transport.close)
        stack.enter_context(process("jack_midi_clock", end=signal.SIGINT))
        midigen = (sys.executable, "-m", "midigen", "run", "--ports", "jack", *options)
        echo = (sys.executable, "-m", "benchmarks.bare", "echo", "echo")
        for command in (midigen, echo):
            stack.enter_context(process(*command))
        hand, clock, echoed, played = Hand(), Ear(clock=True), Ear(clock=True), Ear()
        for client in (hand, clock, echoed, played):
            stack.callback(client.close)
        clock.connect(CLOCK_OUT)
        for name in ("midigen-in:midigen in", "echo-in:echo in"):
            wait_until(lambda name=name: connect(CLOCK_OUT, name), name)  # type: ignore[misc]
        hand.connect("midigen-in:midigen in")
        echoed.connect("echo-out:echo out")
        played.connect("midigen-out:midigen out")
        pause(0.3)

        transport.say(f"tempo {TEMPI[0]:g}")
        transport.say("play")
        clock.wait_for(2 * CLOCKS_PER_BEAT, Clock)
        play_phrase(hand, 60, 62, 64)
        played.wait_for(1)
        changes = []
        start = time.perf_counter()
        for number, bpm in enumerate(TEMPI[1:], start=1):
            pause(start + min(20.0, minutes * 20) * number - time.perf_counter())
            transport.say(f"tempo {bpm:g}")
            changes.append(time.perf_counter())
        pause(max(0.0, start + minutes * 60 - time.perf_counter()))
    return Heard(
        ticks=clock.times(is_tick),
        echoes=echoed.times(is_tick),
        onsets=played.times(lambda message: isinstance(message, NoteOn)),
        changes=changes,
    )


def is_tick(message: Message) -> bool:
    """Whether a message is a tick of the clock."""
    return message is Clock.TICK


def sixteenths(ticks: Times) -> Times:
    """The ticks on which sixteenths begin. The first tick begins the song."""
    return ticks[::TICKS_PER_SIXTEENTH]


def off(times: Sequence[float], grid: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """How far each time is from the nearest time of a grid, in ms; late is positive."""
    marks, found = np.array(grid), np.array(times)
    after = np.clip(np.searchsorted(marks, found), 1, len(marks) - 1)
    nearest = np.where(found - marks[after - 1] < marks[after] - found, after - 1, after)
    result: np.ndarray[Any, np.dtype[np.float64]] = (found - marks[nearest]) * 1000
    return result


def judged(heard: Heard) -> Times:
    """The onsets that count: not those within a beat after a tempo change."""
    beat = 60 / min(TEMPI)
    margin = 0.1  # seconds until the transport has changed its tempo
    return [
        onset
        for onset in heard.onsets
        if onset < heard.ticks[-1]
        and not any(0 <= onset - at < beat + margin for at in heard.changes)
    ]


def measure(minutes: float, *options: str) -> dict[str, Any]:
    """The figures, in ms."""
    heard = listen(minutes, *options)
    onsets = judged(heard)
    late = off(onsets, sixteenths(heard.ticks))
    echo = off(heard.echoes, heard.ticks)
    return {
        "minutes": minutes,
        "onsets": len(onsets),
        "midigen": _figures(late),
        "echo": _figures(echo),
        "echo around its median": _figures(echo - np.median(echo)),
        "mean of the last 30 s": float(late[np.array(onsets) > onsets[-1] - 30].mean()),
    }


def _figures(late: np.ndarray[Any, np.dtype[np.float64]]) -> dict[str, float]:
    return {
        "mean": float(late.mean()),
        "p99": float(np.percentile(abs(late), 99)),
        "max": float(abs(late).max()),
    }


def table(results: dict[str, Any]) -> str:
    """The results as a table, in milliseconds."""
    note = f"{results['onsets']} notes; of the last 30 s {results['mean of the last 30 s']:+.2f}"
    rows = (
        ("midigen's notes, off the clock's sixteenths", results["midigen"], note),
        ("an echo of the clock, off its ticks", results["echo"], ""),
        ("that echo, around its own median", results["echo around its median"], ""),
    )
    return "\n".join(
        [
            "| ms | mean | p99 | max | |",
            "|---|---|---|---|---|",
            *(
                f"| {name} | {each['mean']:+.2f} | {each['p99']:.2f} | {each['max']:.2f} | {note} |"
                for name, each, note in rows
            ),
        ]
    )


def main() -> None:
    """Measure and print. The exit code is 1 if the goals aren't reached."""
    parser = argparse.ArgumentParser(description="Measure how an answer keeps to a MIDI clock.")
    parser.add_argument("--minutes", type=float, default=5.5)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    options = parser.parse_args()
    if shutil.which("jack_midi_clock") is None:
        sys.exit("jack_midi_clock isn't installed (Debian: apt-get install jack-midi-clock)")
    with jack_server():
        figures = measure(options.minutes, *ANSWER)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(table(figures))
    beyond = figures["midigen"]["p99"] - figures["echo around its median"]["p99"]
    if beyond > P99_MS or abs(figures["mean of the last 30 s"]) > MEAN_MS:
        sys.exit("the goals aren't reached")


ANSWER = (
    *("--model", "notebook", "--set", "tempo.source=clock", "--set", "response.length=endless"),
    *("--set", "rhythm.source=steady", "--set", "rhythm.subdivision=4"),
    *("--set", "turn.silence=0.2"),
)
"""The options for an endless answer in sixteenths."""


if __name__ == "__main__":
    main()
