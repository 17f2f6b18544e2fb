"""Mappings of knobs, pads and pedals, as `[[control]]` in a configuration.

`write_mapping` adds or changes one, and leaves the rest of the file as it is.
"""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Item, Key, Table, Whitespace

from midigen import files
from midigen.errors import ConfigError
from midigen.settings import config_file

_KINDS = ("cc", "program", "note")


def prove(path: Path) -> None:
    """Make sure that a mapping could be written to a file. Raises ConfigError."""
    _parsed(path, _read(path)[0])
    if config_file.is_there(path):  # root may write anything; what is marked as read-only stays so
        is_marked = not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
        if is_marked or not os.access(path, os.W_OK):
            raise ConfigError([f"{path}: can't be written: it is read-only"])


def write_mapping(
    path: Path, name: str, source: Mapping[str, int], value: str | float | None
) -> None:
    """Have a TOML file, or a new one, map a source to the control `name`.

    `value` is what pressing it sets the control to, if it needs one. Where the source sets
    this control already, only the value changes; else a mapping is added. The rest of the file
    stays as it is, with its comments. Raises ConfigError, and then the file is untouched.
    """
    prove(path)
    former, encoding = _read(path)
    table = _parsed(path, former)
    entries: list[dict[str, Any]] = table.get("control", [])
    place = next((i for i, each in enumerate(entries) if _is_of(each, source)), None)
    if place is None:
        entry = _entry(name, source, value)
        text = _with_entry(former, entry)
        wanted = [*entries, entry]
    else:
        _refuse_another(path, entries[place], name, source)
        _refuse_scattered(path, former)
        text = _with_value(former, place, value)
        wanted = [*entries]
        wanted[place] = {key: each for key, each in entries[place].items() if key != "value"}
        wanted[place] |= {} if value is None else {"value": value}
    if tomllib.loads(text) != {**table, "control": wanted}:
        raise ConfigError([f"{path}: a [[control]] for {name} can't be written into it"])
    try:
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        files.write(path, [text.encode(encoding)])
    except OSError as exc:
        raise ConfigError([f"{path}: can't be written: {exc.strerror or exc}"]) from exc


def _read(path: Path) -> tuple[str, str]:
    """What stands in a file, and its encoding; nothing if it isn't there. Raises ConfigError."""
    return config_file.read(path) if config_file.is_there(path) else ("", "utf-8")


def _parsed(path: Path, text: str) -> dict[str, Any]:
    """A document that mappings can be added to. Raises ConfigError if it is none."""
    try:
        table = tomllib.loads(text)
        control = tomlkit.parse(text).get("control", AoT([]))
    except (ValueError, RecursionError, TOMLKitError) as exc:
        raise ConfigError([f"{path}: not TOML: {exc}"]) from exc
    if not isinstance(control, AoT):
        raise ConfigError([f"{path}: control isn't written as [[control]], so none can be added"])
    return table


def _is_of(entry: Mapping[str, Any], source: Mapping[str, int]) -> bool:
    """Whether an entry is the mapping of a source."""
    return entry.get("channel", "all") in ("all", source["channel"]) and any(
        entry.get(kind) == source[kind] for kind in _KINDS if kind in source
    )


def _refuse_another(
    path: Path, entry: Mapping[str, Any], name: str, source: Mapping[str, int]
) -> None:
    """Raise ConfigError if an entry sets another control."""
    if entry.get("name") != name:
        kind = next(kind for kind in _KINDS if kind in source)
        raise ConfigError(
            [
                f"{path}: {kind} {source[kind]} on channel {source['channel']} sets "
                f"{entry.get('name')} already: it can't set {name} too"
            ]
        )


def _refuse_scattered(path: Path, text: str) -> None:
    """Raise ConfigError if a document's order wouldn't stay: tomlkit gathers what is scattered."""
    if tomlkit.dumps(tomlkit.parse(text)) != text:
        raise ConfigError([f"{path}: its [[control]]s stand apart: put them one after another"])


def _entry(
    name: str, source: Mapping[str, int], value: str | float | None
) -> dict[str, str | float]:
    entry: dict[str, str | float] = {"name": name}
    entry |= {kind: source[kind] for kind in (*_KINDS, "channel") if kind in source}
    return entry if value is None else {**entry, "value": value}


def _with_entry(former: str, entry: Mapping[str, str | float]) -> str:
    """A document with one more [[control]], after the others, else at its end."""
    end = _line_end(former)
    whole = former if former.endswith("\n") or not former else former + end
    document = tomlkit.parse(whole)
    added = tomlkit.item(dict(entry))
    if "control" in document and tomlkit.dumps(document) == whole:
        controls = _controls(document)
        tail = _taken_tail(document, controls[-1])
        controls[-1].add(tomlkit.nl())
        controls.append(added)
        controls[-1].value.body.extend(tail)
        if not tail and document.body[-1][1] is not controls:
            controls[-1].add(tomlkit.nl())
        text = tomlkit.dumps(document)
    else:
        text = whole + (end if whole else "") + tomlkit.dumps({"control": [added]})
    return _with_line_ends(text, end)


def _with_value(former: str, place: int, value: str | float | None) -> str:
    """A document whose [[control]] at a place sets its control to another value."""
    document = tomlkit.parse(former)
    entry = _controls(document)[place]
    tail = _taken_tail(document, entry)
    if value is None:
        entry.pop("value", None)
    else:
        entry["value"] = value
    entry.value.body.extend(tail)
    return _with_line_ends(tomlkit.dumps(document), _line_end(former))


def _taken_tail(document: tomlkit.TOMLDocument, table: Table) -> list[tuple[Key | None, Item]]:
    """Take out of a table the lines below it that belong to what comes next.

    They begin at an empty line; where there is none, all comments belong to what comes next.
    """
    body = table.value.body
    last = max(i for i, (key, _) in enumerate(body) if key is not None)
    below = range(last + 1, len(body))
    controls = _controls(document)
    is_last = document.body[-1][1] is controls and table is controls[-1]
    blank = (i for i in below if isinstance(body[i][1], Whitespace))
    start = next(blank, len(body) if is_last else last + 1)
    tail = body[start:]
    del body[start:]
    return tail


def _controls(document: tomlkit.TOMLDocument) -> AoT:
    controls = document["control"]
    assert isinstance(controls, AoT)  # see `_parsed`
    return controls


def _line_end(text: str) -> str:
    return "\r\n" if 0 < text.count("\n") == text.count("\r\n") else "\n"


def _with_line_ends(text: str, end: str) -> str:
    return text if end == "\n" else re.sub(r"(?<!\r)\n", end, text)
