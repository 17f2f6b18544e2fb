"""What a status looks like, on terminals of any size."""

import os
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from midigen.app.status_rows import ASCII_BLOCKS, Row, rows
from midigen.instrument.status import Status
from midigen.music.keys import MODE_NAMES, Key
from midigen.prediction.steps import GAPS
from tests.app.statuses import BUSY, NARROW, SILENT, WIDE, plain


def styled(drawn: list[Row], style: str) -> list[str]:
    """The texts in a style."""
    return [text.strip() for row in drawn for text, its in row if style in its and text.strip()]


def test_everything_has_its_row() -> None:
    drawn = rows(BUSY, ":mode du", WIDE)
    assert plain(drawn) == [
        "",
        " " * 29 + "           MIDIGEN",
        "",
        "call-response   C major   120.0 bpm clock (lost)",
        " MUTED     HOLD",
        "you       E C D E C D E C D E C D E C D E C D E C D E C D E",
        "midigen                                                 G A",
        "sounds   C4 E4 G4",
        "",
        "         ▄▄▄▄▄",
        "         █████                ▆▆▆▆▆  ▁▁▁▁▁  ▅▅▅▅▅",
        "next     C  50% D   0% E   2% F  25% G   3% A  19% B   1%",
        "in beats 1/2 62%   1/3 20%   5/4 6%",
        "late 1.2 ms   dropped 3   scene bridge   model songs",
        "> :mode du",
    ]


E_FLAT = Key.named("Eb major")
IN_E_FLAT = replace(
    BUSY,
    key="Eb major",
    notes=E_FLAT.note_names,
    heard=("Eb", "F", "G", "Ab", "Bb", "C", "D") * 2,
    played=("Bb", "E"),
    sounds=("Bb3", "Ab4"),
)


def test_in_another_key_the_notes_lead_and_the_letters_come_second() -> None:
    assert plain(rows(IN_E_FLAT, "", WIDE))[3:13] == [
        "call-response   Eb major   120.0 bpm clock (lost)",
        " MUTED     HOLD",
        "you                       Eb F G Ab Bb C D Eb F G Ab Bb C D",
        "midigen                                                Bb E",
        "sounds   Bb3 Ab4",
        "",
        "         ▄▄▄▄▄",
        "         █████                ▆▆▆▆▆  ▁▁▁▁▁  ▅▅▅▅▅",
        "next     Eb 50% F   0% G   2% Ab 25% Bb  3% C  19% D   1%",
        "letters  C      D      E      F      G      A      B",
    ]


def test_in_forty_columns_rows_break_between_words_and_notes_stay_whole() -> None:
    waits = replace(IN_E_FLAT, silence="no answer while Eb4 and Bb4 are held: let them go")
    assert plain(rows(waits, "", os.terminal_size((40, 30))))[3:] == [
        "call-response   Eb major",
        "120.0 bpm clock (lost)",
        " MUTED     HOLD",
        "no answer while Eb4 and Bb4 are held",
        "you        G Ab Bb C D Eb F G Ab Bb C D",
        "midigen                            Bb E",
        "sounds   Bb3 Ab4",
        "",
        "▄▄▄▄",
        "████           ▆▆▆▆ ▁▁▁▁ ▅▅▅▅",
        "Eb   F    G    Ab   Bb   C    D",
        "in beats 1/2 62%   1/3 20%   5/4 6%",
        "late 1.2 ms   dropped 3   scene bridge",
        "model songs",
        ">",
    ]


def test_a_quiet_beginning() -> None:
    assert plain(rows(SILENT, "", NARROW)) == [
        "",
        " " * 28 + " -",
        "",
        "call-response   C major   120.0 bpm internal",
        "",
        "you",
        "midigen",
        "sounds",
        "",
        "",
        "",
        "next     C      D      E      F      G      A      B",
        "late 0.0 ms   model songs",
        ">",
    ]


def test_before_anything_is_known_a_line_can_be_typed() -> None:
    assert plain(rows(None, ":q", WIDE)) == ["> :q"]
    assert rows(None, None, WIDE) == []


def test_turns_differ_in_place_and_word() -> None:
    turns = {
        turn: plain(rows(replace(SILENT, turn=turn), None, WIDE))[1]
        for turn in ("you", "midigen", "")
    }
    assert turns == {
        "you": " " * 13 + "YOU",
        "midigen": " " * 40 + "MIDIGEN",
        "": " " * 29 + "-",
    }


def test_what_must_not_be_missed_is_reversed() -> None:
    assert styled(rows(BUSY, "", WIDE), "reverse") == [
        "MIDIGEN",
        "120.0 bpm clock (lost)",
        "MUTED",
        "HOLD",
        "C  50%",
    ]
    assert styled(rows(SILENT, "", WIDE), "reverse") == []


def test_the_reason_for_silence_is_a_flag_and_the_remedy_a_notice() -> None:
    waits = replace(SILENT, holding=True, silence="no answer while C4 is held: strike it again")
    assert plain(rows(waits, "", NARROW))[4] == " HOLD    no answer while C4 is held"


def test_a_low_terminal_shows_the_most_important_rows_and_notices() -> None:
    assert plain(rows(BUSY, "", os.terminal_size((80, 10)))) == [
        " " * 29 + "           MIDIGEN",
        "call-response   C major   120.0 bpm clock (lost)",
        " MUTED     HOLD",
        "you       E C D E C D E C D E C D E C D E C D E C D E C D E",
        ">",
    ]
    assert plain(rows(BUSY, "", os.terminal_size((80, 1)))) == [">"]


def test_a_terminal_without_blocks_has_bars_too() -> None:
    assert plain(rows(BUSY, None, WIDE, ASCII_BLOCKS))[8:11] == [
        "",
        "         .....",
        "         #####                :::::         :::::",
    ]


def test_of_a_long_line_the_end_is_visible() -> None:
    assert plain(rows(None, "x" * 100 + "y", NARROW)) == ["> " + "x" * 55 + "y"]


TEXTS = st.text(max_size=70)
CHANCES = st.lists(st.floats(0, 1), min_size=7, max_size=7).map(tuple)
SOME_KEYS = st.sampled_from([Key.named(f"{tonic} {mode}") for tonic in ("C", "Db", "F#", "Eb")
                        for mode in MODE_NAMES])  # fmt: skip
NAMES = st.lists(st.sampled_from(["C", "D#", "Ab", "B#"]), max_size=80).map(tuple)
STATUSES = st.builds(
    Status,
    mode=TEXTS,
    turn=st.sampled_from(["you", "midigen", ""]),
    key=TEXTS,
    bpm=st.floats(20, 400),
    beat=TEXTS,
    notes=SOME_KEYS.map(lambda key: key.note_names),
    heard=NAMES,
    played=NAMES,
    probabilities=st.none() | CHANCES,
    rhythm=st.lists(st.tuples(st.sampled_from(GAPS), st.floats(0, 1)), max_size=3).map(tuple),
    sounding=st.just(()),
    sounds=st.lists(st.sampled_from(["C4", "Bb-1", "F#9"]), max_size=30).map(tuple),
    model=TEXTS,
    scene=TEXTS,
    muted=st.booleans(),
    holding=st.booleans(),
    dropped=st.integers(0),
    worst=st.floats(0, 1000),
)
SIZES = st.builds(lambda w, h: os.terminal_size((w, h)), st.integers(1, 120), st.integers(1, 40))


@given(st.none() | STATUSES, st.none() | TEXTS, SIZES)
def test_nothing_wraps_scrolls_or_moves_the_cursor(
    status: Status | None, typed: str | None, size: os.terminal_size
) -> None:
    from rich.cells import cell_len

    drawn = plain(rows(status, typed, size))
    assert len(drawn) <= size.lines
    assert all(cell_len(row) < size.columns for row in drawn)
    assert all(row.isprintable() for row in drawn)
