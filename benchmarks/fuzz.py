"""Fuzzes everything that comes from outside: `python -m benchmarks.fuzz`.

Each target of `tests.fuzz` gets many inputs in a process of its own: random bytes, and valid data
that was changed. MIDI files are learned from, drawn and played to, OSC packets and configurations
are read and their values checked, requests are answered, and models are loaded. An input must be
taken, or refused with one of midigen's errors. The seed makes a run repeatable.
"""

import argparse
import shutil
import sys
import tempfile
import time
import traceback
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tests.fuzz import TAKEN, TARGETS, fuzz_apart

INPUTS = {
    "MIDI files": 100_000,
    "OSC packets": 100_000,
    "requests": 100_000,
    "MIDI bytes": 100_000,
    "configurations": 20_000,
    "models": 5_000,
}


def main() -> None:
    """Fuzz and print a table. The exit code is 1 if anything but midigen's errors was raised."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--inputs", type=int, metavar="N", help="instead of each target's number")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    print(
        f"seed {options.seed}\n\n| | inputs | taken | kinds of error | s |\n|---|---|---|---|---|"
    )
    outcomes = [
        give(name, options.inputs or INPUTS[name], options.seed)
        for name in options.targets or TARGETS
    ]
    sys.exit(0 if all(outcomes) else 1)


def give(name: str, inputs: int, seed: int) -> bool:
    """Fuzz one target and print its row. Returns whether only midigen's errors were raised."""
    folder = Path(tempfile.mkdtemp(prefix="midigen-fuzz-"))
    began = time.perf_counter()
    try:
        said = fuzz_apart(name, inputs, seed, folder)
    except BrokenProcessPool:
        print(f"| {name} | crashed: the input is in {folder} |", flush=True)
        return False
    except Exception:  # any other exception is what we are looking for
        traceback.print_exc()
        print(f"| {name} | failed: the input is above |", flush=True)
        return False
    shutil.rmtree(folder)
    seconds = time.perf_counter() - began
    cells = (name, said.total(), said[TAKEN], len(said.keys() - {TAKEN}), f"{seconds:.0f}")
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)
    return True


if __name__ == "__main__":
    main()
