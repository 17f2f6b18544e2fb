"""MIDI files as other programs write them, whole and damaged, are read for what is in them."""

from collections.abc import Sequence
from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import MidiFileError
from midigen.midi_reader import load

Notes = list[list[tuple[int, str, int]]]


def number(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(value & 0x7F | 0x80)
    return bytes(reversed(digits))


def chunk(name: bytes, data: bytes, length: int | None = None) -> bytes:
    return name + (len(data) if length is None else length).to_bytes(4, "big") + data


def header(tracks: int, kind: int = 1, ticks: int = 480, more: bytes = b"") -> bytes:
    numbers = b"".join(each.to_bytes(2, "big") for each in (kind, tracks, ticks))
    return chunk(b"MThd", numbers + more)


END = b"\0\xff\x2f\0"
junk = st.one_of(
    st.builds(lambda key: b"\0\xff\x59\2" + key, st.sampled_from([b"\x09\0", b"\0\7", b"\x80\1"])),
    st.builds(
        lambda kind, data: b"\0\xff" + bytes([kind]) + number(len(data)) + data,
        st.sampled_from([0x51, 0x58, 0x59, 0x00, 0x20, 0x21, 0x54, 0x7E, 0x01, 0x05, 0x7F]),
        st.binary(max_size=9).filter(lambda data: len(data) not in (2, 3, 4)),
    ),
    st.builds(
        lambda start, data: b"\0" + start + number(len(data)) + data,
        st.sampled_from([b"\xf0", b"\xf7"]),
        st.binary(max_size=300),
    ),
    st.sampled_from([b"\0\xf8", b"\0\xfe", b"\0\xf6", b"\0\xf2\1\2", b"\0\xf3\1"]),
)
"""What has no notes in it, and is of no use or wrong; none of it takes time."""


@st.composite
def tracks(draw: st.DrawFn) -> tuple[bytes, bytes, list[tuple[int, str, int]]]:
    """The events of a track, the same with junk in between, and its notes."""
    plain, wild, notes, tick = b"", b"", [], 0
    running = b""
    for wait, pitch, velocity in draw(
        st.lists(
            st.tuples(st.integers(0, 50_000), st.integers(0, 127), st.integers(0, 127)),
            min_size=1,
            max_size=12,
        )
    ):
        tick += wait
        status = b"" if running and draw(st.booleans()) else b"\x90"
        running = b"\x90"
        event = number(wait) + status + bytes([pitch, velocity])
        plain += number(wait) + b"\x90" + bytes([pitch, velocity])
        wild += b"".join(draw(st.lists(junk, max_size=2))) + event
        notes.append((tick, "note_on", pitch))
    return plain + END, wild + END, notes


def notes_of(file: mido.MidiFile) -> Notes:
    found: Notes = []
    for track in file.tracks:
        tick, notes = 0, []
        for message in track:
            tick += message.time
            if message.type == "note_on":
                notes.append((tick, message.type, message.note))
        found.append(notes)
    return found


def read(folder: Path, content: bytes) -> tuple[Notes, list[str]]:
    path = folder / "a.mid"
    path.write_bytes(content)
    said: list[str] = []
    return notes_of(load(path, said.append)), said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("midi")


several = st.lists(tracks(), min_size=1, max_size=3)


@given(several, st.binary(max_size=9), st.integers(0, 2))
def test_what_is_of_no_use_or_wrong_is_left_out(
    folder: Path,
    played: list[tuple[bytes, bytes, list[tuple[int, str, int]]]],
    more: bytes,
    kind: int,
) -> None:
    """Impossible signatures, meta events of any length, sysex and escapes, running status."""
    wild = header(len(played), kind, more=more) + b"".join(
        chunk(b"MTrk", each[1]) for each in played
    )
    assert read(folder, wild) == ([notes for _, _, notes in played], [])


@given(
    several,
    st.sampled_from(["RIFF", "a prefix", "chunks", "padding", "a tail"]),
    st.binary(max_size=40),
)
def test_wrappers_and_foreign_chunks_are_stepped_over(
    folder: Path,
    played: list[tuple[bytes, bytes, list[tuple[int, str, int]]]],
    wrapper: str,
    data: bytes,
) -> None:
    head, bodies = header(len(played)), [chunk(b"MTrk", each[0]) for each in played]
    whole = head + b"".join(bodies)
    data = data.replace(b"M", b"m")
    if wrapper == "RIFF":
        size = (len(whole) + 12).to_bytes(4, "little")
        whole = b"RIFF" + size + b"RMIDdata" + len(whole).to_bytes(4, "little") + whole + data
    elif wrapper == "a prefix":
        whole = data + whole
    elif wrapper == "chunks":
        foreign = chunk(b"XFIH", data)
        whole = head + foreign + foreign.join(bodies) + foreign
    elif wrapper == "padding":
        whole = head + b"\0".join(bodies) + b"\0"
    else:
        whole += b"\0" * 7 + data
    assert read(folder, whole) == ([notes for _, _, notes in played], [])


@given(several, st.integers(0, 2), st.one_of(st.integers(0, 300), st.just(2**32 - 1)))
def test_a_length_that_is_wrong_loses_nothing_of_a_track(
    folder: Path,
    played: list[tuple[bytes, bytes, list[tuple[int, str, int]]]],
    which: int,
    length: int,
) -> None:
    which %= len(played)
    bodies = [
        chunk(
            b"MTrk", each[0], min(length + len(each[0]) + 1, 2**32 - 1) if place == which else None
        )
        for place, each in enumerate(played)
    ]
    found, said = read(folder, header(len(played)) + b"".join(bodies))
    if found != [notes for _, _, notes in played]:  # what it goes over may end where another begins
        assert which < len(played) - 1
        assert found[: which + 1] == [notes for _, _, notes in played][: which + 1]
    elif len(said) == 1:
        assert f"track {which + 1} has another length than it says" in said[0]


@given(several, st.data())
def test_of_a_file_that_breaks_off_there_is_what_came_before(
    folder: Path, played: list[tuple[bytes, bytes, list[tuple[int, str, int]]]], data: st.DataObject
) -> None:
    whole = header(len(played)) + b"".join(chunk(b"MTrk", each[0]) for each in played)
    end = data.draw(st.integers(14 + 8, len(whole) - 1))
    found, said = read(folder, whole[:end])
    expected = [notes for _, _, notes in played]
    for part, all_of_it in zip(found, expected, strict=False):
        assert part == all_of_it[: len(part)]
    assert found[:-1] == expected[: len(found) - 1]
    assert len(said) == 1
    assert said[0].startswith(f"{folder / 'a.mid'}: the file is damaged (")


@pytest.mark.parametrize("count", [0, 1, 3, 9])
def test_the_number_of_tracks_may_be_wrong(tmp_path: Path, count: int) -> None:
    body = chunk(b"MTrk", b"\0\x90\x3c\x40" + END)
    found, said = read(tmp_path, header(count) + body + body)
    assert found == [[(0, "note_on", 60)]] * 2
    assert [line.partition(": ")[2] for line in said] == [
        f"the file is damaged (it has 2 of {count} tracks): what is there is taken"
    ] * (count > 2)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("Mélodie".encode(), "Mélodie"),
        ("Mélodie".encode("latin-1"), "Mélodie"),
        ("主旋律".encode(), "主旋律"),
        (b"", ""),
    ],
)
def test_names_are_in_utf_8_else_latin_1(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "a.mid"
    body = b"\0\xff\3" + number(len(data)) + data + b"\0\x90\x3c\x40" + END
    path.write_bytes(header(1) + chunk(b"MTrk", body))
    assert load(path).tracks[0].name == name


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (b"\xff\x51\3\7\xa1\x20", mido.MetaMessage("set_tempo", tempo=500_000)),
        (b"\xff\x51\3\0\0\0", None),
        (b"\xff\x51\2\7\xa1", None),
        (b"\xff\x58\4\6\3\x24\x08", mido.MetaMessage("time_signature", numerator=6, denominator=8)),
        (b"\xff\x58\4\0\2\x18\x08", None),
        (b"\xff\x58\2\6\3", None),
        (b"\xff\x59\2\xfd\0", mido.MetaMessage("key_signature", key="Eb")),
        (b"\xff\x59\2\3\1", mido.MetaMessage("key_signature", key="F#m")),
        (b"\xff\x59\2\x08\0", None),
        (b"\xff\x59\2\0\2", None),
        (b"\xff\x59\1\0", None),
    ],
)
def test_meta_messages_are_kept_as_they_must_be_and_else_left_out(
    tmp_path: Path, event: bytes, kept: mido.MetaMessage | None
) -> None:
    path = tmp_path / "a.mid"
    path.write_bytes(header(1) + chunk(b"MTrk", b"\0" + event + b"\0\x90\x3c\x40" + END))
    metas = [each for each in load(path).tracks[0] if each.is_meta and each.type != "end_of_track"]
    expected: Sequence[mido.MetaMessage] = [kept] if kept else []
    assert [each.bytes()[:5] for each in metas] == [each.bytes()[:5] for each in expected]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_one_sentence(folder: Path, content: bytes) -> None:
    path = folder / "a.mid"
    path.write_bytes(header(1) + content)
    said: list[str] = []
    try:
        load(path, said.append)
    except MidiFileError as exc:
        said.append(str(exc))
    assert len(said) <= 1
    assert not [line for line in said if "\n" in line]
