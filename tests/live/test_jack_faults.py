"""Over real ports: what breaks on stage, while `midigen run` plays, and what is heard of it."""

import itertools
import os
import resource
import signal
import statistics
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.helper import make_node
from onnx.numpy_helper import from_array

from midigen.errors import ExitCode
from midigen.live.control_client import ask
from midigen.live.daemon import CHECK_INTERVAL
from midigen.live.ports import STANDS_STILL
from midigen.midi.messages import NoteOff, NoteOn
from tests.jack import (
    C_MAJOR_SCALE,
    CLOCK_OUT,
    SETTLES,
    SILENCING,
    TIMEOUT,
    Ear,
    Hand,
    JackServer,
    Midigen,
    Start,
    Transport,
    command,
    connect,
    midigen_on_terminal,
    pause,
    play_phrase,
    wait_until,
)
from tests.players import NOTEBOOK
from tests.recordings import assert_recorded, read
from tests.system import needs
from tests.systemd import Manager, new_manager
from tests.terminals import open_pty, read_until

STEP = 0.25
"""Seconds from note to note in solo, by `STEADY`."""

STEADY = (
    *("--set", "tempo.bpm=120", "--set", "rhythm.subdivision=2", "--set", "rhythm.source=steady"),
    *("--set", "rhythm.gate=1"),
)
SURE = ("--set", "sampling.temperature=0")
FALLING = C_MAJOR_SCALE[::-1]  # not what the model plays: that could be its own, come back


def status() -> Any:
    """What the running midigen says of itself."""
    return ask({"do": "status"}, None)


def told(running: Midigen, words: str) -> list[str]:
    """The lines so far that contain these words."""
    return [line for line in running.lines if words in line]


# --- the model

NOT_A_NUMBER = [
    make_node("Neg", ["letters"], ["below zero"]),
    make_node("Sqrt", ["below zero"], ["wrong"]),
]
OUT_OF_RANGE = [
    make_node("Ceil", ["letters"], ["place"]),
    make_node("Cast", ["place"], ["index"], to=onnx.TensorProto.INT64),
    make_node("Gather", ["nothing", "index"], ["wrong"]),
]


def faulty(folder: Path, fault: list[onnx.NodeProto]) -> str:
    """The notebook's model with a fault wherever a window is not of C alone."""
    model = onnx.load(NOTEBOOK)
    graph = model.graph
    window, probabilities = graph.input[0].name, graph.output[0].name
    graph.node[-1].output[0] = "right"
    graph.node.extend(
        [
            make_node("ReduceSum", [window, "all but the first"], ["sum"]),
            make_node("Reshape", ["sum", "column"], ["letters"]),
            *fault,
            make_node("Add", ["right", "wrong"], [probabilities]),
        ]
    )
    numbers = {"all but the first": [1, 2], "column": [-1, 1], "nothing": np.zeros(1, np.float32)}
    graph.initializer.extend(from_array(np.array(each), name) for name, each in numbers.items())
    path = folder / "faulty.onnx"
    onnx.save(model, path)
    return str(path)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (NOT_A_NUMBER, "it gives numbers that aren't probabilities"),
        (OUT_OF_RANGE, "indices element out of data bounds"),
    ],
)
def test_a_model_that_fails_leaves_the_memory_to_play_until_a_scene_brings_another(
    midigen: Start, tmp_path: Path, fault: list[onnx.NodeProto], words: str
) -> None:
    model = faulty(tmp_path, fault)
    running = midigen(
        *("--mode", "duet", "--model", model, *SURE),
        *("--set", 'scene=[{name = "verse", model = "notebook"}]', "--set", "tempo.bpm=400"),
    )
    play_phrase(running.hand, 60, 62, 64, 60, 62, 64)
    running.ear.wait_for(3, NoteOff)
    assert [note.pitch for note in running.ear.of(NoteOn)] == [62, 64, 60]  # as in C D E C D E
    said = running.read_until("playing on from memory alone")
    assert said.startswith(f"midigen: the model {model} fails (")
    assert words in said
    assert words in status()["trouble"]
    assert "\ntrouble " in command("status").stdout

    ask({"do": "set", "name": "scene", "value": "verse"}, None)
    running.read_until("scene verse")
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(6, NoteOff)
    assert running.ear.of(NoteOn)[-1].pitch == 65  # F, as the notebook has it
    assert status()["trouble"] == ""
    assert running.stop() == ExitCode.OK
    assert not running.ear.hanging()
    assert len(told(running, "from memory alone")) == 1


# --- the disk


def test_a_full_disk_stops_the_recording_and_not_the_music(midigen: Start, tmp_path: Path) -> None:
    """A limit on the size of files acts like a full disk."""
    folder = tmp_path / "recordings"
    running = midigen("--mode", "duet", "--record", str(folder))
    _, most = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (100, most))
    play_phrase(running.hand, *FALLING)
    running.read_until("trying every second")
    answers = len(running.ear.of(NoteOff))
    play_phrase(running.hand, *FALLING * 3)  # for longer than a second
    running.ear.wait_for(answers + 15, NoteOff)
    assert list(folder.iterdir()) == []
    resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (most, most))
    running.read_until("can be written again, and nothing is lost")
    assert running.stop() == ExitCode.OK
    assert not running.ear.hanging()
    assert told(running, "can't be written") == [
        f"midigen: {folder}: can't be written: File too large; trying every second\n"
    ]
    (path,) = folder.iterdir()
    assert_recorded(read(path), running.hand.sent, running.ear.heard)


# --- the terminal


@pytest.mark.usefixtures("jack")
def test_a_terminal_that_is_closed_ends_the_notes_and_the_recording(tmp_path: Path) -> None:
    options = ("--mode", "duet", "--record", str(tmp_path), *SURE)
    with open_pty() as (person, terminal):
        termios.tcsetwinsize(terminal, (24, 80))
        with midigen_on_terminal(terminal, *options) as (process, hand, ear):
            read_until(person, "Ctrl-C stops")
            hand.connect("midigen-in:midigen in")
            ear.connect("midigen-out:midigen out")
            pause(SETTLES)
            play_phrase(hand, 60, 62)
            hand.strike(64)
            ear.wait_for(1)
            os.write(person, b"\x1a")
            read_until(person, "Ctrl-Z would leave notes hanging")
            os.close(terminal)
            os.close(person)
            assert process.wait(timeout=TIMEOUT) == ExitCode.OK
            ear.wait_for(1, NoteOff)
    (path,) = tmp_path.glob("*.mid")
    recorded = [message for _, message in read(path)["midigen"]]
    assert recorded == ear.messages == [NoteOn(65, 90), NoteOff(65)]


# --- the clock


def test_solo_stands_still_with_the_song_and_plays_on_without_the_clock(midigen: Start) -> None:
    running = midigen("--mode", "solo", "--set", "tempo.source=clock", *STEADY)
    clock = subprocess.Popen(
        [needs("jack_midi_clock"), "-d", "0.2"],  # from where the song goes on until it does
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    transport = Transport()
    try:
        transport.say("tempo 240")
        wait_until(lambda: connect(CLOCK_OUT, "midigen-in:midigen in"), "the clock")
        transport.say("play")
        running.read_until("following the clock, at about")
        play_phrase(running.hand, 60, 62, 64)
        running.ear.wait_for(4)
        transport.say("stop")
        running.read_until("the clock has sent stop: the tempo stays")
        running.read_until("solo waits for the clock's start")
        wait_until(lambda: not running.ear.hanging(), "the note's end")
        heard = len(running.ear.of(NoteOn))
        transport.say("play")
        running.ear.wait_for(heard + 4)
        clock.send_signal(signal.SIGINT)  # so that it takes leave of the server
        assert running.read_until("the clock is lost").endswith(" bpm\n")
        assert status()["beat"] == "clock (lost)"
        running.ear.wait_for(len(running.ear.of(NoteOn)) + 4)
        assert running.stop() == ExitCode.OK
        assert not running.ear.hanging()
    finally:
        transport.close()
        clock.send_signal(signal.SIGINT)
        clock.wait(timeout=TIMEOUT)


# --- the processor


@pytest.fixture
def wait_until_the_server_goes_on(jack: JackServer) -> Iterator[Callable[[], None]]:
    """Waits, with ports of its own, until the server no longer waits for a client."""
    del jack
    hand, ear = Hand("proof"), Ear("proof-ear")
    hand.open_virtual("Proof")
    ear.connect("proof:Proof")
    pause(SETTLES)

    def wait() -> None:
        for count in (1, 2):  # the first may be handed on while it waits
            hand.strike(60)
            ear.wait_for(count)

    yield wait
    hand.close()
    ear.close()


def test_a_process_that_stood_still_plays_on_where_the_grid_is_by_then(
    midigen: Start, wait_until_the_server_goes_on: Callable[[], None]
) -> None:
    """As after a suspend. The server stands still too, for the first five seconds or so."""
    running = midigen("--mode", "solo", "--set", "thru=true", "--set", "range.low=60", *STEADY)
    play_phrase(running.hand, 36, 38, 40)
    running.hand.strike(48)
    running.ear.wait_for(12)
    stopped = time.perf_counter()
    running.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, running.process.pid, os.WSTOPPED | os.WNOWAIT)
    wait_until_the_server_goes_on()
    running.hand.release(48)  # it never hears of this
    pause(1)
    assert len(running.ear.hanging()) == 2
    before = len(running.ear.of(NoteOn))
    continued = time.perf_counter()
    running.process.send_signal(signal.SIGCONT)
    running.ear.wait_for(before + 9)
    line = running.read_until("suspended for ")
    told_at = time.perf_counter()
    # On a busy machine the server may keep the note-off, and then nothing is held any more.
    assert line.endswith((" s\n", " s: held keys are released\n"))
    seconds = float(line.split()[3])
    assert continued - stopped - CHECK_INTERVAL - 0.5 <= seconds <= told_at - stopped + 0.5
    assert 48 not in running.ear.hanging()
    assert running.stop() == ExitCode.OK
    assert not running.ear.hanging()

    onsets = running.ear.times(lambda each: isinstance(each, NoteOn) and each.pitch >= 60)
    ends = running.ear.times(lambda message: isinstance(message, NoteOff))
    heard = before - 4  # the player's
    start, later = onsets[heard - 1], onsets[heard:]
    assert min(end for end in ends if end > start) <= later[0]
    assert sum(onset < later[0] + STEP for onset in later) <= 3  # of 40 that were due
    # Load makes some late; the server takes up to half a second until it is itself again.
    settled = [onset for onset in later if onset > later[0] + 1]
    places = [
        statistics.median((onset - start + STEP / 2) % STEP for onset in some)
        for some in (onsets[2:heard], settled)
    ]
    assert places[0] == pytest.approx(places[1], abs=0.02)
    (dropped,) = [int(line.split()[1]) for line in told(running, "too many or too late")]
    steps = round((onsets[-1] - onsets[0]) / STEP) + 1  # each is played or dropped
    assert dropped == pytest.approx(steps - len(onsets), abs=4)
    assert dropped > 10


# --- a server that hangs


def test_a_server_that_stood_still_gets_no_notes_that_are_long_past(
    own_jack: JackServer,
) -> None:
    """It gets the first of two seconds' notes, and midigen isn't held up."""
    running = Midigen("--mode", "solo", *STEADY, "--set", "tempo.bpm=400")
    try:
        play_phrase(running.hand, 60, 62, 64)
        running.ear.wait_for(4)
        heard = len(running.ear.of(NoteOn))
        own_jack.freeze()
        running.read_until("the JACK server hangs")
        wait_until(lambda: "weren't sent" in status()["silence"], "notes that aren't heard")
        assert status()["silence"].endswith(f" notes weren't sent: {STANDS_STILL}")
        for _ in range(1000):  # in all more than RtMidi's buffer takes, which then blocks
            ask({"do": "set", "name": "panic", "value": ""}, None)
        own_jack.go_on()
        running.read_until("the JACK server runs again")
        running.hand.strike(60)  # solo begins anew
        running.ear.wait_for(heard + 12)
        assert running.stop() == ExitCode.OK
        assert not running.ear.hanging()
        onsets = running.ear.times(lambda each: isinstance(each, NoteOn))
        assert sum(time < onsets[heard] + 0.1 for time in onsets[heard:]) < 8  # of 26
    finally:
        own_jack.go_on()
        running.close()


@pytest.mark.parametrize("is_told", [True, False])
def test_a_server_that_stands_still_for_ever_keeps_nobody_from_leaving(
    own_jack: JackServer, tmp_path: Path, is_told: bool
) -> None:
    running = Midigen("--mode", "duet", "--record", str(tmp_path))
    try:
        play_phrase(running.hand, *FALLING)
        running.ear.wait_for(len(FALLING) - 2, NoteOff)
        own_jack.freeze()
        if is_told:
            running.read_until("the JACK server hangs")
            assert status()["silence"] == STANDS_STILL
        assert running.stop() == ExitCode.OK
        assert told(running, "recorded ")
        (path,) = tmp_path.glob("*.mid")
        assert_recorded(read(path), running.hand.sent, running.ear.heard)
    finally:
        own_jack.go_on()
        own_jack.stop()  # else it waits for the one that has left, and who leaves next for it
        running.close()


# --- another midigen


def test_one_that_was_killed_mid_note_gives_its_place_to_the_next(
    new_jack: Callable[..., JackServer], monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """The server doesn't wait for dead clients, or it would stand still for 20 s."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", new_jack(waits=False, period=1024).name)
    keys, synth = Hand("keys"), Ear("synth")
    keys.open_virtual("Keys")
    synth.open_virtual("in")
    start = ("--set", "thru=true", "--output", "synth")

    def strike(pitch: int) -> None:
        """Strike until it is heard, as such a server drops messages now and then."""

        def is_heard() -> bool:
            keys.strike(pitch)
            pause(SETTLES)
            return NoteOn(pitch, 90) in synth.messages

        wait_until(is_heard, f"the key {pitch}")

    first, second = Midigen(*start, connects=False, plays=False), None
    try:
        first.read_until("Ctrl-C stops")
        assert connect("keys:Keys", "midigen-in:midigen in")
        pause(SETTLES)
        strike(60)
        first.process.kill()
        assert first.wait() == -signal.SIGKILL
        assert synth.hanging() == {60}
        assert len(list(folder.iterdir())) == 1  # its socket is still there

        second = Midigen(*start, connects=False, plays=False)
        second.read_until("Ctrl-C stops")
        assert connect("keys:Keys", "midigen-in:midigen in")
        pause(SETTLES)
        strike(62)
        begun = [each for each in synth.messages if not isinstance(each, NoteOff)]
        heard = [each for each, _ in itertools.groupby(begun)]
        assert heard == [*SILENCING, NoteOn(60, 90), *SILENCING, NoteOn(62, 90)]
        assert status()["pid"] == second.process.pid
        assert status()["playing"] == ["midigen-out:midigen out", "synth:in"]
        assert second.stop() == ExitCode.OK
        assert synth.messages[-1] == NoteOff(62)
    finally:
        for each in (first, second):
            if each is not None:
                each.close()
        keys.close()
        synth.close()


# --- what comes in

LED_BACK = "the output comes back on the input"


def test_an_output_that_leads_back_to_the_input_changes_nothing(midigen: Start) -> None:
    running = midigen("--mode", "duet", "--set", "thru=true", "--set", "turn.silence=0.2", *STEADY)
    assert connect("midigen-out:midigen out", "midigen-in:midigen in")
    pause(SETTLES)

    def play(*pitches: int, then: float) -> int:
        """Play these keys and listen for so many seconds. How many notes were heard."""
        before = len(running.ear.of(NoteOn))
        play_phrase(running.hand, *pitches)
        pause(then)
        return len(running.ear.of(NoteOn)) - before

    # A note that comes back late, on a busy machine, may pass for a key. Without its keeping
    # them apart there would be hundreds a second.
    few = 8
    assert 28 + 20 <= play(*FALLING * 4, then=0.5) <= 28 + 26 + few
    ask({"do": "set", "name": "mode", "value": "solo"}, None)
    assert 1 + 3 <= play(60, then=1.5) <= 1 + 1.5 / STEP + few
    ask({"do": "set", "name": "mode", "value": "call-response"}, None)
    assert 3 + 3 <= play(60, 62, 64, then=1.5) <= 3 + 3 + few
    assert status()["echoes"] >= len(running.ear.of(NoteOn))
    assert running.stop() == ExitCode.OK
    assert len(told(running, LED_BACK)) == 1
    assert not running.ear.hanging()


FLOOD = 3.0
"""Seconds."""
LOW, HIGH = 24, 83  # the keys of the flood; answers are above, the player's key is below


def flood(hands: Sequence[Hand]) -> None:
    """Up to 10,000 messages a second, of every kind: JACK itself would take some 35,000."""
    end = time.perf_counter() + FLOOD
    for count in itertools.count():
        if time.perf_counter() > end:
            return
        hand = hands[count % len(hands)]
        pitch, value = LOW + count % (HIGH + 1 - LOW), count % 127 + 1
        hand.strike(pitch, value)
        hand.send(0xD0, value)
        hand.turn(1, value)
        hand.send(0xF0, 0x7D, 1, 2, 3, 0xF7)
        hand.release(pitch)
        pause(0.0003)


def resident(running: Midigen) -> int:
    """Bytes of memory."""
    pages = int(Path(f"/proc/{running.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_a_flood_passes_and_the_player_is_answered_again(midigen: Start) -> None:
    hands = [Hand("left"), Hand("right")]
    running = midigen(
        *("--mode", "duet", "--set", "thru=true"),
        *("--set", f"range.low={HIGH + 1}", "--set", "range.high=96"),
    )
    try:
        for hand in hands:
            hand.connect("midigen-in:midigen in")
        pause(SETTLES)
        before = resident(running)
        flood(hands)
        answers = running.ear.times(lambda each: isinstance(each, NoteOn) and each.pitch > HIGH)
        assert answers
        most = max(sum(start <= time < start + 1 for time in answers) for start in answers)
        assert most <= 210  # 200, as they are sent

        def answered() -> bool:
            """There may be as many late answers as fit into a second."""
            play_phrase(running.hand, 20)
            heard = [note.pitch for note in running.ear.of(NoteOn)]
            return 20 in heard and max(heard[heard.index(20) :]) > HIGH

        wait_until(answered, "an answer to the player")
        assert status()["dropped"] > 0
        assert resident(running) - before < 10 * 2**20
        assert running.stop() == ExitCode.OK
        assert not running.ear.hanging()
    finally:
        for hand in hands:
            hand.close()


# --- the service manager


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A service manager that wants to hear of midigen every 300 ms."""
    with new_manager() as manager:
        for name, value in {**manager.environment, "WATCHDOG_USEC": "300000"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield manager


def test_a_service_manager_hears_of_start_life_and_end(manager: Manager, midigen: Start) -> None:
    running = midigen("--mode", "solo", connects=False)
    heard: list[str] = []

    def hears(words: str, times: int = 1) -> None:
        """Wait until the manager has heard this so often, and forget it all."""

        def enough() -> bool:
            heard.extend(manager.heard())
            return sum(words in each for each in heard) >= times

        wait_until(enough, f"{words} {times} times")
        heard.clear()

    hears("READY=1\nSTATUS=solo in C major")
    running.connect()  # the ports are there
    hears("WATCHDOG=1", 4)
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(2)
    hears("WATCHDOG=1", 4)
    assert running.stop() == ExitCode.OK
    said = manager.heard()
    assert said[-1] == "STOPPING=1"
    assert {*said[:-1]} <= {"WATCHDOG=1"}
    assert not running.ear.hanging()
