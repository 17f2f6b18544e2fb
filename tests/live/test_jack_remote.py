"""Over real ports: a midigen that plays is asked and told things from another terminal."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from midigen import __version__
from midigen.errors import ExitCode
from midigen.midi.messages import NoteOff, NoteOn
from midigen.music.keys import Key
from tests.jack import Midigen, Start, command, play_phrase, wait_until

SURE = ("--set", "sampling.temperature=0", "--set", "sampling.max_repeat=off")


def asked() -> dict[str, Any]:
    """What `midigen status --json` prints."""
    done = command("status", "--json")
    assert (done.returncode, done.stderr) == (ExitCode.OK, "")
    status: dict[str, Any] = json.loads(done.stdout)
    return status


def ctl(*words: str) -> tuple[int, str, str]:
    """The exit code of `midigen ctl`, and what it says."""
    done = command("ctl", *words)
    return done.returncode, done.stdout, done.stderr


# --- status


def test_status_says_what_is_played_and_a_second_midigen_changes_nothing(midigen: Start) -> None:
    solo = ("--mode", "solo", "--set", "rhythm.gate=1", "--set", "rhythm.source=steady", *SURE)
    began = time.perf_counter()
    running = midigen(*solo, "--key", "G major", "--set", "tempo.bpm=96.5")
    play_phrase(running.hand, 67, 69, 71)
    running.ear.wait_for(2)
    status = asked()
    (sounding,) = status.pop("sounding")
    wait_until(lambda: sounding in {note.pitch for note in running.ear.of(NoteOn)}, "the note")
    name = Key.named("G major").pitch_name(sounding)
    assert status.pop("sounds") == [name]
    assert status.pop("heard") == ["G", "A", "B"]
    assert name.startswith(status.pop("played")[-1])
    uptime = status.pop("uptime")
    assert 0 < uptime < time.perf_counter() - began
    notes_out = status.pop("notes_out")
    assert notes_out >= 2
    running.ear.wait_for(notes_out)
    assert 0 < status.pop("worst") < uptime
    assert status.pop("priority")
    assert status == {
        "mode": "solo",
        "turn": "midigen",
        "key": "G major",
        "notes": ["G", "A", "B", "C", "D", "E", "F#"],
        "bpm": 96.5,
        "beat": "internal",
        "model": "notebook",
        "silence": "",
        "trouble": "",
        "scene": "",
        "muted": False,
        "holding": False,
        "listening": ["midigen-in:midigen in"],
        "playing": ["midigen-out:midigen out"],
        "missing": [],
        "notes_in": 3,
        "dropped": 0,
        "echoes": 0,
        "pid": running.process.pid,
        "version": __version__,
    }

    second = Midigen(connects=False, plays=False)
    assert second.wait() == ExitCode.PORT
    second.close()
    shown = command("status").stdout.splitlines()
    rows = dict(line.split(maxsplit=1) for line in shown)
    assert rows["mode"] == "solo"
    assert rows["tempo"] == "96.5 bpm (internal)"
    played = {note.pitch for note in running.ear.of(NoteOn)}
    assert rows["sounding"] in {Key.named("G major").pitch_name(pitch) for pitch in played}
    assert rows["playing"] == '"midigen-out:midigen out"'
    assert rows["process"] == str(running.process.pid)
    assert re.fullmatch(r"note +\d+\.\d ms late", rows["latest"])
    assert not {"scene", "silence", "trouble", "muted", "missing"} & rows.keys()
    assert running.stop() == ExitCode.OK
    assert not running.ear.hanging()


def test_several_have_names_of_their_own(midigen: Start) -> None:
    running = midigen()
    left = Midigen("--name", "left", "--key", "Bb", connects=False, plays=False)
    left.read_until("Ctrl-C stops")
    several = command("status")
    assert several.returncode == ExitCode.FAILURE
    assert "several midigens are running: left, midigen-in: say which with --name" in several.stderr
    assert json.loads(command("status", "--json", "--name", "left").stdout)["key"] == "Bb major"
    assert ctl("mute", "--name", "left") == (ExitCode.OK, "mute on\n", "")
    assert ctl("mute", "--name", "left") == (ExitCode.OK, "mute off\n", "")
    assert left.stop() == ExitCode.OK
    left.close()
    assert running.stop() == ExitCode.OK


# --- ctl


def test_where_none_runs_there_is_nobody_to_tell() -> None:
    nobody = "midigen: no midigen is running: start one with `midigen run`\n"
    assert ctl("panic") == (ExitCode.FAILURE, "", nobody)


def test_ctl_sets_and_presses_what_is_heard_at_once(midigen: Start) -> None:
    running = midigen("--set", "turn.silence=0.1", "--set", "tempo.bpm=300", *SURE)
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(3, NoteOff)
    assert ctl("again") == (ExitCode.OK, "", "")
    running.ear.wait_for(6, NoteOff)
    pitches = [note.pitch for note in running.ear.of(NoteOn)]
    assert len(pitches) == 6
    assert pitches[3:] != pitches[:3]

    assert ctl("temperature", "0.8") == (ExitCode.OK, "temperature 0.8\n", "")
    running.read_until("midigen: temperature 0.8\n")  # the player is told as well
    wrong = "temperature is a number 0 to 5, not 'hot'\n"
    assert ctl("temperature", "hot") == (ExitCode.USAGE, "", f"midigen: {wrong}")
    assert ctl("mode", "solo") == (ExitCode.OK, "mode solo\n", "")
    running.ear.wait_for(9)
    assert running.stop() == ExitCode.OK
    assert not running.ear.hanging()


# --- other programs


def test_another_program_listens_and_plays(midigen: Start) -> None:
    """What it holds is released when it goes, whatever becomes of it."""
    running = midigen("--mode", "duet", "--set", "thru=true", *SURE)
    program = """
import json, time
from midigen.live.control_client import connect

with connect(None) as midigen:
    for request in (
        {"do": "subscribe"},
        *({"do": "note_on", "pitch": 60 + place, "velocity": 90} for place in (0, 2, 4)),
        {"do": "note_off", "pitch": 60},
    ):
        midigen.send_bytes(json.dumps(request).encode())
        time.sleep(0.1)  # a player's step
    for line in iter(lambda: json.loads(midigen.recv_bytes()), None):
        print(json.dumps(line), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        lines: list[dict[str, Any]] = []
        kinds: list[str] = []
        while kinds.count("heard") < 4 or "played" not in kinds:
            lines.append(json.loads(other.stdout.readline()))
            kinds.append(lines[-1].get("event", ""))
        running.ear.wait_for(4)  # three by thru, and the answer
        other.kill()
    running.ear.wait_for(4, NoteOff)
    assert [line for line in lines if "event" not in line] == [{"ok": []}] * 5
    heard = [(line["do"], line["pitch"]) for line in lines if line.get("event") == "heard"]
    assert heard == [("note_on", 60), ("note_on", 62), ("note_on", 64), ("note_off", 60)]
    (played,) = (line for line in lines if line.get("event") == "played")
    assert played["pitch"] in {note.pitch for note in running.ear.of(NoteOn)}
    assert any(line.get("event") == "status" for line in lines)
    assert not running.ear.hanging()
    assert running.stop() == ExitCode.OK


# --- reload


def test_a_configuration_that_is_read_again_counts_unless_it_is_wrong(
    midigen: Start, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('mode = "call-response"\nosc.port = "off"\n')
    running = midigen(*SURE, folder=tmp_path)
    play_phrase(running.hand, 60, 62)

    path.write_text('mode = "duet"\nresponse.transpose = "1 octave"\nports.in_port = "keys"\n')
    later = "changes in ports take effect at the next start\n"
    again = "the configuration was reloaded\n"
    assert ctl("reload") == (ExitCode.OK, again + later, "")
    running.hand.strike(64)
    running.ear.wait_for(1)
    assert running.ear.messages == [NoteOn(65 + 12, 90)]  # the notes before it are remembered

    path.write_text('mode = "trio"\nresponse.transpose = 1\n')
    code, said, told = ctl("reload")
    assert (code, said) == (ExitCode.FAILURE, "")
    assert told.startswith("midigen: 2 errors in the configuration:\n")
    assert "mode" in told
    assert "response.transpose" in told
    assert asked()["sounding"] == [77]  # nothing has happened
    running.hand.release(64)
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(4, NoteOff)
    assert running.ear.of(NoteOn)[-1] == NoteOn(77, 90)
    assert running.stop(signal.SIGHUP) == ExitCode.OK
    assert not running.ear.hanging()
