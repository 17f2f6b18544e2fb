"""Minimal Python MIDI clients on JACK, which midigen is compared with.

    python -m benchmarks.bare echo NAME                  sends messages back from the callback
    python -m benchmarks.bare late NAME WAIT_MS SPREAD_MS
                                                         sends them back from a thread, after the
                                                         wait and a random part of the spread
    python -m benchmarks.bare pulse NAME STEP_S          sends a note on each step of a grid
    python -m benchmarks.bare flood NAME RATE SECONDS    sends so many messages a second, of every
                                                         kind, prints their number, and ends

Each opens the virtual ports `NAME in` and `NAME out`, of the clients NAME-in and NAME-out. All but
the flood run until SIGTERM.
"""

import queue
import random
import signal
import sys
import threading
import time
from typing import Any

import rtmidi


def echo(source: Any, output: Any) -> None:
    """Send back what comes in, from the callback."""
    source.set_callback(lambda message, _: output.send_message(message[0]))
    signal.sigwait({signal.SIGTERM})
    source.cancel_callback()


def late(source: Any, output: Any, wait: float, spread: float) -> None:
    """Send back what comes in, after `wait` and a random part of `spread`, in seconds."""
    arrivals: queue.SimpleQueue[tuple[float, list[int]]] = queue.SimpleQueue()
    chance = random.Random(0)

    def send() -> None:
        while True:
            came, message = arrivals.get()
            time.sleep(max(0.0, came + wait + chance.uniform(0, spread) - time.perf_counter()))
            output.send_message(message)

    threading.Thread(target=send, daemon=True).start()
    source.set_callback(lambda message, _: arrivals.put((time.perf_counter(), message[0])))
    signal.sigwait({signal.SIGTERM})
    source.cancel_callback()


def pulse(output: Any, step: float) -> None:
    """Send a note-on on each step, and its note-off half a step later."""
    start = time.perf_counter()
    half_steps = 0
    while not signal.sigtimedwait(
        {signal.SIGTERM}, max(0.0, start + half_steps * step / 2 - time.perf_counter())
    ):
        output.send_message([0x80 if half_steps % 2 else 0x90, 60, 64])
        half_steps += 1


def flood(output: Any, rate: float, seconds: float) -> None:
    """Send `rate` messages a second, of every kind, in bursts of a millisecond."""
    print("ready", flush=True)
    time.sleep(0.5)  # so that it can be connected
    kinds: list[list[int]] = []
    chance = random.Random(0)
    for _ in range(2000):
        pitch, velocity = chance.randint(24, 95), chance.randint(1, 127)
        kinds += [[0x90, pitch, velocity], [0xA0, pitch, 30], [0xB0, 1, pitch], [0xD0, pitch]]
        kinds += [[0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7], [0x80, pitch, 0]]
    start = time.perf_counter()
    sent = 0
    while (passed := time.perf_counter() - start) < seconds or sent % 6:  # the last note ends
        while sent < passed * rate:
            output.send_message(kinds[sent % len(kinds)])
            sent += 1
        time.sleep(0.001)
    time.sleep(0.1)  # until the server has taken everything
    print(sent)


def main() -> None:
    """Open the ports, run, and close them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    kind, name, *rest = sys.argv[1:]
    source = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=f"{name}-in")
    source.ignore_types(timing=False)
    output = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=f"{name}-out")
    source.open_virtual_port(f"{name} in")
    output.open_virtual_port(f"{name} out")
    if kind == "echo":
        echo(source, output)
    elif kind == "late":
        late(source, output, *(float(milliseconds) / 1000 for milliseconds in rest))
    elif kind == "flood":
        flood(output, *(float(number) for number in rest))
    else:
        pulse(output, float(rest[0]))
    for port in (source, output):
        port.close_port()
        port.delete()


if __name__ == "__main__":
    main()
