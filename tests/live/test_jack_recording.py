"""Over real ports: what is written down of a session is what was played in it."""

from pathlib import Path

from midigen.errors import ExitCode
from midigen.midi.messages import NoteOff, NoteOn
from tests.jack import Midigen, Start, pause, play_phrase
from tests.recordings import assert_recorded, read


def play(running: Midigen) -> None:
    """A phrase with a wheel in it; every note but the first two is answered."""
    play_phrase(running.hand, 60, 62, 64)
    running.hand.turn(1, 30, 90)
    running.hand.strike(67, velocity=31)
    pause(0.12)
    running.hand.release(67)
    play_phrase(running.hand, 72)
    running.ear.wait_for(3, NoteOff)


def test_a_session_is_recorded_as_it_was_played(midigen: Start, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    running = midigen("--mode", "duet", "--record", str(folder))
    play(running)
    assert running.stop() == ExitCode.OK
    (path,) = folder.iterdir()
    assert running.lines[-1] == f"midigen: recorded {path}\n"
    assert_recorded(read(path), running.hand.sent, running.ear.heard)


def test_what_thru_passes_on_is_recorded_once(midigen: Start, tmp_path: Path) -> None:
    """Answers are two octaves higher than the notes played, so they can be told apart."""
    folder = tmp_path / "recordings"
    options = ("--mode", "duet", "--set", "thru=true", "--set", "response.transpose=2 octaves")
    running = midigen(*options, "--record", str(folder), "--keep", "2")
    play_phrase(running.hand, 60, 62)
    running.hand.turn(64, 127, 0)
    play_phrase(running.hand, 64, 65)
    running.ear.wait_for(6, NoteOff)
    assert running.stop() == ExitCode.OK
    answers = [
        (time, message)
        for time, message in running.ear.heard
        if isinstance(message, NoteOn | NoteOff) and message.pitch > 72
    ]
    assert len(answers) == 4
    assert len(running.ear.heard) == len(answers) + len(running.hand.sent)
    for path in folder.iterdir():
        assert_recorded(read(path), running.hand.sent, answers)
    assert len(list(folder.iterdir())) == 2


def test_the_last_minutes_are_kept_at_the_end(midigen: Start, tmp_path: Path) -> None:
    running = midigen("--mode", "duet", "--keep", "2", folder=tmp_path)
    play(running)
    assert not (tmp_path / "recordings").exists()
    assert running.stop() == ExitCode.OK
    (path,) = (tmp_path / "recordings").iterdir()
    assert path.name.endswith("-last-2-min.mid")
    assert f"midigen: recorded {path.relative_to(tmp_path)}\n" in running.lines
    assert_recorded(read(path), running.hand.sent, running.ear.heard)


def test_what_is_kept_meanwhile_is_a_file_of_its_own(midigen: Start, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    button = ("--set", 'control=[{name = "keep", cc = 82}]')
    running = midigen("--mode", "duet", "--record", str(folder), *button)
    play(running)
    player, machine = list(running.hand.sent), list(running.ear.heard)
    running.hand.press(82)
    kept = Path(running.read_until("kept as ").split("kept as ")[1].strip())
    assert_recorded(read(kept), player, machine)
    play_phrase(running.hand, 60)
    running.ear.wait_for(4, NoteOff)
    assert running.stop() == ExitCode.OK
    (whole,) = set(folder.iterdir()) - {kept}
    assert_recorded(read(whole), running.hand.sent, running.ear.heard)
    assert_recorded(read(kept), player, machine)


def test_a_folder_that_cannot_be_written_ends_the_start(midigen: Start, tmp_path: Path) -> None:
    folder = tmp_path / "file" / "recordings"
    folder.parent.touch()
    running = midigen("--record", str(folder), connects=False)
    assert running.wait() == ExitCode.FAILURE
    assert running.lines == [
        f"midigen: {folder}: can't be written: Not a directory; "
        "choose another folder with record.path\n"
    ]
