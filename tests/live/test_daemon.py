"""The daemon with its real threads, on a connection in memory."""

import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

import pytest

from midigen.errors import ExitCode, MidigenError, PortError
from midigen.instrument.events import Cue, Event, Output
from midigen.live.connection import Arrival, Enqueue, Quit
from midigen.live.daemon import STOOD_STILL, Daemon
from midigen.live.worker import RESPITE
from midigen.midi.messages import ChannelMessage, Message, NoteOff, NoteOn
from midigen.music.melody import CHORD
from midigen.prediction.mixture import Probabilities
from midigen.prediction.window import Degrees
from midigen.settings.choices import Mode
from midigen.settings.controls import Control
from midigen.settings.table import Settings
from tests.loop import DUET, Loop, Script, run
from tests.players import ROOT, NextLetter, performer, settings

FAST_SOLO = settings(mode=Mode.SOLO, tempo={"bpm": 400.0}, rhythm={"subdivision": 8})


def answer(loop: Loop, _: Daemon) -> None:
    """Strike a key and wait for its answer."""
    loop.play(NoteOn(60, 80))
    loop.wait_for(NoteOn(62, 80))


def test_a_note_is_answered_and_the_end_ends_it() -> None:
    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        loop.play(Quit())

    loop = run(DUET, script)
    assert loop.sent == [NoteOn(62, 80), NoteOff(62)]
    assert loop.calls == ["open", "close"]


def test_solo_keeps_to_the_grid_with_real_threads() -> None:
    def script(loop: Loop, daemon: Daemon) -> None:
        loop.play(NoteOn(60, 80))
        with loop.sent_one:
            assert loop.sent_one.wait_for(lambda: len(loop.sent) > 200, timeout=20)
        daemon.stop()

    loop = run(FAST_SOLO, script)
    assert not loop.hangs()
    onsets = [t for t, o in zip(loop.times, loop.sent, strict=True) if isinstance(o, NoteOn)]
    step = 60 / 400 / 8
    # Load makes a note late and never early, and the next one isn't later for it: the earliest
    # of any few is on the grid that the earliest of all gives.
    after = [(onset - onsets[0]) % step for onset in onsets]
    start = min(after, key=lambda place: sum((other - place) % step for other in after))
    late = [(place - start) % step for place in after]
    assert statistics.median(late) < step / 4


def test_no_prediction_disturbs_a_note_on_its_way_out() -> None:
    predicted: list[float] = []

    class Stamping(NextLetter):
        def predict(self, windows: Degrees) -> Probabilities:
            predicted.append(time.perf_counter())
            return super().predict(windows)

    def script(loop: Loop, daemon: Daemon) -> None:
        for count in range(1, 11):
            loop.play(NoteOn(60 + count % 2, 80))
            while len(predicted) <= count:
                time.sleep(0.001)
            loop.play(NoteOff(60 + count % 2))
        daemon.stop()

    loop = run(DUET, script, predictor=Stamping())
    answered = [at for at, o in zip(loop.times, loop.sent, strict=True) if isinstance(o, NoteOn)]
    assert len(answered) == 10
    for sent, begun in zip(answered, predicted[1:], strict=True):
        assert begun >= sent + RESPITE


def test_notices_reach_the_player_on_the_main_thread() -> None:
    said: list[tuple[str, str]] = []
    loop = Loop()

    def tell(line: str) -> None:
        said.append((line, threading.current_thread().name))
        daemon.stop()

    daemon = Daemon(performer(FAST_SOLO, 2), loop, tell)
    daemon.run()
    assert said == [("listening: 2 more notes before the model can answer", "MainThread")]


def test_an_exception_in_the_worker_ends_it_with_nothing_sounding() -> None:
    def fail(_: object) -> list[Event]:
        raise ZeroDivisionError

    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        loop.enqueue(Arrival(time.perf_counter(), fail, None))

    loop = Loop()
    with pytest.raises(ZeroDivisionError):
        run(DUET, script, loop)
    assert loop.sent == [NoteOn(62, 80), NoteOff(62)]
    assert loop.calls == ["open", "close"]


def test_an_error_of_one_send_does_not_swallow_the_note_offs_after_it() -> None:
    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        loop.breaks_on = NoteOff(60)
        daemon.stop()

    loop = Loop()
    with pytest.raises(PortError, match="broken"):
        run(settings(mode=Mode.DUET, thru=True), script, loop)
    assert loop.sent == [NoteOn(60, 80), NoteOn(62, 80), NoteOff(62)]


def test_a_lost_port_is_an_error_and_everything_is_flushed() -> None:
    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        loop.gone = True

    loop = Loop()
    with pytest.raises(PortError, match="gone"):
        run(DUET, script, loop)
    assert loop.sent == [NoteOn(62, 80), NoteOff(62)]
    assert loop.calls == ["open", "close"]


def test_ports_that_do_not_open_are_an_error_at_once() -> None:
    class Shut(Loop):
        def open(self, _: Enqueue) -> None:
            raise PortError("shut")

    with pytest.raises(PortError, match="shut"):
        Daemon(performer(DUET), Shut(), lambda _: None).run()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_stop_it_and_the_former_handlers_come_back(name: str) -> None:
    number = signal.Signals[name]
    former = signal.getsignal(number)

    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        os.kill(os.getpid(), number)

    assert run(DUET, script).sent == [NoteOn(62, 80), NoteOff(62)]
    assert signal.getsignal(number) is former


def test_two_different_signals_are_a_normal_end() -> None:
    """systemd, and a terminal that closes, send these signals together."""

    def started() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)

    loop = Loop()
    Daemon(performer(DUET), loop, lambda _: None).run(started)
    assert loop.calls == ["open", "close"]


STUCK = """
import os, signal, threading, time
import numpy as np
from midigen.live.daemon import Daemon
from midigen.live.connection import Arrival
from midigen.midi.messages import NoteOn
from midigen.instrument.performer import Performer
from tests.players import NextLetter
from tests.loop import DUET, Loop

class Printing(Loop):
    def send(self, output):
        print(output, flush=True)
        return super().send(output)
    def close(self):
        print("closed", flush=True)

def stuck():
    threading.Event().wait()

def interrupted(_):
    os.kill(os.getpid(), signal.SIGINT)
    while not daemon._worker.is_stopping:  # two signals at once would count as one
        threading.Event().wait(0.01)
    BETWEEN
    os.kill(os.getpid(), signal.SIGINT)
    stuck()

class Predictor(NextLetter):
    def predict(self, windows):
        if PREDICTOR_IS_STUCK:
            stuck()
        return super().predict(windows)

def script():
    loop.play(NoteOn(60, 80))
    if PREDICTOR_IS_STUCK:
        loop.wait_for(NoteOn(60, 80))
        os.kill(os.getpid(), signal.SIGINT)
    elif SENDING_IS_STUCK:
        loop.wait_for(NoteOn(62, 80))
        interrupted(None)
    else:
        loop.wait_for(NoteOn(62, 80))
        loop.enqueue(Arrival(time.perf_counter(), interrupted, None))

loop = Printing()
if SENDING_IS_STUCK:
    loop.hangs_on = NoteOn(62, 80)
released = []
performer = Performer(SETTINGS, Predictor(), np.random.default_rng(0))
daemon = Daemon(performer, loop, print, release=lambda: released.append(True))
daemon.run(threading.Thread(target=script).start)
"""


def run_stuck(
    settings: str, *, predictor: bool = False, sending: bool = False, between: str = "pass"
) -> subprocess.CompletedProcess[str]:
    program = STUCK.replace("PREDICTOR_IS_STUCK", str(predictor)).replace("SETTINGS", settings)
    program = program.replace("SENDING_IS_STUCK", str(sending)).replace("BETWEEN", between)
    return run_program(program)


def run_program(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


CLOSING = """
import os, signal, threading
import numpy as np
from midigen.live.daemon import Daemon
from midigen.instrument.performer import Performer
from tests.players import NextLetter
from tests.loop import DUET, Loop

class Closing(Loop):
    closings = 0
    def close(self):
        print("closing", flush=True)
        self.closings += 1
        if self.closings == 1:
            os.kill(os.getpid(), signal.SIGINT)
        if HANGS:
            threading.Event().wait()
        print("closed", flush=True)

daemon = Daemon(Performer(DUET, NextLetter(), np.random.default_rng(0)), Closing(), print)
daemon.run(lambda: os.kill(os.getpid(), signal.SIGINT))
"""


@pytest.mark.parametrize("hangs", [False, True])
def test_a_second_ctrl_c_while_it_closes_closes_nothing_twice(hangs: bool) -> None:
    """Closing ports twice at once crashes the process: forcing waits for it, unless it hangs."""
    result = run_program(CLOSING.replace("HANGS", str(hangs)))
    assert (result.returncode, result.stdout.split()) == (
        (ExitCode.FORCED, ["closing"]) if hangs else (ExitCode.OK, ["closing", "closed"])
    ), result.stderr


def test_ctrl_c_counts_whatever_came_between() -> None:
    """The session's end may come in between."""
    between = """os.kill(os.getpid(), signal.SIGTERM)
    while len(released) < 2:
        threading.Event().wait(0.01)"""
    result = run_stuck("DUET", between=between)
    assert result.returncode == ExitCode.FORCED, result.stderr


def test_a_second_ctrl_c_ends_a_stuck_daemon_after_the_flush() -> None:
    """The worker never comes back, but the note that sounds gets its note-off."""
    result = run_stuck("DUET")
    assert result.returncode == ExitCode.FORCED, result.stderr
    assert result.stdout.splitlines() == [str(NoteOn(62, 80)), str(NoteOff(62)), "closed"]


def test_a_second_ctrl_c_ends_a_daemon_whose_send_never_returns() -> None:
    """The worker holds the lock that sending the note-off needs."""
    result = run_stuck("DUET", sending=True)
    assert result.returncode == ExitCode.FORCED, result.stderr
    assert result.stdout.splitlines()[0] == str(NoteOn(62, 80))


def test_a_predictor_that_never_returns_holds_nothing_up() -> None:
    """Notes go on through thru, and the first Ctrl-C ends it normally."""
    result = run_stuck("DUET.changed('thru', True)", predictor=True)
    assert (result.returncode, result.stderr) == (ExitCode.OK, "")
    assert result.stdout.splitlines() == [str(NoteOn(60, 80)), str(NoteOff(60)), "closed"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
def test_started_by_nohup_it_outlives_its_terminal() -> None:
    def script(loop: Loop, daemon: Daemon) -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        answer(loop, daemon)
        loop.play(Quit())

    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        loop = run(DUET, script)
    finally:
        signal.signal(signal.SIGHUP, former)
    assert loop.sent == [NoteOn(62, 80), NoteOff(62)]


class Watching:
    """An `Observer` that keeps all it is told."""

    def __init__(self) -> None:
        self.what: list[tuple[object, ...]] = []

    def open(self, now: float) -> None:
        self.what.append(("open", now))

    def heard(self, message: Message, time: float) -> None:
        self.what.append(("heard", message, time))

    def played(self, message: Message, time: float) -> None:
        self.what.append(("played", message, time))

    def tempo(self, bpm: float, time: float) -> None:
        self.what.append(("tempo", bpm, time))

    def keep(self) -> None:
        self.what.append(("keep",))


def test_what_did_not_go_out_was_not_played() -> None:
    class Deaf(Loop):
        def send(self, output: Output) -> bool:
            super().send(output)
            return False

    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        loop.play(Quit())

    loop = Deaf()
    observer = Watching()
    daemon = Daemon(performer(DUET), loop, lambda _: None, [observer])
    daemon.run(threading.Thread(target=script, args=(loop, daemon)).start)
    assert loop.sent == [NoteOn(62, 80), NoteOff(62)]
    assert [what for what, *_ in observer.what] == ["open", "heard"]
    assert daemon.status is not None
    assert (daemon.status.notes_in, daemon.status.notes_out) == (1, 0)


def test_the_last_status_has_the_last_note() -> None:
    """Even if there was no rest between the note and the end."""
    loop = Loop()
    daemon = Daemon(performer(DUET), loop, lambda _: None)
    both: list[Cue | Quit] = [NoteOn(60, 80), Quit()]
    daemon.run(lambda: loop.enqueue(Arrival(time.perf_counter(), lambda _: both, None)))
    assert daemon.status is not None
    assert daemon.status.notes_in == 1


def observed(chosen: Settings, loop: Loop, script: Script) -> list[tuple[object, ...]]:
    """What an observer is told, without the times."""
    observer = Watching()
    run(chosen, script, loop, observers=[observer])
    return [each[:2] for each in observer.what[1:]]


def test_what_thru_passes_on_is_the_players_alone() -> None:
    """Even if an answer has the pitch of a key that is down, and sounds until that key is up."""

    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        time.sleep(2 * CHORD)  # a player's step
        for event, sent in (
            (NoteOn(62, 70), NoteOn(64, 70)),  # strikes the answer to the first anew
            (ChannelMessage(0xB0, (64, 127)), ChannelMessage(0xB0, (64, 127))),
            (NoteOff(60), NoteOff(60)),  # and ends it: the player holds on
            (NoteOff(62), NoteOff(62)),
        ):
            loop.play(event)
            loop.wait_for(sent)
        loop.play(Quit())

    told = observed(DUET.changed("thru", True), Loop(), script)
    assert [message for what, message in told if what == "played"] == [
        NoteOn(62, 80),
        NoteOn(64, 70),
        NoteOff(62),
        NoteOff(64),
    ]
    assert [message for what, message in told if what == "heard"] == [
        NoteOn(60, 80),
        NoteOn(62, 70),
        ChannelMessage(0xB0, (64, 127)),
        NoteOff(60),
        NoteOff(62),
    ]


@pytest.mark.parametrize(
    ("refused", "played"),
    [(NoteOn(62, 80), []), (NoteOff(62), [NoteOn(62, 80), NoteOff(62)])],
    ids=["a beginning", "an end"],
)
def test_what_was_recorded_ends(refused: Output, played: list[Message]) -> None:
    """A refused note-on isn't recorded. A recorded note has its note-off, even a refused one."""

    class Choosy(Loop):
        def send(self, output: Output) -> bool:
            super().send(output)
            return output != refused

    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        loop.play(Quit())

    told = observed(DUET, Choosy(), script)
    assert told == [("heard", NoteOn(60, 80)), *(("played", each) for each in played)] or told == [
        *(("played", each) for each in played[:1]),
        ("heard", NoteOn(60, 80)),
        *(("played", each) for each in played[1:]),
    ]


def test_an_answer_that_had_to_be_found_is_late_by_all_its_wait() -> None:
    class Slow(NextLetter):
        def predict(self, windows: Degrees) -> Probabilities:
            time.sleep(0.1)
            return super().predict(windows)

    worst: list[float] = []

    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        while daemon.status is None or daemon.status.notes_out == 0:
            time.sleep(0.001)
        worst.append(daemon.status.worst)
        daemon.stop()

    run(DUET, script, predictor=Slow())
    assert worst[0] > 0.05


def test_what_is_late_or_refused_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Slow(NextLetter):
        def predict(self, windows: Degrees) -> Probabilities:
            time.sleep(0.1)
            return super().predict(windows)

    loop = Loop()
    loop.takes = lambda output: output != NoteOn(64, 80)

    def script(loop: Loop, daemon: Daemon) -> None:
        answer(loop, daemon)
        loop.play(NoteOff(60))
        loop.play(NoteOn(62, 80))
        while daemon.status is None or not daemon.status.silence:
            time.sleep(0.001)
        daemon.stop()

    with caplog.at_level("INFO", "midigen"):
        run(DUET, script, loop, Slow())
    lines = caplog.messages
    assert any(re.fullmatch(r"a note went out \d+\.\d ms late", line) for line in lines)
    assert "the MIDI system didn't take [NoteOn(pitch=64, velocity=80, channel=1)]" in lines
    assert "mode: duet" in lines


def test_whoever_is_stopped_while_looking_after_the_ports_lets_go_of_the_keys_too() -> None:
    """Here checking the ports takes as long as a standstill."""
    said: list[str] = []

    class Stopped(Loop):
        def check(self) -> list[str]:
            if not self.checked.is_set():
                time.sleep(STOOD_STILL + 0.1)
            return super().check()

        def release_held(self) -> int:
            super().release_held()
            return 2

    def tell(line: str) -> None:
        said.append(line)
        daemon.stop()

    loop = Stopped()
    daemon = Daemon(performer(DUET), loop, tell)
    daemon.run()
    assert said == ["suspended for 1 s: held keys are released"]
    assert loop.calls == ["open", "release held", "close"]


@pytest.mark.skipif(os.name == "nt", reason="Windows can't send itself a SIGINT")
def test_two_ctrl_c_before_the_ports_are_open_end_it_once_they_are() -> None:
    class Opening(Loop):
        def open(self, enqueue: Enqueue) -> None:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.01)  # each is heard of
            super().open(enqueue)

    loop = run(DUET, lambda *_: None, Opening())
    assert loop.calls == ["open", "close"]


def test_what_was_asked_for_in_vain_is_not_done_later() -> None:
    busy = threading.Event()

    def work(_: object) -> tuple[()]:
        busy.wait(10)
        return ()

    def script(loop: Loop, daemon: Daemon) -> None:
        loop.enqueue(Arrival(time.perf_counter(), work, None))
        try:
            with pytest.raises(MidigenError, match="too busy"):
                daemon.ask(Control("mute", "on"), 0.05)
        finally:
            busy.set()
        assert daemon.ask(Control("hold", "on"), 10) == ["hold on"]
        while daemon.status is None or not daemon.status.holding:
            time.sleep(0.001)
        assert not daemon.status.muted
        daemon.stop()

    run(DUET, script)


def test_idle_it_sleeps() -> None:
    """No busy loop: a second of silence costs next to no processor time."""
    used: list[float] = []

    def script(loop: Loop, daemon: Daemon) -> None:
        assert loop.checked.wait(10)  # it has settled, and what the tests have loaded is put aside
        before = time.process_time()
        threading.Event().wait(1.0)
        used.append(time.process_time() - before)
        daemon.stop()

    run(DUET, script)
    assert used[0] < 0.2


class Counting:
    """A `Watchdog` that counts how often it hears from the worker."""

    interval = 0.02

    def __init__(self) -> None:
        self.count = 0
        self.pinged = threading.Condition()
        self.has_stopped = False

    def alive(self) -> None:
        with self.pinged:
            self.count += 1
            self.pinged.notify_all()

    def stopping(self) -> None:
        self.has_stopped = True

    def wait_for_more(self, pings: int = 3, patience: float = 20.0) -> bool:
        with self.pinged:
            enough = self.count + pings
            return self.pinged.wait_for(lambda: self.count >= enough, timeout=patience)


@pytest.mark.parametrize("chosen", [DUET, FAST_SOLO])
def test_the_watchdog_hears_from_the_worker_while_it_lives_and_not_while_it_is_stuck(
    chosen: Settings,
) -> None:
    watchdog, loop, stuck, freed = Counting(), Loop(), threading.Event(), threading.Event()
    daemon = Daemon(performer(chosen), loop, lambda _: None, watchdog=watchdog)
    heard: list[bool] = []

    def be_stuck(_: object) -> list[Event]:
        stuck.set()
        freed.wait()
        return []

    def play() -> None:
        heard.append(watchdog.wait_for_more())
        loop.play(NoteOn(60, 80))
        loop.wait_for(NoteOn(62, 80))
        heard.append(watchdog.wait_for_more())
        loop.enqueue(Arrival(time.perf_counter(), be_stuck, None))
        assert stuck.wait(20)
        heard.append(watchdog.wait_for_more(1, patience=0.2))
        freed.set()
        heard.append(watchdog.wait_for_more())
        daemon.stop()

    player = threading.Thread(target=play)
    daemon.run(player.start)
    player.join()
    assert heard == [True, True, False, True]
    assert watchdog.has_stopped


def test_notes_that_were_not_taken_are_not_shown_as_heard() -> None:
    """The panel lists the letters of an answer, and must say that they weren't heard."""
    loop = Loop()
    loop.takes = lambda output: not isinstance(output, NoteOn)
    silences: list[str] = []

    def status_says(daemon: Daemon, word: str) -> None:
        end = time.perf_counter() + 20
        while (
            daemon.status is None
            or word not in daemon.status.silence
            or (not word and daemon.status.silence)
        ):
            assert time.perf_counter() < end, daemon.status
            threading.Event().wait(0.005)
        silences.append(daemon.status.silence)

    def script(loop: Loop, daemon: Daemon) -> None:
        for count in (1, 2):
            loop.play(NoteOn(60, 80))
            loop.play(NoteOff(60))
            status_says(daemon, "the last note " if count == 1 else "the last 2 notes")
        loop.takes = lambda _: True
        answer(loop, daemon)
        status_says(daemon, "")
        daemon.stop()

    run(DUET, script, loop)
    assert silences == [
        "the last note wasn't sent: the MIDI system refuses messages",
        "the last 2 notes weren't sent: the MIDI system refuses messages",
        "",
    ]
