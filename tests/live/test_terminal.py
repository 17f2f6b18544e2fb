"""The terminal port, alone and as a user meets it: a pipe into a new process."""

import io
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import ExitCode, UnknownNoteError
from midigen.instrument.events import EndOfAnswer, EndOfPhrase
from midigen.live.connection import Arrival, Quit
from midigen.live.terminal import Manner, Terminal, read_command, read_notes
from midigen.midi.messages import NoteOff, NoteOn
from midigen.music.keys import C_MAJOR, Key
from midigen.settings.controls import Control

FAST = ("--set", "tempo.bpm=400", "--set", "turn.silence=0.2")
# `midigen` where no MIDI system works, whatever this machine has: JACK alone, without a server.
NOWHERE = """
import sys
from midigen.app import cli
from midigen.live import midi_system
midi_system._APIS = {midi_system.Api.JACK: "API_UNIX_JACK"}
sys.exit(cli.main(sys.argv[1:]))
"""
NO_SERVER = {**os.environ, "JACK_DEFAULT_SERVER": "none-of-this-name"}


def midigen(*arguments: str, lines: str = "") -> subprocess.CompletedProcess[str]:
    """`midigen run` with lines on a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "midigen", "run", *arguments],
        input=lines,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def without_midi(*arguments: str, stdin: str | None) -> subprocess.CompletedProcess[str]:
    """The same where there is no MIDI system, with or without a pipe."""
    return subprocess.run(
        [sys.executable, "-c", NOWHERE, "run", *arguments],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=NO_SERVER,
    )


def test_letters_are_the_keys_notes() -> None:
    assert read_notes("cdefga|b", C_MAJOR) == [60, 62, 64, 65, 67, 69, 71]
    assert read_notes("c C-f ", C_MAJOR) == [60, None, 72, None, 65]
    assert read_notes("f", Key.named("G major")) == [66]
    with pytest.raises(UnknownNoteError, match="'h'"):
        read_notes("c h", C_MAJOR)


@pytest.mark.parametrize(
    ("line", "pitches"),
    [
        ("bb", [70]),
        ("b b", [71, None, 71]),
        ("b|b", [71, 71]),
        ("Bb", [82]),
        ("bB", [71, 83]),
        ("BB", [83, 83]),
        ("eb f#", [63, None, 66]),
        ("f#g#a", [66, 68, 69]),
        ("f♯e♭", [66, 63]),
        ("cb b#", [59, None, 72]),
        ("bcd", [71, 60, 62]),
        ("c|d | e", [60, 62, None, None, 64]),
        ("c-bb-", [60, None, 70, None]),
        ("ga|b", [67, 69, 71]),
        ("g|ab|", [67, 68]),
    ],
)
def test_accidentals_are_read(line: str, pitches: list[int | None]) -> None:
    assert read_notes(line, C_MAJOR) == pitches


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cdefgab", "write |ab| for the flat, a|b for two notes"),
        ("bbb", "may have B flat in it or B and B"),
        ("Ebc", "may have E flat in it"),
        ("f##", "'#' in 'f##' must come after a letter"),
        ("#f", "must come after a letter"),
        ("hb", "unknown note 'h'"),
        ("c x", "unknown note 'x'"),
    ],
)
def test_what_is_no_note_for_sure_is_refused(line: str, words: str) -> None:
    with pytest.raises(UnknownNoteError) as caught:
        read_notes(line, C_MAJOR)
    assert words in str(caught.value)


@given(st.text("cdefgabCDEFGAB#♭b -|", max_size=12))
def test_a_flat_is_never_taken_for_two_notes(line: str) -> None:
    """With each note between bar lines nothing is ambiguous, and the notes are the same."""
    try:
        pitches = read_notes(line, C_MAJOR)
    except UnknownNoteError:
        return
    notes = re.findall(r"[A-Ga-g][#♭b]?|[ -]", line.rstrip())
    assert read_notes("|".join([*notes, ""]), C_MAJOR) == pitches


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (":mode duet", Control("mode", "duet")),
        (": mode  solo ", Control("mode", "solo")),
        (":quit", Quit()),
        (":nonsense", Control("nonsense", "")),
    ],
)
def test_commands(line: str, event: object) -> None:
    assert read_command(line) == event


def test_what_is_typed_arrives_as_events_and_the_answer_is_printed() -> None:
    arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    said: list[str] = []
    stdout = io.StringIO()
    read_end, write_end = os.pipe()
    stdin = io.FileIO(read_end)
    manner = Manner(C_MAJOR, 0.02, 0.01)
    terminal = Terminal(lambda: manner, stdin=stdin, stdout=stdout, tell=said.append)
    terminal.open(arrivals.put)
    os.write(write_end, b":mode duet\nx\nc-E\n")

    def next_event() -> object:
        while True:
            arrival = arrivals.get(timeout=5)
            for event in arrival.events(arrival.data):
                return event

    assert next_event() == Control("mode", "duet")
    assert [next_event() for _ in range(5)] == [
        NoteOn(60, 80),
        NoteOff(60),
        NoteOn(76, 80),
        NoteOff(76),
        EndOfPhrase(),
    ]
    assert len(said) == 1
    assert "unknown note 'x'" in said[0]
    terminal.send(NoteOn(62, 90))
    terminal.send(NoteOff(62))
    terminal.send(EndOfAnswer())  # only now does a pipe's next line, or its end, count
    os.close(write_end)
    assert next_event() == EndOfPhrase()
    terminal.send(EndOfAnswer())
    assert next_event() == Quit()
    terminal.close()
    stdin.close()
    assert stdout.getvalue() == "D4 \n"


def test_a_line_is_read_in_the_key_and_tempo_that_hold_by_then() -> None:
    """Commands typed before it have been carried out."""
    arrivals: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    read_end, write_end = os.pipe()
    stdout = io.StringIO()
    manners = {"": Manner(C_MAJOR, 30.0, 15.0), "in G": Manner(Key.named("G major"), 0.02, 0.01)}
    manner = ""
    with io.FileIO(read_end) as stdin:
        terminal = Terminal(lambda: manners[manner], stdin=stdin, stdout=stdout, tell=print)
        terminal.open(arrivals.put)
        os.write(write_end, b":in G\nf\n")
        os.close(write_end)
        events: list[object] = []
        while Quit() not in events:
            arrival = arrivals.get(timeout=5)
            for event in arrival.events(arrival.data):
                events.append(event)
                if event == Control("in", "G"):
                    manner = "in G"
                elif isinstance(event, NoteOn | EndOfPhrase):
                    terminal.send(NoteOn(66, 9) if isinstance(event, NoteOn) else EndOfAnswer())
        terminal.close()
    assert events[1:] == [NoteOn(66, 80), NoteOff(66), EndOfPhrase(), EndOfPhrase(), Quit()]
    assert stdout.getvalue() == "F#4 \n"


@pytest.mark.parametrize(
    ("lines", "options", "names"),
    [
        (":key G major\nf\n", [], "F#4"),
        (":key Eb\nb e\n", [], "Bb4 Eb4"),
        (":key Gb major\nc\n", [], "Cb4"),
        (":key C# major\nb\n", [], "B#4"),
        ("f bb\n:key F\nbb f\n", ["--key", "G"], "F#4 Bb4 Bb4 F4"),
        ("g a b C D E f# G D b g\n" * 3 + "f\n", ["--key", "auto"], "F#4"),
    ],
)
def test_the_key_in_force_says_what_is_typed_and_how_it_is_spelled(
    lines: str, options: list[str], names: str
) -> None:
    heard = ("--set", "thru=true", "--set", "output.mute=true", *options)
    result = midigen("--ports", "terminal", *heard, *FAST, lines=lines)
    assert result.returncode == 0, result.stderr
    expected = names.split()
    assert result.stdout.split()[-len(expected) :] == expected


def test_a_piped_phrase_is_continued_and_the_program_ends() -> None:
    result = midigen("--ports", "terminal", *FAST, lines="c d e f g\n")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.split()) == 5
    assert result.stdout.count("\n") == 1


def test_every_piped_line_gets_its_answer() -> None:
    sure = ("--model", "notebook", "--set", "sampling.temperature=0")
    result = midigen("--ports", "terminal", *sure, *FAST, lines="cde\nfga\nc\n")
    assert result.returncode == 0, result.stderr
    answers = [line.split() for line in result.stdout.splitlines()]
    assert answers[0] == ["F4", "G4", "A4"]
    assert [len(answer) for answer in answers] == [3, 3, 1]


def test_only_the_end_of_the_line_ends_its_phrase() -> None:
    """Nor is a wait longer than `turn.silence`."""
    result = midigen(
        *("--ports", "terminal", "--set", "tempo.bpm=240", "--set", "turn.silence=0.05"),
        lines="c  d  e  f\n",
    )
    assert len(result.stdout.split()) == 4
    assert result.stdout.count("\n") == 1


@pytest.mark.parametrize("mode", ["duet", "solo"])
def test_the_other_modes_end_with_the_input_too(mode: str) -> None:
    result = midigen("--ports", "terminal", "--mode", mode, *FAST, lines="cdefg\n")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.split()) >= 3


def test_no_input_at_all_ends_at_once() -> None:
    result = midigen("--ports", "terminal")
    assert (result.returncode, result.stdout) == (0, "")


def test_without_a_midi_system_a_pipe_is_enough() -> None:
    result = without_midi(*FAST, stdin="cde\n")
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.split()) == 3
    first = result.stderr.splitlines()[0]
    assert first.startswith("midigen: no MIDI system here (jack: its server isn't running)")
    assert first.endswith(": playing from standard input instead")


@pytest.mark.parametrize(
    "named", [["--input", "Piano"], ["--output", "Synth"], ["--ports", "jack"]]
)
def test_a_named_port_without_a_midi_system_is_an_error(named: list[str]) -> None:
    result = without_midi(*named, stdin="cde\n")
    assert result.returncode == ExitCode.NO_MIDI_SYSTEM
    assert result.stdout == ""
    assert result.stderr.startswith("midigen: no MIDI system here (")


def test_without_a_terminal_or_pipe_no_midi_system_is_an_error() -> None:
    assert without_midi(stdin=None).returncode == ExitCode.NO_MIDI_SYSTEM


@pytest.mark.skipif(sys.platform == "win32", reason="WinMM is Windows' own")
def test_a_system_of_another_platform_is_refused() -> None:
    result = without_midi("--ports", "winmm", stdin="cde\n")
    assert result.returncode == ExitCode.NO_MIDI_SYSTEM
    assert "winmm isn't a MIDI system of this machine" in result.stderr


def test_a_reader_that_leaves_ends_the_program() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "midigen", "run", "--ports", "terminal", "--mode", "solo", *FAST],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b"cdefg\n")
        process.stdin.flush()
        process.stdout.read(1)
        process.stdout.close()
        try:
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
        assert b"Traceback" not in process.stderr.read()


def test_a_signal_ends_it_while_it_waits_for_input() -> None:
    read_end, write_end = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-m", "midigen", "run", "--ports", "terminal"],
        stdin=read_end,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        while "Ctrl-C stops" not in process.stderr.readline():
            pass
        killer = threading.Timer(30, process.kill)
        killer.start()
        started = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
        assert time.perf_counter() - started < 10
        killer.cancel()
    os.close(read_end)
    os.close(write_end)
