"""midigen as a service: its unit as systemd reads it, and the commands that systemctl gets."""

import configparser
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midigen.app.cli import new_parser
from midigen.app.commands.service import NAME, quoted, unit_text
from midigen.errors import ConfigError, ExitCode, MidigenError, ModelError, UsageError
from midigen.live import recording
from tests.system import needs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is for Linux")

PYTHON = "/opt/midigen/bin/python"


def read(unit: str) -> configparser.ConfigParser:
    """The sections and settings of a unit."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parser.read_string(unit)
    return parser


WORD = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"(?=[ \n]|$)|(?P<plain>[^\s"\'\\;]+)(?=[ \n]|$)')
ESCAPE = re.compile(r'\\(?:x(?P<code>[0-9a-f]{2})|(?P<itself>[\\"]))|(?P<other>\\)')


def words_of(line: str) -> list[str]:
    """The words of a command line according to systemd.syntax(7) and systemd.unit(5)."""

    def unescaped(found: re.Match[str]) -> str:
        assert not found["other"], line
        return chr(int(found["code"], 16)) if found["code"] else found["itself"]

    words, index = [], 0
    while index < len(line):
        found = WORD.match(line, index)
        assert found, line[index:]
        word = found["plain"] or ESCAPE.sub(unescaped, found["quoted"] or "")
        assert "%" not in word.replace("%%", ""), word  # it would be replaced
        words.append(word.replace("%%", "%"))
        index = found.end() + 1
    return words


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cn"]))
AWKWARD = st.text(st.sampled_from(" \t\n\"'\\%$;#~{}=xn0é"))


# --- the unit


@given(st.lists(st.one_of(TEXT, AWKWARD)))
@example(["", ";", "%h", "$HOME", "${HOME}", "\\", '"', "a\nb", "# no comment", "C:\\x41"])
def test_the_command_of_a_unit_is_the_one_that_was_given(options: list[str]) -> None:
    (line,) = re.findall("^ExecStart=(.*)$", unit_text([PYTHON, *options], Path("/")), re.MULTILINE)
    assert words_of(line) == [f":{PYTHON}", *options]


@pytest.fixture(scope="module")
def verify(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """What `systemd-analyze` says about a unit."""
    program = needs("systemd-analyze")
    folder = tmp_path_factory.mktemp("unit")
    path = folder / NAME
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "SYSTEMD_LOG_COLOR": "0",
    }

    def verify(unit: str) -> str:
        path.write_text(unit, encoding="utf-8")
        result = subprocess.run(
            [program, "verify", "--user", str(path)],
            capture_output=True,
            check=False,
            encoding="utf-8",
            env=environment,
        )
        return f"{result.stdout}{result.stderr}"

    return verify


def test_systemd_finds_no_fault_with_the_unit(verify: Callable[[str], str]) -> None:
    command = [sys.executable, "-m", "midigen", "run", "--quiet", "--key", "B♭ major", "100% $5"]
    unit = unit_text(command, Path('/home/Ann/Bob\'s 100% "new" songs'))
    assert verify(unit) == ""
    assert "RestartSecs" in verify(unit.replace("RestartSec=", "RestartSecs="))  # faults are found
    assert PYTHON in verify(unit.replace(sys.executable, PYTHON))


@settings(max_examples=10, deadline=None)  # each is a process, with many words
@given(st.lists(st.one_of(TEXT, AWKWARD), min_size=50, max_size=100))
def test_systemd_reads_a_word_as_it_was_given(
    verify: Callable[[str], str], options: list[str]
) -> None:
    """It prints words of `Environment=` that aren't assignments; they follow the same rules."""
    one_line = str.maketrans("\n\r", "  ")
    words = [f"={word.translate(one_line)}|" for word in options]
    line = f"Environment={' '.join(quoted(word) for word in words)}\n"
    told = verify(unit_text([sys.executable], Path("/")).replace("[Install]", f"{line}[Install]"))
    assert re.findall(": Invalid environment assignment, ignoring: (=.*)", told) == words


def test_it_restarts_unless_that_is_hopeless_and_gets_time_to_end() -> None:
    unit = read(unit_text([PYTHON], Path("/")))["Service"]
    assert unit["Restart"] == "on-failure"
    assert unit["RestartPreventExitStatus"] == f"{ExitCode.USAGE:d} {ExitCode.MODEL:d}"
    assert float(unit["TimeoutStopSec"]) > recording.DISK_TIMEOUT


def test_the_folder_is_written_as_systemd_takes_it() -> None:
    unit = read(unit_text([PYTHON], Path("/home/Ann/Bob's 100% \\ $HOME")))
    assert unit["Service"]["WorkingDirectory"] == "/home/Ann/Bob's 100%% \\ $HOME"


@pytest.mark.parametrize(
    ("command", "folder", "words"),
    [
        (["/opt/Bob's/python"], "/", ['"\'"', "/opt/Bob's/python"]),
        (["/opt/back\\slash/python"], "/", ["'\\\\'"]),
        (["/opt/a\nb/python"], "/", ["'\\n'"]),
        ([PYTHON], "/two\nlines", ["'\\n'", "'/two\\nlines'"]),
        ([PYTHON], "/at its end ", ["' '"]),
        ([PYTHON], "/at its end\\", ["'\\\\'"]),
        ([PYTHON], "/not-utf-8-\udcff", ["'\\udcff'"]),
        ([PYTHON, "--record", "not-utf-8-\udcff"], "/", ["'\\udcff'", "not-utf-8"]),
    ],
)
def test_what_systemd_cannot_take_is_refused(
    command: list[str], folder: str, words: list[str]
) -> None:
    with pytest.raises(MidigenError) as raised:
        unit_text(command, Path(folder))
    for word in [*words, "another name"]:
        assert word in str(raised.value)


# --- the commands


class Systemctl:
    """A `systemctl` on the PATH that records its commands and answers as a test wants."""

    def __init__(self, folder: Path) -> None:
        self._calls = folder / "calls"
        self._answers = folder / "answers"
        self._answers.mkdir()
        program = folder / "bin" / "systemctl"
        program.parent.mkdir()
        program.write_text(
            "#!/bin/sh\n"
            f'echo "$*" >> {shlex.quote(str(self._calls))}\n'
            f'answer={shlex.quote(str(self._answers))}/"$2"\n'
            'if [ -e "$answer" ]; then . "$answer"; fi\n'
        )
        program.chmod(0o755)
        self.path = program.parent

    def answer(self, command: str, code: int, out: str = "", err: str = "") -> None:
        """Set the answer to a command."""
        lines = [f"echo {shlex.quote(out)}"] if out else []
        lines += [f"echo {shlex.quote(err)} >&2"] if err else []
        (self._answers / command).write_text("\n".join([*lines, f"exit {code}\n"]))

    @property
    def told(self) -> list[str]:
        """The commands so far."""
        return self._calls.read_text().splitlines() if self._calls.exists() else []


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemctl:
    """A systemctl, an empty configuration and an empty working directory."""
    folder = tmp_path / "my songs"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    systemctl = Systemctl(tmp_path)
    monkeypatch.setenv("PATH", str(systemctl.path))
    return systemctl


@pytest.fixture
def unit(systemctl: Systemctl, tmp_path: Path) -> Path:
    """The path of the unit."""
    del systemctl
    return tmp_path / "config" / "systemd" / "user" / "midigen.service"


def midigen_service(*arguments: str) -> ExitCode:
    """Run `midigen service` with these arguments."""
    options = new_parser("service").parse_args(["service", *arguments])
    code: ExitCode = options.run(options)
    return code


INSTALLING = [
    "--user daemon-reload",
    "--user enable midigen.service",
    "--user restart midigen.service",
]


def test_install_writes_the_unit_and_starts_it(
    systemctl: Systemctl, unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--mode", "duet", "--input", "Digital Piano", "--set", 'key="G major"']
    assert midigen_service("install", "--", *options) == ExitCode.OK
    assert systemctl.told == INSTALLING
    written = read(unit.read_text(encoding="utf-8"))
    assert words_of(written["Service"]["ExecStart"]) == [
        *(f":{sys.executable}", "-m", "midigen", "run"),
        *options,
    ]
    assert written["Service"]["WorkingDirectory"] == str(Path.cwd())
    told = capsys.readouterr().out
    assert str(unit) in told
    assert str(Path.cwd()) in told
    assert "loginctl enable-linger" in told


def test_installing_again_restarts_it_with_the_new_options(
    systemctl: Systemctl, unit: Path
) -> None:
    midigen_service("install", "--", "--mode", "duet")
    midigen_service("install")
    assert systemctl.told == INSTALLING * 2
    assert "duet" not in unit.read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [["--loudly"], ["song.mid"], ["--seed", "x"], ["--keep"]])
def test_install_takes_only_what_run_takes(
    options: list[str], systemctl: Systemctl, unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        midigen_service("install", "--", *options)
    assert ended.value.code == ExitCode.USAGE
    told = capsys.readouterr().err
    assert told.startswith("usage: midigen run ")
    assert options[0] in told
    assert not unit.exists()
    assert systemctl.told == []


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (["--mode", "trio"], ConfigError, "mode"),
        (["--config", "none.toml"], ConfigError, "none.toml"),
        (["--ports", "terminal"], UsageError, "no terminal"),
        (["--model", "none"], ModelError, "'none'"),
        (["--model", "damaged.onnx"], ModelError, "damaged.onnx"),
        (["--config", "scene.toml"], ModelError, "'gone'"),
    ],
)
def test_a_service_that_could_not_start_is_not_installed(
    options: list[str], error: type[MidigenError], words: str, systemctl: Systemctl, unit: Path
) -> None:
    Path("damaged.onnx").write_bytes(b"no model")
    Path("scene.toml").write_text('[[scene]]\nname = "verse"\nmodel = "gone"\n', encoding="utf-8")
    with pytest.raises(error, match=words):
        midigen_service("install", "--", *options)
    assert not unit.exists()
    assert systemctl.told == []


def test_the_configuration_in_this_folder_is_checked(systemctl: Systemctl, unit: Path) -> None:
    Path("config.toml").write_text("[tempo]\nbpm = -1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"config\.toml: tempo\.bpm"):
        midigen_service("install")
    assert not unit.exists()
    assert systemctl.told == []


@pytest.mark.parametrize("failing", range(len(INSTALLING)))
def test_a_failed_installation_says_which_commands_remain(
    failing: int, systemctl: Systemctl, unit: Path
) -> None:
    systemctl.answer(
        INSTALLING[failing].split(maxsplit=2)[1], 1, err="Failed to connect to bus: No medium"
    )
    with pytest.raises(MidigenError) as raised:
        midigen_service("install")
    left = [f"systemctl {command}" for command in INSTALLING[failing:]]
    assert raised.value.exit_code == ExitCode.FAILURE
    assert str(raised.value).splitlines() == [
        f"{unit} was written, but `{left[0]}` failed: Failed to connect to bus: No medium",
        f"when that is fixed, type: {' && '.join(left)}",
    ]
    assert unit.exists()
    assert systemctl.told == INSTALLING[: failing + 1]


def test_without_systemctl_the_unit_is_written_and_the_rest_is_told(
    systemctl: Systemctl, unit: Path
) -> None:
    (systemctl.path / "systemctl").unlink()
    with pytest.raises(MidigenError) as raised:
        midigen_service("install")
    assert unit.exists()
    assert str(unit) in str(raised.value)
    assert "systemctl can't be run: No such file or directory" in str(raised.value)
    assert "systemctl --user enable midigen.service" in str(raised.value)


def test_a_unit_that_cannot_be_written_is_an_error(
    systemctl: Systemctl, unit: Path, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("a file where a folder must be", encoding="utf-8")
    with pytest.raises(MidigenError) as raised:
        midigen_service("install")
    assert str(raised.value) == f"{unit}: can't be written: Not a directory"
    assert systemctl.told == []


def test_uninstall_stops_it_and_removes_the_unit(
    systemctl: Systemctl, unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    midigen_service("install")
    capsys.readouterr()
    assert midigen_service("uninstall") == ExitCode.OK
    assert not unit.exists()
    assert systemctl.told[len(INSTALLING) :] == [
        "--user disable --now midigen.service",
        "--user daemon-reload",
    ]
    assert capsys.readouterr().out == f"{unit}: removed\n"


def test_uninstalling_what_is_not_installed_is_no_error(
    systemctl: Systemctl, unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert midigen_service("uninstall") == ExitCode.OK
    assert systemctl.told == []
    assert capsys.readouterr().out == f"{unit}: not installed\n"


@pytest.mark.parametrize("failing", ["disable --now midigen.service", "daemon-reload"])
def test_uninstall_removes_the_unit_whatever_systemd_says(
    failing: str, systemctl: Systemctl, unit: Path
) -> None:
    midigen_service("install")
    systemctl.answer(failing.split(maxsplit=1)[0], 1, err="Failed to connect to bus: No medium")
    with pytest.raises(MidigenError) as raised:
        midigen_service("uninstall")
    assert not unit.exists()
    assert raised.value.exit_code == ExitCode.FAILURE
    assert str(raised.value).startswith(f"{unit} was removed, but `systemctl --user {failing}`")
    assert str(raised.value).endswith(f"type: systemctl --user {failing}")
    assert "No medium" in str(raised.value)


def test_status_of_a_running_service(
    systemctl: Systemctl, unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    midigen_service("install")
    capsys.readouterr()
    systemctl.answer("is-active", 0, out="active")
    systemctl.answer("is-enabled", 0, out="enabled")
    assert midigen_service("status") == ExitCode.OK
    assert capsys.readouterr().out.splitlines() == [
        f"{unit}: installed",
        "is-active: active",
        "is-enabled: enabled",
    ]
    assert systemctl.told[len(INSTALLING) :] == [
        "--user is-active midigen.service",
        "--user is-enabled midigen.service",
    ]


@pytest.mark.parametrize("word", ["inactive", "failed", "activating"])
def test_status_of_a_service_that_is_not_running(
    word: str, systemctl: Systemctl, capsys: pytest.CaptureFixture[str]
) -> None:
    systemctl.answer("is-active", 3, out=word)
    systemctl.answer("is-enabled", 1, err="Failed to get unit file state for midigen.service")
    assert midigen_service("status") == ExitCode.FAILURE
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": not installed")
    assert lines[1:] == [
        f"is-active: {word}",
        "is-enabled: Failed to get unit file state for midigen.service",
    ]


def test_status_without_systemctl(systemctl: Systemctl, capsys: pytest.CaptureFixture[str]) -> None:
    (systemctl.path / "systemctl").unlink()
    assert midigen_service("status") == ExitCode.FAILURE
    assert "is-active: systemctl can't be run: No such file" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["install", "uninstall", "status"])
@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_elsewhere_there_are_no_services(
    platform: str, command: str, systemctl: Systemctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(UsageError, match="systemd"):
        midigen_service(command)
    assert systemctl.told == []


@pytest.mark.parametrize("command", [[], ["install"], ["uninstall"], ["status"]])
def test_every_command_has_help_with_an_example(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        midigen_service(*command, "--help")
    assert ended.value.code == 0
    assert f"example: {' '.join(['midigen service', *command])}" in capsys.readouterr().out
