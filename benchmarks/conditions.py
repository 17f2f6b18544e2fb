"""Measures the latency under several conditions: `python -m benchmarks.conditions`.

Inside the process, in alternating blocks of one run, the conditions are: idle; both cores busy with
other processes; the status drawn on a terminal; the session recorded; OSC messages coming in; a
model that takes 5 ms for a prediction, at four notes a second, beside the shipped model at the same
pace; and a stream of MIDI on the same input as fast as a cable can carry it (31,250 baud, a message
a millisecond). Over JACK they are the same as far as possible, each beside a bare echo under the
same condition. Needs the dev extra and jackd; takes about ten minutes.
"""

import argparse
import contextlib
import json
import math
import os
import pty
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.latency import BLOCKS, PAUSE, Partner, Probe, Result, midigen, milliseconds
from benchmarks.server import jack_server
from midigen.app.display import Display
from midigen.instrument.events import Output
from midigen.instrument.performer import Performer
from midigen.live.daemon import Daemon
from midigen.live.osc import OscServer
from midigen.live.recording import Recorder
from midigen.midi.messages import NoteOn
from midigen.prediction.models import load_model
from midigen.prediction.onnx_predictor import open_model
from midigen.prediction.predictor import Predictor
from midigen.settings.choices import Mode
from midigen.settings.table import Settings

ROUNDS = 4
NOTES = 250  # of a block inside the process
SLOW_NOTES = 50
SLOW_PAUSE = 0.25  # four notes a second
SLOW = 0.005  # seconds of a prediction
JACK_ROUNDS = 5
JACK_NOTES = 100
WARM_UP = 5
MARK = 100  # the pitch to listen for in a stream
OSC_INTERVAL = 0.05  # seconds between messages
NEVER = 1e6

DUET = replace(Settings(), mode=Mode.DUET)
THRU = Settings().changed("thru", value=True).changed("turn.silence", NEVER)


# --- a model that is slow


def write_slow_model(folder: Path) -> Path:
    """Write a model whose prediction takes 5 ms on this machine."""
    path = folder / "slow.onnx"
    products = 1
    while (seconds := _prediction(_write_products(path, products))) < SLOW:
        products = max(products + 1, math.ceil(products * SLOW / seconds))
    print(f"a prediction of the slow model takes {seconds * 1000:.1f} ms", file=sys.stderr)
    return path


def _prediction(path: Path) -> float:
    """The median time of a prediction, in seconds."""
    predictor = open_model(path)
    window = np.zeros((1, 3), dtype=np.int64)
    times = []
    for _ in range(30):
        start = time.perf_counter()
        predictor.predict(window)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _write_products(path: Path, count: int, size: int = 1024) -> Path:
    """Write a network of so many products with one matrix, and a softmax."""
    rng = np.random.default_rng(0)
    weights = {
        "first": rng.normal(0, 1, (3, size)),
        "again": rng.normal(0, 1 / math.sqrt(size), (size, size)),
        "last": rng.normal(0, 1, (size, 7)),
    }
    nodes = [
        helper.make_node("Flatten", ["window"], ["flat"]),
        helper.make_node("MatMul", ["flat", "first"], ["line0"]),
        *(
            helper.make_node("MatMul", [f"line{place}", "again"], [f"line{place + 1}"])
            for place in range(count)
        ),
        helper.make_node("MatMul", [f"line{count}", "last"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["letters"]),
    ]
    graph = helper.make_graph(
        nodes,
        "slow",
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["batch", 3, 1])],
        [helper.make_tensor_value_info("letters", TensorProto.FLOAT, ["batch", 7])],
        [
            numpy_helper.from_array(matrix.astype(np.float32), name)
            for name, matrix in weights.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    properties = {"format": "1", "vocabulary": "C D E F G A B", "encoding": "scaled"}
    properties |= {"min_notes": "3", "max_notes": "3"}
    helper.set_model_props(model, {f"midigen.{key}": text for key, text in properties.items()})
    onnx.save(model, path)
    return path


# --- conditions


@contextmanager
def busy() -> Iterator[None]:
    """Run a process on each core that keeps it busy."""
    hogs = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


@contextmanager
def terminal() -> Iterator[int]:
    """Open a terminal that is being read, and yield its file descriptor."""
    ours, theirs = pty.openpty()

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while os.read(ours, 65536):
                pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield theirs
    finally:
        os.close(theirs)
        reader.join(1.0)
        os.close(ours)


@contextmanager
def repeating(act: Callable[[], None], interval: float) -> Iterator[None]:
    """Do something again and again on another thread, at an interval in seconds."""
    ended = threading.Event()

    def work() -> None:
        start = time.perf_counter()
        count = 0
        while not ended.is_set():
            act()
            count += 1
            time.sleep(max(0.0, start + count * interval - time.perf_counter()))

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


@contextmanager
def osc_messages(port: int) -> Iterator[None]:
    """Send OSC messages as a moving fader does."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        message = b"/midigen/temperature\0\0\0\0,f\0\0\x3f\x80\0\0"  # 1.0

        def send() -> None:
            sender.sendto(message, ("127.0.0.1", port))

        with repeating(send, OSC_INTERVAL):
            yield


# --- inside the process


class Marked(Probe):
    """A `Probe` that takes the time of one pitch only."""

    def send(self, output: Output) -> bool:
        """Take the time of the marked pitch."""
        is_marked = isinstance(output, NoteOn) and output.pitch == MARK
        return super().send(output) if is_marked else True


Condition = Callable[[ExitStack, Daemon, Probe], None]


def idle(_: ExitStack, __: Daemon, ___: Probe) -> None:
    """Nothing else happens."""


def inside_busy(stack: ExitStack, _: Daemon, __: Probe) -> None:
    """All cores are busy."""
    stack.enter_context(busy())


def inside_display(stack: ExitStack, daemon: Daemon, _: Probe) -> None:
    """The status is drawn."""
    descriptor = stack.enter_context(terminal())
    stream = stack.enter_context(os.fdopen(os.dup(descriptor), "w"))
    display = Display(lambda: daemon.status, stream=stream)
    display.start("")
    stack.callback(display.stop)


def inside_osc(stack: ExitStack, daemon: Daemon, _: Probe) -> None:
    """OSC comes in."""
    server = OscServer("127.0.0.1", 0, daemon.put, lambda _: None)
    server.open()
    stack.callback(server.close)
    stack.enter_context(osc_messages(server.port))


def inside_stream(stack: ExitStack, _: Daemon, probe: Probe) -> None:
    """A cable at full speed brings notes in the middle of the keyboard."""
    state = iter(range(10**9))

    def send() -> None:
        count = next(state)
        status = 0x80 if count % 2 else 0x90
        probe.on_message(([status, 40 + count // 2 % 40, 64], 0.0), None)

    stack.enter_context(repeating(send, 0.001))


def measure_inside(
    chosen: Settings,
    predictor: Predictor,
    condition: Condition,
    folder: Path | None = None,
    *,
    probe: Probe | None = None,
    notes: int = NOTES,
    pause: float = PAUSE,
) -> list[float]:
    """The seconds from each callback's entry to the send of the answer."""
    probe = probe or Probe()
    recorder = None
    if folder is not None:
        recorder = Recorder(
            folder, whole=True, keep_minutes=5, bpm=120.0, bar=4, tell=lambda _: None
        )
        recorder.prove()
    performer = Performer(chosen, predictor, np.random.default_rng(0))
    daemon = Daemon(performer, probe, lambda _: None, [recorder] if recorder else [])
    times: list[float] = []

    def play() -> None:
        with ExitStack() as stack:
            condition(stack, daemon, probe)
            for index in range(notes + WARM_UP):
                marked = isinstance(probe, Marked)
                pitch = MARK if marked else 60 + (0, 2, 4, 5, 7, 9, 11)[index * 3 % 7]
                probe.answered.clear()
                struck = time.perf_counter()
                probe.strike(pitch)
                came = probe.answered.wait(timeout=0.5)
                times.append(probe.sent[-1] - struck if came else math.inf)
                probe.release(pitch)
                time.sleep(pause)
        daemon.stop()

    daemon.run(threading.Thread(target=play).start)
    if recorder:
        recorder.close(time.perf_counter())
    return times[-notes:]


def inside(folder: Path) -> Result:
    """All conditions inside the process, in alternating blocks."""
    shipped = load_model(DUET.model)
    slow = open_model(write_slow_model(folder))
    paced: dict[str, Any] = {"notes": SLOW_NOTES, "pause": SLOW_PAUSE}
    measures: dict[str, Callable[[], list[float]]] = {
        "duet, idle": lambda: measure_inside(DUET, shipped, idle),
        "duet, both cores busy": lambda: measure_inside(DUET, shipped, inside_busy),
        "duet, status drawn": lambda: measure_inside(DUET, shipped, inside_display),
        "duet, recorded": lambda: measure_inside(DUET, shipped, idle, folder),
        "duet, OSC": lambda: measure_inside(DUET, shipped, inside_osc),
        "duet, 4 notes a second": lambda: measure_inside(DUET, shipped, idle, **paced),
        "the same, a 5 ms model": lambda: measure_inside(DUET, slow, idle, **paced),
        "thru, idle": lambda: measure_inside(THRU, shipped, idle, probe=Marked()),
        "thru, full-speed stream": lambda: measure_inside(
            THRU, shipped, inside_stream, probe=Marked()
        ),
    }
    times: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(ROUNDS):
        for name, measured in measures.items():
            times[name] += measured()
    return {name: milliseconds(each) for name, each in times.items()}


# --- over JACK


def _play(stack: ExitStack, command: tuple[str, ...], *, drawn: bool) -> list[float]:
    """The round trips of a block, which has a client of its own."""
    name, *arguments = command
    descriptor = stack.enter_context(terminal()) if drawn else None
    partner = Partner(stack, name, *arguments, stderr=descriptor)
    chance = np.random.default_rng()
    for _ in range(JACK_NOTES + WARM_UP):
        partner.play(60 + int(chance.integers(0, 12)))
        time.sleep(PAUSE + float(chance.uniform(0, 0.004)))
    return partner.round_trips[-JACK_NOTES:]


def over_jack(folder: Path) -> Result:
    """The round trips of midigen and of a bare echo, under each condition."""
    duet = ("midigen", *midigen("--mode", "duet"))
    osc = ("midigen", *midigen("--mode", "duet", "--set", "osc.port=9123"))
    recorded = ("midigen", *midigen("--mode", "duet", "--record", str(folder / "takes")))
    conditions: dict[str, tuple[tuple[str, ...], Callable[[], Any]]] = {
        "idle": (duet, contextlib.nullcontext),
        "both cores busy": (duet, busy),
        "status drawn": (duet, contextlib.nullcontext),
        "recorded": (recorded, contextlib.nullcontext),
        "OSC": (osc, lambda: osc_messages(9123)),
    }
    times: dict[str, dict[str, list[float]]] = {
        name: {"echo": [], "midigen": []} for name in conditions
    }
    for _ in range(JACK_ROUNDS):
        for name, (command, around) in conditions.items():
            for kind, each in (("echo", BLOCKS["echo"]), ("midigen", command)):
                with ExitStack() as stack:
                    stack.enter_context(around())
                    drawn = name == "status drawn" and kind == "midigen"
                    times[name][kind] += _play(stack, each, drawn=drawn)
    return {
        name: {kind: milliseconds(each) for kind, each in both.items()}
        for name, both in times.items()
    }


# --- the table


def table(results: Result) -> str:
    """The results as tables, in milliseconds."""
    lines = [
        "| inside the process, ms | p50 | p99 | max | p50 against idle |",
        "|---|---|---|---|---|",
    ]
    within = results["inside"]
    base = {"the same, a 5 ms model": "duet, 4 notes a second"}
    for name, each in within.items():
        first = base.get(name, f"{name.partition(',')[0]}, idle")
        change = each["p50"] - within[first]["p50"]
        lines.append(
            f"| {name} | {each['p50']:.2f} | {each['p99']:.2f} | {each['max']:.2f} "
            f"| {change:+.2f} |"
        )
    lines += [
        "",
        "| round trip over JACK, ms | echo p50 | echo p99 | midigen p50 | midigen p99 "
        "| p50 against the echo |",
        "|---|---|---|---|---|---|",
    ]
    for name, both in results["jack"].items():
        echo, own = both["echo"], both["midigen"]
        lines.append(
            f"| {name} | {echo['p50']:.2f} | {echo['p99']:.2f} | {own['p50']:.2f} "
            f"| {own['p99']:.2f} | {own['p50'] - echo['p50']:+.2f}, "
            f"{own['p50'] / echo['p50']:.2f} times |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(description="Measure the latency under several conditions.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        results: Result = {"inside": inside(Path(temporary))}
    with jack_server() as folder:
        results["jack"] = over_jack(folder)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
