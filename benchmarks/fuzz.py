"""Whether what comes from outside can do harm: `python -m benchmarks.fuzz`.

Each target of `tests.fuzz` is given many inputs, random ones and valid ones that were
changed, in a process of its own: MIDI files are learned from, looked at and played to, OSC
packets and configurations read and their values checked, requests answered, models loaded.
All that may come of it is that an input is taken, or refused with an error of midigen's. The
seed makes a run repeatable.
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
    """Fuzz, print a table, and end with 1 if anything else than midigen's errors came out."""
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
    """Fuzz one target and print its row; whether nothing uncaught came out."""
    folder = Path(tempfile.mkdtemp(prefix="midigen-fuzz-"))
    began = time.perf_counter()
    try:
        said = fuzz_apart(name, inputs, seed, folder)
    except BrokenProcessPool:
        print(f"| {name} | crashed: the input is in {folder} |", flush=True)
        return False
    except Exception:  # whatever it is, it is what was looked for
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
