import os
import re
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midigen.errors import MidigenError
from midigen.live.recording import Recorder
from midigen.midi.messages import (
    ChannelMessage,
    Clock,
    Message,
    NoteOff,
    NoteOn,
    Seconds,
    SongPosition,
)
from midigen.midi.writer import RESOLUTION
from tests.recordings import Heard, read, tempos

HALF_A_TICK_AT_60 = 0.5 / RESOLUTION


# --- reading files, as others read them


def near(expected: Iterable[Heard], tolerance: Seconds = HALF_A_TICK_AT_60) -> list[Any]:
    return [(pytest.approx(time, abs=tolerance + 1e-9), message) for time, message in expected]


# --- a session


@dataclass
class Session:
    """A recorder under simulated time, and its lines. Its thread only works when it closes."""

    folder: Path
    now: Seconds = 0.0
    told: list[str] = field(default_factory=list)

    def record(self, **changes: Any) -> Recorder:
        options: dict[str, Any] = {"whole": True, "keep_minutes": 5, "bpm": 60.0, "bar": 4}
        options |= {"tell": self.told.append, "clock": lambda: self.now, "interval": 3600.0}
        recorder = Recorder(self.folder, **options | changes)
        recorder.prove()
        recorder.open(self.now)
        return recorder


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "recordings")


def tune(*pitches: int, start: Seconds = 0.0, length: Seconds = 0.5) -> list[Heard]:
    """Notes one after another."""
    events: list[Heard] = []
    for index, pitch in enumerate(pitches):
        time = start + index * length
        events += [(time, NoteOn(pitch, 80)), (time + length, NoteOff(pitch))]
    return events


def test_player_and_machine_are_two_tracks_under_a_conductor(session: Session) -> None:
    recorder = session.record(bpm=96, bar=3)
    call, answer = tune(60, 62, 64), tune(65, 67, start=1.6)
    for time, message in call:
        recorder.heard(message, time)
    for time, message in answer:
        recorder.played(message, time)
    (path,) = recorder.close(3.0)

    file = mido.MidiFile(path)
    assert (file.type, file.ticks_per_beat) == (1, 960)
    assert [track.name for track in file.tracks] == ["midigen session", "player", "midigen"]
    assert [message for message in file.tracks[0] if message.type != "track_name"] == [
        mido.MetaMessage("time_signature", numerator=3, denominator=4),
        mido.MetaMessage("set_tempo", tempo=625_000),
        mido.MetaMessage("end_of_track", time=4608),
    ]
    assert file.length == pytest.approx(3.0)
    assert read(path) == {
        "midigen session": [],
        "player": near(call),
        "midigen": near(answer),
    }
    assert session.told == []


def test_what_a_wheel_or_a_pedal_does_is_recorded_and_the_clock_is_not(session: Session) -> None:
    recorder = session.record()
    events: list[Heard] = [
        (0.0, ChannelMessage(0xC0, (5,), channel=3)),
        (0.1, ChannelMessage(0xB0, (64, 127))),
        (0.2, ChannelMessage(0xE0, (1, 64))),
        (0.3, ChannelMessage(0xD0, (9,), channel=16)),
    ]
    for time, message in events:
        recorder.heard(Clock.TICK, time)
        recorder.heard(SongPosition(3), time)
        recorder.heard(message, time)
    recorder.played(Clock.START, 0.5)
    (path,) = recorder.close(1.0)
    assert read(path) == {"midigen session": [], "player": near(events), "midigen": []}


def test_a_note_that_sounds_at_the_end_is_ended_there(session: Session) -> None:
    recorder = session.record()
    recorder.heard(NoteOn(60, 80, channel=2), 0.5)
    recorder.played(NoteOn(64, 80), 1.0)
    recorder.played(NoteOn(67, 80), 1.5)
    recorder.played(NoteOff(64), 2.0)
    (path,) = recorder.close(3.0)
    tracks = read(path)
    assert tracks["player"] == near([(0.5, NoteOn(60, 80, channel=2)), (3.0, NoteOff(60, 2))])
    assert tracks["midigen"] == near(
        [(1.0, NoteOn(64, 80)), (1.5, NoteOn(67, 80)), (2.0, NoteOff(64)), (3.0, NoteOff(67))]
    )


def test_a_change_of_tempo_leaves_every_note_on_its_beat(session: Session) -> None:
    """Four beats at 60, four at 120."""
    recorder = session.record(bpm=60)
    call = tune(60, 62, 64, 65, length=1.0) + tune(67, 69, 71, 72, start=4.0, length=0.5)
    for time, message in call[:8]:
        recorder.heard(message, time)
    recorder.tempo(120, 4.0)
    recorder.tempo(120, 4.5)
    for time, message in call[8:]:
        recorder.heard(message, time)
    (path,) = recorder.close(6.0)
    assert tempos(path) == [(0, 1_000_000), (3840, 500_000)]
    assert read(path)["player"] == near(call)
    ticks, tick = [], 0
    for message in mido.MidiFile(path).tracks[1]:
        tick += message.time
        if message.type == "note_on":
            ticks.append(tick)
    assert ticks == [beat * 960 for beat in range(8)]


def test_a_session_in_which_nothing_is_played_leaves_no_file(session: Session) -> None:
    recorder = session.record()
    recorder.tempo(90, 1.0)
    assert recorder.close(2.0) == []
    assert list(session.folder.iterdir()) == []


def test_the_name_of_a_file_is_when_it_began_and_never_another_ones(session: Session) -> None:
    paths = []
    for _ in range(3):
        recorder = session.record()
        recorder.heard(NoteOn(60, 80), 0.0)
        paths += recorder.close(1.0)
    assert sorted(paths) == sorted(session.folder.iterdir())
    assert len(set(paths)) == 3
    for path in paths:
        assert re.fullmatch(r"midigen-\d{4}-\d\d-\d\d-\d{6}(-[23])?\.mid", path.name)


# --- the last minutes


def kept(recorder: Recorder, at: Seconds) -> Path:
    """The file that a recorder keeps, closed right after it."""
    recorder.keep()
    *_, path = (path for path in recorder.close(at) if "last" in path.name)
    return path


def test_the_last_minutes_are_kept_without_a_recording(session: Session) -> None:
    recorder = session.record(whole=False, keep_minutes=2)
    assert not session.folder.exists()
    early, late = tune(60, 62, start=10.0), tune(64, 65, start=100.0)
    for time, message in early + late:
        recorder.heard(message, time)
        recorder.played(message, time)
    session.now = 150.0
    path = kept(recorder, 150.0)
    shifted = near([(time - 30.0, message) for time, message in late])
    assert read(path) == {"midigen session": [], "player": shifted, "midigen": shifted}
    assert mido.MidiFile(path).length == pytest.approx(120.0)
    assert re.fullmatch(r"midigen-\d{4}-\d\d-\d\d-\d{6}-last-2-min\.mid", path.name)
    assert list(session.folder.iterdir()) == [path]
    assert session.told == [f"kept as {path}"]


def test_all_of_a_short_session_is_kept_from_its_beginning(session: Session) -> None:
    session.now = 1000.0
    recorder = session.record(whole=False)
    call = tune(60, 62, start=1001.0)
    for time, message in call:
        recorder.heard(message, time)
    session.now = 1005.0
    path = kept(recorder, 1005.0)
    assert read(path)["player"] == near([(time - 1000.0, message) for time, message in call])


def test_a_note_that_began_before_the_kept_minutes_is_not_in_them(session: Session) -> None:
    recorder = session.record(whole=False, keep_minutes=1)
    for message, time in (
        (NoteOn(60, 80), 5.0),
        (NoteOff(60), 50.0),
        (NoteOff(62), 51.0),
        (NoteOn(60, 80), 52.0),
    ):
        recorder.played(message, time)
    session.now = 70.0
    assert read(kept(recorder, 70.0))["midigen"] == near(
        [(42.0, NoteOn(60, 80)), (60.0, NoteOff(60))]
    )


def test_the_kept_minutes_begin_at_the_tempo_that_held_then(session: Session) -> None:
    recorder = session.record(whole=False, keep_minutes=1, bpm=60)
    call = tune(60, 62, 64, start=90.0, length=1.5)
    recorder.tempo(100, 10.0)
    recorder.tempo(120, 20.0)
    for time, message in call[:1]:
        recorder.heard(message, time)
    recorder.tempo(240, 91.0)
    for time, message in call[1:]:
        recorder.heard(message, time)
    session.now = 100.0
    path = kept(recorder, 100.0)
    assert tempos(path) == [(0, 500_000), (51 * 2 * 960, 250_000)]
    assert read(path)["player"] == near([(time - 40.0, message) for time, message in call])


def test_one_can_keep_as_often_as_one_likes_and_record_too(session: Session) -> None:
    recorder = session.record(keep_minutes=1)
    call = tune(60)
    for time, message in call:
        recorder.heard(message, time)
    session.now = 2.0
    recorder.keep()
    recorder.keep()
    paths = recorder.close(3.0)
    assert len(paths) == 3
    assert sorted(session.folder.iterdir()) == sorted(paths)
    for path in paths:
        assert read(path)["player"] == near(call)


def test_nothing_is_kept_of_minutes_in_which_nothing_was_played(session: Session) -> None:
    recorder = session.record(whole=False, keep_minutes=1)
    recorder.heard(NoteOn(60, 80), 0.0)
    recorder.heard(NoteOff(60), 1.0)
    session.now = 62.0
    recorder.keep()
    assert recorder.close(63.0) == []
    assert session.told == ["nothing was played in the last 1 min"]
    assert not session.folder.exists()


def test_ten_dense_minutes_take_less_than_a_mebibyte(tmp_path: Path) -> None:
    """Sixteen notes a second by the player and by the machine, and a tempo that keeps changing."""
    session = Session(tmp_path)
    recorder = session.record(keep_minutes=10)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(16 * 600):
        time = number / 16
        for pitch in (60 + number % 12, 72 - number % 12):
            recorder.heard(NoteOn(pitch, 80), time)
            recorder.heard(NoteOff(pitch), time + 0.05)
        recorder._catch_up()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 2**20
    recorder.close(600.0)


# --- a folder that can't be written


@pytest.mark.parametrize("below", ["file", "file/recordings"])
def test_a_folder_that_cannot_be_is_refused_with_the_reason(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MidigenError) as caught:
        Session(tmp_path / below).record()
    reason = "File exists" if below == "file" else "Not a directory"
    assert str(caught.value) == (
        f"{tmp_path / below}: can't be written: {reason}; choose another folder with record.path"
    )


def test_opening_leaves_nothing_in_the_folder(session: Session) -> None:
    recorder = session.record()
    assert list(session.folder.iterdir()) == []
    recorder.close(0.0)


def test_what_cannot_be_written_is_told_once_and_written_when_it_can(session: Session) -> None:
    recorder = session.record()
    recorder.heard(NoteOn(60, 80), 0.0)
    recorder.keep()
    recorder._catch_up()
    session.folder.rmdir()
    session.folder.touch()
    for now in (1.0, 2.0):
        recorder._write(now)
    assert session.told == [f"{session.folder}: can't be written: File exists; trying every second"]
    session.folder.unlink()
    recorder._write(3.0)
    recorder.heard(NoteOff(60), 3.5)
    copy, whole = recorder.close(4.0)
    assert session.told[1:] == [
        f"kept as {copy}",
        f"{session.folder}: can be written again, and nothing is lost",
    ]
    assert read(whole)["player"] == near([(0.0, NoteOn(60, 80)), (3.5, NoteOff(60))])


def test_a_full_disk_costs_neither_the_former_file_nor_the_performance(session: Session) -> None:
    """A limit on the size of files acts like a full disk."""
    resource = pytest.importorskip("resource")
    recorder = session.record()
    recorder.heard(NoteOn(60, 80), 0.0)
    recorder._catch_up()
    recorder._write(1.0)
    (path,) = session.folder.iterdir()
    former = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(former), limits[1]))
    try:
        recorder.heard(NoteOn(62, 80), 1.0)
        assert recorder.close(2.0) == [path]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(session.folder.iterdir()) == [path]
    assert path.read_bytes() == former
    assert session.told == [
        f"{session.folder}: can't be written: File too large; trying every second",
        f"{session.folder}: the end of the recording is lost",
    ]


def test_a_recorder_that_never_opened_can_be_closed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, whole=True, keep_minutes=5, bpm=120, bar=4, tell=pytest.fail)
    assert recorder.close(1.0) == []


# --- whatever is played

PITCHES = st.integers(0, 127)
CHANNELS = st.integers(1, 16)
MESSAGES = st.one_of(
    st.builds(NoteOn, PITCHES, st.integers(1, 127), CHANNELS),
    st.builds(NoteOff, PITCHES, CHANNELS),
    st.builds(
        ChannelMessage, st.sampled_from([0xA0, 0xB0, 0xE0]), st.tuples(PITCHES, PITCHES), CHANNELS
    ),
    st.builds(ChannelMessage, st.sampled_from([0xC0, 0xD0]), st.tuples(PITCHES), CHANNELS),
)
STEPS = st.lists(
    st.tuples(
        st.floats(0.0, 3.0) | st.floats(0.0, 1e5),  # seconds since the step before
        st.sampled_from([1, 2]) | st.floats(20.0, 400.0),  # a track, or a tempo
        MESSAGES,
    ),
    max_size=60,
)


def note(message: Message) -> tuple[int, int] | None:
    return (message.channel, message.pitch) if isinstance(message, NoteOn | NoteOff) else None


def since(events: list[Heard], start: Seconds) -> list[Heard]:
    """The content of a file that begins later: no note-offs of notes that began before."""
    found: list[Heard] = []
    sounding: Counter[Any] = Counter()
    for time, message in events:
        if time < start or (isinstance(message, NoteOff) and not sounding[note(message)]):
            continue
        if note(message):
            sounding[note(message)] += 1 if isinstance(message, NoteOn) else -1
        found.append((time - start, message))
    return found


def endings(events: list[Heard]) -> list[Message]:
    """The note-offs of everything that still sounds after these events."""
    sounding: Counter[tuple[int, int]] = Counter()
    for _, message in events:
        if isinstance(message, NoteOn):
            sounding[message.channel, message.pitch] += 1
        elif isinstance(message, NoteOff):
            sounding[message.channel, message.pitch] -= sounding[message.channel, message.pitch] > 0
    return [NoteOff(pitch, channel) for channel, pitch in sounding.elements()]


def assert_found(found: list[Heard], events: list[Heard], end: Seconds, near_by: Seconds) -> None:
    """The events, each at its time, and then the note-offs of everything that still sounds."""
    assert found[: len(events)] == near(events, near_by)
    ends = found[len(events) :]
    assert [time for time, _ in ends] == [pytest.approx(end, abs=near_by)] * len(ends)
    assert Counter(message for _, message in ends) == Counter(endings(events))


@given(st.floats(-1e6, 1e6), st.floats(20.0, 400.0), STEPS, st.sampled_from([1, 60]))
def test_a_reader_of_the_files_finds_every_message_at_its_time(
    tmp_path_factory: pytest.TempPathFactory,
    start: Seconds,
    bpm: float,
    steps: list[Any],
    minutes: int,
) -> None:
    """To half a tick of the tempo in force, or of the former where it has just changed."""
    session = Session(tmp_path_factory.mktemp("any"), now=start)
    recorder = session.record(bpm=bpm, keep_minutes=minutes)
    slowest = bpm
    player: list[Heard] = []
    machine: list[Heard] = []
    for step, what, message in steps:
        session.now += step
        if isinstance(what, float):
            recorder.tempo(what, session.now)
            slowest = min(slowest, what)
        else:
            put, events = [(recorder.heard, player), (recorder.played, machine)][what - 1]
            put(message, session.now)
            events.append((session.now, message))
    recorder.keep()
    paths = recorder.close(session.now)
    half_a_tick = 0.5 * 60 / slowest / RESOLUTION + 1e-6
    for path in paths:
        tracks = read(path)
        assert list(tracks) == ["midigen session", "player", "midigen"]
        if "last" in path.name:
            begin = max(start, session.now - minutes * 60)
            ways = [since(player, begin), since(machine, begin)]
        else:
            begin = start
            ways = [
                [(time - start, message) for time, message in each] for each in (player, machine)
            ]
        for found, events in zip((tracks["player"], tracks["midigen"]), ways, strict=True):
            assert_found(found, events, session.now - begin, half_a_tick)
    assert bool(paths) == bool(player or machine)


# --- a power cut

PLAYS_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from midigen.midi.messages import NoteOff, NoteOn
from midigen.live.recording import Recorder

recorder = Recorder(Path(sys.argv[1]), whole=True, keep_minutes=5, bpm=120, bar=4, tell=print)
start = time.perf_counter()
recorder.prove()
recorder.open(start)
for number in range(100_000):
    now = time.perf_counter()
    recorder.heard(NoteOn(60 + number % 12, 80), now)
    recorder.played(NoteOff(60 + (number - 1) % 12), now)
    print(number, now - start, flush=True)
    time.sleep(0.002)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_process_that_is_killed_leaves_a_whole_file_up_to_its_last_second(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", PLAYS_UNTIL_KILLED, str(tmp_path)]
    times: list[Seconds] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            times.append(float(line.split()[1]))
            if times[-1] > 2.5:
                process.send_signal(signal.SIGKILL)
                break
        times += [float(line.split()[1]) for line in process.stdout if line.endswith("\n")]
    (path,) = (path for path in tmp_path.iterdir() if path.suffix == ".mid")
    heard = [event for event in read(path)["player"] if isinstance(event[1], NoteOn)]
    recorded = [(time, NoteOn(60 + number % 12, 80)) for number, time in enumerate(times)]
    assert heard == near(recorded[: len(heard)])
    assert heard[-1][0] > times[-1] - 1.5
