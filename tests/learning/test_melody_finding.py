"""Which line of a MIDI file is taken for its melody."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from midigen.errors import MidiFileError
from midigen.learning.corpus import read_file
from midigen.midi.messages import Pitch
from tests.tunes import (
    BEAT,
    DRUMS,
    TUNE,
    TUNE_LETTERS,
    Note,
    assert_refused,
    chords,
    letters,
    line,
    messages,
    part,
    save,
    signature,
    track,
)

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
def test_a_high_line_that_is_not_a_melody_is_not_taken(mid: Path, above: list[Note]) -> None:
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
def test_a_line_that_is_called_a_melody_is_preferred(mid: Path, name: str) -> None:
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
