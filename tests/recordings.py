"""What is in a recording, as a test reads it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import mido

from midigen.midi import wire
from midigen.midi.messages import Message, Seconds
from midigen.midi.ticks import RESOLUTION

TOLERANCE = 0.02
"""Seconds that what was heard may seem to be before it was played: the way through JACK."""

LONGEST = 2.0
"""Seconds that a busy machine may take to hand a message on."""

Heard: TypeAlias = tuple[Seconds, Message]

Tracks: TypeAlias = dict[str, list[Heard]]


def read(path: Path) -> Tracks:
    """The messages of each track by its name, with their times."""
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
    """The two tracks hold these messages, as the player's was sent and the machine's was heard.

    A busy machine hands on late, never early: nothing was heard before it was played.
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
    assert max(late) < LONGEST
    for (at, _), (time, _) in zip(found["midigen"], machine, strict=True):
        assert time - LONGEST < at - start < time + TOLERANCE


def tempos(path: Path) -> list[tuple[int, int]]:
    """The tempos of a file with their ticks, in microseconds a beat."""
    found, tick = [], 0
    for message in mido.MidiFile(path).tracks[0]:
        tick += message.time
        if message.type == "set_tempo":
            found.append((tick, message.tempo))
    return found


def seconds(tick: int, changes: list[tuple[int, int]]) -> Seconds:
    """When a tick is, by mido's arithmetic."""
    time, last, tempo = 0.0, 0, changes[0][1]
    for change, following in changes:
        if change > tick:
            break
        time += mido.tick2second(change - last, RESOLUTION, tempo)
        last, tempo = change, following
    return time + float(mido.tick2second(tick - last, RESOLUTION, tempo))
