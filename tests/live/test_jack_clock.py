"""A real MIDI clock over JACK: `jack_midi_clock`, which follows the server's transport."""

import signal
import statistics
import subprocess
from collections.abc import Callable, Iterator

import pytest

from midigen.errors import ExitCode
from midigen.instrument.clock_follower import ClockFollower
from midigen.live.control_client import ask
from midigen.midi.messages import Clock, NoteOff, NoteOn, SongPosition
from tests.jack import (
    CLOCK_OUT,
    Ear,
    JackServer,
    Midigen,
    Transport,
    connect,
    play_phrase,
    wait_until,
)
from tests.system import needs

TICKS_PER_SIXTEENTH = 6
SIXTEENTHS = (
    *("--set", "rhythm.source=steady", "--set", "rhythm.subdivision=4"),
    *("--set", "turn.silence=0.2", "--set", "response.length=endless"),
)


@pytest.fixture
def transport(jack: JackServer) -> Iterator[Transport]:
    """The transport of the server, at 120 bpm, with a clock that follows it."""
    del jack
    clock = subprocess.Popen(
        [needs("jack_midi_clock")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    rolling = Transport()
    rolling.say("tempo 120")
    yield rolling
    rolling.close()
    clock.send_signal(signal.SIGINT)  # else it doesn't take leave of the server, which minds
    clock.wait()


def ticks_between_onsets(ear: Ear) -> list[int]:
    """How many ticks came between each two notes, in the server's order."""
    counts, ticks = [], 0
    for message in ear.messages:
        if message is Clock.TICK:
            ticks += 1
        elif isinstance(message, NoteOn):
            counts.append(ticks)
            ticks = 0
    return counts[1:]


def tempo_by(ear: Ear) -> float:
    """The tempo at the clock's stop, as a bare port hears it."""
    follower = ClockFollower()
    for time, message in ear.heard:
        if isinstance(message, Clock | SongPosition):
            follower.hear(message, time)
    assert follower.timeline is not None
    return follower.timeline.bpm


def tempo() -> float:
    """The tempo that the midigen which runs keeps to."""
    return float(ask({"do": "status"}, None)["bpm"])


def test_an_answer_keeps_to_the_clock_through_a_change_of_tempo_until_it_stops(
    transport: Transport, midigen: Callable[..., Midigen]
) -> None:
    running = midigen("--set", "tempo.source=clock", *SIXTEENTHS)
    both = Ear(clock=True)
    try:
        both.connect(CLOCK_OUT)
        wait_until(lambda: connect("midigen-out:midigen out", both.own_port), "the ear")
        wait_until(lambda: connect(CLOCK_OUT, "midigen-in:midigen in"), "the clock")
        transport.say("play")
        running.read_until("following the clock, at about")
        play_phrase(running.hand, 60, 62, 64)
        both.wait_for(16)
        transport.say("tempo 180")
        both.wait_for(40)
        steady = ticks_between_onsets(both)
        # On a busy machine the server's clock wavers, for both: in the end they agree.
        wait_until(lambda: tempo() == pytest.approx(tempo_by(both), rel=0.05), "the tempo")
        transport.say("stop")
        stopped = running.read_until("the clock has sent stop: the tempo stays")
        wait_until(lambda: Clock.STOP in both.messages, "the stop")
        assert float(stopped.split()[-2]) == pytest.approx(tempo(), abs=0.05)
        assert running.stop() == ExitCode.OK
        assert not running.ear.hanging()
    finally:
        both.close()
    # Load makes a note late, and the way to the next one so much shorter: in the mean it stays.
    for ticks in (steady[:14], steady[14:]):
        assert statistics.mean(ticks) == pytest.approx(TICKS_PER_SIXTEENTH, abs=0.5), steady


def test_midigens_own_clock_starts_ticks_and_stops(midigen: Callable[..., Midigen]) -> None:
    running = midigen("--set", "clock.send=true", "--set", "tempo.bpm=240")
    listener = Ear(clock=True)
    try:
        listener.connect("midigen-out:midigen out")
        listener.wait_for(48, Clock)
        assert running.stop() == ExitCode.OK
        wait_until(lambda: Clock.STOP in listener.messages, "the stop")
    finally:
        listener.close()
    assert {*listener.messages} == {Clock.TICK, Clock.STOP}
    assert listener.messages[-1] is Clock.STOP


def test_a_clock_nobody_follows_reaches_nobody(
    transport: Transport, midigen: Callable[..., Midigen]
) -> None:
    """The clock doesn't even reach the performer, and notes are answered as usual."""
    running = midigen("--mode", "duet")
    wait_until(lambda: connect(CLOCK_OUT, "midigen-in:midigen in"), "the clock")
    transport.say("play")
    play_phrase(running.hand, 60, 62, 64)
    running.ear.wait_for(1, NoteOff)
    assert running.stop() == ExitCode.OK
    assert not [line for line in running.lines if "the clock" in line]
