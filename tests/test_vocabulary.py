import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import UnknownNoteError
from midigen.notes import pitch_name
from midigen.vocabulary import LETTERS, MODE_NAMES, SIZE, Key, degree_named

C_MAJOR = Key("C major", 0)
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
        ("F# minor", (9, 11, 1, 2, 4, 6, 8)),  # as A major
        ("Bb mixolydian", (3, 5, 7, 8, 10, 0, 2)),  # as E flat major
        ("E phrygian", (0, 2, 4, 5, 7, 9, 11)),
        ("F lydian", (0, 2, 4, 5, 7, 9, 11)),
        ("B locrian", (0, 2, 4, 5, 7, 9, 11)),
        ("c♯ aeolian", (4, 6, 8, 9, 11, 1, 3)),  # as E major
        ("Cb major", (11, 1, 3, 4, 6, 8, 10)),
        ("C# major", (1, 3, 5, 6, 8, 10, 0)),
        ("G# major", (8, 10, 0, 1, 3, 5, 7)),  # eight sharps: played as A flat major
    ],
)
def test_keys(name: str, pitch_classes: tuple[int, ...]) -> None:
    assert Key.named(name).pitch_classes == pitch_classes


@pytest.mark.parametrize("name", ["", "H major", "C", "C mayor", "C## major", "major", "C  majo r"])
def test_what_is_not_a_key_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        Key.named(name)


def test_letters_are_degrees_in_either_case() -> None:
    assert [degree_named(letter) for letter in "CDEFGAB"] == list(range(7))
    assert degree_named("g") == LETTERS.index("G")


@pytest.mark.parametrize("name", ["h", "", "CD", "C#"])
def test_an_unknown_note_is_refused_by_name_with_the_seven(name: str) -> None:
    with pytest.raises(UnknownNoteError, match="C D E F G A B") as caught:
        degree_named(name)
    assert repr(name) in str(caught.value)


@given(keys)
def test_a_key_has_seven_different_pitch_classes_without_wide_gaps(key: Key) -> None:
    classes = sorted(key.pitch_classes)
    gaps = [
        (after - before) % 12
        for before, after in zip(classes, classes[1:] + classes[:1], strict=True)
    ]
    assert len(set(classes)) == SIZE
    assert set(gaps) == {1, 2}


@given(keys, degrees, pitches)
def test_a_letter_comes_back_from_any_pitch_that_plays_it(key: Key, degree: int, near: int) -> None:
    pitch = key.nearest(degree, near, 0, 127)
    assert key.degree(pitch) == degree


@given(keys, degrees, pitches, st.integers(0, 116), st.integers(11, 40))
def test_the_octave_is_the_nearest_in_the_range(
    key: Key, degree: int, near: int, low: int, span: int
) -> None:
    high = min(127, low + span)
    pitch = key.nearest(degree, near, low, high)
    same_letter = [p for p in range(low, high + 1) if key.degree(p) == degree]
    assert pitch in same_letter
    assert abs(pitch - near) == min(abs(p - near) for p in same_letter)


@given(keys, pitches, st.sampled_from([-1, 1]))
def test_a_chromatic_note_moves_to_its_neighbour_in_the_direction(
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
    assert pitch_name(60) == "C4"
    assert pitch_name(61) == "C#4"
    assert pitch_name(0) == "C-1"


def test_a_line_of_tritones_stays_in_the_middle() -> None:
    pitch = 65
    for degree in (6, 3) * 10:
        pitch = C_MAJOR.nearest(degree, pitch, 36, 96)
    assert pitch == 65
