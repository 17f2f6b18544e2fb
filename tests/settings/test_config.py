import re
import tomllib
from pathlib import Path

import pytest

from midigen.errors import ConfigError, ExitCode
from midigen.settings.choices import Mode
from midigen.settings.config import load, parse_option, render
from midigen.settings.table import Settings
from tests.players import ROOT


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(path: Path | None, **options: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(path, options)
    assert caught.value.exit_code == ExitCode.USAGE
    assert len(str(caught.value).splitlines()) == len(caught.value.problems) + 1
    return caught.value.problems


def test_the_shipped_file_has_every_default() -> None:
    assert (ROOT / "config.toml").read_text(encoding="utf-8") == render(Settings())


def test_rendered_settings_load_as_they_were(tmp_path: Path) -> None:
    chosen = load(
        written(tmp_path, 'mode = "solo"\nkey = "Bb mixolydian"\n[ports]\ninput = ["A", "B: c"]\n')
    )
    assert load(written(tmp_path, render(chosen))) == chosen


@pytest.mark.parametrize(
    ("key", "value", "option", "line"),
    [
        ("mode", "duett", "--mode", '--mode "duett": expected one of'),
        ("key", "G mayor", "--key", '--key "G mayor": expected "auto" or a tonic and a mode'),
        ("ports.input", [""], "--input", '--input [""]: expected a list of port names'),
        ("tempo.bpm", 5, None, "--set tempo.bpm=5: expected a number 20 to 400"),
        ("tempo.bmp", 5, None, "--set tempo.bmp: no such setting; did you mean tempo.bpm?"),
    ],
)
def test_a_problem_names_the_option_that_caused_it(
    key: str, value: object, option: str | None, line: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {key: value}, {key: option} if option else {})
    (problem,) = caught.value.problems
    assert problem.startswith(line)


def test_a_misspelled_key_name_gets_a_hint(tmp_path: Path) -> None:
    (line,) = problems(written(tmp_path, 'key = "B flat mjaor"\n'))
    assert line.endswith('; did you mean "Bb major"?')


def test_options_override_the_file_which_overrides_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, 'mode = "duet"\n[tempo]\nbpm = 90\n')
    assert load(path).tempo.bpm == 90.0
    chosen = load(path, {"tempo.bpm": 100})
    assert (chosen.mode, chosen.tempo.bpm, chosen.rhythm.gate) == (Mode.DUET, 100.0, 0.8)


def test_all_errors_are_reported_at_once_with_their_keys(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        mode = "deut"
        key = "H major"
        thru = 1
        volume = 3
        [tempo]
        bmp = 120
        bpm = "fast"
        [range]
        low = 60
        high = 65
        [output]
        channel = 17
        [sampling]
        bpm = 3
        temperature = nan
        [ports]
        input = "Piano"
        in_port = " "
        """,
    )
    found = problems(path, **{"rhythm.gate": 2, "rythm.gate": 0.5})
    assert all(line.startswith((str(path), "--set")) for line in found)
    expected = {
        "mode": 'did you mean "duet"?',
        "key": "a tonic and a mode",
        "thru": "true or false",
        "volume": "no such setting",
        "tempo.bmp": "did you mean tempo.bpm?",
        "tempo.bpm": "a number 20 to 400 (beats per minute)",
        "range.high": "at least 71 (B4)",
        "output.channel": "a whole number 1 to 16",
        "sampling.bpm": "did you mean tempo.bpm?",
        "sampling.temperature": "a number 0 to 5",
        "ports.input": "a list of port names",
        "ports.in_port": "a name",
        "rhythm.gate": "a number 0.05 to 1",
        "rythm.gate": "did you mean rhythm.gate?",
    }
    places = (line.removeprefix(f"{path}: ").removeprefix("--set ") for line in found)
    named = {re.split("[ =:]", place)[0]: line for place, line in zip(places, found, strict=True)}
    assert named.keys() == expected.keys()
    for key, hint in expected.items():
        assert hint in named[key]


@pytest.mark.parametrize("text", ["tempo = 3", "tempo.bpm = [1]", "[tempo.bpm]\nx = 1", "mode = 3"])
def test_a_misplaced_section_or_value_is_an_error(tmp_path: Path, text: str) -> None:
    assert len(problems(written(tmp_path, text))) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("input.channel", 0),
        ("input.channel", "each"),
        ("response.length", True),
        ("duet.quantize", 0),
        ("sampling.seed", -1),
        ("sampling.seed", 1.5),
        ("turn.silence", 0),
        ("input.high", -1),
    ],
)
def test_a_value_out_of_range_is_refused(key: str, value: object) -> None:
    (line,) = problems(None, **{key: value})
    assert line.startswith(f"--set {key}=")


def test_swapped_limits_are_refused() -> None:
    (line,) = problems(None, **{"input.low": 70, "input.high": 60})
    assert "at least input.low, 70" in line


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("ports.out_client", {"ports.in_client": "midigen", "ports.out_client": "midigen"}),
        ("ports.api", {"ports.api": "terminal", "ports.input": ["Piano"]}),
    ],
)
def test_ports_that_exclude_each_other_are_refused(key: str, options: dict[str, object]) -> None:
    (line,) = problems(None, **options)
    assert line.startswith(f"--set {key}=")


def test_a_file_that_is_not_toml_is_refused_by_name(tmp_path: Path) -> None:
    assert "not TOML" in problems(written(tmp_path, "mode = "))[0]
    assert "can't be read" in problems(tmp_path / "missing.toml")[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#\n" * 131_073, "larger than 256 KiB, the most that is read"),
        ("\n\n#" + "x" * 1000, "line 3 is longer than 1000 characters"),
        (".".join("a" * 100_000) + " = 1", "line 1 is longer than 1000 characters"),
        (f"mode = 0x{'f' * 5000}", "line 1 is longer than 1000 characters"),
    ],
)
def test_a_file_that_would_exhaust_the_memory_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = written(tmp_path, text)
    assert problems(path) == (f"{path}: {problem}",)


def test_the_largest_file_is_read(tmp_path: Path) -> None:
    longest = "#" * 999 + "\n"
    path = written(tmp_path, longest * 262 + "#" * (256 * 1024 - 262_000))
    assert load(path) == Settings()


def test_control_characters_are_escaped_in_messages(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        "\\u001b[2J" = 1
        mode = "\\u009b2J"
        model = ["\\n"]
        [[scene]]
        name = "a"
        set = { "\\r" = 1 }
        [[control]]
        "\\u007f" = 1
        """,
    )
    found = "\n".join(problems(path))
    assert not [line for line in found.splitlines() if not line.isprintable()]
    for number in ("1b", "9b", "0d", "7f"):
        assert f"\\U000000{number}" in found


def test_long_values_are_shortened_in_messages(tmp_path: Path) -> None:
    (line,) = problems(written(tmp_path, f'mode = "{"duet" * 200}"'))
    assert f'mode = "{"duet" * 49}due…: expected one of' in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tempo.bpm=96", ("tempo.bpm", 96)),
        ("mode=duet", ("mode", "duet")),
        ('key = "G major"', ("key", "G major")),
        ("key=G major", ("key", "G major")),
        ("thru=true", ("thru", True)),
        ("ports.input=['A', 'B']", ("ports.input", ["A", "B"])),
    ],
)
def test_option_values_are_toml_if_possible(text: str, expected: tuple[str, object]) -> None:
    assert parse_option(text) == expected


def test_an_option_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected KEY=VALUE"):
        parse_option("tempo.bpm")


def test_every_default_has_its_meaning_and_range_above_it() -> None:
    lines = (ROOT / "config.toml").read_text(encoding="utf-8").splitlines()
    for index, line in enumerate(lines):
        if line and line[0] not in "#[":
            assert lines[index - 2].startswith("# ")
            assert lines[index - 1].startswith("#   ")
    assert tomllib.loads("\n".join(lines))["tempo"]["bpm"] == 120.0


@pytest.mark.parametrize("depth", [10, 300, 332, 400, 496])
def test_brackets_in_brackets_are_an_error_like_any_other(depth: int, tmp_path: Path) -> None:
    """However deep: TOML's reader and writer both count frames, and the reader allows more."""
    path = written(tmp_path, f"mode = {'[' * depth}{']' * depth}")
    with pytest.raises(ConfigError, match=r"mode = \[.*: expected one of|not TOML"):
        load(path)
