"""Over real ports: `midigen run` as a process, played to and heard through JACK."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from midigen.errors import ExitCode
from midigen.midi.messages import ChannelMessage, NoteOff, NoteOn
from tests.jack import (
    C_MAJOR_SCALE,
    SETTLES,
    Ear,
    Hand,
    JackServer,
    Midigen,
    Start,
    pause,
    play_phrase,
)
from tests.players import NOTEBOOK

QUICK = ("--set", "turn.silence=0.2", "--set", "tempo.bpm=240", "--set", "touch.variation=0")


def test_a_phrase_is_carried_on(midigen: Start) -> None:
    running = midigen("--seed", "1", *QUICK)
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(3, NoteOff)
    assert len(running.ear.of(NoteOn)) == 3
    assert {message.velocity for message in running.ear.of(NoteOn)} == {90}
    play_phrase(running.hand, 72)
    running.ear.wait_for(4, NoteOff)
    assert running.stop() == ExitCode.OK
    assert not running.ear.hanging()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("mode", ["duet", "solo", "call-response"])
def test_a_signal_mid_note_ends_the_note_and_exits_with_0(
    midigen: Start, mode: str, name: str
) -> None:
    slow = ("--set", "tempo.bpm=60", "--set", "rhythm.gate=1", "--set", "turn.silence=0.1")
    running = midigen("--mode", mode, "--set", "rhythm.subdivision=1", *slow)
    play_phrase(running.hand, 60, 62)
    running.hand.strike(64)
    if mode == "call-response":
        running.hand.release(64)
    running.ear.wait_for(1)
    assert running.stop(signal.Signals[name]) == ExitCode.OK
    running.ear.wait_for(1, NoteOff)
    assert not running.ear.hanging()
    assert "Traceback" not in "".join(running.lines)


def test_it_stops_cleanly_while_a_clock_streams_in(midigen: Start) -> None:
    """The input is closed while a callback runs, or is about to."""
    running = midigen()
    ended = threading.Event()

    def tick() -> None:
        while not ended.is_set():
            running.hand.send(0xF8)
            pause(0.0005)

    clock = threading.Thread(target=tick)
    clock.start()
    try:
        pause(0.2)
        assert running.stop() == ExitCode.OK
    finally:
        ended.set()
        clock.join()


def test_a_key_silences_the_answer(midigen: Start) -> None:
    running = midigen("--set", "turn.silence=0.1", "--set", "response.length=100")
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(2)
    running.hand.strike(60)
    running.ear.wait_for(2, NoteOff)
    heard = len(running.ear.heard)
    pause(0.6)  # more than two steps of the grid
    assert len(running.ear.heard) == heard
    assert not running.ear.hanging()


def test_duet_answers_while_the_key_is_down(midigen: Start) -> None:
    running = midigen("--mode", "duet", "--set", "sampling.temperature=0")
    play_phrase(running.hand, 60, 62)
    running.hand.strike(64)
    running.ear.wait_for(1)
    assert running.ear.messages == [NoteOn(65, 90)]
    running.hand.release(64)
    running.ear.wait_for(1, NoteOff)
    assert running.ear.messages == [NoteOn(65, 90), NoteOff(65)]


def test_bytes_that_mean_nothing_here_do_no_harm(midigen: Start) -> None:
    running = midigen("--mode", "duet", "--set", "thru=true")
    for data in (
        (0xF8,),
        (0xFE,),
        (0xF0, 0x7E, 0x7F, 0x09, 0x01, 0xF7),
        (1, 2, 3),
        (0x90, 60),
        (0xF4,),
        (0x90, 61, 0),
        (0xB0, 1, 64),
        (0xC0, 5),
        (0xE0, 0, 64),
    ):
        running.hand.send(*data)
    running.hand.strike(60)
    running.hand.send(0x90, 60, 0)  # a note-off by velocity 0
    running.ear.wait_for(1, NoteOff)
    assert running.ear.messages == [
        ChannelMessage(0xB0, (1, 64)),
        ChannelMessage(0xC0, (5,)),
        ChannelMessage(0xE0, (0, 64)),
        NoteOn(60, 90),
        NoteOff(60),
    ]
    assert running.stop() == ExitCode.OK


def reweighted(folder: Path, seed: int) -> Path:
    """The notebook's model with other weights, so that no trace of its scale is left."""
    graph = onnx.load(NOTEBOOK)
    rng = np.random.default_rng(seed)
    for weights in graph.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size > 7:
            spread = 4 / np.sqrt(values.shape[-1])  # so that the answer depends on the window
            other = rng.normal(0, spread, values.shape).astype(np.float32)
            weights.CopyFrom(onnx.numpy_helper.from_array(other, weights.name))
    path = folder / "other.onnx"
    onnx.save(graph, path)
    return path


def test_what_is_heard_is_what_the_model_says(midigen: Start, tmp_path: Path) -> None:
    """Another model's notes at temperature 0, against ONNX Runtime on the same windows."""
    model = reweighted(tmp_path, seed=7)
    session = onnxruntime.InferenceSession(model)
    running = midigen(
        *("--mode", "duet", "--model", str(model), "--set", "sampling.temperature=0"),
        *("--set", "range.low=60", "--set", "range.high=71", "--set", "sampling.max_repeat=off"),
    )
    rng = np.random.default_rng(6)
    letters = [int(letter) for letter in rng.integers(0, 7, 40)]
    play_phrase(running.hand, *(C_MAJOR_SCALE[letter] for letter in letters))
    running.ear.wait_for(38, NoteOff)
    windows = np.array([letters[i : i + 3] for i in range(38)], dtype=np.float32)[..., None] / 7
    (probabilities,) = session.run(None, {session.get_inputs()[0].name: windows})
    expected = [C_MAJOR_SCALE[letter] for letter in probabilities.argmax(axis=1)]
    assert [message.pitch for message in running.ear.of(NoteOn)] == expected
    assert len(set(expected)) > 2


@pytest.mark.usefixtures("jack")
def test_named_ports_are_connected_by_clients_of_their_own() -> None:
    keyboard, synth = Hand(), Ear()
    keyboard.open_virtual("Keys 88 MIDI 1")
    synth.open_virtual("Synth in")
    running = Midigen(
        *("--mode", "duet", "--input", "keys 88", "--output", "ear:Synth in"), connects=False
    )
    try:
        running.read_until("Ctrl-C stops")
        assert 'listening on "midigen-in:midigen in", "hand:Keys 88 MIDI 1"' in running.lines[0]
        assert 'playing to "midigen-out:midigen out", "ear:Synth in"' in running.lines[0]
        play_phrase(keyboard, 60, 62, 64)
        synth.wait_for(1, NoteOff)
        assert running.stop() == ExitCode.OK
    finally:
        running.close()
        keyboard.close()
        synth.close()


@pytest.mark.usefixtures("jack")
def test_the_options_that_would_connect_a_keyboard_are_printed() -> None:
    keyboard, synth = Hand(), Ear()
    keyboard.open_virtual("Keys 88 MIDI 1")
    synth.open_virtual("Synth in")
    running = Midigen("--output", "Synth in", connects=False)
    try:
        running.read_until("Ctrl-C stops")
        assert any('midigen run --input "hand:Keys 88 MIDI 1"' in line for line in running.lines)
        assert not any("midigen-" in line for line in running.lines[1:])
    finally:
        running.close()
        keyboard.close()
        synth.close()


@pytest.mark.usefixtures("jack")
@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("keys", ['matches several ports: "hand:Keys A", "hand-01:Keys B"']),
        ("piano", ['no port "piano"', "Keys A", "Keys B"]),
    ],
)
def test_a_name_that_fits_several_or_none_lists_them(wanted: str, words: list[str]) -> None:
    hands = [Hand(), Hand()]
    for hand, name in zip(hands, ("Keys A", "Keys B"), strict=True):
        hand.open_virtual(name)
    running = Midigen("--input", wanted, connects=False)
    try:
        assert running.wait() == ExitCode.PORT
        for word in words:
            assert word in "".join(running.lines)
    finally:
        running.close()
        for hand in hands:
            hand.close()


def test_a_second_midigen_is_refused_and_the_first_plays_on(midigen: Start) -> None:
    first = midigen("--mode", "duet")
    second = Midigen(connects=False, plays=False)
    assert second.wait() == ExitCode.PORT
    assert '"midigen-in:midigen in" exists already' in "".join(second.lines)
    second.close()
    renamed = Midigen(
        *("--set", "ports.in_client=in2", "--set", "ports.out_client=out2"),
        connects=False,
        plays=False,
    )
    renamed.read_until('"in2:midigen in"')
    assert renamed.stop() == ExitCode.OK
    renamed.close()
    pause(SETTLES)
    play_phrase(first.hand, 60, 62, 64)
    first.ear.wait_for(1, NoteOff)
    assert first.stop() == ExitCode.OK


def list_ports() -> subprocess.CompletedProcess[str]:
    """`midigen ports` as a process."""
    return subprocess.run(
        [sys.executable, "-m", "midigen", "ports"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.usefixtures("jack")
def test_ports_lists_what_is_there() -> None:
    keyboard = Hand()
    keyboard.open_virtual("Keys")
    listed = list_ports()
    keyboard.close()
    assert listed.returncode == 0
    assert "jack\n" in listed.stdout
    assert '  --input "hand:Keys"\n' in listed.stdout
    assert listed.stderr == ""


def test_without_a_server_ports_says_so(jack: JackServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JACK_DEFAULT_SERVER", jack.name + "-not")
    listed = list_ports()
    assert "jack: its server isn't running\n" in listed.stdout
    assert listed.stderr == ""


def test_the_ports_open_under_their_exact_names(midigen: Start) -> None:
    midigen()
    listed = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=True, timeout=60)
    names = listed.stdout.splitlines()
    assert "midigen-in:midigen in" in names
    assert "midigen-out:midigen out" in names
