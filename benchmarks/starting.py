"""How fast midigen starts and how much memory it takes, beside another state of it.

    python -m benchmarks.starting CHECKOUT [--rounds 20]

CHECKOUT is the folder of the other state, such as the one that `git worktree add CHECKOUT COMMIT`
makes. Both are measured in turn, round by round, with the same interpreter: the time that
`midigen --help` takes, the time from `midigen run` until the terminal is played or the ports on
JACK exist, and the resident memory over that of a bare echo client (`benchmarks.bare`), after each
has answered the same notes. Python's bytecode is there, as after an installation: the first round,
which writes it, doesn't count. Needs the dev extra and jackd; takes about five minutes.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.latency import BLOCK, BLOCKS, PAUSE, Partner, resident_mib
from benchmarks.server import jack_server
from tests.jack import Ear, wait_until
from tests.systemd import new_manager

HERE = Path(__file__).parent.parent
MIDIGEN = (sys.executable, "-m", "midigen")
PLAYING = f"{BLOCKS['midigen'][0]}-out:{BLOCKS['midigen'][0]} out"
MEMORY_ROUNDS = 5  # memory hardly varies


def until_help(checkout: Path) -> float:
    """Seconds of `midigen --help`."""
    start = time.perf_counter()
    subprocess.run([*MIDIGEN, "--help"], cwd=checkout, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


@contextlib.contextmanager
def running(checkout: Path, ports: str) -> Iterator[Callable[[], None]]:
    """A `midigen run` on these ports, and what waits until it says that it is ready."""
    with (
        new_manager() as manager,
        subprocess.Popen(
            [*MIDIGEN, "run", "--ports", ports],
            cwd=checkout,
            env={**os.environ, **manager.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        yield lambda: wait_until(
            lambda: any("READY=1" in text for text in manager.heard()), "READY=1"
        )
        process.terminate()


def until_terminal(checkout: Path) -> float:
    """Seconds from `midigen run --ports terminal` until it says that it is ready."""
    start = time.perf_counter()
    with running(checkout, "terminal") as wait:
        wait()
        return time.perf_counter() - start


def until_jack(checkout: Path, lister: Ear) -> float:
    """Seconds from `midigen run --ports jack` until its ports exist."""
    start = time.perf_counter()
    with running(checkout, "jack") as wait:
        wait_until(lambda: PLAYING in lister.ports(), PLAYING)
        seconds = time.perf_counter() - start
        wait()  # to end it sooner could hold up the server
    return seconds


def memory(checkout: Path, kind: str) -> float:
    """MiB that a client occupies after it has answered some notes."""
    name, *command = BLOCKS[kind]
    with contextlib.chdir(checkout), ExitStack() as stack:
        partner = Partner(stack, name, *command)
        for _ in range(BLOCK):
            partner.play(60)
            time.sleep(PAUSE)
        return resident_mib(partner.process.pid)


@contextlib.contextmanager
def bytecode() -> Iterator[None]:
    """Meanwhile processes that are started keep their bytecode in a folder for both states."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        yield


def measure(before: Path, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Each figure, there and here."""
    figures: dict[str, tuple[list[float], list[float]]] = {}

    def note(name: str, there: float, here: float) -> None:
        for values, value in zip(figures.setdefault(name, ([], [])), (there, here), strict=True):
            values.append(value)

    with jack_server():
        lister = Ear()
        for _ in range(rounds + 1):
            note("midigen --help, s", until_help(before), until_help(HERE))
            note("run --ports terminal, s", until_terminal(before), until_terminal(HERE))
            note("run --ports jack, s", until_jack(before, lister), until_jack(HERE, lister))
        lister.close()
        for _ in range(MEMORY_ROUNDS):
            echo = memory(HERE, "echo")
            there, here = (memory(each, "midigen") - echo for each in (before, HERE))
            note("memory over the echo, MiB", there, here)
    return {name: (there[1:], here[1:]) for name, (there, here) in figures.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure how midigen starts, beside another one.")
    parser.add_argument("checkout", type=Path, help="the other state")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    print("| median (least) of each | there | here |", "|---|---|---|", sep="\n")
    with bytecode():
        figures = measure(options.checkout.resolve(), options.rounds)
    for name, both in figures.items():
        texts = (f"{statistics.median(values):.2f} ({min(values):.2f})" for values in both)
        print(f"| {name} | {' | '.join(texts)} |")


if __name__ == "__main__":
    main()
