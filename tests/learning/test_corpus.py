"""Collections of MIDI files, some of them damaged, as tunes and songs."""

import contextlib
import itertools
from pathlib import Path
from typing import Any, SupportsIndex, overload

import numpy as np
import pytest

from midigen.errors import MidiFileError
from midigen.learning.corpus import Skipped, Tune, find_files, read, read_file, song_name, songs
from midigen.midi.reader import LARGEST
from midigen.music.keys import LETTERS
from tests.midi_files import one_track
from tests.tunes import (
    DRUMS,
    TUNE,
    TUNE_LETTERS,
    assert_refused,
    letters,
    line,
    part,
    save,
    signature,
    spelled,
    tempo,
    track,
)

COLLECTION = Path(__file__).parents[3] / "shared" / "corpus"


# --- damaged files


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"MThd\0\0\0\6\0\1", "the file breaks off in its header"),
        (
            b"MThd\0\0\0\6\0\1\0\1\1\xe0",
            r"there are no notes in it, drums aside \(it has 0 of 1 tracks\)$",
        ),
        (b"Dear diary, today I learned to play the piano.", "not a MIDI file"),
        (b"MThd\0\0\0\6\0\1\0\0\1\xe0", "there are no notes in it, drums aside$"),
        (one_track(b"\0\x90\x3c"), r"drums aside \(track 1 makes no sense from byte 22 on\)$"),
        (one_track(b"\0\xff\x51\1\1"), "there are no notes in it, drums aside"),
    ],
)
def test_other_files_are_refused(mid: Path, content: bytes, reason: str) -> None:
    mid.write_bytes(content)
    assert_refused(mid, reason)


@pytest.mark.parametrize("tracks", [[track(signature("C"))], [DRUMS]])
def test_a_file_without_a_note_of_melody_is_refused(mid: Path, tracks: list[Any]) -> None:
    assert_refused(save(mid, *tracks), "no notes")


def test_a_file_cut_anywhere_is_read_up_to_there_or_refused(mid: Path) -> None:
    notes = line([60, 62, 64])
    content = save(mid, part(notes, "Flute", meta=[signature("C"), tempo(90)])).read_bytes()
    found: list[str] = []
    for length in range(len(content)):
        mid.write_bytes(content[:length])
        if length < content.index(b"\x90"):
            assert_refused(mid, "empty|breaks off|not a MIDI file|no tracks|no notes")
            continue
        with contextlib.suppress(MidiFileError):
            tune = read_file(mid)
            found.append(spelled(tune))
            assert tune.notice == "the file is damaged (track 1 breaks off); the rest is used"
    assert [each for each, _ in itertools.groupby(found)] == ["C", "CD", "CDE"]


@pytest.mark.parametrize("ticks_per_beat", [-1, -256, (-25 << 8) + 40, -32768])
def test_times_that_are_not_in_beats_are_refused(mid: Path, ticks_per_beat: int) -> None:
    save(mid, part(line(TUNE)), ticks_per_beat=ticks_per_beat)
    assert_refused(mid, "its times are in SMPTE frames, not in beats: save it with ticks per beat")


def test_a_beat_without_ticks_is_refused(mid: Path) -> None:
    save(mid, part(line(TUNE)), ticks_per_beat=0)
    assert_refused(mid, "it has 0 ticks per beat")


def test_a_time_that_is_too_long_ends_the_track(mid: Path) -> None:
    longest, longer = b"\xff\xff\xff\x7f", b"\x81\x80\x80\x80\0"
    mid.write_bytes(one_track((longest + b"\x90\x3c\x40") * 2))
    assert len(letters(mid)) == 2
    for times in (longer, b"\xff" * (LARGEST - 100)):
        mid.write_bytes(one_track(b"\0\x90\x3c\x40" + times + b"\x90\x3c\x40"))
        tune = read_file(mid)
        assert len(tune.letters) == 1
        assert "track 1 makes no sense from byte 26 on" in tune.notice


def test_data_may_be_any_bytes(mid: Path) -> None:
    text = (
        b"\0\xff\x01\xa0\0" + b"\xe3\x81\x82\xe3" * 1024
    )  # the text is one byte longer than its event
    mid.write_bytes(one_track(text + b"\0\x90\x3c\x40"))
    assert len(letters(mid)) == 1


def test_a_file_that_is_too_large_is_refused(mid: Path) -> None:
    content = save(mid, part(line(TUNE), meta=[signature("C")])).read_bytes()
    mid.write_bytes(content + b"\0" * (LARGEST - len(content)))  # something after its tracks
    assert letters(mid) == TUNE_LETTERS
    mid.write_bytes(content + b"\0" * (LARGEST - len(content) + 1))
    assert_refused(mid, "larger than 4 MiB, the most that is read: cut it into parts")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no file without an end")
def test_a_file_without_an_end_is_refused() -> None:
    assert_refused(Path("/dev/zero"), "larger than 4 MiB")


def test_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert_refused(tmp_path, "can't be read")
    assert_refused(tmp_path / "b.mid", "can't be read")


# --- many files


def outcome(result: Tune | Skipped) -> tuple[Path, str]:
    return result.path, spelled(result) if isinstance(result, Tune) else result.reason


def test_many_files_are_read_in_order(tmp_path: Path) -> None:
    tones = [60, 62, 64, 65, 67, 69, 71]
    files = []
    for number in range(70):  # enough for several processes
        pitches = [tones[(number + step * step) % 7] for step in range(2 + number % 5)]
        path = tmp_path / f"{number}.mid"
        files.append(save(path, part(line(pitches), f"Voice {number % 2}", meta=[signature("C")])))
    files[40].write_bytes(b"MThd")
    files[65].unlink()
    for name in (None, "1"):
        one_by_one = [outcome(result) for file in files for result in read([file], name)]
        assert [path for path, _ in one_by_one] == files
        assert [outcome(result) for result in read(files, name)] == one_by_one


def test_a_damaged_file_is_skipped_with_a_reason_of_one_line(tmp_path: Path) -> None:
    good = save(tmp_path / "good.mid", part(line(TUNE)))
    named = save(tmp_path / "named.mid", part(line(TUNE), "Voice\r\n\x1b[2Jx"))
    empty, text = tmp_path / "empty.mid", tmp_path / "a\nb.mid"
    empty.touch()
    text.write_text("no music\nat all")
    results = dict(map(outcome, read([good, empty, named, text], "\nflute")))
    assert results == {
        good: 'no track " flute" with notes; there are one without a name',
        empty: "the file is empty",
        named: 'no track " flute" with notes; there are "Voice [2Jx"',
        text: "not a MIDI file: it has no MThd header",
    }


class Watched(list[Path]):
    """A list that remembers how far it was read."""

    reached = 0

    @overload
    def __getitem__(self, index: SupportsIndex) -> Path: ...
    @overload
    def __getitem__(self, index: "slice[Any, Any, Any]") -> list[Path]: ...
    def __getitem__(self, index: "SupportsIndex | slice[Any, Any, Any]") -> Path | list[Path]:
        last = index.indices(len(self))[1] if isinstance(index, slice) else int(index) + 1
        self.reached = max(self.reached, last)
        return super().__getitem__(index)


def test_a_large_collection_is_read_bit_by_bit(mid: Path) -> None:
    files = Watched([save(mid, part(line(TUNE)))] * 100_000)
    results = read(files)
    assert files.reached == 0
    assert isinstance(next(results), Tune)
    results.close()  # type: ignore[attr-defined]
    assert files.reached <= 5000


def test_a_few_files_are_read_one_at_a_time(tmp_path: Path) -> None:
    first, second = (save(tmp_path / f"{name}.mid", part(line(TUNE))) for name in "ab")
    results = read([first, second])
    assert isinstance(next(results), Tune)
    second.unlink()
    assert isinstance(next(results), Skipped)


# --- songs


def tune(path: str, *degrees: int) -> Tune:
    return Tune(Path(path), song_name(Path(path)), np.array(degrees, dtype=np.uint8))


def test_a_song_has_its_parts_in_the_order_of_their_numbers() -> None:
    parts = [tune("a-10.mid", 5), tune("b.mid", 6, 6), tune("a-0.mid", 0, 1), tune("a-9.mid", 4)]
    assert [(song.name, song.letters.tolist()) for song in songs(iter(parts))] == [
        ("a", [0, 1, 4, 5]),
        ("b", [6, 6]),
    ]


def test_the_recordings_of_an_evening_are_one_song() -> None:
    evening = "midigen-2026-05-01"
    found = songs(
        [
            tune(f"{evening}-210500-last-5-min.mid", 1, 2, 3),
            tune(f"{evening}-210600-last-5-min.mid", 3, 2, 1),
            tune(f"{evening}-210000.mid", 0, 1, 2, 3, 4),
            tune(f"{evening}-200000.mid", 6, 6),
        ]
    )
    assert [(song.name, song.letters.tolist()) for song in found] == [
        (evening, [6, 6, 0, 1, 2, 3, 4, 3, 2, 1])
    ]


def test_the_same_name_in_two_folders_is_two_songs() -> None:
    found = songs([tune("x/melody.mid", 0), tune("y/melody.mid", 1)])
    assert [(song.name, song.letters.tolist()) for song in found] == [
        ("melody", [0]),
        ("melody", [1]),
    ]


def test_without_tunes_there_are_no_songs() -> None:
    assert songs([]) == []


@pytest.mark.skipif(not COLLECTION.is_dir(), reason=f"there is no collection in {COLLECTION}")
@pytest.mark.parametrize("folder", ["lieder", "pop909"])
def test_a_real_collection_is_read(folder: str) -> None:
    files = find_files([COLLECTION / folder])[:60]
    tunes = [result for result in read(files) if isinstance(result, Tune)]
    assert len(tunes) == len(files)
    assert max(tune.letters.max() for tune in tunes) == len(LETTERS) - 1
    found = songs(tunes)
    assert 5 <= len(found) < len(files)
    assert len({song.name for song in found}) == len(found)
    assert sum(len(song.letters) for song in found) == sum(len(tune.letters) for tune in tunes)
    assert all(30 < len(song.letters) < 2000 for song in found)
