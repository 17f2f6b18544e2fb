"""Writing MIDI files: ticks, lengths, and what a track holds."""

from pathlib import Path

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.midi.messages import Seconds
from midigen.midi.writer import TempoMap, TrackBuilder, microseconds_a_beat, variable_length
from tests.recordings import seconds


@given(st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(20.0, 400.0)), max_size=500))
def test_times_never_drift_however_often_the_tempo_changes(
    changes: list[tuple[Seconds, float]],
) -> None:
    tempo_map = TempoMap(0.0, 500_000)
    written = [(0, 500_000)]
    now = 0.0
    for step, bpm in changes:
        now += step
        tempo = microseconds_a_beat(bpm)
        written.append((tempo_map.change(tempo, now), tempo))
    assert seconds(tempo_map.tick(now + 1), written) == pytest.approx(now + 1, abs=0.002)


@given(st.integers(0, 0x0FFFFFFF))
def test_a_length_is_written_as_others_read_it(number: int) -> None:
    encoded = variable_length(number)
    assert list(encoded) == mido.midifiles.meta.encode_variable_int(number)


def test_days_of_silence_are_no_damage(tmp_path: Path) -> None:
    track = TrackBuilder("player")
    track.message(0, b"\x90\x3c\x40")
    track.message(10**9, b"\x80\x3c\0")
    path = tmp_path / "days.mid"
    header = b"MThd\0\0\0\6\0\1\0\1\3\xc0"
    path.write_bytes(b"".join([header, *track.pieces(2 * 10**9)]))
    (read_track,) = mido.MidiFile(path).tracks
    assert sum(message.time for message in read_track) == 2 * 10**9
    ons_and_offs = [message.type for message in read_track if not message.is_meta]
    assert ons_and_offs == ["note_on", "note_off"]


@pytest.mark.parametrize(("bpm", "tempo"), [(120, 500_000), (0.001, 0xFFFFFF), (1e9, 1)])
def test_a_tempo_has_three_bytes(bpm: float, tempo: int) -> None:
    assert microseconds_a_beat(bpm) == tempo
