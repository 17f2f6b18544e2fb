"""Writes a mapping of a knob, pad or pedal into a configuration, as a `[[control]]`.

The rest of the file stays as it is, with its comments.
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


def prove(path: Path) -> tuple[str, str, dict[str, Any]]:
    """Check that a mapping can be written to a file; returns its text, encoding and content.

    Of a file that doesn't exist, they are empty. Raises ConfigError if none can be written.
    """
    is_there = config_file.is_there(path)
    text, encoding = config_file.read(path) if is_there else ("", "utf-8")
    try:
        table = tomllib.loads(text)
        control = tomlkit.parse(text).get("control", AoT([]))
    except (ValueError, RecursionError, TOMLKitError) as exc:
        raise ConfigError([f"{path}: not TOML: {exc}"]) from exc
    if not isinstance(control, AoT):
        raise ConfigError([f"{path}: control isn't written as [[control]], so none can be added"])
    if is_there:  # root could write to a read-only file, but shouldn't
        is_marked = not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
        if is_marked or not os.access(path, os.W_OK):
            raise ConfigError([f"{path}: can't be written: it is read-only"])
    return text, encoding, table


def write_mapping(
    path: Path, name: str, source: Mapping[str, int], value: str | float | None
) -> None:
    """Map a source to the control `name`, in a TOML file that may be new.

    A source is such as `{"cc": 21, "channel": 1}`, or with `program` or `note`. `value` is what
    pressing it sets the control to, if it needs one. If the source sets this control already, only
    the value changes. Raises ConfigError, and leaves the file untouched, if the file can't take
    the mapping or the source sets another control.
    """
    former, encoding, table = prove(path)
    entries: list[dict[str, Any]] = table.get("control", [])
    place = next((i for i, each in enumerate(entries) if _is_of(each, source)), None)
    valued = {} if value is None else {"value": value}
    end = "\r\n" if 0 < former.count("\n") == former.count("\r\n") else "\n"
    if place is None:
        numbers = {kind: source[kind] for kind in (*_KINDS, "channel") if kind in source}
        entries = [*entries, {"name": name, **numbers, **valued}]
        text = _with_entry(former, entries[-1], end)
    else:
        _refuse_change(path, former, entries[place], name, source)
        entries[place] = {k: v for k, v in entries[place].items() if k != "value"} | valued
        text = _with_value(former, place, value)
    if end != "\n":
        text = re.sub(r"(?<!\r)\n", end, text)
    if tomllib.loads(text) != {**table, "control": entries}:
        raise ConfigError([f"{path}: a [[control]] for {name} can't be written into it"])
    try:
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        files.write(path, [text.encode(encoding)])
    except OSError as exc:
        raise ConfigError([f"{path}: can't be written: {exc.strerror or exc}"]) from exc


def _is_of(entry: Mapping[str, Any], source: Mapping[str, int]) -> bool:
    return entry.get("channel", "all") in ("all", source["channel"]) and any(
        entry.get(kind) == source[kind] for kind in _KINDS if kind in source
    )


def _refuse_change(
    path: Path, text: str, entry: Mapping[str, Any], name: str, source: Mapping[str, int]
) -> None:
    """Raise ConfigError if an entry sets another control, or tomlkit would reorder the document."""
    if entry.get("name") != name:
        kind = next(kind for kind in _KINDS if kind in source)
        taken = f"{kind} {source[kind]} on channel {source['channel']} sets {entry.get('name')}"
        raise ConfigError([f"{path}: {taken} already: it can't set {name} too"])
    if tomlkit.dumps(tomlkit.parse(text)) != text:  # as it does with scattered tables
        raise ConfigError([f"{path}: its [[control]]s stand apart: put them one after another"])


def _with_entry(former: str, entry: Mapping[str, str | float], end: str) -> str:
    """The document with one more [[control]], after the others or else at the end."""
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
        return tomlkit.dumps(document)
    return whole + (end if whole else "") + tomlkit.dumps({"control": [added]})


def _with_value(former: str, place: int, value: str | float | None) -> str:
    """The document with another value in the [[control]] at a place, or without one."""
    document = tomlkit.parse(former)
    entry = _controls(document)[place]
    tail = _taken_tail(document, entry)
    if value is None:
        entry.pop("value", None)
    else:
        entry["value"] = value
    entry.value.body.extend(tail)
    return tomlkit.dumps(document)


def _taken_tail(document: tomlkit.TOMLDocument, table: Table) -> list[tuple[Key | None, Item]]:
    """Take out of a table the lines at its end that belong to whatever follows it.

    They begin at an empty line. If there is none, all comments below the last key belong there,
    unless the table is the document's last.
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
    assert isinstance(controls, AoT)  # see `prove`
    return controls
