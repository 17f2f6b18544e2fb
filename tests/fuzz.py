"""Fuzzing: whatever comes from outside must be taken, or refused with a message.

A `Target` reads foreign data. Its inputs are random bytes, and valid data with some bytes changed,
cut, inserted or repeated, which gets further. `benchmarks.fuzz` gives the same targets many more
inputs.
"""

import contextlib
import io
import json
import multiprocessing
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mido
import numpy as np
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from midigen.app import piano_roll
from midigen.errors import ConfigError, MidiFileError, MidigenError, ModelError
from midigen.learning.corpus import read_file
from midigen.live import control_protocol, osc
from midigen.midi import wire
from midigen.midi.messages import NoteOff, NoteOn, Seconds
from midigen.midi.reader import load
from midigen.midi.writer import MidiFileBuilder, variable_length
from midigen.music.keys import LETTERS
from midigen.prediction.onnx_predictor import OnnxPredictor
from midigen.settings import config, controls
from midigen.settings.choices import Mode, TempoSource
from midigen.settings.controls import Control
from midigen.settings.sections import KNOB_EXAMPLE, SCENE_EXAMPLE
from midigen.settings.table import SPECS, Settings
from tests.midi_files import one_track, render_file
from tests.osc_packets import bundle, message
from tests.players import NOTEBOOK, ROOT, NextLetter, settings

TAKEN = "taken"


@dataclass(frozen=True)
class Target:
    """Something that reads inputs. `take` returns TAKEN, or the message of a refusal."""

    inputs: st.SearchStrategy[Any]
    take: Callable[[Any, Path], str]
    in_suite: int
    """How many inputs the test suite gives it."""
    within: Seconds | None = None
    """How much processor time one input may take."""


def fuzz(name: str, inputs: int, seed_number: int, folder: Path) -> "Counter[str]":
    """Give a target so many inputs and count its messages. Raises whatever it shouldn't raise.

    If inputs are files, the last one stays in the folder.
    """
    target, said = TARGETS[name], Counter[str]()

    @seed(seed_number)
    @hypothesis_settings(
        max_examples=inputs,
        database=None,
        deadline=None,
        suppress_health_check=[*HealthCheck],
        print_blob=False,
    )
    @given(target.inputs)
    def give(each: Any) -> None:
        began = time.process_time()
        words = target.take(each, folder)
        assert target.within is None or time.process_time() - began < target.within
        said[_without_numbers(words.replace(str(folder), ""))] += 1

    give()
    return said


def fuzz_apart(name: str, inputs: int, seed_number: int, folder: Path) -> "Counter[str]":
    """Fuzz in another process, since native code may crash. Raises BrokenProcessPool then."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(fuzz, name, inputs, seed_number, folder).result()


def _without_numbers(text: str) -> str:
    """A message without its numbers, so that the same error counts as one kind."""
    return re.sub(r"-?\d+", "N", text)


# --- mutations


WAYS = ("change", "cut", "insert", "repeat")


@st.composite
def mutated(draw: st.DrawFn, originals: list[bytes], ways: Sequence[str] = WAYS) -> bytes:
    """One of the originals with one to four changes."""
    data = bytearray(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(ways)):
            case "change":
                data[at : at + 1] = draw(st.sampled_from(EDGES) | st.binary(min_size=1, max_size=1))
            case "cut":
                del data[at : at + draw(st.integers(1, 16))]
            case "insert":
                data[at:at] = draw(st.sampled_from(EDGES) | st.binary(max_size=8))
            case "repeat":
                piece = data[at : at + draw(st.integers(1, 32))]
                data[at:at] = piece * draw(st.integers(1, 8))
    return bytes(data)


EDGES = [b"\0", b"\x7f", b"\x80", b"\xff", b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff"]
"""Bytes at which numbers overflow, change sign or end."""


# --- MIDI files


def _with_mido() -> bytes:
    """A file by mido: two tracks with everything that files usually have."""
    file = mido.MidiFile(ticks_per_beat=480)
    conductor, melody = file.add_track("conductor"), file.add_track("flute")
    conductor += [
        mido.MetaMessage("time_signature", numerator=6, denominator=8),
        mido.MetaMessage("key_signature", key="Ebm"),
        mido.MetaMessage("set_tempo", tempo=400_000),
        mido.MetaMessage("set_tempo", tempo=700_000, time=960),
    ]
    melody += [
        mido.Message("program_change", program=3),
        mido.Message("sysex", data=(1, 2, 3)),
        mido.MetaMessage("lyrics", text="la", time=5),
        mido.Message("control_change", control=64, value=127, time=5),
    ]
    for pitch in (60, 64, 67, 65, 62, 60):
        melody.append(mido.Message("note_on", note=pitch, time=10))
        melody.append(mido.Message("note_on", note=pitch, velocity=0, time=470))
    melody.append(mido.Message("pitchwheel", pitch=-200))
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def _recorded() -> bytes:
    score = MidiFileBuilder(["midigen session", "player", "midigen"], 0.0, 500_000, 4)
    for step, pitch in enumerate((60, 62, 64)):
        score.add(1, bytes([0x90, pitch, 80]), step / 2)
        score.add(2, bytes([0x91, pitch + 12, 80]), step / 2 + 0.1)
        score.change_tempo(500_000 + step * 1000, step / 2 + 0.2)
    return b"".join(score.pieces(2.0))


_EVENTS = (
    *(b"\x90\x3c\x40", b"\x90\x40\x50", b"\x90\x3c\0", b"\x80\x40\0", b"\x99\x24\x7f"),
    *(b"\xb0\x40\x7f", b"\xb0\x40\0", b"\xc0\1", b"\xe0\0\x40", b"\x90\xff\xff", b"\xf0\1\xf7"),
    *(b"\xff\x51\3\7\xa1\x20", b"\xff\x51\3\0\0\1", b"\xff\x51\3\xff\xff\xff", b"\xff\x51\3\0\0\0"),
    *(b"\xff\x58\4\4\2\x18\x08", b"\xff\x58\4\0\xff\0\0", b"\xff\x58\2\xff\0", b"\xff\x59\2\xf9\1"),
    *(b"\xff\x03\3abc", b"\xff\x05\2\x1b\x5b", b"\xff\x2f\0", b"\xf7\2\xf8\xfa"),
)
_DAMAGED = (
    *(b"\x3c\0", b"\xd0", b"\xf2\1\1", b"\xf8", b"\xff\x51\0", b"\xff\x58\1\3"),
    *(b"\xff\x59\2\x0f\0", b"\xff\x7f\xff\xff\xff\x7f", b"\xff\xff\xff\xff\xff", b"\xf0\x40"),
    *(b"\xff" * 200 + b"\0", b"\xff" * 4095 + b"\0", b"\xff" * 100_000),
)
_DISTANCES = st.sampled_from([0, 0, 1, 20, 240, 480, 5000, 2**21, 2**28 - 1]).map(variable_length)
_TRACK = st.lists(st.tuples(_DISTANCES, st.sampled_from(_EVENTS)).map(b"".join), max_size=40)
_DAMAGED_TRACK = st.tuples(
    _TRACK.map(b"".join),
    st.sampled_from([b"\0", b"\0", b""]),
    st.sampled_from(_DAMAGED) | st.binary(max_size=8),
    _TRACK.map(b"".join),
)
_PHRASE = b"".join(b"\0\x92%c\x40\x83\x48%c\0" % (pitch, pitch) for pitch in (50, 52, 53, 50))
MIDI_FILES = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(one_track),
    _TRACK.map(b"".join).map(one_track),
    _DAMAGED_TRACK.map(b"".join).map(one_track),
    mutated([_with_mido(), _recorded()]),
    mutated([_PHRASE]).map(one_track),
)
PLAYERS = [
    settings(response={"max": 4}),
    Settings(),
    settings(mode=Mode.DUET, tempo={"source": TempoSource.FOLLOW}),
    settings(mode=Mode.DUET, tempo={"source": TempoSource.CLOCK}, duet={"quantize": True}),
]
"""Without solo, which would play through a file of hours."""


def take_midi_file(given: tuple[bytes, Settings], folder: Path) -> str:
    """Learn from a file, draw it, and play to it."""
    content, chosen = given
    path = folder / "in.mid"
    path.write_bytes(content)
    try:
        found = read_file(path).letters
        assert len(found)
        assert found.max() < len(LETTERS)
        learned = TAKEN
    except MidiFileError as exc:
        learned = str(exc)
    with contextlib.suppress(MidiFileError):
        assert piano_roll.read(path).notes
    out = folder / "out.mid"
    try:
        render_file(path, out, chosen, NextLetter(), np.random.default_rng(0))
    except MidiFileError as exc:
        return str(exc)
    assert load(out).tracks[0].name == "player"
    return learned


# --- OSC packets

VALID_OSC = [
    message("/midigen/top-p", 0.9),
    message("/midigen/mode", "duet"),
    message("/midigen/again"),
    bundle(message("/midigen/tempo", 96), bundle(message("/midigen/hold", True))),
]
_ADDRESSES = st.sampled_from(sorted(controls.CONTROLS)).map("/midigen/{}".format)
_TYPES = st.sampled_from([b",i", b",h", b",f", b",d", b",s", b",T", b",N", b",b", b",ii", b","])
_MESSAGES = st.builds(
    message, _ADDRESSES, st.sampled_from([0, 1, 0.5, 30, "duet", "A minor", "4 beats", True, "0x1"])
) | st.builds(
    lambda address, types, value: _padded(address.encode()) + _padded(types) + value,
    _ADDRESSES,
    _TYPES,
    st.binary(max_size=16),
)
PACKETS = st.one_of(
    st.binary(max_size=200),
    _MESSAGES,
    st.lists(_MESSAGES | mutated(VALID_OSC), max_size=6).map(lambda each: bundle(*each)),
    mutated(VALID_OSC),
)


def _padded(text: bytes) -> bytes:
    return text + b"\0" * (4 - len(text) % 4)


def take_osc_packet(packet: bytes, _: Path) -> str:
    """Read a packet, and the values of its controls."""
    said = [_said_to(result) for result in osc.read(packet)]
    assert all(text.isprintable() for text in said)
    return re.sub("'.*'", "…", next((text for text in said if text != TAKEN), TAKEN))


def _said_to(result: Control | str) -> str:
    if isinstance(result, str):
        return result
    try:
        controls.read(result)
    except ValueError as exc:
        return str(exc)
    return TAKEN


# --- requests of another process


class Obeying:
    """A stand-in for midigen, which checks what it is asked for."""

    def status(self) -> Mapping[str, object]:
        return {"mode": "duet", "sounding": (60, 67), "worst": 0.0013}

    def set(self, name: str, value: str) -> list[str]:
        said = _said_to(Control(name, value))
        if said != TAKEN:
            raise MidigenError(said)
        return [f"{name} is {value}"]

    def reload(self) -> list[str]:
        raise ConfigError(["config.toml: mode = 5"])

    def play(self, note: NoteOn | NoteOff) -> None:
        assert wire.Decoder().feed(wire.encode(note)) == [note]

    def subscribe(self) -> None:
        """Nothing is sent."""


_NAMES = st.sampled_from(sorted(controls.CONTROLS)) | st.text(max_size=8)
_VALUES = st.text(max_size=8) | st.sampled_from(
    [
        *("0.8", "duet", "A minor", "4 beats", "on", "1e400", "nan", "inf", f"0x{'f' * 5000}"),
        *("[" * 5000, f"{{ a{'.a' * 5000} = 1 }}", "0.5\nvalue = 1", "1979-05-27", "\ud800", "'"),
    ]
)
_REQUESTS = st.one_of(
    st.builds(lambda name, value: {"do": "set", "name": name, "value": value}, _NAMES, _VALUES),
    st.fixed_dictionaries(
        {"do": st.sampled_from(["status", "reload", "set", "note_on", "note_off", "stop", 1])},
        optional={
            "name": _NAMES | st.none(),
            "value": _VALUES | st.floats(),
            **dict.fromkeys(("pitch", "velocity", "channel"), st.integers(-1, 130) | st.floats()),
        },
    ),
    st.recursive(st.none() | st.floats() | st.text(), lambda each: st.lists(each, max_size=3)),
)
_JSON_LINES = _REQUESTS.map(json.dumps)
LINES = st.one_of(
    st.binary(max_size=200),
    _JSON_LINES.map(str.encode),
    st.builds(str.encode, _JSON_LINES, st.sampled_from(["utf-16", "utf-32-be", "utf-8-sig"])),
    st.sampled_from([b"[" * control_protocol.MAX_REQUEST, b'{"do":' * 10_000, b"9" * 5000]),
    mutated([b'{"do": "set", "name": "tempo", "value": "96"}', b'{"do": "status"}']),
)


def take_line(line: bytes, _: Path) -> str:
    """Answer a line with one line of JSON: the result, or what is wrong."""
    midigen = Obeying()
    said = control_protocol.answer(line, midigen, midigen)
    answer = json.loads(said)
    assert answer.keys() in ({"ok"}, {"error"})
    if "ok" in answer:
        return TAKEN
    assert not answer["error"].startswith("midigen couldn't do it")
    return re.sub("'.*'", "…", answer["error"])


# --- MIDI messages


def take_midi_bytes(pieces: list[bytes], _: Path) -> str:
    """Decode bytes to the same messages however they are cut; they can be encoded again."""
    decoder = wire.Decoder()
    messages = [each for piece in pieces for each in decoder.feed(piece)]
    assert messages == wire.Decoder().feed(b"".join(pieces))
    for each in messages:
        assert wire.Decoder().feed(wire.encode(each)) == [each]
    return TAKEN if messages else "no message"


# --- configurations

_SHIPPED = "\n".join(
    line
    for line in (ROOT / "config.toml").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
_KEYS = [*SPECS, "control", "scene", "control.name", "tempo", "no.such", '"a\\nb"']
_LITERALS = (
    *("1", "-1", "0.5", "1e400", "nan", "-inf", f"0x{'f' * 5000}", "true", "1979-05-27", "07:32"),
    *('""', '"auto"', '"duet"', '"\\u0000\\u007f\\u009b"', '"""a\nb"""', "[]", "[[]]", '["a", 1]'),
    *("{}", "{ a = {} }", f"[0x{'f' * 5000}]", "[" * 2000 + "]" * 2000, "{ a.b.c = [{ d = 1 }] }"),
    *('[{ cc = 3, name = "tempo", low = nan }]', '[{ name = "\\u001b", set = { mode = "duet" } }]'),
    *(f"{{ a{'.a' * 200} = 1 }}", f"{{ a{'.a' * 5000} = 1 }}", f"0x{'f' * 900}"),
)
_DEFAULTS = [(key, config.literal(Settings().at(key))) for key in SPECS]
_LINE = st.sampled_from(_DEFAULTS)
_ANY_LINE = _LINE | st.tuples(st.sampled_from(_KEYS), st.sampled_from(_LITERALS))


def _written(lines: list[tuple[str, str]]) -> bytes:
    return "\n".join(f"{key} = {value}" for key, value in lines).encode()


def _by_key(line: tuple[str, str]) -> str:
    return line[0]


CONFIGURATIONS = st.one_of(
    st.binary(max_size=100),
    st.lists(_LINE, max_size=8, unique_by=_by_key).map(_written),
    st.lists(_ANY_LINE, max_size=8, unique_by=_by_key).map(_written),
    st.lists(_ANY_LINE, max_size=8).map(_written),
    mutated([_SHIPPED.encode(), (KNOB_EXAMPLE + SCENE_EXAMPLE).encode()]),
)


def take_configuration(content: bytes, folder: Path) -> str:
    """Load a file. What it sets is the same after writing and loading it again."""
    path = folder / "config.toml"
    path.write_bytes(content)
    try:
        chosen = config.load(path)
    except ConfigError as exc:
        return _said_of(exc)
    path.write_text(config.render(chosen), encoding="utf-8")
    assert config.load(path) == chosen
    return TAKEN


def _said_of(error: ConfigError) -> str:
    assert all(problem.isprintable() for problem in error.problems)
    return error.problems[0].partition(" = ")[0]


# --- models

_JSON = st.sampled_from(
    [
        *("", "[", "{}", "[]", "null", "NaN", "[" * 100_000, '{"trust": {"a": 1}, "exponents": 1}'),
        *('{"trust": [], "exponents": [[1e999]]}', f'{{"trust": [{"9" * 400}], "exponents": [1]}}'),
    ]
)
_METADATA = {
    "format": st.sampled_from(["1", "2", ""]),
    "encoding": st.sampled_from(["scaled", "echo-2", "one-hot"]),
    "min_notes": st.integers(-1, 10**6).map(str) | st.sampled_from(["", "٣", "1e3", "9" * 5000]),
    "max_notes": st.integers(-1, 10**6).map(str) | st.sampled_from(["3", f"1{'0' * 12}"]),
    "memory": _JSON,
    "provenance": _JSON,
}


@st.composite
def _other_metadata(draw: st.DrawFn) -> bytes:
    """The notebook's model with other metadata. Of two entries with one key, the last counts."""
    content = NOTEBOOK.read_bytes()
    for key in draw(st.lists(st.sampled_from(sorted(_METADATA)), max_size=3)):
        value = draw(_METADATA[key].map(str.encode) | st.binary(max_size=8))
        content += entry(14, entry(1, b"midigen." + key.encode()) + entry(2, value))
    return content


def entry(number: int, value: bytes) -> bytes:
    """A field of a protocol buffer: its number and wire type, its length, and its bytes."""
    length, rest = bytearray(), len(value)
    while rest > 127:
        length.append(rest & 127 | 128)
        rest >>= 7
    return bytes([number << 3 | 2, *length, rest]) + value


MODELS = st.one_of(
    st.binary(max_size=200),
    _other_metadata(),
    mutated([NOTEBOOK.read_bytes()]),
    mutated([NOTEBOOK.read_bytes()], ["change"]),
)


def take_model(content: bytes, folder: Path) -> str:
    """Load a model and predict."""
    path = folder / "model.onnx"
    path.write_bytes(content)
    try:
        predictor = OnnxPredictor(path)
    except ModelError as exc:
        return _said_by(exc)
    windows = np.zeros((7, predictor.max_notes), dtype=np.int64)
    assert predictor.predict(windows).shape == (7, 7)
    return TAKEN


def _said_by(error: ModelError) -> str:
    assert str(error).isprintable()
    return re.sub("['\"(].*", "…", str(error))


TARGETS = {
    "MIDI files": Target(st.tuples(MIDI_FILES, st.sampled_from(PLAYERS)), take_midi_file, 400, 2.0),
    "OSC packets": Target(PACKETS, take_osc_packet, 400),
    "requests": Target(LINES, take_line, 400),
    "MIDI bytes": Target(st.lists(st.binary(max_size=8), max_size=20), take_midi_bytes, 200),
    "configurations": Target(CONFIGURATIONS, take_configuration, 200),
    "models": Target(MODELS, take_model, 100),
}
"""All that midigen reads from outside."""
