"""The command line, except for `run` (see test_terminal and test_jack)."""

import argparse
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import mido
import pytest

from midigen import __version__
from midigen.app.cli import COMMANDS, main
from midigen.app.options import add_run_options, effective_settings
from midigen.errors import ExitCode
from midigen.settings import config
from tests.midi_files import write_midi


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without config.toml, here and for the user."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_path", lambda _: tmp_path / "none")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"example: midigen {command}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--version"], *([name] for name in COMMANDS)])
def test_help_is_quick_as_it_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import atexit, sys; from midigen.app.cli import main; "
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main(sys.argv[1:])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program, *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded = {*shown.stderr.split()}
    assert [name for name in COMMANDS if f"midigen.app.commands.{name}" in loaded] == [
        word for word in words if word in COMMANDS
    ]
    assert not loaded & {"numpy", "rich", "onnxruntime", "rtmidi", "tomlkit", "platformdirs"}


def test_the_main_help_names_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert sorted(re.findall(r"^    (\w+)", shown, re.MULTILINE)) == sorted(COMMANDS)
    codes = re.findall(r"(?:exit codes:|,)\s+(\d+)\s", shown)
    assert [int(code) for code in codes] == list(ExitCode)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"midigen {__version__}\n"


@pytest.mark.parametrize(
    "surroundings",
    [
        *({"PYTHONIOENCODING": page} for page in ("ascii", "cp437", "cp1252", "utf-8")),
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=lambda each: "-".join(each.values()),
)
def test_text_is_written_to_a_console_of_any_code_page(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    """TOML remains TOML, even if a shell redirects it to a file."""
    name = "Clavier numérique ♭ 🎹"
    (tmp_path / "my.toml").write_text(f'ports.input = ["{name}"]', encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONIOENCODING"}
    shown = subprocess.run(
        [sys.executable, "-m", "midigen", "config", "--config", "my.toml"],
        env=environment | surroundings,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (shown.returncode, shown.stderr) == (0, b"")
    text = shown.stdout.decode(surroundings.get("PYTHONIOENCODING", "ascii"))
    assert tomllib.loads(text)["ports"]["input"] == [name]
    saved = tmp_path / "saved.toml"
    saved.write_bytes(shown.stdout)
    assert config.load(saved).ports.input == (name,)


def test_predict_shows_the_input_seven_bars_and_the_note(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["predict", "c", "D", "e", "--model", "notebook"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "input     C D E"
    assert [line[0] for line in lines[1:8]] == list("CDEFGAB")
    shares = [float(line.split()[1].rstrip("%")) for line in lines[1:8]]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert "█" * 30 in lines[4]
    assert lines[8] == "predicted F"


def test_predict_cuts_to_the_newest_three(capsys: pytest.CaptureFixture[str]) -> None:
    main(["predict", *"CDE", "--model", "notebook"])
    three = capsys.readouterr().out
    main(["predict", *"BBCDE", "--model", "notebook"])
    assert capsys.readouterr().out == three


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["predict", "E", "H", "A"], ExitCode.USAGE, ["'H'", "C D E F G A B"]),
        (
            ["predict", "E", "A", "--model", "notebook"],
            ExitCode.USAGE,
            ["needs 3 notes", "2 given"],
        ),
        (["predict", "E", "A", "A", "--model", "x"], ExitCode.MODEL, ["'x'", "notebook"]),
        (["config", "--mode", "trio"], ExitCode.USAGE, ["mode", '"duet"']),
        (["config", "--set", "tempo.bpm"], ExitCode.USAGE, ["KEY=VALUE"]),
        (["config", "--config", "no.toml"], ExitCode.USAGE, ["no.toml"]),
        (["render", "no.mid", "out.mid"], ExitCode.MIDI_FILE, ["no.mid"]),
        (["run", "--model", "none.onnx"], ExitCode.MODEL, ["none.onnx"]),
    ],
)
def test_errors_say_what_is_wrong_and_have_their_codes(
    arguments: list[str], code: ExitCode, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("midigen: ")
    for word in words:
        assert word in captured.err


@pytest.mark.parametrize("arguments", [["sing"], ["run", "--seed", "-1"], ["evaluate"]])
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == ExitCode.USAGE


def test_config_prints_the_effective_settings(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.toml").write_text('mode = "solo"\n[tempo]\nbpm = 90\n', encoding="utf-8")
    assert main(["config", "--set", "tempo.bpm=100", "--input", "A", "--input", "B"]) == 0
    shown = tomllib.loads(capsys.readouterr().out)
    assert shown["mode"] == "solo"
    assert shown["tempo"]["bpm"] == 100
    assert shown["ports"]["input"] == ["A", "B"]


@pytest.mark.parametrize(
    ("arguments", "clients"),
    [
        ([], ("midigen-in", "midigen-out")),
        (["--name", "left"], ("left", "left-out")),
        (["--name", "stage-in"], ("stage-in", "stage-out")),
        (["--name", "left", "--set", "ports.out_client=synth"], ("left", "synth")),
    ],
)
def test_both_clients_get_their_names_from_one_option(
    arguments: list[str], clients: tuple[str, str]
) -> None:
    parser = argparse.ArgumentParser()
    add_run_options(parser)
    ports = effective_settings(parser.parse_args(arguments)).ports
    assert (ports.in_client, ports.out_client) == clients


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["key"], "--value: must say what it sets key to"),
        (["key", "--value", "H"], '--value: key is "auto" or a tonic and a mode'),
        (["mode", "--value", "trio"], "--value: mode is one of"),
        (["mute", "--value", ""], "--value: mute is true or false, not ''"),
        (["again", "--value", "1"], "--value: again is pressed: it takes no value"),
        (["scene", "--value", "verse"], "--value: must be a scene's name, one of none"),
    ],
)
def test_a_value_that_cannot_be_learned_is_refused_before_it_listens(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["learn", *arguments, "--ports", "terminal"]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(f"midigen: {problem}")


def test_render_tells_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_midi(tmp_path / "in.mid", bpm=120)
    assert main(["render", str(source), "out.mid", "--seed", "1"]) == 0
    assert capsys.readouterr().out == ("out.mid: 5 notes by the player, 5 by midigen, 6.0 s\n")
    assert mido.MidiFile("out.mid").length == pytest.approx(6.0)
    first = Path("out.mid").read_bytes()
    assert main(["render", str(source), "out.mid", "--seed", "1"]) == 0
    assert Path("out.mid").read_bytes() == first


def test_a_damaged_file_is_reported_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "songs").mkdir()
    source = write_midi(tmp_path / "songs" / "in.mid", bpm=60)
    source.write_bytes(source.read_bytes()[:-6])
    told = f"{source}: the file is damaged (track 1 breaks off); the rest is used"
    assert main(["render", str(source), "out.mid", "--plot", "out.png"]) == ExitCode.OK
    assert capsys.readouterr().err == f"midigen: {told}\n"
    assert main(["evaluate", "notebook", str(source.parent)]) == ExitCode.OK
    assert capsys.readouterr().err.count(told) == 1
    source.write_bytes(source.read_bytes()[:30])
    assert main(["render", str(source), "out.mid"]) == ExitCode.MIDI_FILE
    reason = f"{source}: there are no notes in it (track 1 breaks off)"
    assert capsys.readouterr().err == f"midigen: {reason}\n"


@pytest.mark.parametrize(
    ("arguments", "module"),
    [(["--recipe", "notebook"], "notebook"), (["songs", "--name", "new"], "training")],
)
def test_training_without_its_packages_says_what_to_install(
    arguments: list[str],
    module: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("songs").mkdir()
    write_midi(Path("songs") / "song.mid", bpm=120)
    monkeypatch.setitem(sys.modules, f"midigen.learning.{module}", None)
    assert main(["train", *arguments]) == ExitCode.FAILURE
    assert 'pip install "midigen[train]"' in capsys.readouterr().err
    assert not Path("models").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "needs a CORPUS and a --name"),
        (["songs"], "needs a CORPUS and a --name"),
        (["--recipe", "notebook", "songs"], "takes neither"),
        (["songs", "--name", "a/b"], "'a/b' can't be the name"),
    ],
)
def test_training_says_what_is_missing(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *arguments]) == ExitCode.USAGE
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("command", [["train", "--name", "new"], ["evaluate", "notebook"]])
def test_a_corpus_that_cannot_be_read_is_an_error(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "nowhere"]) == ExitCode.MIDI_FILE
    assert "nowhere: there is no such file or folder" in capsys.readouterr().err
    Path("empty").mkdir()
    assert main([*command, "empty"]) == ExitCode.MIDI_FILE
    assert "empty: there are no MIDI files" in capsys.readouterr().err
    (Path("empty") / "damaged.mid").write_bytes(b"MThd")
    assert main([*command, "empty"]) == ExitCode.MIDI_FILE
    assert told(capsys) == ["midigen: empty/damaged.mid: the file breaks off in its header"]
    (Path("empty") / "text.kar").write_bytes(b"la la")
    assert main([*command, "empty"]) == ExitCode.MIDI_FILE
    assert told(capsys) == [
        "midigen: skipped empty/damaged.mid: the file breaks off in its header",
        "midigen: skipped empty/text.kar: not a MIDI file: it has no MThd header",
        "midigen: no melody found in empty: all 2 files skipped",
    ]
    assert not Path("models").exists()


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on stderr, without the progress bars between them."""
    return re.findall(r"midigen: [^\r\n]+", capsys.readouterr().err)


def test_it_runs_as_a_module() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "midigen", "predict", "E", "A"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert re.search(r"\npredicted [A-G]\n$", result.stdout)
