"""Over real ports: cables that are pulled, and a JACK server that dies, while midigen plays."""

import queue
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from midigen.errors import ExitCode
from midigen.live.connection import Arrival
from midigen.live.control_client import ask
from midigen.live.ports import MidiPorts
from midigen.midi.messages import ChannelMessage, NoteOff, NoteOn
from midigen.settings.choices import Api
from midigen.settings.sections import Ports
from tests.jack import (
    SETTLES,
    SILENCING,
    TIMEOUT,
    Ear,
    JackServer,
    Keyboard,
    Midigen,
    connect,
    pause,
    play_phrase,
)

Start = Callable[..., Midigen]
QUICK = ("--set", "turn.silence=0.2", "--set", "tempo.bpm=240")


def clients() -> list[str]:
    listed = subprocess.run(["jack_lsp"], capture_output=True, text=True, check=True, timeout=60)
    return listed.stdout.splitlines()


def keyboard() -> Keyboard:
    return Keyboard("keys", "Keys")


def synth() -> Ear:
    ear = Ear("synth")
    ear.open_virtual("in")
    return ear


def test_it_starts_while_a_keyboard_sends(midigen: Start) -> None:
    """A bare port beside it shows that the server isn't held up; it used to be, for ten seconds."""
    keys, bare = keyboard(), Ear("bare")
    bare.connect("keys:Keys")
    started = threading.Event()

    def play() -> None:
        while not started.wait(0.002):
            keys.strike(60)

    player = threading.Thread(target=play)
    player.start()
    try:
        running = midigen("--input", "Keys", connects=False, plays=False)
        running.read_until("Ctrl-C stops")
        started.set()
        player.join()
        heard = bare.times(lambda message: isinstance(message, NoteOn))
        assert max(after - before for before, after in pairwise(heard)) < 5
        assert running.stop() == ExitCode.OK
    finally:
        started.set()
        player.join()
        bare.close()
        keys.close()


def test_a_keyboard_is_pulled_and_plugged_in_again(midigen: Start) -> None:
    """Its notes end, what was learned stays, and no client is left over."""
    keys = keyboard()
    running = midigen("--mode", "duet", "--set", "thru=true", "--input", "Keys")
    before = clients()
    try:
        for _ in range(3):
            keys.strike(60)
            keys.turn(64, 127)
            running.ear.wait_for(len(running.ear.of(NoteOn)) + 1)
            keys.close()
            running.read_until('"keys:Keys" is gone')
            running.ear.wait_for(len(running.ear.of(NoteOn)), NoteOff)
            keys = keyboard()
            running.read_until('"keys:Keys" is connected')
            pause(SETTLES)
            assert running.ear.messages[-1] == ChannelMessage(0xB0, (64, 0))
            assert not running.ear.hanging()
            assert clients() == before
        play_phrase(keys, 62)  # from the third note on it answers: it knows the two before
        running.ear.wait_for(6, NoteOff)
        assert [message.pitch for message in running.ear.of(NoteOn)][:3] == [60, 60, 60]
        assert running.stop() == ExitCode.OK
        assert not running.ear.hanging()
    finally:
        keys.close()


@pytest.mark.usefixtures("jack")
def test_what_was_away_between_two_looks_is_connected_again() -> None:
    """It has its old name: only the missing connection shows that it was away."""
    keys, other = keyboard(), synth()
    heard: queue.SimpleQueue[Arrival] = queue.SimpleQueue()
    ports = MidiPorts(Api.JACK, Ports(input=("Keys",), output=("synth",)), hears_clock=False)
    ports.open(heard.put)
    try:
        for _ in range(2):
            assert ports.check() == []
            keys.close()
            other.close()
            keys, other = keyboard(), synth()
            assert sorted(ports.check()) == [
                '"keys:Keys" is connected',
                '"keys:Keys" is gone (unplugged?): playing on without it',
                '"synth:in" is connected',
                '"synth:in" is gone (unplugged?): playing on without it',
            ]
            pause(SETTLES)
            while not heard.empty():
                heard.get()  # the release of what was held there
            keys.strike(60)
            assert heard.get(timeout=TIMEOUT)
            ports.send(NoteOn(64, 90))
            other.wait_for(1)
    finally:
        ports.close()
        keys.close()
        other.close()


def test_a_synth_is_pulled_and_the_music_goes_on(midigen: Start) -> None:
    other = synth()
    running = midigen("--mode", "duet", "--set", "thru=true", "--output", "synth")
    assert other.messages == SILENCING
    running.hand.strike(60)
    running.ear.wait_for(1)
    other.close()
    running.read_until('"synth:in" is gone')
    running.hand.release(60)
    running.ear.wait_for(1, NoteOff)
    other = synth()
    try:
        running.read_until('"synth:in" is connected')
        play_phrase(running.hand, 62)
        other.wait_for(1, NoteOff)
        assert other.messages[:5] == [*SILENCING, NoteOn(62, 90), NoteOff(62)]
        assert running.stop() == ExitCode.OK
        assert not other.hanging()
        assert not running.ear.hanging()
    finally:
        other.close()


def test_a_synth_that_comes_back_is_silenced_where_it_is_played_to_by_then(
    midigen: Start, tmp_path: Path
) -> None:
    other = synth()
    running = midigen("--mode", "duet", "--output", "synth", folder=tmp_path)
    (tmp_path / "config.toml").write_text('mode = "duet"\noutput.channel = 5\n')
    assert ask({"do": "reload"}, None) == ["the configuration was reloaded"]
    other.close()
    running.read_until('"synth:in" is gone')
    other = synth()
    try:
        running.read_until('"synth:in" is connected')
        other.wait_for(len(SILENCING), ChannelMessage)
        assert other.messages == [replace(message, channel=5) for message in SILENCING]
        assert running.stop() == ExitCode.OK
    finally:
        other.close()


@pytest.mark.usefixtures("jack")
def test_a_missing_port_is_waited_for_if_asked_to() -> None:
    refused = Midigen("--input", "Keys", connects=False)
    assert refused.wait() == ExitCode.PORT
    assert 'no port "Keys"; there are: ' in refused.lines[0]
    refused.close()
    running = Midigen("--mode", "duet", "--input", "Keys", "--wait", connects=False)
    running.read_until('waiting for "Keys"')
    keys = keyboard()
    try:
        running.read_until('"keys:Keys" is connected')
        running.ear.connect("midigen-out:midigen out")
        play_phrase(keys, 60, 62, 64)
        running.ear.wait_for(1, NoteOff)
        assert running.stop() == ExitCode.OK
    finally:
        keys.close()
        running.close()


@pytest.mark.parametrize("end", [JackServer.kill, JackServer.stop])
def test_a_server_that_ends_is_waited_for_and_its_cables_are_plugged_in_again(
    own_jack: JackServer, end: Callable[[JackServer], Any]
) -> None:
    running = Midigen("--mode", "solo", *QUICK, connects=False, plays=False)
    keys, other = keyboard(), synth()
    try:
        running.read_until("Ctrl-C stops")
        assert connect("keys:Keys", "midigen-in:midigen in")
        assert connect("midigen-out:midigen out", "synth:in")
        play_phrase(keys, 60, 62, 64)
        other.wait_for(4)
        pause(0.6)  # midigen looks twice a second
        end(own_jack)
        running.read_until("the JACK server has stopped")
        keys.close()
        other.close()
        own_jack.start()
        with own_jack.kept_sound():
            running.read_until("the MIDI system is back")
        keys, other = keyboard(), synth()
        running.read_until('"keys:Keys" is connected to "midigen-in:midigen in" again')
        running.read_until('"midigen-out:midigen out" is connected to "synth:in" again')
        other.wait_for(4)
        assert running.stop() == ExitCode.OK
        other.wait_for(4, NoteOff)
        assert not other.hanging()
    finally:
        keys.close()
        other.close()
        running.close()
