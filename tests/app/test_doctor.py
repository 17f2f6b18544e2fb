"""What `doctor` finds, in the situations that give each verdict."""

import contextlib
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from midigen.app import doctor, findings
from midigen.app.cli import new_parser
from midigen.app.doctor import (
    LIMIT,
    examine_jack,
    examine_model,
    examine_models,
    examine_named_ports,
    examine_osc,
    examine_own_ports,
    examine_priority,
    examine_recording,
    examine_round_trip,
    examine_sequencer,
    examine_system,
)
from midigen.app.findings import Finding, Verdict, measure_round_trip, measure_waking
from midigen.errors import ConfigError, ExitCode, NoMidiSystemError
from midigen.live import midi_system, realtime
from midigen.live.midi_system import Listing, find_api
from midigen.live.port_names import ports_of
from midigen.live.ports import MidiPorts
from midigen.settings.choices import Api
from midigen.settings.sections import Osc, Ports, Record, Scene
from midigen.settings.table import Settings
from tests.jack import TIMEOUT, Hand, JackServer
from tests.players import settings
from tests.system import needs

GOOD, DOUBTFUL, FAILS, PASSED_OVER = Verdict
NOBODY = 65534
SYS_NICE = 23  # the Linux capability to take any priority


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients look for a JACK server that doesn't exist."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", f"midigen-none-{os.getpid()}")


@pytest.fixture
def long_period(jack: JackServer) -> Iterator[None]:
    """A period of 1024 frames, 21.3 ms."""
    del jack
    program = needs("jack_bufsize")
    for frames in ("1024", "64"):
        subprocess.run([program, frames], check=True, capture_output=True, timeout=TIMEOUT)
        if frames == "1024":
            yield


@contextlib.contextmanager
def ordinary_user() -> Iterator[None]:
    """Drop the rights of root meanwhile, if the tests run as root."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)


def run_doctor(*arguments: str) -> ExitCode:
    options = new_parser("doctor").parse_args(["doctor", *arguments])
    code: ExitCode = options.run(options)
    return code


# --- the command


@pytest.fixture
def _brief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short measurements, and a folder without config.toml, here and for the user."""
    monkeypatch.setattr(doctor, "NOTES", 20)
    monkeypatch.setattr(findings, "WAKES", 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_config_path", lambda _: tmp_path / "none")


def lines(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """The verdict and the text of each line that was printed."""
    shown = capsys.readouterr()
    assert shown.err == ""
    found = [(line[:11].rstrip(), line[13:]) for line in shown.out.splitlines()]
    assert {verdict for verdict, _ in found} <= {*Verdict}
    return found


def assert_in_order(found: list[tuple[str, str]], *words: str) -> None:
    """Assert that there is one line for each of these words, which contains it."""
    assert len(found) == len(words), found
    for (_, text), word in zip(found, words, strict=True):
        assert word in text


@pytest.mark.usefixtures("_brief", "long_period")
def test_everything_for_jack_is_checked_and_a_doubt_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = Hand()
    keys.open_virtual("Keys")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    try:
        code = run_doctor(
            *("--ports", "jack", "--model", "notebook", "--input", "Keys"),
            *("--set", f"record.path={tmp_path}", "--set", f"osc.port={free}"),
        )
    finally:
        keys.close()
    found = lines(capsys)
    assert_in_order(
        found,
        "MIDI: jack is used; inputs: 1, outputs: 0",
        "JACK: its server runs, with a period of 21.3 ms",
        '"midigen-in:midigen in" and "midigen-out:midigen out" can be opened',
        '--input "Keys" is "hand:Keys"',
        "real-time priority: ",
        "model notebook: a prediction takes ",
        f"recordings: {tmp_path} can be written",
        f"OSC: 127.0.0.1:{free} is free",
        "latency: a note to midigen and its answer take ",
        "this machine wakes up ",
    )
    assert [verdict for verdict, _ in found[:4]] == [GOOD, DOUBTFUL, GOOD, GOOD]
    assert code == ExitCode.OK


@pytest.mark.usefixtures("_brief", "no_server")
def test_without_a_server_the_rest_is_checked_and_the_first_failure_gives_the_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run_doctor("--ports", "jack", "--model", "gone", "--set", "record.path=/dev/null/x")
    found = lines(capsys)
    assert_in_order(
        found,
        "jack: its server isn't running",
        "JACK: its server isn't running -> start it",
        "ports: there is no MIDI system",
        "real-time priority: ",
        "no model 'gone'",
        "/dev/null/x: can't be written",
        "latency: not measured, there are no MIDI ports",
        "this machine wakes up ",
    )
    for number, verdict in {0: FAILS, 1: FAILS, 2: PASSED_OVER, 4: FAILS, 6: PASSED_OVER}.items():
        assert found[number][0] == verdict
    assert code == ExitCode.NO_MIDI_SYSTEM


@pytest.mark.usefixtures("_brief", "no_server")
def test_the_terminal_needs_no_midi(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--ports", "terminal", "--model")
    assert run_doctor(*arguments, "notebook") == ExitCode.OK
    found = lines(capsys)
    assert_in_order(found, "the terminal is the port", "priority", "model", "wakes up")
    assert found[0][0] == PASSED_OVER
    assert run_doctor(*arguments, "gone") == ExitCode.MODEL


@pytest.mark.usefixtures("_brief")
def test_a_configuration_that_cannot_be_read_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ConfigError, match=r"tempo\.bpm"):
        run_doctor("--set", "tempo.bpm=0")
    assert capsys.readouterr().out == ""


# --- the MIDI system


@pytest.mark.usefixtures("no_server")
def test_without_the_midi_library_there_is_no_midi_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rtmidi", None)
    finding, listing = examine_system(Api.AUTO)
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.NO_MIDI_SYSTEM)
    assert listing is None


def test_the_sequencer_is_there_and_may_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "seq"
    path.touch()
    assert examine_sequencer(path, Api.ALSA).verdict is GOOD


def test_a_sequencer_that_this_user_may_not_open(tmp_path: Path) -> None:
    path = tmp_path / "seq"
    path.touch(mode=0o000)
    with ordinary_user():
        finding = examine_sequencer(path, None)
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.NO_MIDI_SYSTEM)
    assert "may not open" in finding.text
    assert "usermod -aG audio" in finding.remedy


@pytest.mark.usefixtures("no_server")
def test_run_and_doctor_say_the_same_of_a_sequencer_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "seq"
    path.touch(mode=0o000)
    monkeypatch.setattr(midi_system, "SEQUENCER", path)
    with ordinary_user():
        remedy = examine_sequencer(path, None).remedy
        with pytest.raises(NoMidiSystemError) as caught:
            find_api(Api.AUTO)
        assert remedy in str(caught.value)
        assert f"this user may not open the sequencer {path}" in str(caught.value)


def test_a_missing_sequencer_is_only_doubtful_where_another_system_is_used(tmp_path: Path) -> None:
    finding = examine_sequencer(tmp_path / "seq", None)
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.NO_MIDI_SYSTEM)
    assert "modprobe snd-seq" in finding.remedy
    finding = examine_sequencer(tmp_path / "seq", Api.JACK)
    assert (finding.verdict, finding.code) == (DOUBTFUL, ExitCode.OK)
    assert "so jack is used" in finding.text


@pytest.mark.usefixtures("jack")
def test_a_short_period_is_good() -> None:
    finding, listing = examine_system(Api.JACK)
    assert finding.verdict is GOOD
    assert listing
    finding = examine_jack(running=True)
    assert finding == Finding(GOOD, "JACK: its server runs, with a period of 1.3 ms")


# --- the ports


@pytest.mark.usefixtures("jack")
def test_a_running_midigen_is_found() -> None:
    ports = Ports()
    other = MidiPorts(Api.JACK, ports, hears_clock=False)
    other.open(lambda _: None)
    try:
        finding = examine_own_ports(Api.JACK, ports)
    finally:
        other.close()
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.PORT)
    assert '"midigen-in:midigen in" exists already' in finding.text
    assert examine_own_ports(Api.JACK, ports).verdict is GOOD


def test_windows_needs_named_ports() -> None:
    finding = examine_own_ports(Api.WINMM, Ports(input=("Keys",)))
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.PORT)
    assert "loopMIDI" in finding.remedy
    both = Ports(input=("Keys",), output=("loopMIDI",))
    assert examine_own_ports(Api.WINMM, both).verdict is PASSED_OVER
    assert examine_round_trip(Api.WINMM).verdict is PASSED_OVER


@pytest.mark.usefixtures("jack")
def test_named_ports_exist_or_not() -> None:
    keys = Hand()
    keys.open_virtual("Keys")
    try:
        _, listing = examine_system(Api.JACK)
    finally:
        keys.close()
    assert listing
    found = [*examine_named_ports(listing, Ports(input=("keys", "Organ"), output=("Keys",)))]
    assert [(each.verdict, each.code) for each in found] == [
        (GOOD, ExitCode.OK),
        (FAILS, ExitCode.PORT),
        (FAILS, ExitCode.PORT),
    ]
    assert found[0].text == '--input "keys" is "hand:Keys"'
    assert 'no port "Organ"; there are: "hand:Keys"' in found[1].text
    assert "--output" in found[2].remedy


def test_with_wait_a_port_may_be_missing_but_not_ambiguous() -> None:
    listing = Listing(Api.JACK, tuple(ports_of(Api.JACK, ["one:Keys", "two:Keys"])))
    found = [*examine_named_ports(listing, Ports(input=("Organ", "Keys")), waits=True)]
    assert [(each.verdict, each.code) for each in found] == [
        (DOUBTFUL, ExitCode.OK),
        (FAILS, ExitCode.PORT),
    ]
    assert found[0].text.endswith("; midigen waits for it")
    assert "plugged in" in found[0].remedy
    assert not found[1].remedy  # the error itself says to give more of the name, or a number


def test_ports_of_the_same_name_are_numbered_as_by_run() -> None:
    listed = ["K:K MIDI 1 20:0", "K:K MIDI 1 24:0"]
    listing = Listing(Api.ALSA, tuple(ports_of(Api.ALSA, listed)))
    found = [*examine_named_ports(listing, Ports(input=("K", "K #2", "24:0")))]
    assert [each.verdict for each in found] == [FAILS, GOOD, GOOD]
    assert '"K:K MIDI 1 #1", "K:K MIDI 1 #2"' in found[0].text
    assert found[1].text == '--input "K #2" is "K:K MIDI 1 #2"'


def test_without_named_ports_there_is_nothing_to_find() -> None:
    assert not [
        *examine_named_ports(Listing(Api.JACK, tuple(ports_of(Api.JACK, ["a:b"]))), Ports())
    ]


# --- this process


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked for real-time priority")
def test_priority_that_is_refused_is_doubtful() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_RTPRIO)
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, hard))
    try:
        with ordinary_user():
            finding = examine_priority()
    finally:
        resource.setrlimit(resource.RLIMIT_RTPRIO, (soft, hard))
    assert (finding.verdict, finding.code) == (DOUBTFUL, ExitCode.OK)
    assert f'"@audio - rtprio {LIMIT}"' in finding.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked for real-time priority")
def test_priority_is_only_given_to_a_thread_of_its_own() -> None:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (rights,) = (line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    limit, _ = resource.getrlimit(resource.RLIMIT_RTPRIO)
    if not int(rights, 16) >> SYS_NICE & 1 and limit < realtime.PRIORITY:
        pytest.skip("neither a right of this process nor its limit allows real-time priority")
    before = os.sched_getscheduler(0)
    assert examine_priority() == Finding(GOOD, "real-time priority: allowed")
    assert os.sched_getscheduler(0) == before


def test_models_of_scenes_are_loaded_each_once() -> None:
    scenes = tuple(
        Scene(name=name, model=model)
        for name, model in (("a", "notebook"), ("b", "gone"), ("c", "gone"), ("d", ""))
    )
    found = [*examine_models(settings(model="notebook", scene=scenes))]
    assert len(found) == 2
    assert found[0].text.startswith("model notebook: a prediction takes ")
    assert (found[1].verdict, found[1].code) == (FAILS, ExitCode.MODEL)
    assert found[1].text.startswith("scene b: no model 'gone'")


def test_a_damaged_model_will_not_work(tmp_path: Path) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(b"\x08\x07 not a model")
    finding = examine_model(str(path))
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.MODEL)
    assert str(path) in finding.text


def test_the_folder_of_recordings_is_made_if_possible(tmp_path: Path) -> None:
    def examine(folder: Path) -> Finding:
        return examine_recording(Settings(record=Record(path=str(folder))))

    assert examine(tmp_path / "takes").verdict is GOOD
    assert not [*(tmp_path / "takes").iterdir()]
    file = tmp_path / "file"
    file.touch()
    finding = examine(file)
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.FAILURE)
    assert f"{file}: can't be written" in finding.text
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with ordinary_user():
        assert examine(closed).verdict is FAILS


def test_a_taken_osc_port_will_not_work() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        osc = Osc(port=other.getsockname()[1])
        finding = examine_osc(osc)
    assert (finding.verdict, finding.code) == (FAILS, ExitCode.PORT)
    assert examine_osc(osc).verdict is GOOD


# --- how fast this machine is


@pytest.mark.usefixtures("jack")
def test_notes_come_back_over_the_real_midi_system() -> None:
    times = measure_round_trip(Api.JACK, 10)
    assert len(times) == 10
    assert min(times) > 0
    assert len({*times}) > 1


@pytest.mark.usefixtures("jack")
def test_a_second_doctor_cannot_measure_meanwhile() -> None:
    other = MidiPorts(Api.JACK, findings._ECHO, hears_clock=False)
    other.open(lambda _: None)
    try:
        finding = examine_round_trip(Api.JACK)
    finally:
        other.close()
    assert (finding.verdict, finding.code) == (DOUBTFUL, ExitCode.OK)
    assert "can't be measured" in finding.text


def test_waking_is_never_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "WAKES", 10)
    late = measure_waking()
    assert len(late) == 10
    assert min(late) >= 0
