"""Reads recordings for tests, with mido."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import mido

from midigen.midi import wire
from midigen.midi.messages import Message, Seconds
from midigen.midi.writer import RESOLUTION

TOLERANCE = 0.02
"""How much later than in the recording a note may be heard, in seconds: JACK takes so long."""

MOST_DELAY = 2.0
"""How long a busy machine may take to pass a message on, in seconds."""

Heard: TypeAlias = tuple[Seconds, Message]

Tracks: TypeAlias = dict[str, list[Heard]]


def read(path: Path) -> Tracks:
    """The messages of each track with their times, by the track's name."""
    changes = tempos(path)
    found: Tracks = {}
    for track in mido.MidiFile(path).tracks:
        decoder, tick = wire.Decoder(), 0
        events = found.setdefault(track.name, [])
        for message in track:
            tick += message.time
            if not message.is_meta:
                time = seconds(tick, changes)
                events += [(time, event) for event in decoder.feed(message.bytes())]
    return found


def assert_recorded(
    found: Tracks, player: Sequence[tuple[float, Message]], machine: Sequence[tuple[float, Message]]
) -> None:
    """Check that the tracks hold what was sent for the player and heard from the machine.

    A busy computer may pass messages on late, but never early.
    """
    expected = {"player": player, "midigen": machine}
    assert found["midigen session"] == []
    for name, events in expected.items():
        assert [message for _, message in found[name]] == [message for _, message in events]
        times = [time for time, _ in found[name]]
        assert times == sorted(times)
    sent = [time for time, _ in player]
    start = min(at - time for (at, _), time in zip(found["player"], sent, strict=True))
    late = [at - start - time for (at, _), time in zip(found["player"], sent, strict=True)]
    assert max(late) < MOST_DELAY
    for (at, _), (time, _) in zip(found["midigen"], machine, strict=True):
        assert time - MOST_DELAY < at - start < time + TOLERANCE


def tempos(path: Path) -> list[tuple[int, int]]:
    """The tempos of a file, in microseconds a beat, each with its tick."""
    found, tick = [], 0
    for message in mido.MidiFile(path).tracks[0]:
        tick += message.time
        if message.type == "set_tempo":
            found.append((tick, message.tempo))
    return found


def seconds(tick: int, changes: list[tuple[int, int]]) -> Seconds:
    """The time of a tick, as mido computes it."""
    time, last, tempo = 0.0, 0, changes[0][1]
    for change, following in changes:
        if change > tick:
            break
        time += mido.tick2second(change - last, RESOLUTION, tempo)
        last, tempo = change, following
    return time + float(mido.tick2second(tick - last, RESOLUTION, tempo))
