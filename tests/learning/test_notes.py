"""A melody as arrays: what is read from a file, and how parts of a song are joined."""

from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from midigen.learning.corpus import Tune, find_files, read, read_file, side_of, songs
from midigen.learning.notes import Notes, joined
from tests.phrases import phrase
from tests.players import ROOT
from tests.tunes import BEAT, line, part, save, signature, tempo, track

CORPUS = ROOT.parent / "shared" / "corpus"


def bar(beats: int, unit: int, tick: int = 0) -> tuple[int, Any]:
    return tick, mido.MetaMessage("time_signature", numerator=beats, denominator=unit)


def notes(path: Path) -> Notes:
    found = read_file(path).notes
    assert found is not None
    return found


def test_each_note_has_its_pitch_and_rhythm_in_beats(mid: Path) -> None:
    made = [(0, BEAT, 67), (BEAT, BEAT + 120, 69), (2 * BEAT, 3 * BEAT + 240, 73)]
    save(mid, part(made, meta=[signature("G"), bar(3, 4)]))
    found = notes(mid)
    assert len(found) == 3
    assert found.degrees.tolist() == [0, 1, 4]  # C sharp is outside the key: upwards, it is D
    assert found.pitches.tolist() == [67, 69, 73]
    assert found.onsets.tolist() == [0, 1, 2]
    assert found.lengths.tolist() == [1, 0.25, 1.5]
    assert found.ends.tolist() == [1, 1.25, 3.5]
    assert found.signatures.tolist() == [1, 1, 1]


def test_beats_are_the_same_at_any_tempo(mid: Path) -> None:
    save(mid, track(tempo(60), tempo(200, BEAT)), part(line([60, 62, 64]), meta=[signature("C")]))
    assert notes(mid).onsets.tolist() == [0, 1, 2]


def test_places_are_counted_from_each_time_signature_on(mid: Path) -> None:
    meta = [signature("C"), bar(3, 4), bar(6, 8, 4 * BEAT), bar(2, 2, 9 * BEAT)]
    save(mid, part(line([60, 62] * 6), meta=meta))
    found = notes(mid)
    assert found.places.tolist() == [0, 1, 2, 0, *(0, 1, 2, 0, 1), *(0, 1, 2)]
    assert found.bars.tolist() == [3] * 9 + [4] * 3


def test_before_a_time_signature_no_bar_is_known(mid: Path) -> None:
    save(mid, part(line([60, 62, 64]), meta=[signature("C"), bar(4, 4, 2 * BEAT)]))
    np.testing.assert_array_equal(notes(mid).places, [np.nan, np.nan, 0])
    np.testing.assert_array_equal(notes(mid).bars, [np.nan, np.nan, 4])


def test_a_note_without_an_end_sounds_until_the_next(mid: Path) -> None:
    ons = [(at, mido.Message("note_on", note=pitch)) for at, _, pitch in line([60, 62, 64], 240)]
    save(mid, track(signature("C"), *ons))
    assert notes(mid).lengths.tolist() == [0.5, 0.5, 1]


def test_a_strummed_chord_begins_with_its_first_note(mid: Path) -> None:
    strummed = [(0, BEAT, 60), (10, BEAT, 64), (20, BEAT, 67)]
    save(mid, part([*strummed, (BEAT, 2 * BEAT, 60)], meta=[signature("C")]))
    assert notes(mid).onsets.tolist() == [0, 1]
    assert notes(mid).pitches.tolist() == [67, 60]


def test_a_key_of_its_own_holds_for_each_note(mid: Path) -> None:
    save(mid, part(line([60, 62, 64]), meta=[signature("C"), signature("Bb", 2 * BEAT)]))
    assert notes(mid).signatures.tolist() == [0, 0, -2]


def test_a_part_begins_with_the_first_whole_bar_after_the_one_before() -> None:
    one, two = phrase([60, 62, 64, 65, 67]), phrase([67, 69], [1, 2])
    whole = joined([one, two, phrase([72], [0])])
    assert whole.onsets.tolist() == [0, 1, 2, 3, 4, 9, 10, 12]
    assert whole.places.tolist() == [0, 1, 2, 3, 0, 1, 2, 0]
    assert whole.pitches.tolist() == [60, 62, 64, 65, 67, 67, 69, 72]
    assert two.onsets.tolist() == [1, 2]  # unchanged


def test_without_bars_a_part_begins_with_the_next_whole_beat() -> None:
    one = phrase([60, 62], [0, 1.25])
    one.places[:] = one.bars[:] = np.nan
    assert joined([one, one]).onsets.tolist() == [0, 1.25, 2, 3.25]


def test_the_parts_of_a_song_are_joined(tmp_path: Path) -> None:
    for number, pitches in enumerate([(60, 62, 64), (65, 67)]):
        path = tmp_path / f"song-{number}.mid"
        save(path, part(line(pitches), meta=[signature("C"), bar(4, 4)]))
    (whole,) = songs(tune for tune in read(find_files([tmp_path])) if isinstance(tune, Tune))
    assert whole.notes is not None
    np.testing.assert_array_equal(whole.notes.degrees, whole.letters)
    assert whole.notes.onsets.tolist() == [0, 1, 2, 4, 5]


def test_a_song_of_which_only_letters_are_known_has_no_notes() -> None:
    letters = np.zeros(5, dtype=np.uint8)
    (found,) = songs([Tune(Path("a-0.mid"), "a", letters)])
    assert found.notes is None
    assert found.letters.tolist() == [0] * 5


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus isn't beside this checkout")
@pytest.mark.parametrize("folder", ["pop909", "lieder", "tunes"])
def test_a_corpus_keeps_its_bars(folder: str) -> None:
    """Onsets don't fall, no note is shorter than nothing, and all know their bar."""
    for tune in read(find_files([CORPUS / folder])[:10]):
        assert isinstance(tune, Tune)
        assert side_of(tune.song)
        found = tune.notes
        assert found is not None
        assert (np.diff(found.onsets) >= 0).all()
        assert (found.lengths >= 0).all()
        assert ((found.places >= 0) & (found.places < found.bars)).all()
