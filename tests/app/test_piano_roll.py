"""The picture of a MIDI file: what is read from the file, and whether it is visible."""

import struct
import sys
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.app.piano_roll import MACHINE, PLAYER, DrawnNote, Piece, _drawn, plot, read
from midigen.errors import MidiFileError, MidigenError
from midigen.music.keys import Key

BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xF0, 0xB2, 0x3C)


def write(path: Path, *tracks: tuple[str, list[Any]], ticks_per_beat: int = 100) -> Path:
    """Write a MIDI file with named tracks of mido's messages."""
    file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
    for name, messages in tracks:
        file.add_track(name).extend(messages)
    file.save(path)
    return path


def note(pitch: int, ticks: int, velocity: int = 80, after: int = 0) -> list[mido.Message]:
    """A note of so many ticks after a rest."""
    return [
        mido.Message("note_on", note=pitch, velocity=velocity, time=after),
        mido.Message("note_on", note=pitch, velocity=0, time=ticks),
    ]


def tempo(bpm: float, after: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm), time=after)


def meter(numerator: int, denominator: int, after: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage(
        "time_signature", numerator=numerator, denominator=denominator, time=after
    )


def colours(png: Path) -> dict[str, int]:
    """The number of pixels in the colour of each player."""
    from matplotlib.image import imread

    pixels = np.rint(imread(png)[..., :3] * 255).astype(int)
    return {
        name: int(np.all(pixels == colour, axis=-1).sum())
        for name, colour in ((PLAYER, BLUE), (MACHINE, ORANGE))
    }


def size(png: Path) -> tuple[int, int]:
    return struct.unpack(">II", png.read_bytes()[16:24])


# --- what is read


def test_notes_beats_and_bars_of_both(tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.mid",
        (PLAYER, [tempo(60), *note(60, 100), *note(62, 50, 99)]),
        (MACHINE, note(64, 200, 70, after=200)),
    )
    assert read(path) == Piece(
        notes=(
            DrawnNote(PLAYER, 60, 80, 0.0, 1.0),
            DrawnNote(PLAYER, 62, 99, 1.0, 1.5),
            DrawnNote(MACHINE, 64, 70, 2.0, 4.0),
        ),
        beats=(0.0, 1.0, 2.0, 3.0, 4.0),
        bars=(0.0, 4.0),
    )


def test_tempo_and_meter_may_change(tmp_path: Path) -> None:
    changes = [meter(3, 4), tempo(60), tempo(120, after=300), meter(6, 8)]
    path = write(tmp_path / "in.mid", ("conductor", changes), ("piano", note(60, 301)))
    assert read(path) == Piece(
        notes=(DrawnNote(PLAYER, 60, 80, 0.0, 3.005),),
        beats=(0.0, 1.0, 2.0, 3.0, 3.25, 3.5, 3.75, 4.0, 4.25, 4.5),
        bars=(0.0, 3.0, 4.5),
    )


def test_without_tempo_and_meter_it_is_120_in_four(tmp_path: Path) -> None:
    piece = read(write(tmp_path / "in.mid", ("", note(60, 401))))
    assert piece.bars == (0.0, 2.0, 4.0)
    assert piece.length == 2.005


def test_a_note_that_never_ends_ends_with_its_track(tmp_path: Path) -> None:
    on = mido.Message("note_on", note=60, velocity=80)
    end = mido.MetaMessage("end_of_track", time=100)
    piece = read(write(tmp_path / "in.mid", ("", [tempo(60), on, end])))
    assert piece.notes == (DrawnNote(PLAYER, 60, 80, 0.0, 1.0),)


def test_a_key_struck_again_ends_its_former_note(tmp_path: Path) -> None:
    on = [mido.Message("note_on", note=60, velocity=80, time=ticks) for ticks in (0, 100)]
    off = mido.Message("note_off", note=60, time=100)
    piece = read(write(tmp_path / "in.mid", ("", [tempo(60), *on, off])))
    assert piece.notes == (DrawnNote(PLAYER, 60, 80, 0.0, 1.0), DrawnNote(PLAYER, 60, 80, 1.0, 2.0))


@pytest.mark.parametrize("meta", [tempo(120).copy(tempo=0), meter(4, 4).copy(numerator=0)])
def test_messages_that_make_no_sense_are_skipped(meta: mido.MetaMessage, tmp_path: Path) -> None:
    assert read(write(tmp_path / "in.mid", ("", [meta, *note(60, 100)]))) == Piece(
        (DrawnNote(PLAYER, 60, 80, 0.0, 0.5),), (0.0, 0.5, 1.0, 1.5, 2.0), (0.0, 2.0)
    )


@given(
    st.lists(st.tuples(st.integers(0, 127), st.integers(1, 500), st.integers(1, 127)), min_size=1),
    st.floats(20, 400),
    st.sampled_from([(4, 4), (3, 4), (6, 8), (7, 8), (2, 2)]),
)
def test_the_bars_hold_the_notes_and_the_beats_hold_the_bars(
    tmp_path_factory: pytest.TempPathFactory,
    played: list[tuple[int, int, int]],
    bpm: float,
    signature: tuple[int, int],
) -> None:
    notes = [each for pitch, ticks, velocity in played for each in note(pitch, ticks, velocity)]
    path = tmp_path_factory.mktemp("roll") / "in.mid"
    piece = read(write(path, ("", [tempo(bpm), meter(*signature), *notes])))
    assert [(each.pitch, each.velocity) for each in piece.notes] == [
        (pitch, velocity) for pitch, _, velocity in played
    ]
    assert piece.bars[0] == 0
    assert piece.bars[-2] < piece.length <= piece.bars[-1] + 1e-9
    assert piece.beats[:: signature[0]] == piece.bars


# --- errors


@pytest.mark.parametrize("content", [b"", b"MThd", b"no MIDI file at all"])
def test_a_damaged_file_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "in.mid"
    path.write_bytes(content)
    with pytest.raises(MidiFileError, match=r"in\.mid: .*(breaks off|is empty|not a MIDI file)"):
        plot(path, tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_other_files_that_cannot_be_drawn_are_errors(tmp_path: Path) -> None:
    with pytest.raises(MidiFileError, match=r"none\.mid: can't be read: No such file"):
        plot(tmp_path / "none.mid", tmp_path / "out.png")
    silent = write(tmp_path / "silent.mid", ("", []))
    with pytest.raises(MidiFileError, match=r"silent\.mid: there are no notes in it"):
        plot(silent, tmp_path / "out.png")
    long = write(tmp_path / "long.mid", ("", note(60, 100_001)), ticks_per_beat=1)
    with pytest.raises(MidiFileError, match=r"long\.mid: too long for a picture"):
        plot(long, tmp_path / "out.png")


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mid", ("", note(60, 100)))
    with pytest.raises(MidigenError, match=r"out\.png: can't be written: No such file"):
        plot(path, tmp_path / "none" / "out.png")


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "in.mid", ("", note(60, 100)))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MidigenError, match=r'pip install "midigen\[plot\]"'):
        plot(path, tmp_path / "out.png")


# --- what is drawn


def test_both_are_visible_in_their_colours(tmp_path: Path) -> None:
    player = (PLAYER, note(60, 400))
    machine = (MACHINE, note(67, 400, after=400))
    both, alone = tmp_path / "both.png", tmp_path / "alone.png"
    plot(write(tmp_path / "both.mid", player, machine), both)
    plot(write(tmp_path / "alone.mid", player), alone)
    assert size(both) == size(alone) == (1200, 500)
    assert colours(both)[PLAYER] > 4000
    assert colours(both)[MACHINE] > 2000
    assert colours(alone)[MACHINE] < 300  # only those of the legend


def test_a_note_that_both_play_is_visible_for_both(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mid", (PLAYER, note(60, 400)), (MACHINE, note(60, 400)))
    plot(path, tmp_path / "out.png")
    assert min(colours(tmp_path / "out.png").values()) > 2000


def test_a_louder_note_is_taller(tmp_path: Path) -> None:
    inked = []
    for velocity in (20, 70, 120):
        path = write(tmp_path / "in.mid", (PLAYER, note(60, 400, velocity)))
        plot(path, tmp_path / "out.png")
        inked.append(colours(tmp_path / "out.png")[PLAYER])
    assert inked[0] < inked[1] < inked[2]


def test_a_long_piece_has_several_systems(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mid", (PLAYER, [*note(60, 100), *note(60, 100, after=20_000)]))
    plot(path, tmp_path / "out.png")  # 101 s: three systems
    assert size(tmp_path / "out.png") == (1200, 1110)


def test_rows_are_named_as_the_key_spells_them(tmp_path: Path) -> None:
    from matplotlib.figure import Figure

    path = write(tmp_path / "in.mid", (PLAYER, note(70, 480)))
    for key, name in (("Eb major", "Bb4"), ("F# major", "A#4"), ("Gb major", "Cb5")):
        figure = _drawn(Figure(dpi=100), read(path), "in", Key.named(key))
        assert name in [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_the_same_file_gives_the_same_picture(tmp_path: Path) -> None:
    path = write(tmp_path / "in.mid", (PLAYER, note(60, 100)), (MACHINE, note(21, 100)))
    plot(path, tmp_path / "first.png")
    plot(path, tmp_path / "second.png")
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


@pytest.mark.parametrize(
    "messages",
    [
        note(0, 0) + note(127, 1),
        note(0, 40_000),
        [tempo(400), *(each for pitch in range(128) for each in note(pitch, 5))],
        [meter(1, 32), *note(60, 100)],
        [tempo(1e6), *note(60, 100)],
    ],
)
def test_any_piece_can_be_drawn(messages: list[Any], tmp_path: Path) -> None:
    plot(write(tmp_path / "in.mid", (PLAYER, messages)), tmp_path / "out.png")
    assert colours(tmp_path / "out.png")[PLAYER] > 100
