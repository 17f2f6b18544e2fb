import contextlib
import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, SupportsIndex, overload

import mido
import numpy as np
import pytest

from midigen.errors import MidiFileError
from midigen.learning.corpus import Skipped, Tune, read, read_file, songs
from midigen.learning.files import find_files, song_name
from midigen.midi.messages import Pitch
from midigen.midi.reader import LARGEST
from midigen.music.keys import LETTERS
from tests.midi_files import one_track

COLLECTION = Path(__file__).parents[3] / "shared" / "corpus"
BEAT = 480

# Two bars in C major, in quarters and eighths.
TUNE = (67, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65, 67, 64, 65, 62, 60)
TUNE_LETTERS = "GEFGABCBAGFGEFDC"

Note = tuple[int, int, Pitch]  # first tick, last tick, pitch
Timed = tuple[int, Any]


def line(pitches: Iterable[Pitch], length: int = BEAT, start: int = 0) -> list[Note]:
    """Notes one after another, each ending as the next one begins."""
    return [
        (start + index * length, start + (index + 1) * length, pitch)
        for index, pitch in enumerate(pitches)
    ]


def chords(roots: Iterable[Pitch], length: int, shape: tuple[int, ...] = (0, 4, 7)) -> list[Note]:
    return [
        (start, end, root + interval)
        for start, end, root in line(roots, length)
        for interval in shape
    ]


def signature(key: str, tick: int = 0) -> Timed:
    return tick, mido.MetaMessage("key_signature", key=key)


def tempo(bpm: float, tick: int = 0) -> Timed:
    return tick, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))


def messages(notes: Iterable[Note], channel: int = 0, *, ons_first: bool = False) -> list[Timed]:
    ons = [
        (start, mido.Message("note_on", note=pitch, channel=channel)) for start, _, pitch in notes
    ]
    offs = [(end, mido.Message("note_off", note=pitch, channel=channel)) for _, end, pitch in notes]
    return [*ons, *offs] if ons_first else [*offs, *ons]


def track(*timed: Timed, name: str = "") -> Any:
    """A track of messages at absolute ticks; simultaneous ones keep the order given."""
    made = mido.MidiTrack()
    if name:
        made.name = name
    now = 0
    for tick, message in sorted(timed, key=lambda each: each[0]):
        made.append(message.copy(time=tick - now))
        now = tick
    return made


def part(
    notes: Iterable[Note], name: str = "", channel: int = 0, meta: Iterable[Timed] = ()
) -> Any:
    return track(*meta, *messages(list(notes), channel), name=name)


def save(path: Path, *tracks: Any, kind: int = 1, ticks_per_beat: int = BEAT) -> Path:
    mido.MidiFile(type=kind, ticks_per_beat=ticks_per_beat, tracks=list(tracks)).save(path)
    return path


def spelled(tune: Tune) -> str:
    return "".join(LETTERS[degree] for degree in tune.letters)


def letters(path: Path, name: str | None = None) -> str:
    return spelled(read_file(path, name))


@pytest.fixture
def mid(tmp_path: Path) -> Path:
    return tmp_path / "a.mid"


# --- keys


@pytest.mark.parametrize(
    ("key", "pitches"),
    [
        ("C", (60, 62, 64, 65)),
        ("G", (67, 69, 71, 72)),
        ("Em", (67, 69, 71, 72)),
        ("Am", (60, 62, 64, 65)),
        ("Cm", (63, 65, 67, 68)),  # three flats, so E flat is the letter C
        ("F#m", (69, 71, 73, 74)),
        ("Abm", (59, 61, 63, 64)),
        ("C#", (61, 63, 65, 66)),
    ],
)
def test_letters_are_the_degrees_of_the_signature(
    mid: Path, key: str, pitches: tuple[int, ...]
) -> None:
    save(mid, part(line(pitches), meta=[signature(key)]))
    assert letters(mid) == "CDEF"


def test_a_signature_in_another_track_holds_too(mid: Path) -> None:
    save(mid, track(signature("D")), part(line([62, 66, 69])))
    assert letters(mid) == "CEG"


def test_a_change_of_key_is_followed_from_its_tick_on(mid: Path) -> None:
    meta = [signature("C"), signature("G", 3 * BEAT), signature("F", 6 * BEAT)]
    save(mid, part(line([60, 64, 67] * 3), meta=meta))
    assert letters(mid) == "CEG" + "FAC" + "GBD"


def test_a_signature_after_the_first_notes_holds_for_them_too(mid: Path) -> None:
    save(mid, part(line([67, 71, 74]), meta=[signature("G", 2 * BEAT)]))
    assert letters(mid) == "CEG"


@pytest.mark.parametrize("transposition", range(-6, 6))
def test_without_a_signature_the_key_is_estimated(mid: Path, transposition: int) -> None:
    save(mid, part(line(pitch + transposition for pitch in TUNE)))
    assert letters(mid) == TUNE_LETTERS


def test_notes_outside_the_key_follow_the_direction_of_the_melody(mid: Path) -> None:
    save(mid, part(line([60, 61, 62, 67, 66, 65]), meta=[signature("C")]))
    assert letters(mid) == "CDD" + "GFF"


# --- from notes to letters


@pytest.mark.parametrize("kind", [0, 1])
def test_both_types_of_file_are_read(mid: Path, kind: int) -> None:
    save(mid, part(line(TUNE), meta=[signature("C")]), kind=kind)
    tune = read_file(mid)
    assert spelled(tune) == TUNE_LETTERS
    assert tune.path == mid
    assert tune.letters.dtype == np.uint8


def test_the_highest_of_simultaneous_notes_counts(mid: Path) -> None:
    save(mid, part(chords([60, 62, 64], BEAT, shape=(12, 0, 7)), meta=[signature("C")]))
    assert letters(mid) == "CDE"


def test_a_strummed_chord_is_one_note_but_a_fast_run_is_not(mid: Path) -> None:
    strummed = [(0, BEAT, 60), (10, BEAT, 64), (20, BEAT, 67)]  # about 10 ms apart, all held
    run = [(BEAT, BEAT + 10, 60), (BEAT + 10, BEAT + 20, 62), (BEAT + 20, BEAT + 30, 64)]
    save(mid, part([*strummed, *run], meta=[signature("C")]))
    assert letters(mid) == "G" + "CDE"


def test_the_tempo_decides_what_is_a_chord(mid: Path) -> None:
    """Two notes 20 ticks apart, both held: 21 ms at 120 beats a minute, 83 ms at 30."""
    pairs = [note for at in (0, BEAT) for note in ((at, at + BEAT, 60), (at + 20, at + BEAT, 64))]
    save(mid, track(tempo(120), tempo(30, BEAT)), part(pairs, meta=[signature("C")]))
    assert letters(mid) == "E" + "CE"


def test_a_note_on_of_velocity_0_ends_its_note(mid: Path) -> None:
    ends = [(end, mido.Message("note_on", note=pitch, velocity=0)) for _, end, pitch in line(TUNE)]
    ons = [(at, mido.Message("note_on", note=pitch)) for at, _, pitch in line(TUNE)]
    save(mid, track(signature("C"), *ons, *ends))
    assert letters(mid) == TUNE_LETTERS


@pytest.mark.parametrize("ons_first", [False, True])
def test_repeated_and_legato_notes_are_all_counted(mid: Path, *, ons_first: bool) -> None:
    notes = line([60, 60, 60, 62, 62, 64])
    save(mid, track(signature("C"), *messages(notes, ons_first=ons_first)))
    assert letters(mid) == "CCCDDE"


def test_overlapping_notes_are_all_counted(mid: Path) -> None:
    notes = [(at, end + BEAT, pitch) for at, end, pitch in line([60, 64, 62, 62, 67])]
    save(mid, part(notes, meta=[signature("C")]))
    assert letters(mid) == "CEDDG"


def test_notes_without_an_end_are_counted(mid: Path) -> None:
    ons = [(at, mido.Message("note_on", note=pitch)) for at, _, pitch in line(TUNE)]
    save(mid, track(signature("C"), *ons))
    assert letters(mid) == TUNE_LETTERS


@pytest.mark.parametrize("ticks_per_beat", [1, 32767])
def test_a_beat_may_have_few_or_many_ticks(mid: Path, ticks_per_beat: int) -> None:
    save(mid, part(line([60, 62, 64]), meta=[signature("C")]), ticks_per_beat=ticks_per_beat)
    assert letters(mid) == "CDE"


def test_a_tempo_of_0_is_ignored(mid: Path) -> None:
    meta = [signature("C"), (0, mido.MetaMessage("set_tempo", tempo=0))]
    save(mid, part(line([60, 62, 64]), meta=meta))
    assert letters(mid) == "CDE"


# --- which voice is the melody

DRUMS = part(line([36, 42, 38, 42] * 32, BEAT // 4), "Drums", channel=9)
BASS = part(line([36, 43, 41, 43], 4 * BEAT), channel=1)
CHORDS = part(chords([60, 65, 67, 60] * 4, BEAT), channel=2)
ARPEGGIO = line([76, 79, 84, 88] * 16, BEAT // 4)
MELODY = part(line(TUNE))


@pytest.mark.parametrize("kind", [0, 1])
def test_the_melody_is_found_among_drums_bass_and_chords(mid: Path, kind: int) -> None:
    parts = [messages(line([36, 42, 38, 42] * 16, BEAT // 4), channel=9),
             messages(line([36, 43, 41, 43], 4 * BEAT), channel=1),
             messages(chords([60, 65, 67, 60] * 4, BEAT), channel=2),
             messages(line(TUNE), channel=3)]  # fmt: skip
    if kind == 0:
        save(mid, track(*(timed for each in parts for timed in each), signature("C")), kind=0)
    else:
        save(mid, track(signature("C")), *(track(*each) for each in parts))
    assert letters(mid) == TUNE_LETTERS


@pytest.mark.parametrize("order", [1, -1])
def test_the_right_hand_of_a_piano_is_the_melody(mid: Path, order: int) -> None:
    right = part([*line(TUNE), (0, BEAT, 60), (4 * BEAT, 5 * BEAT, 65)], "Piano")
    alberti = part(line([48, 55, 52, 55] * 8, BEAT // 2), "Piano", channel=1)
    save(mid, track(signature("C")), *[right, alberti][::order])
    assert letters(mid) == TUNE_LETTERS


def test_a_melody_in_the_bass_is_found_below_chords(mid: Path) -> None:
    cello = part(line(pitch - 12 for pitch in TUNE))
    save(mid, track(signature("C")), part(chords([67, 65, 67, 67] * 4, BEAT)), cello)
    assert letters(mid) == TUNE_LETTERS


@pytest.mark.parametrize(
    "names", [("Soprano", "Alto", "Tenor", "Bass"), ("Voice",) * 4, ("",) * 4, tuple("SATB")]
)
def test_the_soprano_is_the_melody_of_a_choir(mid: Path, names: tuple[str, ...]) -> None:
    alto = [64, 60, 60, 64, 65, 67, 67, 67, 65, 64, 62, 62, 60, 60, 59, 60]
    tenor = [55, 57, 57, 55, 57, 59, 60, 59, 57, 55, 57, 55, 55, 53, 55, 52]
    bass = [48, 48, 53, 52, 53, 50, 48, 55, 53, 48, 50, 47, 48, 45, 43, 36]
    voices = zip((TUNE, alto, tenor, bass), names, strict=True)
    parts = [part(line(pitches), name) for pitches, name in voices]
    save(mid, track(signature("C")), *parts[::-1])
    assert letters(mid) == TUNE_LETTERS


@pytest.mark.parametrize(
    "above",
    [
        line([84, 91], 8 * BEAT),  # a glockenspiel, now and then
        line([84, 83, 81, 79], 4 * BEAT),  # one high string, a note a bar
        chords([72, 77, 79, 72], 4 * BEAT),  # a pad
        ARPEGGIO,
        line([84] * 32, BEAT // 2),  # a bell that repeats one note
    ],
)
def test_a_high_voice_that_is_not_a_melody_is_not_taken(mid: Path, above: list[Note]) -> None:
    band = [DRUMS, BASS, CHORDS, part(above, channel=3)]
    save(mid, track(signature("C")), *band, MELODY)
    assert letters(mid) == TUNE_LETTERS


def test_of_two_high_violins_the_higher_plays_the_melody(mid: Path) -> None:
    first, second = (part(line(pitch + up for pitch in TUNE)) for up in (12, 7))
    for order in (1, -1):
        save(mid, track(signature("C")), *[first, second][::order])
        assert letters(mid) == TUNE_LETTERS


def test_a_song_is_found_above_an_accompaniment_of_many_more_notes(mid: Path) -> None:
    triplets = part(chords([55, 60, 59] * 64, BEAT // 12, shape=(0, 12)), "Piano")
    save(mid, track(signature("C")), triplets, MELODY)
    assert letters(mid) == TUNE_LETTERS


@pytest.mark.parametrize("name", ["Vocals", "LEAD", "Main Melody", "Mélodie", "synth_voice 1"])
def test_a_voice_that_is_called_a_melody_is_preferred(mid: Path, name: str) -> None:
    higher = part(line(pitch + 7 for pitch in TUNE), "Misleading strings")
    save(mid, track(signature("C")), higher, part(line(TUNE), name))
    assert letters(mid) == TUNE_LETTERS


def test_backing_vocals_are_not_named_a_melody(mid: Path) -> None:
    thirds_above = part(line(pitch + 4 for pitch in TUNE), "Backing Vocals")
    save(mid, track(signature("C")), thirds_above, part(line(TUNE), "Vocal"))
    assert letters(mid) == TUNE_LETTERS


@pytest.fixture
def duo(mid: Path) -> Path:
    flute = part(line([72, 74, 76]), "Flute 1")
    return save(mid, track(signature("C")), flute, part(line([48, 50]), "Bassoon"), DRUMS)


@pytest.mark.parametrize(("name", "found"), [("bassoon", "CD"), ("FLUTE", "CDE"), ("soon", "CD")])
def test_a_track_is_chosen_by_a_part_of_its_name(duo: Path, name: str, found: str) -> None:
    assert letters(duo, name) == found


def test_the_exact_name_of_a_track_comes_first(mid: Path) -> None:
    save(mid, track(signature("C")), part(line([72, 74]), "Piano 2"), part(line([48]), "piano"))
    assert letters(mid, "Piano") == "C"


@pytest.mark.parametrize("name", ["oboe", "drums"])
def test_an_unknown_track_is_an_error_that_lists_them(duo: Path, name: str) -> None:
    with pytest.raises(MidiFileError) as caught:
        read_file(duo, name)
    assert str(caught.value) == (
        f'{duo}: no track "{name}" with notes; there are "Bassoon", "Flute 1"'
    )


# --- recordings


def recording(path: Path, player: Iterable[Pitch], machine: Iterable[Pitch]) -> Path:
    tracks = [part(line(player), "player"), part(line(machine, start=BEAT), "midigen")]
    return save(path, track(signature("C"), name="midigen session"), *tracks)


def test_in_a_recording_the_player_is_heard_not_the_machine(mid: Path) -> None:
    recording(mid, [48, 36, 48, 36], TUNE)
    assert letters(mid) == "CCCC"
    assert letters(mid, "midigen") == TUNE_LETTERS


def test_nothing_is_learned_from_a_recording_of_the_machine_alone(mid: Path) -> None:
    assert_refused(recording(mid, [], TUNE), 'no track "player" with notes; there are "midigen"')


def test_player_is_an_ordinary_name_in_other_files(mid: Path) -> None:
    save(mid, part(line([48, 36]), "player"), part(line(TUNE), "soprano", meta=[signature("C")]))
    assert letters(mid) == TUNE_LETTERS


# --- damaged files


def assert_refused(path: Path, reason: str) -> None:
    with pytest.raises(MidiFileError, match=reason) as caught:
        read_file(path)
    assert str(caught.value).startswith(f"{path}: ")


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


# --- files and folders


def touch(*paths: Path) -> list[Path]:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return list(paths)


def test_folders_are_searched_with_all_their_folders(tmp_path: Path) -> None:
    wanted = touch(
        *(
            tmp_path / name
            for name in (
                "a.mid",
                "B.MID",
                "c.midi",
                "x/y/z/d.Midi",
                "e.KAR",
                "f.rmi",
                "g.smf",
                "h.rmid",
            )
        )
    )
    touch(*(tmp_path / name for name in ("a.txt", "mid", "._a.mid", ".hidden/h.mid", "a.mid.bak")))
    assert sorted(find_files([tmp_path])) == sorted(wanted)


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    files = touch(tmp_path / "tune.seq")
    assert find_files(files) == files


def test_files_of_a_folder_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    names = ["a-0", "a-1", "a-2", "a-9", "a-10", "a-11", "b", "track 9", "track 10"]
    touch(*(tmp_path / f"{name}.mid" for name in sorted(names)))
    assert [path.stem for path in find_files([tmp_path])] == names


def test_a_file_that_is_named_twice_is_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = touch(tmp_path / "x" / "a.mid", tmp_path / "x" / "b.mid")
    monkeypatch.chdir(tmp_path)
    sources = [second, tmp_path / "x", tmp_path, Path("x"), Path("x/../x/a.mid")]
    assert find_files(sources) == [second, first]


def test_links_to_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    (file,) = touch(tmp_path / "elsewhere" / "a.mid")
    collection = tmp_path / "collection"
    collection.mkdir()
    (collection / "linked").symlink_to(file.parent)
    (file.parent / "back").symlink_to(collection)
    assert find_files([collection]) == [collection / "linked" / "a.mid"]


def test_a_source_without_midi_files_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for name, reason in (("missing", "no such file or folder"), ("empty", "no MIDI files")):
        with pytest.raises(MidiFileError, match=reason) as caught:
            find_files([*touch(tmp_path / "a.mid"), tmp_path / name])
        assert str(caught.value).startswith(f"{tmp_path / name}: ")


@contextmanager
def without_root() -> Iterator[None]:
    """Become the user nobody for a while, since root may read everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has no such permissions")
def test_a_folder_that_cannot_be_read_is_refused_by_name() -> None:
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        locked = top / "locked"
        locked.mkdir()
        top.chmod(0o755)
        locked.chmod(0)
        try:
            with without_root(), pytest.raises(MidiFileError, match="Permission denied") as caught:
                find_files([top])
        finally:
            locked.chmod(0o700)
        assert str(caught.value).startswith(f"{locked}: can't be read")


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
    empty, text = touch(tmp_path / "empty.mid", tmp_path / "a\nb.mid")
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


@pytest.mark.parametrize(
    ("name", "song"),
    [
        ("a-0", "a"),
        ("a-12", "a"),
        ("a", "a"),
        ("a-b", "a-b"),
        ("1-2-3", "1-2"),
        ("Op-7-x", "Op-7-x"),
        ("midigen-2026-05-01-203000", "midigen-2026-05-01"),
        ("midigen-2026-05-01-203000-2", "midigen-2026-05-01"),
        ("midigen-2026-05-01-210500-last-5-min", "midigen-2026-05-01"),
        ("midigen-2026-05-01-210500-last-5-min-2", "midigen-2026-05-01"),
        ("midigen-2026-05-01", "midigen-2026-05"),
    ],
)
def test_parts_have_the_name_of_their_song(name: str, song: str) -> None:
    assert song_name(Path(f"/x/{name}.mid")) == song


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
