"""Learning a mapping: what is meant, and how it gets into the file."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from midigen.errors import ConfigError, MidigenError
from midigen.learn import Learner, source_of, write_mapping
from midigen.notes import ChannelMessage, Clock, Control, EndOfPhrase, Event, NoteOff, NoteOn


def turned(cc: int, value: int, channel: int = 1) -> ChannelMessage:
    return ChannelMessage(0xB0, (cc, value), channel)


@pytest.mark.parametrize(
    ("message", "source"),
    [
        (turned(21, 64), {"cc": 21, "channel": 1}),
        (ChannelMessage(0xC0, (5,), 16), {"program": 5, "channel": 16}),
        (NoteOn(36, 100, 10), {"note": 36, "channel": 10}),
        (NoteOff(36, 10), None),
        (ChannelMessage(0xE0, (0, 64)), None),
        (ChannelMessage(0xD0, (64,)), None),
        (ChannelMessage(0xA0, (36, 64)), None),
        (Clock.TICK, None),
        (Control("tempo", 96), None),
        (EndOfPhrase(), None),
    ],
)
def test_sources(message: Event, source: dict[str, int] | None) -> None:
    assert source_of(message) == source


def test_a_controller_is_taken_when_it_moves() -> None:
    learner = Learner()
    stray = [turned(1, 0), turned(21, 64), turned(1, 0), turned(21, 9, channel=2), turned(21, 64)]
    assert [learner.hear(message) for message in stray] == [None] * 5
    assert learner.hear(turned(21, 65)) == {"cc": 21, "channel": 1}


def learned(*messages: ChannelMessage) -> dict[str, int] | None:
    learner = Learner()
    return next((found for message in messages if (found := learner.hear(message))), None)


@pytest.mark.parametrize("fine_first", [True, False])
@pytest.mark.parametrize("number", [1, 7, 31])
@pytest.mark.parametrize("step", [1, 40, 300])
def test_a_knob_of_14_bits_is_learned_by_its_coarser_half(
    number: int, step: int, fine_first: bool
) -> None:
    messages: list[ChannelMessage] = []
    for value in range(8000, 8000 + 12 * step, step):
        both = [turned(number, value >> 7), turned(number + 32, value & 0x7F)]
        messages += reversed(both) if fine_first else both
    assert learned(*messages) == {"cc": number, "channel": 1}


def test_a_knob_that_sends_its_coarser_half_only_when_that_moves_is_learned_by_it() -> None:
    fine = [turned(33, value) for value in (0, 40, 80, 120)]
    assert learned(*fine, turned(1, 65), turned(33, 20)) == {"cc": 1, "channel": 1}


def test_a_knob_that_has_one_of_those_numbers_is_learned_after_a_while() -> None:
    assert learned(*(turned(40, value) for value in range(20, 27))) is None
    assert learned(*(turned(40, value) for value in range(20, 28))) == {"cc": 40, "channel": 1}


@pytest.mark.parametrize("select", [(101, 100), (99, 98)])
@pytest.mark.parametrize("by", [(6, 10), (6, 10, 38, 3), (96, 0), (97, 127)])
def test_parameters_are_refused_by_name(select: tuple[int, int], by: tuple[int, ...]) -> None:
    coarse, fine = select
    once = [turned(coarse, 1), turned(fine, 8)]
    values = [turned(number, value) for number, value in zip(by[::2], by[1::2], strict=True)]
    again = [turned(message.data[0], message.data[1] - 1) for message in values]
    with pytest.raises(MidigenError, match="it sends a parameter"):
        learned(*once, *values, *once, *(again if by[0] == 6 else values))


@pytest.mark.parametrize(
    "values",
    [
        *([1] * 5, [127] * 5, [1, 1, 2, 1, 1], [127, 126, 127, 127, 1]),
        *([65] * 5, [63] * 5, [65, 63, 65, 66, 65], [1, 65, 1, 1, 1], [3, 1, 2, 5, 1]),
    ],
)
def test_a_knob_that_sends_steps_is_refused_by_name(values: list[int]) -> None:
    assert learned(*(turned(21, value) for value in values[:4])) is None
    with pytest.raises(MidigenError, match="it sends steps"):
        learned(*(turned(21, value) for value in values))


@given(st.integers(0, 127), st.sampled_from([-3, -2, -1, 1, 2, 3]), st.integers(5, 20))
def test_a_knob_that_sends_where_it_is_is_learned_wherever_it_is_turned(
    start: int, step: int, count: int
) -> None:
    """Slowly, and not to its ends."""
    way = [start + step * place for place in range(count)]
    values = [value for value in way if 0 <= value <= 127]
    assume(len(values) >= 5)
    assert learned(*(turned(21, value) for value in values)) == {"cc": 21, "channel": 1}


@pytest.mark.parametrize("values", [(127, 0), (0, 127), (64, 0), (0, 1), (100, 20)])
def test_a_button_or_pedal_is_learned_as_it_comes_up(values: tuple[int, int]) -> None:
    assert learned(*(turned(64, value) for value in values)) == {"cc": 64, "channel": 1}


def test_a_key_and_a_program_are_taken_at_once() -> None:
    assert Learner().hear(NoteOn(36, 100)) == {"note": 36, "channel": 1}
    assert Learner().hear(ChannelMessage(0xC0, (5,))) == {"program": 5, "channel": 1}
    assert Learner().hear(NoteOff(36)) is None


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


def test_mappings_follow_each_other(tmp_path: Path) -> None:
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
def test_a_source_sets_one_control(
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
def test_what_cannot_be_added_to_is_left_alone(former: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(former)
    with pytest.raises(ConfigError, match=problem):
        write_mapping(path, "gate", {"cc": 21, "channel": 1}, None)
    assert path.read_bytes() == former
    assert [*tmp_path.iterdir()] == [path]


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
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
