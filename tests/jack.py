"""Real MIDI for the tests: a JACK server with the dummy driver, and clients on it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from midigen.live.midi_system import close_ports
from midigen.midi.messages import ChannelMessage, Message, NoteOff, NoteOn
from midigen.midi.wire import Decoder, encode

BROKEN = "SuspendRefNum error"
"""What a JACK server logs that is broken."""

TIMEOUT = 20.0
"""How long to wait for something that must happen, in seconds."""

SETTLES = 0.2
"""How long to wait after a change of clients or connections, in seconds.

The server reorders its graph and doesn't tell when it is done. Messages have been lost meanwhile.
"""

MIDIGEN = (
    *(sys.executable, "-m", "midigen", "run", "--ports", "jack", "--model", "notebook"),
    *("--set", "touch.variation=0"),
)
"""The command that starts midigen with a model whose answers are known."""


def wait_until(condition: Callable[[], object], what: str | Callable[[], str]) -> None:
    """Wait until another process has done something. Fails the test if it never does."""
    end = time.perf_counter() + TIMEOUT
    while not condition():
        if time.perf_counter() > end:
            pytest.fail(f"waited {TIMEOUT:g} s for {what if isinstance(what, str) else what()}")
        threading.Event().wait(0.005)


def _stands_still(stat: Path) -> bool:
    """Whether a thread is stopped, by its `stat` file in /proc."""
    return stat.read_text().rpartition(")")[2].split()[0] == "T"


class JackServer:
    """`jackd` with the dummy driver: no sound card, real MIDI.

    If it `waits` for every client in each period, no message is lost, but a client that is killed
    or stopped holds up all others for 5 s or more. `period` is in frames.
    """

    def __init__(
        self, program: str, name: str, log: Path, *, waits: bool = True, period: int = 64
    ) -> None:
        self.name = name
        self._log = log
        options = ["-n", name, "-r", *(["-S"] if waits else [])]
        self._command = [program, *options, "-d", "dummy", "-r", "48000", "-p", str(period)]
        self.start()

    def start(self) -> None:
        """Start it, for the first time or again, until it comes up sound: see `is_broken`."""
        while True:
            with self._log.open("a") as output:
                self._begun = output.tell()
                self._process = subprocess.Popen(self._command, stdout=output, stderr=output)
            wait_until(self._answers, lambda: f"jackd ({self._log.read_text()})")
            if not self.is_broken:
                return
            self.kill()

    @property
    def is_broken(self) -> bool:
        """Whether it has come up broken, as JACK 1.9.21 does now and then.

        If clients come while it starts, its freewheel driver may miss every period, and each takes
        5 s. No client can mend that.
        """
        return BROKEN in self._log.read_text()[self._begun :]

    @contextmanager
    def kept_sound(self) -> Iterator[None]:
        """Within this context it is started again if it turns out to be broken."""
        over = threading.Event()

        def look() -> None:
            while not over.wait(0.2):
                if self.is_broken:
                    self.kill()
                    self.start()

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()

    def _answers(self) -> bool:
        """Whether it takes clients. That takes it a period."""
        listed = ["jack_lsp", "-s", self.name]
        done = subprocess.run(listed, capture_output=True, check=False, timeout=TIMEOUT)
        return done.returncode == 0

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """Stop it, as a hanging sound card would. When this returns, none of its threads runs."""
        self._process.send_signal(signal.SIGSTOP)
        threads = Path(f"/proc/{self._process.pid}/task")
        wait_until(
            lambda: all(map(_stands_still, threads.glob("*/stat"))), "the server to stand still"
        )

    def go_on(self) -> None:
        """Let it run again after `freeze`."""
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it as a user would."""
        self._process.terminate()
        self._process.wait()


CLOCK_OUT = "jack_midi_clock:mclk_out"
"""The port of a `jack_midi_clock`, which follows the transport."""


class Transport:
    """JACK's transport with a tempo: `jack_transport` as timebase master."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["jack_transport"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self.say("master")

    def say(self, command: str) -> None:
        """Give it a command such as `tempo 96`, `play` or `stop`."""
        assert self._process.stdin
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Stop and leave the transport."""
        self._process.communicate("stop\nexit\n", timeout=TIMEOUT)


def command(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of midigen, such as `status`, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "midigen", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT,
    )


def connect(source: str, target: str) -> bool:
    """Connect two ports. Returns whether that worked."""
    done = subprocess.run(["jack_connect", source, target], capture_output=True, check=False)
    return done.returncode == 0


class Ear:
    """An input client that keeps what it hears at a port, with times. It may hear the `clock`."""

    def __init__(self, client: str = "ear", *, clock: bool = False) -> None:
        import rtmidi  # not at the top, so that other tests run without libasound

        self.port: Any = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=client)
        self.port.ignore_types(timing=not clock)
        self._name = f"ear {id(self)}"
        self._decoder = Decoder()
        self.heard: list[tuple[float, Message]] = []
        self._deltas = 0.0  # since the first message, by the server's clock
        self._origin = float("inf")  # when it came, by the least delayed message
        self.exact: list[tuple[float, Message]] = []
        self.came = threading.Condition()
        self.port.set_callback(self._on_message)

    def ports(self) -> list[str]:
        """The ports that it could connect to."""
        names: list[str] = self.port.get_ports()
        return names

    @property
    def own_port(self) -> str:
        """Its own port, once it is connected, so that others can be connected to it."""
        listed = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=True)
        names = [name for name in listed.stdout.splitlines() if name.endswith(f":{self._name}")]
        (own,) = names
        return own

    def connect(self, name: str) -> None:
        wait_until(lambda: name in self.ports(), f"the port {name}")
        self.port.open_port(self.ports().index(name), name=self._name)

    def open_virtual(self, name: str) -> None:
        self.port.open_virtual_port(name)

    def wait_for(self, count: int, kind: type = NoteOn) -> None:
        """Wait until it has heard so many messages of a kind."""
        with self.came:
            enough = self.came.wait_for(lambda: len(self.of(kind)) >= count, timeout=TIMEOUT)
        assert enough, f"{count} {kind.__name__} expected, heard {self.messages}"

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def messages(self) -> list[Message]:
        return [message for _, message in self.heard]

    def hanging(self) -> set[int]:
        sounding: set[int] = set()
        for message in self.messages:
            if isinstance(message, NoteOn):
                sounding.add(message.pitch)
            elif isinstance(message, NoteOff):
                sounding.discard(message.pitch)
        return sounding

    def close(self) -> None:
        close(self)

    def _on_message(self, message: tuple[list[int], float], _: object) -> None:
        now = time.perf_counter()
        with self.came:
            self._deltas += message[1]
            self._origin = min(self._origin, now - self._deltas)
            decoded = self._decoder.feed(bytes(message[0]))
            self.heard += [(now, each) for each in decoded]
            self.exact += [(self._deltas, each) for each in decoded]
            self.came.notify_all()

    def times(self, which: Callable[[Message], bool]) -> list[float]:
        """When messages came by the server's clock, however late this process learned of them."""
        return [self._origin + at for at, message in self.exact if which(message)]


def pause(seconds: float) -> None:
    """A pause that is part of what is played, rather than a wait for something."""
    threading.Event().wait(seconds)


def play_phrase(hand: "Hand", *pitches: int) -> None:
    """Play keys one after another, 50 ms each, which is too slow for a chord."""
    for pitch in pitches:
        hand.strike(pitch)
        pause(0.05)
        hand.release(pitch)


class Hand:
    """An output client that plays to a port."""

    def __init__(self, client: str = "hand") -> None:
        import rtmidi  # as above

        self.port: Any = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=client)
        self._decoder = Decoder()
        self.sent: list[tuple[float, Message]] = []

    def connect(self, name: str) -> None:
        wait_until(lambda: name in self.port.get_ports(), f"the port {name}")
        self.port.open_port(self.port.get_ports().index(name), name="hand")

    def open_virtual(self, name: str) -> None:
        self.port.open_virtual_port(name)

    def send(self, *data: int) -> None:
        now = time.perf_counter()
        self.port.send_message(data)
        self.sent += [(now, each) for each in self._decoder.feed(bytes(data))]

    def strike(self, pitch: int, velocity: int = 90) -> None:
        self.send(*encode(NoteOn(pitch, velocity)))

    def release(self, pitch: int) -> None:
        self.send(*encode(NoteOff(pitch)))

    def turn(self, knob: int, *values: int) -> None:
        """Turn a knob through these values."""
        for value in values:
            self.send(0xB0, knob, value)

    def press(self, button: int) -> None:
        """Press and release a button that sends a controller."""
        self.turn(button, 127, 0)

    def close(self) -> None:
        close(self)


class Keyboard(Hand):
    """A keyboard that can be pulled and plugged in: a virtual output in a process of its own.

    In the tests' process closing it would wait for the server, which may wait for an ear there,
    which waits for the interpreter.
    """

    _PROGRAM = """
import sys, rtmidi
port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=sys.argv[1])
port.open_virtual_port(sys.argv[2])
print(flush=True)
for line in sys.stdin:
    port.send_message(bytes.fromhex(line))
port.close_port()
port.delete()
"""

    def __init__(self, client: str, port: str) -> None:
        self._decoder = Decoder()
        self.sent = []
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._PROGRAM, client, port],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        assert self._process.stdout.readline(), "the keyboard isn't there"

    def send(self, *data: int) -> None:
        now = time.perf_counter()
        assert self._process.stdin
        self._process.stdin.write(f"{bytes(data).hex()}\n")
        self._process.stdin.flush()
        self.sent += [(now, each) for each in self._decoder.feed(bytes(data))]

    def close(self) -> None:
        self._process.communicate()


def close(*clients: Ear | Hand) -> None:
    """Close those clients that are still open.

    JACK may crash a client that closes while the graph is changing.
    """
    ears = [each.port for each in clients if isinstance(each, Ear) and not each.port.is_deleted]
    hands = [each.port for each in clients if isinstance(each, Hand) and not each.port.is_deleted]
    if ears or hands:
        pause(SETTLES)
        close_ports(ears, hands)


class Midigen:
    """`midigen run` as a process, with a hand on its input and an ear at its output.

    There are no hand and ear unless it `plays`, and they aren't connected unless it `connects`.
    If it `types`, lines can be typed to it through a pipe. It runs in `folder`, or else here.
    """

    def __init__(
        self,
        *arguments: str,
        connects: bool = True,
        plays: bool = True,
        types: bool = False,
        folder: Path | None = None,
    ) -> None:
        self.process = subprocess.Popen(
            [*MIDIGEN, *arguments],
            stdin=subprocess.PIPE if types else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"},
        )
        if plays:
            self.hand, self.ear = Hand(), Ear()
        self._plays = plays
        self.lines: list[str] = []
        if connects:
            try:
                self.read_until("Ctrl-C stops")
                self.connect()
            except BaseException:  # its pipes and ports would trouble the next test
                self.process.kill()
                self.process.wait()
                self.close()
                raise

    def connect(self) -> None:
        """Put the hand on its input and the ear at its output."""
        self.hand.connect("midigen-in:midigen in")
        self.ear.connect("midigen-out:midigen out")
        pause(SETTLES)

    def type(self, line: str) -> None:
        """Type a line to it."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def read_until(self, words: str) -> str:
        """The next line on stderr with these words. Fails the test if it never comes."""
        assert self.process.stderr
        # Its fault handler then writes where each thread was.
        timer = threading.Timer(TIMEOUT, self.process.send_signal, (signal.SIGABRT,))
        timer.start()
        try:
            for line in self.process.stderr:
                self.lines.append(line)
                if words in line:
                    return line
        finally:
            timer.cancel()
        said = "".join(self.lines)
        pytest.fail(f"ended with {self.process.wait()} before saying {words!r}:\n{said}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(timeout=TIMEOUT)
        assert self.process.stderr
        self.lines += self.process.stderr.readlines()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        for pipe in (self.process.stdin, self.process.stderr):
            if pipe is not None:
                pipe.close()
        if self._plays:
            close(self.hand, self.ear)


@contextmanager
def midigen_on_terminal(
    terminal: int, *arguments: str
) -> Iterator[tuple["subprocess.Popen[bytes]", Hand, Ear]]:
    """`midigen run` in a terminal of its own, with a hand and an ear that aren't connected yet."""
    hand, ear = Hand(), Ear()
    process = subprocess.Popen(
        ["setsid", "--ctty", *MIDIGEN, *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color"},
    )
    try:
        yield process, hand, ear
    finally:
        process.kill()
        process.wait()
        close(hand, ear)


Start = Callable[..., Midigen]


C_MAJOR_SCALE = (60, 62, 64, 65, 67, 69, 71)


SILENCING = [ChannelMessage(0xB0, (number, 0)) for number in (64, 120, 123)]
