"""Learning which knob, pad or pedal shall set a control, and keeping it in a configuration.

`Learner` hears what is moved, `write_mapping` adds it to a TOML file as a `[[control]]`.
"""

import shutil
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from midigen.config import toml
from midigen.errors import ConfigError
from midigen.notes import (
    CONTROL_CHANGE,
    PROGRAM_CHANGE,
    Channel,
    ChannelMessage,
    Event,
    NoteOn,
)

_STATUSES = {CONTROL_CHANGE: "cc", PROGRAM_CHANGE: "program"}
_KINDS = (*_STATUSES.values(), "note")


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

    A controller is taken at its second value, for some send the first of themselves.
    """

    def __init__(self) -> None:
        self._values: dict[tuple[Channel, int], int] = {}

    def hear(self, message: Event) -> dict[str, int] | None:
        """The source of a message if it is the one that is meant."""
        source = source_of(message)
        if source is None or "cc" not in source or not isinstance(message, ChannelMessage):
            return source
        value = message.data[1]
        first = self._values.setdefault((source["channel"], source["cc"]), value)
        return source if value != first else None


def write_mapping(
    path: Path, name: str, source: Mapping[str, int], value: str | float | None
) -> None:
    """Add a mapping from a source to the control `name` to a TOML file, or to a new one.

    `value` is what pressing it sets the control to, if it needs one. What stands in the
    file stays as it is, byte for byte. Raises ConfigError, and then the file is untouched.
    """
    former = _read(path)
    table = _parsed(path, former)
    _refuse_a_second(path, table, name, source)
    entry: dict[str, str | float] = {
        "name": name,
        **{kind: source[kind] for kind in _KINDS if kind in source},
    }
    entry["channel"] = source["channel"]
    if value is not None:
        entry["value"] = value
    text = former + _block(former, entry)
    try:
        parsed = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([f"{path}: a [[control]] can't be added at its end: {exc}"]) from exc
    if parsed != {**table, "control": [*table.get("control", []), entry]}:
        raise ConfigError([f"{path}: a [[control]] for {name} can't be added at its end"])
    _replace(path, text)


def _read(path: Path) -> str:
    """What stands in a file, with its own line ends; nothing if there is none."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise ConfigError([f"{path}: can't be read: {exc.strerror}"]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError([f"{path}: not TOML: {exc}"]) from exc


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError([f"{path}: not TOML: {exc}"]) from exc


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


def _block(former: str, entry: Mapping[str, str | float]) -> str:
    """The text to add: a table after an empty line, with the line ends of the file."""
    lines = ["[[control]]", *(f"{key} = {toml(value)}" for key, value in entry.items()), ""]
    if former:
        lines.insert(0, "")
        if not former.endswith("\n"):
            lines.insert(0, "")
    return ("\r\n" if "\r\n" in former else "\n").join(lines)


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all; a link stays a link, and who may read it may still."""
    target = path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "wb", dir=target.parent, prefix=f"{target.name}.", delete=False
        ) as file:
            file.write(text.encode("utf-8"))
        try:
            if target.exists():
                shutil.copymode(target, file.name)
            Path(file.name).replace(target)
        except OSError:
            Path(file.name).unlink()
            raise
    except OSError as exc:
        raise ConfigError([f"{path}: can't be written: {exc.strerror or exc}"]) from exc
