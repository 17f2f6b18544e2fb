from pathlib import Path

import mido
import numpy as np
import pytest

from midigen.app.cli import main
from midigen.errors import ExitCode, MidiFileError
from midigen.instrument.render import LONGEST_FILE
from midigen.prediction.onnx_predictor import OnnxPredictor
from midigen.settings.choices import Mode, Quantize
from midigen.settings.table import Settings
from tests.midi_files import MELODY, one_track, render_file, track_notes, write_midi
from tests.players import NOTEBOOK, NextLetter, settings


def rendered(source: Path, chosen: Settings, seed: int = 0) -> Path:
    destination = source.with_name("out.mid")
    rng = np.random.default_rng(seed)
    render_file(source, destination, chosen, NextLetter(), rng)
    return destination


def test_player_and_machine_are_two_tracks(tmp_path: Path) -> None:
    out = rendered(write_midi(tmp_path / "in.mid", bpm=60), settings(response={"length": 2}))
    tracks = track_notes(out)
    assert list(tracks) == ["player", "midigen"]
    beat = 960
    assert tracks["player"] == [
        event
        for index, pitch in enumerate(MELODY)
        for event in ((index * beat, "note_on", pitch), ((index + 1) * beat, "note_off", pitch))
    ]
    # Five seconds of melody, one of silence, and an answer in eighths at the file's tempo, 60.
    assert tracks["midigen"] == [
        (6 * beat, "note_on", 69),
        (6 * beat + 384, "note_off", 69),
        (6 * beat + 480, "note_on", 71),
        (7 * beat + 480, "note_off", 71),  # the last one rings for a beat
    ]


def test_without_a_tempo_in_the_file_the_settings_one_is_used(tmp_path: Path) -> None:
    source = write_midi(tmp_path / "in.mid")
    out = mido.MidiFile(rendered(source, settings(tempo={"bpm": 90.0})))
    assert [mido.tempo2bpm(m.tempo) for m in out.tracks[0] if m.type == "set_tempo"] == [
        pytest.approx(90, abs=1e-3)
    ]
    assert out.length > mido.MidiFile(source).length


@pytest.mark.parametrize("mode", Mode)
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, mode: Mode) -> None:
    source = write_midi(tmp_path / "in.mid")
    predictor = OnnxPredictor(NOTEBOOK)
    outs = []
    for run in range(3):
        out = tmp_path / f"out{run}.mid"
        seed = 7 if run < 2 else 8
        chosen = settings(mode=mode, sampling={"temperature": 3.0})
        render_file(source, out, chosen, predictor, np.random.default_rng(seed))
        outs.append(out.read_bytes())
    assert outs[0] == outs[1]
    assert outs[0] != outs[2]


@pytest.mark.parametrize(("channel", "answers"), [("all", 3), (1, 3), (10, 5)])
def test_drums_arent_melody_unless_they_are_named(
    tmp_path: Path, channel: int | str, answers: int
) -> None:
    source = write_midi(tmp_path / "in.mid", pitches=(60, 62, 64))
    file = mido.MidiFile(source)
    drums = file.add_track()
    for _ in range(5):
        drums.append(mido.Message("note_on", note=36, velocity=70, channel=9))
        drums.append(mido.Message("note_off", note=36, channel=9, time=240))
    file.save(source)
    chosen = settings(turn={"silence": 1.5}, input={"channel": channel})
    machine = track_notes(rendered(source, chosen))["midigen"]
    assert len([kind for _, kind, _ in machine if kind == "note_on"]) == answers


def test_the_same_call_three_times_has_three_answers_each_on_its_own_steps(
    tmp_path: Path,
) -> None:
    """Steps of a beat; a phrase is over 0.7 s after its third one, and answered on the fifth."""
    source = write_midi(tmp_path / "in.mid", bpm=100, pitches=(60, 62, 64))
    file = mido.MidiFile(source)
    call = [message for message in file.tracks[0] if message.type == "note_on"]
    for _ in range(2):
        file.tracks[0] += [call[0].copy(time=480 * 9), *(each.copy() for each in call[1:])]
    file.save(source)
    played = track_notes(rendered(source, settings(turn={"silence": 0.7})))["midigen"]
    ons = [(tick, pitch) for tick, kind, pitch in played if kind == "note_on"]
    assert [tick / 960 for tick, _ in ons[::3]] == [5, 17, 29]
    answers = [tuple(pitch for _, pitch in ons[n : n + 3]) for n in (0, 3, 6)]
    assert len(set(answers)) == 3


def test_every_note_ends_in_the_file(tmp_path: Path) -> None:
    out = rendered(write_midi(tmp_path / "in.mid"), settings(mode=Mode.SOLO))
    for notes in track_notes(out).values():
        ons = sorted(pitch for _, kind, pitch in notes if kind == "note_on")
        assert ons
        assert ons == sorted(pitch for _, kind, pitch in notes if kind == "note_off")


def test_solo_ends_though_its_last_phrase_was_answered_long_ago(tmp_path: Path) -> None:
    """Something that is no note comes late in the file."""
    source = write_midi(tmp_path / "in.mid", bpm=120, pitches=(60,))
    file = mido.MidiFile(source)
    file.tracks[0].append(mido.Message("control_change", control=1, value=3, time=480 * 20))
    file.save(source)
    tracks = track_notes(rendered(source, settings(mode=Mode.SOLO)))
    assert tracks["midigen"][-1][0] <= 960 * 23


@pytest.mark.parametrize("option", ["tempo.bpm=90", " tempo.bpm = 90", "tempo.bpm=90.0"])
@pytest.mark.parametrize("bar", ["tempo.bar=3", "tempo.bar =3", None])
def test_an_option_wins_over_the_file_however_it_is_spelled(
    tmp_path: Path, option: str, bar: str | None
) -> None:
    source = write_midi(tmp_path / "in.mid", bpm=60)
    file = mido.MidiFile(source)
    file.tracks[0].insert(0, mido.MetaMessage("time_signature", numerator=5, denominator=4))
    file.save(source)
    out = tmp_path / "out.mid"
    options = [f"--set={each}" for each in (option, bar) if each]
    assert main(["render", str(source), str(out), *options]) == ExitCode.OK
    first, *_ = mido.MidiFile(out).tracks
    assert [m.tempo for m in first if m.type == "set_tempo"] == [mido.bpm2tempo(90)]
    signatures = [m.numerator for m in first if m.type == "time_signature"]
    assert signatures == [3 if bar else 5]


def test_the_files_time_signature_is_taken_over(tmp_path: Path) -> None:
    """An answer that waits for the bar waits for one of three quarters."""
    source = write_midi(tmp_path / "in.mid", bpm=60, pitches=(60,))
    file = mido.MidiFile(source)
    file.tracks[0].insert(0, mido.MetaMessage("time_signature", numerator=6, denominator=8))
    file.save(source)
    out = rendered(source, settings(turn={"silence": 0.5, "quantize": Quantize.BAR}))
    (bar,) = [m for m in mido.MidiFile(out).tracks[0] if m.type == "time_signature"]
    assert (bar.numerator, bar.denominator) == (3, 4)
    assert track_notes(out)["midigen"][0] == (3 * 960, "note_on", 62)


@pytest.mark.parametrize("changes", [{"length": "endless", "max": 7}, {"hold": True}])
def test_what_would_go_on_for_ever_ends(tmp_path: Path, changes: dict[str, object]) -> None:
    source = write_midi(tmp_path / "in.mid", bpm=240)
    played = track_notes(rendered(source, settings(response=changes)))["midigen"]
    assert len(played) == 2 * (7 if "max" in changes else len(MELODY))


def test_files_that_cannot_be_played_are_refused_by_name(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mid"
    broken.write_bytes(b"MThd\x00\x00\x00\x06\x00\x01")
    empty = write_midi(tmp_path / "empty.mid", pitches=())
    for path, reason in (
        (tmp_path / "missing.mid", "can't be read"),
        (broken, "the file breaks off in its header"),
        (empty, "no notes"),
    ):
        with pytest.raises(MidiFileError, match=reason) as caught:
            rendered(path, settings())
        assert path.name in str(caught.value)
        assert caught.value.exit_code == ExitCode.MIDI_FILE


def test_tracks_that_do_not_sound_together_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.mid"
    file = mido.MidiFile(write_midi(path))
    file.type = 2
    file.save(path)
    assert track_notes(rendered(path, settings()))["player"]  # a single one
    file.tracks.append(file.tracks[0])
    file.save(path)
    with pytest.raises(MidiFileError, match="its tracks are pieces of their own") as caught:
        rendered(path, settings())
    assert path.name in str(caught.value)


def test_clocks_which_no_file_may_have_are_left_out(tmp_path: Path) -> None:
    source = write_midi(tmp_path / "in.mid", pitches=(60,))
    expected = track_notes(rendered(source, settings()))
    source.write_bytes(one_track(b"\0\xf8\0\x90\x3c\x46\0\xfa\x83\x60\x90\x3c\0\0\xfc"))
    assert track_notes(rendered(source, settings())) == expected


def write_long(path: Path, seconds: float) -> Path:
    """A note, and a wheel that is turned long after; all at a tempo of 20 beats a minute."""
    file = mido.MidiFile(write_midi(path, bpm=20, pitches=(60,)), clip=True)
    ticks = round(seconds * 20 / 60 * 480) - 480
    file.tracks[0].append(mido.Message("control_change", control=1, value=127, time=ticks))
    file.save(path)
    return path


@pytest.mark.parametrize("mode", Mode)
def test_a_file_of_weeks_is_refused(tmp_path: Path, mode: Mode) -> None:
    path = write_long(tmp_path / "in.mid", 10 * 24 * 3600)
    with pytest.raises(MidiFileError, match="lasts over 8 hours, the most that is played: cut"):
        rendered(path, settings(mode=mode, clock={"send": True}))


def test_the_longest_file_is_played(tmp_path: Path) -> None:
    out = rendered(write_long(tmp_path / "in.mid", LONGEST_FILE), settings())
    assert mido.MidiFile(out).length == pytest.approx(LONGEST_FILE)
    assert track_notes(out)["midigen"]


@pytest.mark.parametrize(
    ("tempo", "signature", "bpm", "bar"),
    [
        (1, (255, 1), 120, 4),  # sixty million beats a minute, bars of 1020
        (0, (0, 4), 120, 4),
        (2**24 - 1, (17, 4), 120, 4),  # three and a half beats a minute
        (150_000, (16, 4), 400, 16),
        (3_000_000, (1, 2**255), 20, 4),
    ],
)
def test_a_tempo_or_bar_that_cannot_be_is_not_taken_over(
    tmp_path: Path, tempo: int, signature: tuple[int, int], bpm: float, bar: int
) -> None:
    numerator, denominator = signature
    source = write_midi(tmp_path / "in.mid")
    file = mido.MidiFile(source)
    file.tracks[0][:0] = [
        mido.MetaMessage("time_signature", numerator=numerator, denominator=denominator),
        mido.MetaMessage("set_tempo", tempo=tempo),
    ]
    file.save(source)
    out = mido.MidiFile(rendered(source, settings(mode=Mode.SOLO)))
    written = {message.type: message for message in out.tracks[0] if message.is_meta}
    assert mido.tempo2bpm(written["set_tempo"].tempo) == pytest.approx(bpm, abs=1e-3)
    assert written["time_signature"].numerator == bar


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    source = write_midi(tmp_path / "in.mid")
    with pytest.raises(MidiFileError, match="can't be written"):
        render_file(
            source,
            tmp_path / "no" / "out.mid",
            settings(),
            NextLetter(),
            np.random.default_rng(0),
        )


def test_a_damaged_file_is_played_with_a_line_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_midi(tmp_path / "in.mid")
    source.write_bytes(source.read_bytes()[:-6])
    assert main(["render", str(source), str(tmp_path / "out.mid")]) == ExitCode.OK
    assert capsys.readouterr().err == (
        f"midigen: {source}: the file is damaged (track 1 breaks off); the rest is used\n"
    )


@pytest.mark.parametrize("loose", ["a note", "a chord", "a pedal", "an early note"])
def test_what_never_ends_keeps_no_answer_from_coming(tmp_path: Path, loose: str) -> None:
    """Two phrases with a pause between: each is answered in it."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = file.add_track()
    if loose == "a pedal":
        track.append(mido.Message("control_change", control=64, value=127))
    for start, pitches in ((0, (60, 62, 64)), (6 * 960, (65, 67))):
        for place, pitch in enumerate(pitches):
            track.append(mido.Message("note_on", note=pitch, time=start if place == 0 else 0))
            is_loose = (loose == "a note" and place == len(pitches) - 1) or (
                loose == "an early note" and place == 0
            )
            if loose == "a chord" and place == len(pitches) - 1:
                track.append(mido.Message("note_on", note=pitch + 12, time=0))
                track.append(mido.Message("note_on", note=pitch + 16, time=0))
            end = mido.Message("note_off", note=126 if is_loose else pitch, time=480)
            track.append(end)
    source = tmp_path / "in.mid"
    file.save(source)
    out = rendered(source, settings(turn={"silence": 0.6}))
    onsets = [tick for tick, kind, _ in track_notes(out)["midigen"] if kind == "note_on"]
    second = (3 * 480 + 6 * 960) * 2  # of the phrases, in the ticks of the file that is written
    assert len([tick for tick in onsets if tick < second]) >= 3
    assert len([tick for tick in onsets if tick > second]) >= 2
