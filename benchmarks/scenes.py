"""Measures what a change of scene costs the notes around it: `python -m benchmarks.scenes`.

midigen plays solo over JACK, sixteen notes a second, with a window as full as a model can use. In
each of several processes, scenes change its model six times: three times to a model that hasn't
played yet, three times to one that has. The seconds around these changes are compared with as many
seconds without a change, whose notes also give the grid from which lateness is measured.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.server import jack_server
from midigen.midi.messages import NoteOn
from tests.jack import Midigen, pause

MODELS = ("songs", "pop", "lieder")
"""The models, each with a scene. The first one plays at the beginning."""

CHANGES = (1, 2, 0) * 2
"""The scenes that are recalled, in order. In the second half, all have played before."""

BPM, SUBDIVISION = 240, 4
STEP = 60 / BPM / SUBDIVISION  # seconds
SPAN = 1.0  # seconds around a change that are looked at
HEARD = 600  # letters that are played first: more than a model can use

STEADY, FIRST, LATER = "no change", "first change to it", "later change"


@dataclass
class Heard:
    """When notes came, and the spans of time to look at, with their kinds."""

    onsets: list[float]
    spans: list[tuple[str, float]]


def configuration(folder: Path) -> Path:
    """Write a configuration with a scene for each model, recalled by program changes."""
    path = folder / "scenes.toml"
    path.write_text(
        "".join(
            f'[[scene]]\nname = "{model}"\nmodel = "{model}"\n'
            f'[[control]]\nname = "scene"\nprogram = {number}\nvalue = "{model}"\n'
            for number, model in enumerate(MODELS)
        ),
        encoding="utf-8",
    )
    return path


def listen(options: Iterable[str]) -> Heard:
    """Run midigen, with changes of scene between spans without a change."""
    with ExitStack() as stack:
        running = Midigen(
            *("--mode", "solo", "--model", MODELS[0], "--set", "rhythm.source=steady"),
            *("--set", f"tempo.bpm={BPM}", "--set", f"rhythm.subdivision={SUBDIVISION}"),
            *options,
        )
        stack.callback(running.close)
        for place in range(HEARD):
            pitch = 60 + (0, 2, 4, 5, 7, 9, 11)[place * 3 % 7]
            running.hand.strike(pitch)
            running.hand.release(pitch)
            pause(0.002)
        running.ear.wait_for(8)
        spans = []
        for place, program in enumerate(CHANGES):
            spans.append((STEADY, time.perf_counter()))
            pause(SPAN)
            spans.append((FIRST if place < len(MODELS) else LATER, time.perf_counter()))
            running.hand.send(0xC0, program)
            pause(SPAN)
        running.stop()
        told = [line for line in running.lines if "scene" in line]
        expected = [f"midigen: scene {MODELS[program]}\n" for program in CHANGES]
        if told != expected:
            sys.exit(f"void: midigen reported {told}")
        onsets = running.ear.times(lambda message: isinstance(message, NoteOn))
    return Heard(onsets, spans)


def judged(heard: Heard) -> dict[str, tuple[list[float], list[float]]]:
    """How late each note was, and how long after the one before, in ms, by kind of span."""
    onsets = np.array(heard.onsets)
    inside = {name: np.zeros(len(onsets), bool) for name, _ in heard.spans}
    for name, start in heard.spans:
        inside[name] |= (onsets >= start) & (onsets < start + SPAN)
    reference = onsets[inside[STEADY]][0]
    off = onsets - reference - np.round((onsets - reference) / STEP) * STEP
    late = (off - np.median(off[inside[STEADY]])) * 1000
    gaps = np.diff(onsets, prepend=onsets[0]) * 1000
    return {name: (late[which].tolist(), gaps[which].tolist()) for name, which in inside.items()}


def measure(rounds: int, *options: str) -> dict[str, Any]:
    """The figures of each kind of span, in ms."""
    late: dict[str, list[float]] = {}
    gaps: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, (off, between) in judged(listen(options)).items():
            late.setdefault(name, []).extend(off)
            gaps.setdefault(name, []).extend(between)
    return {
        name: {
            "notes": len(values),
            "p50": float(np.percentile(values, 50)),
            "p99": float(np.percentile(values, 99)),
            "max": max(values),
            "latest": sorted(values)[-10:],
            "gap": max(gaps[name]),
        }
        for name, values in late.items()
    }


def table(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    rows = [
        f"| late, ms ({STEP * 1000:g} between notes) | notes | p50 | p99 | max | largest gap |",
        "|---|---|---|---|---|---|",
    ]
    for name, each in figures.items():
        numbers = " | ".join(f"{each[which]:.2f}" for which in ("p50", "p99", "max", "gap"))
        rows.append(f"| {name} | {each['notes']} | {numbers} |")
    return "\n".join(rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure what a change of scene costs.")
    parser.add_argument("--rounds", type=int, default=7, help="processes, of six changes each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    options = parser.parse_args()
    with jack_server() as folder:
        figures = measure(options.rounds, "--config", str(configuration(folder)))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(table(figures))


if __name__ == "__main__":
    main()
