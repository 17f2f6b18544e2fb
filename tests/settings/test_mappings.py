"""Mappings are added to a configuration or changed in it, and the rest of it stays."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midigen.errors import ConfigError
from midigen.settings.mappings import prove, write_mapping


@pytest.mark.parametrize(
    ("former", "added"),
    [
        (None, ""),
        (b"", ""),
        (b"# mine\nmode = 'solo'\n", "\n"),
        (b"mode = 'solo'  # no line end", "\n\n"),
        ("# größer\r\n[tempo]\r\nbpm = 90\r\n".encode(), "\r\n"),
        (b"[tempo]\r\nbpm = 90", "\r\n\r\n"),
    ],
)
def test_a_mapping_is_added_and_the_rest_stays(
    former: bytes | None, added: str, tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "config.toml"
    if former is not None:
        path.parent.mkdir()
        path.write_bytes(former)
    write_mapping(path, "temperature", {"cc": 21, "channel": 1}, None)
    end = "\r\n" if b"\r\n" in (former or b"") else "\n"
    block = ["[[control]]", 'name = "temperature"', "cc = 21", "channel = 1", ""]
    assert path.read_bytes() == (former or b"") + (added + end.join(block)).encode()
    assert [*path.parent.iterdir()] == [path]


DOCUMENT = """\
# how I play
mode = "solo"    # mostly

[[control]]  # the big one
name = "gate"
cc = 9

# slow
[tempo]
bpm = 90
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_comments_order_and_encoding_stay(encoding: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(DOCUMENT.replace("\n", end).encode(encoding))
    write_mapping(path, "temperature", {"cc": 21, "channel": 1}, None)
    text = path.read_bytes().decode(encoding)
    added = '[[control]]\nname = "temperature"\ncc = 21\nchannel = 1\n'.replace("\n", end)
    assert added in text
    rest = [line for line in text.replace(added, "").splitlines() if line]
    assert rest == [line for line in DOCUMENT.splitlines() if line]
    assert text.count(end) == text.count("\n")


ADDED = '[[control]]\nname = "temperature"\ncc = 21\nchannel = 1\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('[[control]]\nname = "gate"\ncc = 9\n', "\n# slow\n[tempo]\nbpm = 90\n"),
        ('[[control]]\nname = "gate"\ncc = 9\n', "\n# slow\n\n# and low\n[range]\nlow = 40\n"),
        ('[[control]]\nname = "gate"\ncc = 9\n# the big one\n', "\n# slow\n[tempo]\n"),
        ('[[control]]\nname = "gate"\ncc = 9  # big\n', "# slow\n[tempo]\nbpm = 90\n"),
        ('[[control]]\nname = "gate"\ncc = 9\n', "[tempo]\nbpm = 90\n"),
        ('[[control]]\nname = "gate"\ncc = 9\n# the last one\n', ""),
        ('[[control]]\nname = "gate"\ncc = 9  # no line end', ""),
        ('  [[control]]\n  name = "gate"\n  cc = 9\n', "\n\n[tempo]\n"),
        ('[[control]]\nname = "gate"\ncc = 9\n[tempo]\nbpm = 9\n[[control]]\nname = "x"\n', ""),
        ("# mine\ntempo.bpm = 90\n[[scene]]\nname = 'a'\n[scene.set]\nmode = 'duet'\n# end\n", ""),
    ],
)
def test_comments_stay_above_what_they_describe(before: str, after: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(before + after, encoding="utf-8")
    write_mapping(path, "temperature", {"cc": 21, "channel": 1}, None)
    first, _, rest = path.read_text(encoding="utf-8").partition(ADDED)
    assert (first.rstrip(), rest.strip()) == (before.rstrip(), after.strip())
    assert first.endswith("\n\n")


LINES = st.lists(
    st.sampled_from(
        [
            *("", "# a comment", "[[control]]\nname = 'gate'\ncc = 9 # big", "[tempo]\nbpm = 90"),
            *("[[scene]]\nname = 'a'\nset = { mode = 'duet' }", "[sampling]", "  # and more"),
            *(
                '[[control]]\nname = "again"\nnote = 36\n\n# below',
                "[[scene]]\n[scene.set]\ngate=1",
            ),
            "[input]\nlow = 40 # \u00f6\n\n",
        ]
    ),
    max_size=9,
)


@settings(deadline=None)  # it works with files
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_all_lines_of_any_file_stay_in_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], end: str, is_ended: bool
) -> None:
    text = ("mode = 'solo'\n" + "\n".join(lines) + "\n" * is_ended).replace("\n", end)
    path = tmp_path_factory.mktemp("learn") / "config.toml"
    path.write_bytes(text.encode())
    try:
        write_mapping(path, "temperature", {"cc": 21, "channel": 1}, None)
    except ConfigError:
        with pytest.raises(tomllib.TOMLDecodeError):  # a section comes twice
            tomllib.loads(text)
        return
    written = path.read_bytes().decode()
    added = ADDED.replace("\n", end)
    assert written.count(added) == 1
    rest = [line for line in written.replace(added, "").split(end) if line]
    assert rest == [line for line in text.split(end) if line]
    assert written.count("\r\n") == (written.count("\n") if end == "\r\n" else 0)


KEPT = """\
[[control]]
name = "length"  # in notes
note = 36
channel = "all"
%s
# slow
[tempo]
bpm = 90
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("former", "value", "written"),
    [
        ("value = 8\n", 4, "value = 4\n"),
        ("value = 8  # bars\n", "match", 'value = "match"  # bars\n'),
        ("", 4, "value = 4\n"),
        ("value = 8\n", None, ""),
    ],
)
def test_learning_again_replaces_the_value(
    former: str, value: str | int | None, written: str, end: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes((KEPT % former).replace("\n", end).encode())
    write_mapping(path, "length", {"note": 36, "channel": 10}, value)
    assert path.read_bytes().decode() == (KEPT % written).replace("\n", end)


def test_a_knob_that_is_learned_again_keeps_its_range(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = '[[control]]\nname = "tempo"\ncc = 21\nlow = 60\nhigh = 90\n'
    path.write_text(text, encoding="utf-8")
    write_mapping(path, "tempo", {"cc": 21, "channel": 3}, None)
    assert path.read_text(encoding="utf-8") == text


def test_scattered_mappings_are_not_reordered(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = (KEPT % "value = 8\n") + '[[control]]\nname = "x"\ncc = 1\n'
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="stand apart: put them one after another"):
        write_mapping(path, "length", {"note": 36, "channel": 10}, 4)
    assert path.read_text(encoding="utf-8") == text


def test_a_read_only_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.touch(mode=0o444)
    for refuse in (prove, lambda path: write_mapping(path, "gate", {"cc": 1, "channel": 1}, None)):
        with pytest.raises(ConfigError) as raised:
            refuse(path)
        assert raised.value.problems == (f"{path}: can't be written: it is read-only",)
    assert [*tmp_path.iterdir()] == [path]
    assert not path.read_bytes()


def test_mappings_are_appended_in_order(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write_mapping(path, "scene", {"program": 5, "channel": 2}, "chorus")
    write_mapping(path, "length", {"note": 36, "channel": 10}, 8)
    write_mapping(path, "hold", {"note": 36, "channel": 9}, True)
    assert path.read_text(encoding="utf-8") == (
        '[[control]]\nname = "scene"\nprogram = 5\nchannel = 2\nvalue = "chorus"\n\n'
        '[[control]]\nname = "length"\nnote = 36\nchannel = 10\nvalue = 8\n\n'
        '[[control]]\nname = "hold"\nnote = 36\nchannel = 9\nvalue = true\n'
    )


@pytest.mark.parametrize(
    ("entry", "source", "problem"),
    [
        (
            "cc = 21\nchannel = 1",
            {"cc": 21, "channel": 1},
            "cc 21 on channel 1 sets tempo already: it can't set gate too",
        ),
        (
            'note = 36\nchannel = "all"',
            {"note": 36, "channel": 10},
            "note 36 on channel 10 sets tempo already: it can't set gate too",
        ),
        (
            "program = 5",
            {"program": 5, "channel": 3},
            "program 5 on channel 3 sets tempo already: it can't set gate too",
        ),
    ],
)
def test_a_source_cannot_set_two_controls(
    entry: str, source: dict[str, int], problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    former = f'[[control]]\nname = "tempo"\n{entry}\n'
    path.write_text(former, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        write_mapping(path, "gate", source, None)
    assert raised.value.problems == (f"{path}: {problem}",)
    assert path.read_text(encoding="utf-8") == former


def test_another_channel_or_kind_is_another_source(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    write_mapping(path, "tempo", {"cc": 21, "channel": 1}, None)
    write_mapping(path, "gate", {"cc": 21, "channel": 2}, None)
    write_mapping(path, "again", {"note": 21, "channel": 1}, None)
    names = [entry["name"] for entry in tomllib.loads(path.read_text("utf-8"))["control"]]
    assert names == ["tempo", "gate", "again"]


@pytest.mark.parametrize(
    ("former", "problem"),
    [
        (b"mode =", "not TOML: "),
        (b"\xff", "line 1 isn't UTF-8: save it as UTF-8"),
        (b"control = []", r"control isn't written as \[\[control\]\], so none can be added"),
        (
            b"[control]\nname = 'x'",
            r"control isn't written as \[\[control\]\], so none can be added",
        ),
        (
            b"control = [{name = 'x'}]",
            r"control isn't written as \[\[control\]\], so none can be added",
        ),
    ],
)
def test_a_file_that_cannot_take_mappings_is_left_alone(
    former: bytes, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(former)
    with pytest.raises(ConfigError, match=problem):
        write_mapping(path, "gate", {"cc": 21, "channel": 1}, None)
    assert path.read_bytes() == former
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="can't be "):
        write_mapping(tmp_path / "file" / "config.toml", "gate", {"cc": 21, "channel": 1}, None)
    with pytest.raises(ConfigError, match="can't be read"):
        write_mapping(tmp_path, "gate", {"cc": 21, "channel": 1}, None)


def test_a_link_stays_a_link_and_keeps_its_permissions(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.touch(mode=0o640)
    real.chmod(0o640)
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    write_mapping(link, "gate", {"cc": 21, "channel": 1}, None)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert tomllib.loads(real.read_text("utf-8"))["control"][0]["name"] == "gate"


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**60), 2**60),
        st.floats(allow_nan=False),
        st.text(st.characters(exclude_categories=["Cs"])),
    )
)
def test_any_value_is_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, value: str | float | None
) -> None:
    path = tmp_path_factory.mktemp("learn") / "config.toml"
    write_mapping(path, "scene", {"note": 36, "channel": 1}, value)
    (entry,) = tomllib.loads(path.read_text("utf-8"))["control"]
    assert entry.get("value") == value
    assert type(entry.get("value")) is type(value)
