import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import UnknownNoteError
from midigen.music.keys import C_MAJOR, LETTERS, MODE_NAMES, SIZE, Key, degree_named

KEY_NAMES = [f"{tonic}{accidental} {mode}" for tonic in "CDEFGAB" for accidental in ("", "#", "b")
             for mode in MODE_NAMES]  # fmt: skip

keys = st.sampled_from(KEY_NAMES).map(Key.named)
degrees = st.integers(0, SIZE - 1)
pitches = st.integers(0, 127)


@pytest.mark.parametrize(
    ("name", "pitch_classes"),
    [
        ("C major", (0, 2, 4, 5, 7, 9, 11)),
        ("A minor", (0, 2, 4, 5, 7, 9, 11)),
        ("D dorian", (0, 2, 4, 5, 7, 9, 11)),
        ("G major", (7, 9, 11, 0, 2, 4, 6)),
        ("F ionian", (5, 7, 9, 10, 0, 2, 4)),
        ("F# minor", (9, 11, 1, 2, 4, 6, 8)),  # the notes of A major
        ("Bb mixolydian", (3, 5, 7, 8, 10, 0, 2)),  # the notes of E flat major
        ("E phrygian", (0, 2, 4, 5, 7, 9, 11)),
        ("F lydian", (0, 2, 4, 5, 7, 9, 11)),
        ("B locrian", (0, 2, 4, 5, 7, 9, 11)),
        ("c♯ aeolian", (4, 6, 8, 9, 11, 1, 3)),  # the notes of E major
        ("Cb major", (11, 1, 3, 4, 6, 8, 10)),
        ("C# major", (1, 3, 5, 6, 8, 10, 0)),
        ("G# major", (8, 10, 0, 1, 3, 5, 7)),  # eight sharps: it becomes A flat major
    ],
)
def test_key_names_give_pitch_classes(name: str, pitch_classes: tuple[int, ...]) -> None:
    assert Key.named(name).pitch_classes == pitch_classes


@pytest.mark.parametrize("name", ["", "H major", "H", "C mayor", "C## major", "major", "C  majo r"])
def test_what_is_not_a_key_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        Key.named(name)


def test_letters_may_be_upper_or_lower_case() -> None:
    assert [degree_named(letter) for letter in "CDEFGAB"] == list(range(7))
    assert degree_named("g") == LETTERS.index("G")


@pytest.mark.parametrize("name", ["h", "", "CD", "C#"])
def test_an_unknown_note_is_refused_with_a_list_of_the_seven(name: str) -> None:
    with pytest.raises(UnknownNoteError, match="C D E F G A B") as caught:
        degree_named(name)
    assert repr(name) in str(caught.value)


@given(keys)
def test_a_key_has_seven_pitch_classes_without_wide_gaps(key: Key) -> None:
    classes = sorted(key.pitch_classes)
    gaps = [
        (after - before) % 12
        for before, after in zip(classes, classes[1:] + classes[:1], strict=True)
    ]
    assert len(set(classes)) == SIZE
    assert set(gaps) == {1, 2}


@given(keys, degrees, pitches)
def test_every_pitch_of_a_letter_is_read_as_that_letter(key: Key, degree: int, near: int) -> None:
    pitch = key.nearest(degree, near, 0, 127)
    assert key.degree(pitch) == degree


@given(keys, degrees, pitches, st.integers(0, 116), st.integers(11, 40))
def test_a_letter_is_played_in_the_nearest_octave_of_the_range(
    key: Key, degree: int, near: int, low: int, span: int
) -> None:
    high = min(127, low + span)
    pitch = key.nearest(degree, near, low, high)
    same_letter = [p for p in range(low, high + 1) if key.degree(p) == degree]
    assert pitch in same_letter
    assert abs(pitch - near) == min(abs(p - near) for p in same_letter)


@given(keys, pitches, st.sampled_from([-1, 1]))
def test_a_chromatic_note_moves_to_its_neighbour_in_that_direction(
    key: Key, pitch: int, direction: int
) -> None:
    exact = key.degree(pitch)
    if exact is None:
        assert key.degree(pitch, direction) == key.degree(pitch + direction)
    else:
        assert key.degree(pitch, direction) == exact


def test_notes_are_written_with_the_signature() -> None:
    assert [C_MAJOR.written(name, 4) for name in "cdefgab"] == [60, 62, 64, 65, 67, 69, 71]
    assert Key.named("G major").written("f", 4) == 66
    assert Key.named("Cb major").written("c", 4) == 59  # C flat 4 is in the octave of C4


def test_a_tune_has_the_same_letters_in_every_key() -> None:
    for tonic, name in enumerate(["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"]):
        key = Key.named(f"{name} major")
        assert [key.degree(60 + tonic + step) for step in (0, 4, 7, 11)] == [0, 2, 4, 6]


def test_pitches_have_names() -> None:
    assert C_MAJOR.pitch_name(60) == "C4"
    assert C_MAJOR.pitch_name(61) == "C#4"
    assert C_MAJOR.pitch_name(0) == "C-1"


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("C major", "C C# D Eb E F F# G G# A Bb B"),
        ("A minor", "C C# D Eb E F F# G G# A Bb B"),  # with the leading note of A minor
        ("D minor", "C C# D Eb E F F# G Ab A Bb B"),
        ("G minor", "C Db D Eb E F F# G Ab A Bb B"),
        ("E minor", "C C# D D# E F F# G G# A Bb B"),
        ("Eb major", "C Db D Eb E F Gb G Ab A Bb B"),
        ("Gb major", "C Db D Eb E F Gb G Ab A Bb Cb"),
        ("Cb major", "C Db D Eb Fb F Gb G Ab A Bb Cb"),
        ("F# major", "C C# D D# E E# F# G G# A A# B"),
        ("C# major", "B# C# D D# E E# F# G G# A A# B"),
    ],
)
def test_notes_are_spelled_as_the_key_spells_them(key: str, names: str) -> None:
    assert [Key.named(key).note_name(pitch) for pitch in range(60, 72)] == names.split()


@pytest.mark.parametrize(
    ("key", "pitch", "name"),
    [
        ("Eb major", 70, "Bb4"),
        ("Gb major", 71, "Cb5"),
        ("Gb major", 59, "Cb4"),
        ("C# major", 72, "B#4"),
        ("C# major", 0, "B#-2"),
        ("F# major", 65, "E#4"),
        ("Cb major", 127, "G9"),
    ],
)
def test_an_octave_is_that_of_the_written_note(key: str, pitch: int, name: str) -> None:
    assert Key.named(key).pitch_name(pitch) == name


@given(keys, pitches)
def test_a_pitch_name_is_read_as_that_pitch(key: Key, pitch: int) -> None:
    name, octave = re.fullmatch(r"([A-G][#b]?)(-?\d+)", key.pitch_name(pitch)).groups()  # type: ignore[union-attr]
    assert name == key.note_name(pitch)
    assert C_MAJOR.written(name, int(octave)) == pitch
    assert key.note_name(pitch + 12) == name
    if key.degree(pitch) is not None:
        assert key.written(name[0], int(octave)) == pitch  # the accidental comes from the signature
        assert key.note_names[key.degree(pitch)] == name  # type: ignore[index]


@given(keys)
def test_a_key_spells_each_letter_once(key: Key) -> None:
    assert sorted(name[0] for name in key.note_names) == sorted(LETTERS)
    tonic = key.note_names[key.tonic]
    assert key.name.split()[0] == tonic


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Bb", "Bb major"),
        ("bb", "Bb major"),
        ("B♭", "Bb major"),
        ("b flat", "Bb major"),
        ("b", "B major"),
        ("Am", "A minor"),
        ("AM", "A major"),
        ("a m", "A minor"),
        ("F#m", "F# minor"),
        ("f♯ min", "F# minor"),
        ("F-sharp-minor", "F# minor"),
        ("Dm", "D minor"),
        ("bb minor", "Bb minor"),
        ("bbm", "Bb minor"),
        ("E flat major", "Eb major"),
        ("f# dorian", "F# dorian"),
        ("D dor", "D dorian"),
        ("Gmaj", "G major"),
        ("C min", "C minor"),
        ("  eb   MIXOLYDIAN ", "Eb mixolydian"),
        ("B aeolian", "B aeolian"),
        ("b aeolian", "B aeolian"),
        ("G# major", "Ab major"),  # it takes its twin's name, as its notes are spelled
        ("Db minor", "C# minor"),
        ("B# lydian", "C lydian"),
        ("Fb locrian", "E locrian"),
    ],
)
def test_a_key_is_read_as_people_write_it(text: str, name: str) -> None:
    key = Key.named(text)
    assert key.name == name
    assert key == Key.named(name)


ACCIDENTALS = {"": "", "#": "#", "b": "b", " sharp": "#", " flat": "b", "♯": "#", "♭": "b"}


@given(
    st.sampled_from("CDEFGABcdefgab"),
    st.sampled_from(sorted(ACCIDENTALS)),
    st.sampled_from(["", " ", "-", "  "]),
    st.sampled_from(MODE_NAMES).flatmap(
        lambda mode: st.sampled_from([mode[:3], mode, mode.upper(), mode.title()])
    ),
)
def test_every_spelling_of_a_key_is_read(
    letter: str, accidental: str, between: str, mode: str
) -> None:
    full = next(name for name in MODE_NAMES if name.startswith(mode.lower()))
    plain = Key.named(f"{letter.upper()}{ACCIDENTALS[accidental]} {full}")
    assert Key.named(f"{letter}{accidental}{between}{mode}") == plain


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("G mayor", "G major"),
        ("Bb minro", "Bb minor"),
        ("E flat doiran", "Eb dorian"),
        ("Bx", "B major"),
        ("H minor", "B minor"),
        ("minor a", "A minor"),
        ("A harmonic minor", "A minor"),
        ("Cmaj7", "C major"),
        ("", None),
        ("?", None),
    ],
)
def test_a_misspelled_key_is_guessed(text: str, meant: str | None) -> None:
    with pytest.raises(ValueError, match="not a key"):
        Key.named(text)
    assert Key.closest(text) == meant


@given(st.text(max_size=12) | st.text("abcdefgh#♭ mijorn", max_size=12))
def test_any_text_is_a_key_or_refused_and_guesses_are_keys(text: str) -> None:
    with contextlib.suppress(ValueError):
        key = Key.named(text)
        assert Key.named(key.name) == key
    if meant := Key.closest(text):
        Key.named(meant)


def test_an_accidental_overrides_the_signature() -> None:
    key = Key.named("G major")
    assert [key.written(name, 4) for name in ("f#", "fb", "bb", "e#", "c♭")] == [66, 64, 70, 65, 59]


def test_a_line_of_tritones_stays_in_the_middle() -> None:
    pitch = 65
    for degree in (6, 3) * 10:
        pitch = C_MAJOR.nearest(degree, pitch, 36, 96)
    assert pitch == 65
