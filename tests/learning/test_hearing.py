"""The notes, letters and keys of a melody in a MIDI file."""

from pathlib import Path

import mido
import numpy as np
import pytest

from midigen.learning.corpus import read_file
from tests.tunes import (
    BEAT,
    TUNE,
    TUNE_LETTERS,
    chords,
    letters,
    line,
    messages,
    part,
    save,
    signature,
    spelled,
    tempo,
    track,
)

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
