"""Finding the configuration file, and reading it however it was saved."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import ConfigError
from midigen.settings.choices import Mode
from midigen.settings.config import load, render
from midigen.settings.config_file import decoded, find, is_ours
from midigen.settings.table import Settings

DUET = '# größer\nmode = "duet"\n[tempo]\nbpm = 90\n'

OTHERS = {
    "Hugo": 'baseURL = "https://example.org/"\ntitle = "Mine"\n[params]\nmode = "dark"\n',
    "Cargo": '[build]\ntarget-dir = "out"\n[target.x86_64-unknown-linux-gnu]\nlinker = "ld"\n',
    "Streamlit": "[server]\nport = 80\n[theme]\nbase = 'dark'\n",
    "containerd": 'version = 2\n[plugins."io.containerd"]\nkey = 1\n[debug]\nlevel = "info"\n',
    "nothing": "# all of it a comment\n",
    "one that listens": '[input]\ndevice = "hw:1"\n[output]\ndevice = "hw:2"\n',
    "one that trains": '[model]\nname = "resnet"\npath = "m"\n[training]\nseed = 1\n',
    "one that serves": 'port = 80\nhost = "::"\n[memory]\nlimit = 3\n[clock]\nzone = "UTC"\n',
    "one that writes": '[output]\npath = "x"\nformat = "y"\n[record]\nlevel = 3\n',
    "TLS": 'key = "a.pem"\ncert = "b.pem"\n',
    "one with a look": 'mode = "dark"\ntheme = "gruvbox"\n',
    "broken": "[server\nport = 80\nname = \n",
    "in UTF-16": '\ufefftitle = "Mine"\n',
}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A working directory, and the user's configuration folder."""
    home, work = tmp_path / "home", tmp_path / "work"
    (home / "midigen").mkdir(parents=True)
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: home / name)
    return work, home / "midigen"


def test_the_working_directory_comes_before_the_user_folder(folders: tuple[Path, Path]) -> None:
    work, users = folders
    assert find() is None
    (users / "config.toml").write_text("", "utf-8")
    assert find() == users / "config.toml"
    (work / "config.toml").write_text(DUET, "utf-8")
    assert find() == Path("config.toml")
    (work / "midigen.toml").write_text("", "utf-8")
    assert find() == Path("midigen.toml")


def test_a_folder_that_cannot_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_path", lambda name: tmp_path / (name * 100))
    with pytest.raises(ConfigError, match="can't be read: File name too long"):
        find()


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_another_programs_configuration_is_passed_over(
    folders: tuple[Path, Path], text: str
) -> None:
    work, users = folders
    (work / "config.toml").write_text(text, "utf-8")
    passed: list[Path] = []
    assert find(passed.append) is None
    assert passed == [Path("config.toml")]
    (users / "config.toml").touch()
    assert find() == users / "config.toml"


@pytest.mark.parametrize(
    "text",
    [
        render(Settings()),
        DUET,
        'mode = "duett"\n',
        "[tempo]\nbpn = 90\n",
        'key = "H major"\nmodle = "pop"\n',
        "[[control]]\nname = 1\n",
        "tempo.bpm = 90\n",
        "mode = \n",  # not TOML
        'moed = "duet"\n',
        "kye = 'G major'\n",
        "mode: duet\n",
        "mode duet\n",
        "[tmepo]\nbpm = 90\n",
        "[tempo]\nbmp = 90\nsuorce = 1\n",
        "sampling = { temprature = 1 }\n",
        '[[contrl]]\nname = "gate"\ncc = 1\n',
        'mode = "duet"\nbpm = 90\n',  # outside its section
        "[tempo\nbpm = 90\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "latin-1"])
def test_midigens_own_file_is_recognised_despite_mistakes(
    folders: tuple[Path, Path], text: str, encoding: str
) -> None:
    work, _ = folders
    (work / "config.toml").write_bytes(text.encode(encoding, errors="replace"))
    assert is_ours(Path("config.toml"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_usual_encodings_and_line_ends_are_read(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(DUET.replace("\n", end).encode(encoding))
    settings = load(path)
    assert (settings.mode, settings.tempo.bpm) == (Mode.DUET, 90)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (DUET.encode("latin-1"), "line 1 isn't UTF-8: save it as UTF-8"),
        (b'mode = "duet"\n# gr\xf6\xdfer\n', "line 2 isn't UTF-8: save it as UTF-8"),
        (b"\xff\xfem\0o", "line 1 isn't UTF-16: save it as UTF-8"),
        ("mode = 1".encode("utf-16-le"), "it has zero bytes, as UTF-16 without its mark has: "),
        ("mode = 1".encode("utf-16-be"), "it has zero bytes, as UTF-16 without its mark has: "),
    ],
)
def test_other_encodings_are_refused_with_advice(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        load(path)
    (problem,) = raised.value.problems
    assert problem.startswith(f"{path}: {reason}")


def test_lines_end_where_toml_ends_them(tmp_path: Path) -> None:
    """Other separators may be inside a key, which would exhaust the memory all the same."""
    path = tmp_path / "config.toml"
    key = ".".join(['"\u2028"', *["a"] * 300]) + "."
    path.write_text(f"{key * 100}b = 1", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 1 is longer than 1000 characters"):
        load(path)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(ValueError):
        text, encoding = decoded(content)
        assert decoded(text.encode(encoding))[0] == text
