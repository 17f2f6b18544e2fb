"""The example phrases: what they are, and that their script writes them as they stand."""

import subprocess
import sys
from pathlib import Path

import mido
import pytest

from midigen.music.keys import C_MAJOR

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_the_script_writes_them_byte_for_byte(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "make_phrases.py", tmp_path], check=True, timeout=60)
    kept = {file.name: file.read_bytes() for file in EXAMPLES.glob("*.mid")}
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == kept


@pytest.mark.parametrize(
    ("name", "bpm", "time", "bars", "notes"),
    [
        ("calm", 96, (4, 4), 4, "C D E F G A B"),
        ("swing", 120, (4, 4), 4, "C D E F G A Bb B"),
        ("waltz", 150, (3, 4), 4, "C D E F G A B"),
        ("syncopation", 100, (4, 4), 3, "C Eb F G G# Bb"),
    ],
)
def test_what_they_are(name: str, bpm: int, time: tuple[int, int], bars: int, notes: str) -> None:
    file = mido.MidiFile(EXAMPLES / f"{name}.mid")
    (track,) = file.tracks
    metas = {message.type: message for message in track if message.is_meta}
    assert track.name == "player"
    assert round(mido.tempo2bpm(metas["set_tempo"].tempo)) == bpm
    assert (metas["time_signature"].numerator, metas["time_signature"].denominator) == time
    assert sum(message.time for message in track) == bars * time[0] * file.ticks_per_beat
    pitches = {message.note % 12 for message in track if message.type == "note_on"}
    assert [C_MAJOR.note_name(pitch) for pitch in sorted(pitches)] == notes.split()


def test_they_are_played_softly_and_loudly() -> None:
    paths = list(EXAMPLES.glob("*.mid"))
    assert paths
    for path in paths:
        (track,) = mido.MidiFile(path).tracks
        velocities = [message.velocity for message in track if message.type == "note_on"]
        assert max(velocities) - min(velocities) > 20, path.name
