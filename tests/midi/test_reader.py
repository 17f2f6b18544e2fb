"""Files that other programs can play are read, and damaged ones as far as possible."""

import io
import tempfile
from pathlib import Path

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midigen.errors import MidiFileError
from midigen.learning.corpus import read_file
from midigen.midi.file import KeySignature, MidiFile, TimeSignature, Track
from midigen.midi.messages import ChannelMessage, NoteOff, NoteOn
from midigen.midi.reader import LARGEST, load
from midigen.midi.wire import encode
from midigen.midi.writer import variable_length

END = b"\0\xff\x2f\0"
NOTE = b"\0\x90\x3c\x40\x60\x3c\0"  # a quarter of C, by running status


def header(tracks: int, kind: int = 1, length: int = 6, more: bytes = b"") -> bytes:
    numbers = b"".join(number.to_bytes(2, "big") for number in (kind, tracks, 96))
    return b"MThd" + length.to_bytes(4, "big") + numbers + more


def chunk(content: bytes, kind: bytes = b"MTrk", longer: int = 0) -> bytes:
    return kind + (len(content) + longer).to_bytes(4, "big") + content


def meta(kind: int, data: bytes) -> bytes:
    return b"\0\xff" + bytes([kind]) + variable_length(len(data)) + data


def parsed(content: bytes) -> MidiFile:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.mid"
        path.write_bytes(content)
        return load(path)


def one(events: bytes) -> MidiFile:
    return parsed(header(1) + chunk(events + END))


def assert_same(content: bytes, tracks: list[bytes], damage: str = "") -> None:
    """Check that a file holds the same as a file of these tracks."""
    file = parsed(content)
    expected = parsed(header(len(tracks)) + b"".join(map(chunk, tracks)))
    assert file.tracks == expected.tracks
    assert file.damage == damage


# --- properties


_KINDS = st.sampled_from([0x80, 0x90, 0x90, 0x90, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0])
_BYTE = st.integers(0, 127)
_NOTHING = st.sampled_from(
    [
        *(
            b"\xff\x59\2\x0b\0",
            b"\xff\x59\2\xf0\1",
            b"\xff\x59\2\0\2",
            b"\xff\x59\1\0",
            b"\xff\x59\0",
        ),
        *(b"\xff\x59\3\2\0\0", b"\xff\x51\0", b"\xff\x51\2\1\1", b"\xff\x51\4\0\7\xa1\x20"),
        *(b"\xff\x51\3\0\0\0", b"\xff\x58\0", b"\xff\x58\2\6\3", b"\xff\x58\5\6\3\x18\x08\0"),
        *(b"\xff\x58\4\0\2\x18\x08", b"\xff\x58\4\1\xff\x18\x08", b"\xff\x00\1\0", b"\xff\x20\0"),
        *(
            b"\xff\x54\1\xff",
            b"\xff\x54\5\xff\xff\xff\xff\xff",
            b"\xff\x01\4MTr\xff",
            b"\xff\x7f\0",
        ),
        *(
            b"\xff\x60\2\x90\x3c",
            b"\xff\xff\1\x2f",
            b"\xf0\3\1\2\xf7",
            b"\xf0\2\1\2",
            b"\xf7\2\3\xf7",
        ),
        *(b"\xf7\3\x90\x3c\x40", b"\xf0\0", b"\xf7\0", b"\xf8", b"\xfe", b"\xf6", b"\xf4", b"\xfd"),
        *(b"\xf1\1", b"\xf2\1\2", b"\xf3\1"),
    ]
)
"""Events that mean nothing, or that make no sense."""


@st.composite
def _tracks(draw: st.DrawFn, most: int = 3) -> list[list[bytes]]:
    """Tracks as lists of events with their delta times; some events use running status."""
    tracks = []
    for number in range(draw(st.integers(1, most))):
        events = [meta(3, f"track {number}".encode())]
        running = 0
        for _ in range(draw(st.integers(0, 12))):
            status = draw(_KINDS) | draw(st.integers(0, 2))
            data = bytes(draw(_BYTE) for _ in range(1 if status & 0xF0 in (0xC0, 0xD0) else 2))
            is_left_out = status == running and draw(st.booleans())
            event = data if is_left_out else bytes([status]) + data
            events.append(variable_length(draw(st.integers(0, 300))) + event)
            running = status
        tracks.append([*events, END])
    return tracks


def joined(tracks: list[list[bytes]]) -> list[bytes]:
    return [b"".join(track) for track in tracks]


def in_mido(content: bytes) -> list[list[tuple[int, str]]]:
    """The channel messages of each track with their ticks, as another reader finds them."""
    tracks = []
    for track in mido.MidiFile(file=io.BytesIO(content)).tracks:
        tick, messages = 0, []
        for message in track:
            tick += message.time
            if not message.is_meta:
                messages.append((tick, message.hex()))
        tracks.append(messages)
    return tracks


def in_hex(track: Track) -> list[tuple[int, str]]:
    return [(tick, bytes(encode(each)).hex(" ").upper()) for tick, each in track.messages]


def as_offs(messages: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Midigen drops note-off velocities, and reads a note-on of velocity 0 as a note-off."""
    found = []
    for tick, text in messages:
        numbers = bytearray.fromhex(text)
        if numbers[0] & 0xF0 == 0x90 and not numbers[2]:
            numbers[0] -= 0x10
        if numbers[0] & 0xF0 == 0x80:
            numbers[2] = 0
        found.append((tick, numbers.hex(" ").upper()))
    return found


@settings(deadline=None)
@given(_tracks())
def test_valid_files_say_what_another_reader_finds(tracks: list[list[bytes]]) -> None:
    content = header(len(tracks)) + b"".join(map(chunk, joined(tracks)))
    file = parsed(content)
    assert list(map(in_hex, file.tracks)) == list(map(as_offs, in_mido(content)))
    assert [track.name for track in file.tracks] == [f"track {n}" for n in range(len(tracks))]
    assert not file.damage


@settings(deadline=None)
@given(_tracks(), st.data())
def test_meaningless_events_change_nothing(tracks: list[list[bytes]], data: st.DataObject) -> None:
    """Not even between messages that share a running status."""
    stuffed = []
    for track in tracks:
        events: list[bytes] = []
        for event in track:
            events += [b"\0" + each for each in data.draw(st.lists(_NOTHING, max_size=2))]
            events.append(event)
        stuffed.append(b"".join(events))
    content = header(len(tracks)) + b"".join(map(chunk, stuffed))
    assert_same(content, joined(tracks))


_FOREIGN = st.one_of(
    st.sampled_from([b"XFIH", b"LIST", b"CASM", b"junk"]).flatmap(
        lambda kind: st.binary(max_size=20).map(lambda content: chunk(content, kind))
    ),
    st.just(chunk(chunk(NOTE + END), b"XMTr")),  # a track that isn't one of the file's
    st.just(b""),
    st.just(b""),
)
_BEFORE = st.one_of(
    st.just(b""),
    st.just(b"RIFF\x30\0\0\0RMIDdata\x20\0\0\0"),
    st.just(b"\0\x08song.mid" + b"\0" * 118),  # MacBinary
    st.just(b"\xef\xbb\xbf"),
    st.just(b"\r\n\r\n"),
)
_AFTER = st.sampled_from([b"", b"\0", b"\x1a", b"\0" * 300, b"LIST\x04\0\0\0INFO", b"TAGx" * 32])


@settings(deadline=None)
@given(_tracks(), st.data())
def test_whatever_surrounds_the_tracks_is_skipped(
    tracks: list[list[bytes]], data: st.DataObject
) -> None:
    more = data.draw(st.binary(max_size=5))
    content = data.draw(_BEFORE) + header(len(tracks), length=6 + len(more), more=more)
    for track in joined(tracks):
        content += data.draw(_FOREIGN) + chunk(track)
        content += b"\0" if len(track) % 2 and data.draw(st.booleans()) else b""
    content += data.draw(_FOREIGN) + data.draw(_AFTER)
    assert_same(content, joined(tracks))


@settings(deadline=None)
@given(_tracks(), st.data())
def test_a_wrong_length_of_a_track_loses_nothing(
    tracks: list[list[bytes]], data: st.DataObject
) -> None:
    content = header(len(tracks))
    wrong = data.draw(st.integers(0, len(tracks) - 1))
    for number, track in enumerate(joined(tracks)):
        if number == wrong:
            lengths = [0, 1, len(track) - 1, len(track) + 1, len(track) + 9, 2**32 - 1, 2**31]
            length = data.draw(st.sampled_from(lengths) | st.integers(0, 2 * len(track)))
            content += b"MTrk" + length.to_bytes(4, "big") + track
            is_wrong = length != len(track)
        else:
            content += chunk(track)
    damage = f"track {wrong + 1} has another length than it says" if is_wrong else ""
    assert_same(content, joined(tracks), damage)


@settings(deadline=None)
@given(_tracks(), st.integers(0, 5), st.sampled_from([0, 1, 3, 2**15, 2**16 - 1]))
def test_a_wrong_number_of_tracks_loses_nothing(
    tracks: list[list[bytes]], announced: int, kind: int
) -> None:
    content = header(announced, kind=kind) + b"".join(map(chunk, joined(tracks)))
    damage = f"it has {len(tracks)} of {announced} tracks"
    assert_same(content, joined(tracks), damage if len(tracks) < announced else "")


@settings(deadline=None)
@given(_tracks(), st.data())
def test_a_file_that_breaks_off_is_read_up_to_there(
    tracks: list[list[bytes]], data: st.DataObject
) -> None:
    """All complete events are read, and nothing else."""
    content = header(len(tracks))
    ends = []
    for track in tracks:
        start = len(content) + 8
        content += chunk(b"".join(track))
        sizes = [sum(map(len, track[:number])) for number in range(len(track) + 1)]
        ends.append([start + size for size in sizes])
    cut = data.draw(st.integers(len(header(0)), len(content)))
    file = parsed(content[:cut])
    whole = parsed(content).tracks
    for number, (track, places) in enumerate(zip(tracks, ends, strict=True)):
        events = sum(cut >= place for place in places[1:])
        messages = max(0, min(events - 1, len(track) - 2))  # without its name and its end
        found = file.tracks[number].messages if number < len(file.tracks) else []
        assert found == whole[number].messages[:messages]
    assert bool(file.damage) == (cut < len(content))


@settings(deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_a_track_is_read_whatever_is_in_the_one_before(events: bytes, wrong: bool) -> None:
    content = header(2) + chunk(events, longer=1000 * wrong) + chunk(NOTE + END)
    file = parsed(content)
    if b"MTrk" not in events and not (wrong and b"MThd" in events):
        assert file.tracks[-1] == one(NOTE).tracks[0]


# --- examples


def test_keys_meters_tempos_and_names_are_read() -> None:
    events = [meta(3, b"a"), meta(3, b"b"), meta(0x51, b"\7\xa1\x20"), meta(0x58, b"\6\3\x18\x08")]
    (track,) = one(b"".join([*events, meta(0x59, b"\xfd\1"), NOTE])).tracks
    assert track.name == "a"
    assert track.tempos == [(0, 500_000)]
    assert track.time_signatures == [(0, TimeSignature(6, 8))]
    assert track.key_signatures == [(0, KeySignature(-3, is_minor=True))]
    assert track.messages == [(0, NoteOn(60, 64)), (96, NoteOff(60))]


@pytest.mark.parametrize("sharps", range(-7, 8))
@pytest.mark.parametrize("mode", [0, 1])
def test_every_key_signature_is_read(sharps: int, mode: int, tmp_path: Path) -> None:
    """The letter of a key's own tonic is C in major and A in minor."""
    tonic = 60 + (7 * sharps + 9 * mode) % 12
    path = tmp_path / "in.mid"
    events = meta(0x59, bytes([sharps % 256, mode])) + b"\0\x90" + bytes([tonic, 64])
    path.write_bytes(header(1) + chunk(events + END))
    assert read_file(path).letters.tolist() == [5 * mode]


def test_data_over_127_is_read_as_127() -> None:
    assert one(b"\0\x90\xff\x80\0\xb0\xc8\1").tracks[0].messages == [
        (0, NoteOn(127, 127)),
        (0, ChannelMessage(0xB0, (127, 1))),
    ]


def test_ignored_events_still_take_their_time() -> None:
    between = b"\x10\xf8\x10\xf0\1\1\x10\xff\x60\1\1\x10\xff\x51\1\1\x10\xf7\0"
    assert one(between + b"\x10\x90\x3c\x40").tracks[0].messages == [(0x60, NoteOn(60, 64))]


def test_events_after_the_end_of_a_track_are_ignored() -> None:
    assert one(NOTE + END + NOTE).tracks == one(NOTE).tracks


def test_a_track_without_its_end_is_whole() -> None:
    assert_same(header(2) + chunk(NOTE) + chunk(NOTE), [NOTE + END] * 2)


def test_a_second_file_that_is_appended_is_ignored() -> None:
    content = header(1) + chunk(NOTE + END)
    assert_same(content * 2, [NOTE + END])


@pytest.mark.parametrize(
    ("events", "sense"),
    [
        (b"\0\x3c\x40" + NOTE, 0),
        (NOTE + b"\0", len(NOTE)),
        (NOTE + b"\0\x90\x3c", len(NOTE)),
        (NOTE + b"\0\xff\x51\7abc", len(NOTE)),
        (NOTE + b"\0\xf0\x7fabc", len(NOTE)),
        (NOTE + b"\xff\xff\xff\xff\x7f" + NOTE, len(NOTE)),
    ],
)
def test_a_track_is_read_up_to_an_event_that_makes_no_sense(events: bytes, sense: int) -> None:
    broken, other = parsed(header(2) + chunk(events) + chunk(NOTE + END)).tracks
    assert broken.messages == one(events[:sense]).tracks[0].messages
    assert len(other.messages) == 2
    damage = parsed(header(2) + chunk(events) + chunk(NOTE + END)).damage
    assert damage == f"track 1 makes no sense from byte {22 + sense} on"


def test_only_the_first_damages_are_reported() -> None:
    file = parsed(header(9) + chunk(b"\0\x90") * 5)
    assert file.damage.count(" and ") == 2
    assert file.damage.endswith("and more is wrong")
    assert len(str(file.refusal("no"))) < 200


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Mélodie".encode(), "Mélodie"),
        ("Mélodie".encode("latin-1"), "Mélodie"),
        ("\ufeffMélodie".encode(), "Mélodie"),
        ("Голос".encode(), "Голос"),
        (b"\xff\xfe\x80", "ÿþ\x80"),
        (b"", ""),
    ],
)
def test_names_are_utf_8_or_else_latin_1(name: bytes, text: str) -> None:
    assert one(meta(3, name) + NOTE).tracks[0].name == text


@pytest.mark.parametrize(
    "written",
    [
        "Mélodie".encode(),
        "Mélodie".encode("latin-1"),
        "Me\u0301lodie".encode(),  # a decomposed accent, as macOS writes it
    ],
)
@pytest.mark.parametrize("asked", ["Mélodie", "me\u0301lodie", "MÉLODIE", "lodi", None])
def test_a_melody_with_an_accent_is_found(
    tmp_path: Path, written: bytes, asked: str | None
) -> None:
    """Its voice is found by the track's name, or because of it, below a similar voice."""
    path = tmp_path / "in.mid"
    low, high = (
        b"".join(b"\0\x90" + bytes([pitch + up, 64]) + b"\x60" + bytes([pitch + up, 0])
                 for pitch in (60, 62, 64, 65))
        for up in (0, 7)
    )  # fmt: skip
    tracks = [meta(3, written) + low, meta(3, b"Flute") + high]
    path.write_bytes(header(2) + b"".join(chunk(meta(0x59, b"\0\0") + t + END) for t in tracks))
    assert read_file(path, asked).letters.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", "not a MIDI file: it has no MThd header"),
        (b"PK\3\4", "not a MIDI file"),
        (b"MThd", "the file breaks off in its header"),
        (header(1)[:-1], "the file breaks off in its header"),
        (header(1)[:-2] + b"\xe7\x28", "SMPTE frames, not in beats: save it with ticks"),
        (header(1)[:-2] + b"\0\0", "it has 0 ticks per beat"),
        (b"\0" * (LARGEST + 1), "larger than 4 MiB"),
    ],
)
def test_a_refusal_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(MidiFileError, match=reason) as caught:
        parsed(content)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "piece",
    [
        b"MTrk\0\0\0\0",
        b"MTrk\0\0\0\0\0",
        b"MTrk\0\0\0\1",
        b"MTrk\xff\xff\xff\xff",
        b"MTrk\0\0\0\0\0\xff\1\x0cMTrk\0\0\0\0",
        b"\0\xff\1\x0cMTrk\0\0\0\0abcd",
        b"\0\xff\1\x0cMTrk\0\0\0\0\0\xff\1\0",  # each track is inside an event of the one before
        b"abcd\0\0\0\0",
        b"abcd\0\0\0\1",
        b"\xff" * 7,
        b"MThd\0\0\0\0",
        b"\0\xff\1\xff\xff\x7f",
    ],
)
def test_reading_time_grows_with_the_size_only(piece: bytes) -> None:
    """A reader that searched the rest again for each piece would take minutes."""
    content = header(1) + b"MTrk\0\0\0\0" + piece * (LARGEST // 4 // len(piece)) + b"\xff" * 5
    assert len(parsed(content).tracks) <= LARGEST // 8
