"""What midigen is measured against: the least that a Python MIDI client can be.

`python -m benchmarks.bare echo NAME [WAIT_MS]` sends back each message from the
callback, after a wait; `python -m benchmarks.bare pulse NAME STEP_S` sends a note
on each step of a grid. Both open virtual ports `NAME in` and `NAME out` of the
clients NAME-in and NAME-out on JACK and run until SIGTERM.
"""

import signal
import sys
import time
from typing import Any

import rtmidi


def echo(source: Any, output: Any, wait: float) -> None:
    """Send back what comes in, from the callback."""

    def on_message(message: tuple[list[int], float], _: object) -> None:
        if wait:
            end = time.perf_counter() + wait
            while time.perf_counter() < end:  # a sleep would be longer than asked for
                pass
        output.send_message(message[0])

    source.set_callback(on_message)
    signal.sigwait({signal.SIGTERM})
    source.cancel_callback()


def pulse(output: Any, step: float) -> None:
    """Send a note on each step, and its end half a step later."""
    start = time.monotonic()
    half_steps = 0
    while not signal.sigtimedwait(
        {signal.SIGTERM}, max(0.0, start + half_steps * step / 2 - time.monotonic())
    ):
        output.send_message([0x80 if half_steps % 2 else 0x90, 60, 64])
        half_steps += 1


def main() -> None:
    """Open the ports, run, close them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    kind, name, *rest = sys.argv[1:]
    source = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=f"{name}-in")
    output = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=f"{name}-out")
    source.open_virtual_port(f"{name} in")
    output.open_virtual_port(f"{name} out")
    if kind == "echo":
        echo(source, output, float(rest[0]) / 1000 if rest else 0.0)
    else:
        pulse(output, float(rest[0]))
    for port in (source, output):
        port.close_port()
        port.delete()


if __name__ == "__main__":
    main()
