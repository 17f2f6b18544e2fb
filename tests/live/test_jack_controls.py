"""Over real ports: what is changed while it plays, by knobs, scenes, OSC and typed lines."""

import os
import signal
import socket
import subprocess
import sys
import termios
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx.numpy_helper import from_array, to_array
from pythonosc.udp_client import SimpleUDPClient

from midigen.errors import ExitCode
from midigen.midi.messages import ChannelMessage, NoteOff, NoteOn
from midigen.music.keys import SIZE
from midigen.prediction.onnx_predictor import open_model
from tests.jack import (
    C_MAJOR_SCALE,
    SETTLES,
    TIMEOUT,
    Hand,
    Midigen,
    Start,
    midigen_on_terminal,
    pause,
    play_phrase,
    wait_until,
)
from tests.players import NOTEBOOK
from tests.terminals import open_pty, read_until

LOOPBACK = "127.0.0.1"
PLAIN = ("--set", "touch.variation=0", "--set", "sampling.max_repeat=off")
SURE = ("--set", "sampling.temperature=0", *PLAIN)
STEADY = ("--set", "turn.silence=0.1", "--set", "tempo.bpm=300", "--set", "rhythm.source=steady")


def configured(folder: Path, text: str) -> tuple[str, str]:
    """The option that names a configuration file with this text."""
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return "--config", str(path)


def answers_to_e(running: Midigen, times: int) -> set[int]:
    """The note that duet plays, again and again, to the E of C D E."""
    before = len(running.ear.of(NoteOff))
    play_phrase(running.hand, *(60, 62, 64) * times)
    running.ear.wait_for(before + 3 * times, NoteOff)
    return {note.pitch for note in running.ear.of(NoteOn)[before:][2::3]}


# --- knobs, pads and pedals

KNOB = '[[control]]\nname = "temperature"\ncc = 21\n'


def test_a_knob_sets_a_control_and_is_not_passed_on(midigen: Start, tmp_path: Path) -> None:
    options = configured(tmp_path, KNOB)
    running = midigen(*options, "--mode", "duet", "--seed", "1", "--set", "sampling.top_p=1")
    play_phrase(running.hand, 60, 62)  # the notebook's model needs two more than it answers
    running.hand.turn(21, 20, 30, 127)  # past 1.0, where it is: so it is taken over
    assert running.read_until("temperature") == "midigen: temperature 5\n"
    play_phrase(running.hand, 64)
    running.ear.wait_for(1, NoteOff)
    assert len(answers_to_e(running, times=4)) > 1
    running.hand.turn(21, 64, 0)
    assert running.read_until("temperature") == "midigen: temperature 0\n"
    assert answers_to_e(running, times=2) == {65}
    assert not running.ear.of(ChannelMessage)


def test_what_no_control_has_is_passed_on(midigen: Start, tmp_path: Path) -> None:
    running = midigen(*configured(tmp_path, "thru = true\n" + KNOB))
    running.hand.turn(21, 1, 2)
    running.hand.turn(22, 3)
    running.hand.turn(21, 4)
    running.hand.strike(60)
    running.ear.wait_for(1)
    assert running.ear.messages == [ChannelMessage(0xB0, (22, 3)), NoteOn(60, 90)]


BUTTONS = "".join(
    f'[[control]]\nname = "{name}"\ncc = {cc}\n' for name, cc in {"again": 80, "panic": 81}.items()
)


def test_panic_ends_all_notes_here_and_in_the_synth(midigen: Start, tmp_path: Path) -> None:
    options = configured(tmp_path, BUTTONS)
    running = midigen(*options, "--mode", "duet", "--set", "output.channel=3", *SURE)
    play_phrase(running.hand, 60, 62)
    running.hand.strike(64)
    running.ear.wait_for(1)
    running.hand.press(81)
    running.ear.wait_for(3, ChannelMessage)
    assert running.ear.messages == [
        NoteOn(65, 90, channel=3),
        NoteOff(65, channel=3),
        ChannelMessage(0xB0, (64, 0), channel=3),
        ChannelMessage(0xB0, (120, 0), channel=3),
        ChannelMessage(0xB0, (123, 0), channel=3),
    ]
    assert running.read_until("panic") == "midigen: panic: everything is silent until you play on\n"
    running.hand.release(64)
    play_phrase(running.hand, 67)  # and it plays on
    running.ear.wait_for(2, NoteOff)
    assert not running.ear.hanging()


def test_again_gives_another_answer_to_the_same_phrase(midigen: Start, tmp_path: Path) -> None:
    running = midigen(*configured(tmp_path, BUTTONS), *STEADY, *SURE)
    running.hand.press(80)
    running.read_until("again: there is no answer to repeat")
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(3, NoteOff)
    running.hand.press(80)
    running.ear.wait_for(6, NoteOff)
    pitches = [note.pitch for note in running.ear.of(NoteOn)]
    assert len(pitches) == 6
    assert pitches[3:] != pitches[:3]


# --- scenes

SCENE = """\
[[control]]
name = "scene"
program = 1
value = "verse"
[[scene]]
name = "verse"
model = "{model}"
set = {{ velocity = 0.5, subdivision = 4 }}
"""


def other_notebook(folder: Path) -> Path:
    """The notebook's model with its letters moved up by one, so that the two never agree."""
    model = onnx.load(NOTEBOOK)
    for weights in model.graph.initializer:
        if weights.dims[-1:] == [SIZE]:
            moved = np.roll(to_array(weights), 1, axis=-1)
            weights.CopyFrom(from_array(moved, weights.name))
    path = folder / "other.onnx"
    onnx.save(model, path)
    return path


def test_a_scene_changes_an_answer_under_way(midigen: Start, tmp_path: Path) -> None:
    """Each note is the likeliest by the model that plays then, after all that was played."""
    other = other_notebook(tmp_path)
    options = configured(tmp_path, SCENE.format(model=other.as_posix()))
    running = midigen(
        *options, *STEADY, *SURE, "--set", "memory.amount=0", "--set", "response.length=20"
    )
    play_phrase(running.hand, 71, 65, 62)  # on which the two models don't agree
    running.ear.wait_for(4)
    running.hand.send(0xC0, 1)
    assert running.read_until("scene") == "midigen: scene verse\n"
    running.ear.wait_for(20, NoteOff)
    assert not running.ear.hanging()

    notes = running.ear.of(NoteOn)
    before = [note.velocity for note in notes].count(90)
    assert [note.velocity for note in notes] == [90] * before + [45] * (20 - before)
    assert 4 <= before < 20
    letters = [6, 3, 1, *(C_MAJOR_SCALE.index(60 + note.pitch % 12) for note in notes)]
    models = [open_model(NOTEBOOK)] * before + [open_model(other)] * (20 - before)
    expected = [
        int(model.predict(np.array([letters[:end][-model.max_notes :]])).argmax())
        for end, model in enumerate(models, start=3)
    ]
    assert letters[3:] == expected
    assert running.stop() == ExitCode.OK


def test_a_scene_whose_model_is_missing_is_refused_at_the_start(midigen: Start) -> None:
    running = midigen("--set", 'scene=[{name = "verse", model = "pops"}]', connects=False)
    assert running.wait() == ExitCode.MODEL
    assert "no model 'pops'" in "".join(running.lines)


# --- OSC


@contextmanager
def udp_port() -> Iterator[int]:
    """A UDP port that is taken within this context."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOOPBACK, 0))
        yield taken.getsockname()[1]


def test_osc_sets_a_control(midigen: Start) -> None:
    with udp_port() as port:
        pass
    running = midigen("--mode", "duet", "--set", f"osc.port={port}")
    assert f"midigen: OSC at {LOOPBACK}:{port}, /midigen/CONTROL VALUE\n" in running.lines
    with closing(SimpleUDPClient(LOOPBACK, port)) as client:
        client.send_message("/midigen/temperature", 0.8)
        assert running.read_until("temperature") == "midigen: temperature 0.8\n"
        for _ in range(3):
            client.send_message("/midigen/temperature", b"a blob")
        client.send_message("/midigen/temperature", "hot")
        client.send_message("/midigen/temperature", 0)
        running.read_until("midigen: temperature 0\n")
        assert running.lines[-4:] == [
            "midigen: temperature 0.8\n",
            "midigen: OSC: '/midigen/temperature': "
            "not text, a number, true or false, but OSC's type 'b'\n",
            "midigen: temperature is a number 0 to 5, not 'hot'\n",
            "midigen: temperature 0\n",
        ]
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(1, NoteOff)
    assert running.ear.of(NoteOn)[0].pitch == 65
    assert running.stop() == ExitCode.OK


def test_an_osc_port_that_is_taken_is_an_error(midigen: Start) -> None:
    with udp_port() as port:
        running = midigen("--set", f"osc.port={port}", connects=False)
        assert running.wait() == ExitCode.PORT
    assert running.lines[-1].startswith(f"midigen: OSC can't listen at {LOOPBACK}:{port}: ")
    assert "choose another port with --set osc.port=N" in running.lines[-1]


# --- typed lines


def test_lines_are_obeyed_that_come_through_a_pipe(midigen: Start) -> None:
    running = midigen(*SURE, types=True)
    play_phrase(running.hand, 60, 62)
    running.type(":mode duet")
    running.read_until("midigen: mode duet\n")
    running.hand.strike(64)
    running.ear.wait_for(1)
    running.type(":volume 11")
    assert running.read_until("volume").startswith("midigen: no control 'volume': there are mode,")
    running.type(":modes duet")
    running.read_until("midigen: no control 'modes': did you mean mode?\n")
    running.type("duet")
    running.read_until("'duet' isn't a command: commands begin with a colon; :help lists them")
    running.type(":help")
    running.read_until("commands: :quit, :help, and each control")
    assert running.ear.messages == [NoteOn(65, 90)]  # its key is still down
    running.type(":quit")
    assert running.wait() == ExitCode.OK
    running.ear.wait_for(1, NoteOff)
    assert running.ear.messages == [NoteOn(65, 90), NoteOff(65)]
    assert all(line.startswith("midigen: ") and line[:-1].isprintable() for line in running.lines)


@pytest.mark.usefixtures("jack")
def test_it_plays_and_is_typed_to_on_a_terminal() -> None:
    with open_pty() as (person, terminal):
        before = termios.tcgetattr(terminal)
        termios.tcsetwinsize(terminal, (24, 80))
        with midigen_on_terminal(terminal, "--mode", "duet", *PLAIN) as (process, hand, ear):
            read_until(person, "Ctrl-C stops")
            hand.connect("midigen-in:midigen in")
            ear.connect("midigen-out:midigen out")
            os.write(person, b":temperature 0.8")
            read_until(person, ":temperature 0.8")
            os.write(person, b"\r")
            read_until(person, "Jtemperature 0.8\r")  # told, in a line of its own
            play_phrase(hand, 60, 62, 64)
            ear.wait_for(1, NoteOff)
            read_until(person, "C D")
            os.write(person, b"\x03")
            assert process.wait(timeout=TIMEOUT) == ExitCode.OK
        assert termios.tcgetattr(terminal) == before


def test_quiet_shows_nothing(midigen: Start, tmp_path: Path) -> None:
    recorded = ("--record", str(tmp_path / "recordings"))
    running = midigen("--quiet", "--mode", "duet", *recorded, types=True, connects=False)
    running.connect()
    running.type(":nonsense")
    running.type(":temperature 0")
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(1, NoteOff)
    assert running.ear.of(NoteOn)[0].pitch == 65
    running.type(":quit")
    assert running.wait() == ExitCode.OK
    assert running.lines == []
    assert len(list((tmp_path / "recordings").iterdir())) == 1


# --- learn


class Learn:
    """`midigen learn` as a process in a folder, which hears the hand's keyboard by itself."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "midigen", "learn", *arguments, "--ports", "jack"],
            cwd=folder,
            env={**os.environ, "XDG_CONFIG_HOME": str(folder / "home")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until_it_listens(self) -> None:
        """Read its lines until it asks for something to be moved."""
        assert self._process.stderr
        while not self._process.stderr.readline().startswith("midigen: turn a knob"):
            assert self._process.poll() is None
        pause(SETTLES)

    def hear(self, move: Callable[[], object]) -> tuple[int, str, str]:
        """Move something until it is learned. Returns the exit code and its lines."""

        def moved() -> bool:
            move()
            return self._process.poll() is not None

        wait_until(moved, "something to be learned")
        return self.end()

    def interrupt(self) -> None:
        """As Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        """The exit code, and what was said."""
        out, told = self._process.communicate(timeout=TIMEOUT)
        return self._process.returncode, out, told


@pytest.fixture
def keyboard(request: pytest.FixtureRequest) -> Iterator[Hand]:
    """A keyboard on the JACK server that midigen finds."""
    request.getfixturevalue("jack")
    hand = Hand()
    hand.open_virtual("Keys 88")
    yield hand
    hand.close()


def test_a_learned_knob_is_obeyed(midigen: Start, keyboard: Hand, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('mode = "duet"\n', encoding="utf-8")
    code, said, told = Learn(tmp_path, "temperature").hear(lambda: keyboard.turn(21, 10, 11))
    assert (code, said) == (
        ExitCode.OK,
        f"cc 21 on channel 1 sets temperature from now on: {path}\n",
    )
    assert told.splitlines() == [
        'midigen: listening on "midigen-learn:midigen in", "hand:Keys 88"',
        "midigen: turn a knob, move a pedal, press a button or strike a pad (Ctrl-C gives up)",
    ]
    assert tomllib.loads(path.read_text(encoding="utf-8")) == {
        "mode": "duet",
        "control": [{"name": "temperature", "cc": 21, "channel": 1}],
    }

    running = midigen("--input", "Keys 88", folder=tmp_path)
    running.hand.turn(21, 25, 26, 0)
    assert running.read_until("temperature") == "midigen: temperature 0\n"


def test_a_sysex_without_its_end_does_not_keep_it_from_learning(
    tmp_path: Path, keyboard: Hand
) -> None:
    learn = Learn(tmp_path, "temperature")
    learn.wait_until_it_listens()
    keyboard.send(0xF0, 0x43, 0x00)
    code, said, _ = learn.hear(lambda: keyboard.turn(21, 10, 11))
    assert code == ExitCode.OK
    assert said.startswith("cc 21 on channel 1 sets temperature")


def test_a_button_whose_number_could_be_half_a_knobs_is_learned_when_it_rests(
    keyboard: Hand, tmp_path: Path
) -> None:
    (tmp_path / "midigen.toml").touch()
    (tmp_path / "config.toml").write_text(KNOB, encoding="utf-8")
    learn = Learn(tmp_path, "again")
    learn.wait_until_it_listens()
    keyboard.turn(41, 127, 0)
    code, said, _ = learn.end()
    file = tmp_path / "midigen.toml"
    assert (code, said) == (ExitCode.OK, f"cc 41 on channel 1 sets again from now on: {file}\n")
    assert file.read_text(encoding="utf-8").startswith('[[control]]\nname = "again"\ncc = 41\n')


def test_a_knob_that_is_learned_again_keeps_its_place(keyboard: Hand, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"# mine\n{KNOB}low = 0.5  # not too tame\n", encoding="utf-8")
    former = path.read_text(encoding="utf-8")
    code, _, _ = Learn(tmp_path, "temperature").hear(lambda: keyboard.turn(21, 10, 11))
    assert code == ExitCode.OK
    assert path.read_text(encoding="utf-8") == former


@pytest.mark.usefixtures("keyboard")
def test_to_give_up_is_no_error_that_is_traced(tmp_path: Path) -> None:
    learn = Learn(tmp_path, "temperature")
    learn.wait_until_it_listens()
    learn.interrupt()
    assert learn.end() == (ExitCode.FORCED, "", "midigen: nothing was learned\n")
    assert not [*tmp_path.iterdir()]


@pytest.mark.usefixtures("jack")
def test_a_file_that_is_read_only_is_refused_before_anything_is_moved(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(KNOB, encoding="utf-8")
    path.chmod(0o444)
    assert Learn(tmp_path, "tempo").end() == (
        ExitCode.USAGE,
        "",
        "midigen: 1 error in the configuration:\n"
        "  config.toml: can't be written: it is read-only\n",
    )


def test_a_knob_cannot_be_learned_for_two_controls(keyboard: Hand, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(KNOB, encoding="utf-8")
    code, said, told = Learn(tmp_path, "tempo").hear(lambda: keyboard.turn(21, 10, 11))
    assert (code, said) == (ExitCode.USAGE, "")
    assert "cc 21" in told.splitlines()[-1]
    assert "already" in told.splitlines()[-1]
    assert path.read_text(encoding="utf-8") == KNOB


def test_a_program_is_learned_for_a_value(keyboard: Hand, tmp_path: Path) -> None:
    """Where there is no file yet, it is made in the user's folder."""
    learn = Learn(tmp_path, "mode", "--value", "duet")
    code, said, _ = learn.hear(lambda: keyboard.send(0xC0, 7))
    path = tmp_path / "home" / "midigen" / "config.toml"
    assert (code, said) == (
        ExitCode.OK,
        f"program 7 on channel 1 sets mode from now on: {path}\n",
    )
    assert tomllib.loads(path.read_text(encoding="utf-8")) == {
        "control": [{"name": "mode", "program": 7, "channel": 1, "value": "duet"}]
    }


@pytest.mark.usefixtures("jack")
def test_a_control_that_there_is_not_is_refused_before_anything_is_moved(tmp_path: Path) -> None:
    assert Learn(tmp_path, "temprature").end() == (
        ExitCode.USAGE,
        "",
        "midigen: no control 'temprature': did you mean temperature?\n",
    )
