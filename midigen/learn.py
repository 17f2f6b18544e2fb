"""Learning which knob, pad or pedal shall set a control, and keeping it in a configuration.

`Learner` hears what is moved, `write_mapping` adds it to a TOML file as a `[[control]]`.
"""

import re
import shutil
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT

from midigen.config_file import decoded
from midigen.errors import ConfigError, MidigenError
from midigen.notes import (
    CONTROL_CHANGE,
    DATA_ENTRY,
    PARAMETER,
    PROGRAM_CHANGE,
    UNREGISTERED,
    Channel,
    ChannelMessage,
    Event,
    NoteOn,
)

_STATUSES = {CONTROL_CHANGE: "cc", PROGRAM_CHANGE: "program"}
_KINDS = (*_STATUSES.values(), "note")

_FINE = range(32, 64)
"""The finer halves of knobs of 14 bits, whose coarser ones are 32 below."""
_ALONE = 8
"""So many values of one of them alone, and it is a knob by itself."""

_STEPS = (96, 97)  # data increment and decrement
_PARAMETER_VALUES = (DATA_ENTRY, DATA_ENTRY + _FINE.start, *_STEPS)
_IS_PARAMETER = (
    "it sends a parameter (RPN or NRPN, by the controllers 6, 38 and 96 to 101), which midigen "
    "doesn't follow: set it to send a controller of its own on the keyboard"
)

_SMALL_STEPS = {*range(1, 8), *range(57, 64), *range(65, 72), *range(121, 128)}
"""What knobs without ends send for a step: up to 7 more, or less, as keyboards write that."""
_ENOUGH = 5
"""So many of these values tell such a knob from one that is on its way through them."""
_IS_RELATIVE = (
    "it sends steps (a relative encoder), not where it stands: set it to send positions "
    "(absolute) on the keyboard"
)


def source_of(message: Event) -> dict[str, int] | None:
    """What a message comes from, as a mapping names it: `{"cc": 21, "channel": 1}`.

    A controller, a program change or a key that goes down; None for anything else.
    """
    if isinstance(message, NoteOn):
        return {"note": message.pitch, "channel": message.channel}
    if isinstance(message, ChannelMessage) and message.status in _STATUSES:
        return {_STATUSES[message.status]: message.data[0], "channel": message.channel}
    return None


class Learner:
    """Hears which one is meant: a key, a program, or a controller that moves.

    A controller is taken at its second value, for some send the first of themselves. What
    can't be followed is refused: registered and other parameters, and knobs that send steps.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[Channel, int], list[int]] = {}

    def hear(self, message: Event) -> dict[str, int] | None:
        """The source of a message if it is the one that is meant.

        Raises MidigenError if it can't be followed.
        """
        source = source_of(message)
        if source is None or "cc" not in source or not isinstance(message, ChannelMessage):
            return source
        channel, number = source["channel"], source["cc"]
        values = self._values.setdefault((channel, number), [])
        values.append(message.data[1])
        if number in (*PARAMETER, *UNREGISTERED):
            return None  # the value comes by another
        if number in _PARAMETER_VALUES:
            if _moves(values) or number in _STEPS:
                raise MidigenError(_IS_PARAMETER)
            return None
        if number in _FINE and (channel, number - _FINE.start) in self._values:
            return self._whole(channel, number - _FINE.start)
        if number in _FINE and len(values) < _ALONE:
            return None  # the knob's coarser half may be on its way
        return source if self._is_meant(values) else None

    def _whole(self, channel: Channel, number: int) -> dict[str, int] | None:
        """A knob of 14 bits, known by the one of its two controllers that moves less."""
        halves = [self._values[channel, half] for half in (number, number + _FINE.start)]
        return {"cc": number, "channel": channel} if any(map(_moves, halves)) else None

    @staticmethod
    def _is_meant(values: list[int]) -> bool:
        """Whether a controller has moved. Raises MidigenError where it sends steps."""
        if not all(value in _SMALL_STEPS for value in values):
            return _moves(values)
        if len(values) < _ENOUGH:
            return False
        ways = {(later > earlier) - (later < earlier) for earlier, later in pairwise(values)}
        if ways in ({1}, {-1}):  # on its way through the values that steps have
            return True
        raise MidigenError(_IS_RELATIVE)


def _moves(values: Sequence[int]) -> bool:
    return values[-1] != values[0]


def write_mapping(
    path: Path, name: str, source: Mapping[str, int], value: str | float | None
) -> None:
    """Add a mapping from a source to the control `name` to a TOML file, or to a new one.

    `value` is what pressing it sets the control to, if it needs one. What stands in the
    file stays as it is, with its comments. Raises ConfigError, and then the file is untouched.
    """
    former, encoding = _read(path)
    table = _parsed(path, former)
    _refuse_a_second(path, table, name, source)
    entry: dict[str, str | float] = {
        "name": name,
        **{kind: source[kind] for kind in _KINDS if kind in source},
        "channel": source["channel"],
    }
    if value is not None:
        entry["value"] = value
    text = _with_entry(former, entry)
    if tomllib.loads(text) != {**table, "control": [*table.get("control", []), entry]}:
        raise ConfigError([f"{path}: a [[control]] for {name} can't be added to it"])
    _replace(path, text.encode(encoding))


def _read(path: Path) -> tuple[str, str]:
    """What stands in a file, with its own line ends, and its encoding; nothing if it isn't there.

    Raises ConfigError.
    """
    try:
        return decoded(path.read_bytes())
    except FileNotFoundError:
        return "", "utf-8"
    except OSError as exc:
        raise ConfigError([f"{path}: can't be read: {exc.strerror}"]) from exc
    except ValueError as exc:
        raise ConfigError([f"{path}: {exc}"]) from exc


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([f"{path}: not TOML: {exc}"]) from exc
    entries = table.get("control", [{}])
    if (
        not entries
        or not isinstance(entries, list)
        or not isinstance(tomlkit.parse(text).get("control", AoT([])), AoT)
    ):
        raise ConfigError([f"{path}: control isn't written as [[control]], so none can be added"])
    return table


def _with_entry(former: str, entry: Mapping[str, str | float]) -> str:
    """A document with one more [[control]], after the others, and its own line ends."""
    document = tomlkit.parse(former)
    table = tomlkit.table()
    for key, value in entry.items():
        table[key] = value
    if "control" not in document:
        if former and not former.endswith("\n"):
            document.add(tomlkit.nl())
        if former:
            document.add(tomlkit.nl())
        document["control"] = tomlkit.aot()
    elif not document["control"][-1].as_string().endswith("\n\n"):
        document["control"][-1].add(tomlkit.nl())
    document["control"].append(table)
    text = tomlkit.dumps(document)
    return re.sub(r"(?<!\r)\n", "\r\n", text) if "\r\n" in former else text


def _refuse_a_second(
    path: Path, table: Mapping[str, Any], name: str, source: Mapping[str, int]
) -> None:
    """Raise ConfigError if the source sets a control already."""
    entries = table.get("control", [])
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or entry.get("channel", "all") not in (
            "all",
            source["channel"],
        ):
            continue
        for kind in _KINDS:
            if kind in source and entry.get(kind) == source[kind]:
                raise ConfigError(
                    [
                        f"{path}: {kind} {source[kind]} on channel {source['channel']} sets "
                        f"{entry.get('name')} already: it can't set {name} too"
                    ]
                )


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; a link stays a link, and who may read it may still."""
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "wb", dir=target.parent, prefix=f"{target.name}.", delete=False
        ) as file:
            file.write(content)
        try:
            if target.exists():
                shutil.copymode(target, file.name)
            Path(file.name).replace(target)
        except OSError:
            Path(file.name).unlink()
            raise
    except OSError as exc:
        raise ConfigError([f"{path}: can't be written: {exc.strerror or exc}"]) from exc
