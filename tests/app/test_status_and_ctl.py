"""The commands `status` and `ctl`, with a control socket that answers them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.app.cli import new_parser
from midigen.app.commands.status import table
from midigen.errors import ExitCode, MidigenError, UsageError
from midigen.settings.controls import CONTROLS
from tests.remotes import Player, listening

EVERYTHING: Mapping[str, object] = {
    "version": "0.1.0",
    "pid": 4711,
    "mode": "call-response",
    "turn": "midigen",
    "silence": "no answer while C4 is held: let it go",
    "key": "G major",
    "bpm": 120.0,
    "beat": "internal",
    "model": "songs",
    "trouble": "the memory is off",
    "scene": "verse",
    "muted": True,
    "holding": True,
    "notes": ["G", "A", "B", "C", "D", "E", "F#"],
    "sounding": [60, 66],
    "sounds": ["C4", "F#4"],
    "listening": ["midigen-in:midigen in", "Digital Piano"],
    "playing": ["midigen-out:midigen out"],
    "missing": ["FLUID"],
    "uptime": 3723.9,
    "notes_in": 12,
    "notes_out": 0,
    "dropped": 2,
    "echoes": 3,
    "worst": 0.00128,
    "priority": "real-time, priority 4",
    "heard": ["C"],
}
SHOWN = """\
mode         call-response
turn         midigen
silence      no answer while C4 is held: let it go
key          G major
tempo        120 bpm (internal)
model        songs
trouble      the memory is off
scene        verse
muted        yes
holding      yes
sounding     C4 F#4
listening    "midigen-in:midigen in", "Digital Piano"
playing      "midigen-out:midigen out"
missing      "FLUID"
uptime       1 h 02 min 03 s
notes in     12
notes out    0
dropped      2
echoes       3
latest note  1.3 ms late
priority     real-time, priority 4
process      4711
version      0.1.0
"""


def run(*arguments: str) -> ExitCode:
    """Run a command."""
    options = new_parser(arguments[0]).parse_args(arguments)
    code: ExitCode = options.run(options)
    return code


# --- status


def test_everything_is_shown_in_order_and_with_units(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(Player(EVERYTHING)):
        assert run("status") is ExitCode.OK
    assert capsys.readouterr().out == SHOWN


def test_json_is_what_the_daemon_says(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(Player(EVERYTHING), "stage"):
        assert run("status", "--json", "--name", "stage") is ExitCode.OK
    shown = capsys.readouterr().out
    assert json.loads(shown) == EVERYTHING
    assert shown.startswith('{\n  "version": "0.1.0",\n')


@pytest.mark.parametrize("value", [None, "", [], False])
def test_what_is_empty_is_left_out(value: object) -> None:
    assert table(dict.fromkeys(EVERYTHING, value)) == []
    assert table({"mode": "solo", "scene": value}) == ["mode  solo"]


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ({"bpm": 96.5}, "tempo  96.5 bpm"),
        ({"bpm": 119.998, "beat": "clock (lost)"}, "tempo  120 bpm (clock (lost))"),
        ({"beat": "follow"}, "beat  follow"),
        ({"uptime": 0}, "uptime  0 s"),
        ({"uptime": 59.99}, "uptime  59 s"),
        ({"uptime": 60}, "uptime  1 min 00 s"),
        ({"uptime": 360_000}, "uptime  100 h 00 min 00 s"),
        ({"worst": 0.0}, "latest note  0.0 ms late"),
        ({"worst": 1.5}, "latest note  1500.0 ms late"),
        ({"sounds": ["C-1", "Db4", "G9"]}, "sounding  C-1 Db4 G9"),
        ({"playing": ["\x1b[2Jport\n"]}, 'playing  "?[2Jport?"'),
    ],
)
def test_a_value_is_written_for_people(status: Mapping[str, Any], line: str) -> None:
    assert table(status) == [line]


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_a_longer_uptime_never_looks_shorter(one: float, other: float) -> None:
    def seconds(uptime: float) -> int:
        (line,) = table({"uptime": uptime})
        numbers = [int(word) for word in line.split() if word.isdecimal()]
        assert all(number < 60 for number in numbers[-2:])
        return sum(number * 60**place for place, number in enumerate(reversed(numbers)))

    assert seconds(one) == int(one)
    assert (seconds(one) <= seconds(other)) or one > other


# --- ctl


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (["temperature", "0.8"], ("temperature", "0.8")),
        (["key", "G", "major"], ("key", "G major")),
        (["key", "G major"], ("key", "G major")),
        (["length", "4", "beats"], ("length", "4 beats")),
        (["hold", "on"], ("hold", "on")),
        (["hold"], ("hold", "")),
        (["mute"], ("mute", "")),
        (["again"], ("again", "")),
        (["scene", "last", "chorus"], ("scene", "last chorus")),
        (["tempo", "96", "--name", "midigen-in"], ("tempo", "96")),
        (["--name", "midigen-in", "tempo", "96"], ("tempo", "96")),
    ],
)
def test_a_control_is_set(
    arguments: list[str], asked: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    player = Player()
    with listening(player):
        assert run("ctl", *arguments) is ExitCode.OK
    assert player.asked == [asked]
    assert capsys.readouterr().out == f"{asked[0]} is {asked[1]}\n"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["temperature", "hot"], "temperature is a number 0 to 5, not 'hot'"),
        (["temperature", "-1"], "temperature is a number 0 to 5, not '-1'"),
        (["temperature"], "temperature is a number 0 to 5, not ''"),
        (["mute", "maybe"], "mute is true or false, not 'maybe'"),
        (["key", "G", "mayor"], 'key is "auto" or a tonic'),
        (["temprature", "1"], "no control 'temprature': did you mean temperature?"),
        (["relod"], "no control 'relod': did you mean reload?"),
        (["key", "H", "major"], 'key is "auto" or a tonic and a mode'),
        (["scene"], "scene is a scene's name, not ''"),
        (["keep", "5"], "keep takes no value"),
        (["reload", "config.toml"], "reload takes no value"),
    ],
)
def test_an_invalid_request_is_not_sent(arguments: list[str], problem: str) -> None:
    player = Player()
    with listening(player), pytest.raises(UsageError) as raised:
        run("ctl", *arguments)
    assert str(raised.value).startswith(problem)
    assert raised.value.exit_code == ExitCode.USAGE
    assert player.asked == []


class Reloading(Player):
    def reload(self) -> list[str]:
        return ["mode is solo", "ports.input waits for a restart\x1b[2J"]


def test_reload_prints_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    with listening(Reloading()):
        assert run("ctl", "reload") is ExitCode.OK
    assert capsys.readouterr().out == "mode is solo\nports.input waits for a restart?[2J\n"
    with listening(), pytest.raises(MidigenError, match=r"config\.toml: mode = 5"):
        run("ctl", "reload")


@pytest.mark.parametrize("arguments", [["status"], ["ctl", "again"], ["ctl", "reload"]])
def test_without_a_midigen_it_is_an_error(
    arguments: list[str], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MidigenError, match="no midigen is running: start one with") as raised:
        run(*arguments)
    assert raised.value.exit_code == ExitCode.FAILURE
    assert capsys.readouterr().out == ""
    assert not folder.exists()


@pytest.mark.parametrize("command", ["status", "ctl"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(command, "--help")
    assert ended.value.code == 0
    assert f"example: midigen {command}" in capsys.readouterr().out


def test_the_help_of_ctl_names_every_control(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("ctl", "--help")
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*CONTROLS, "reload"))
