"""Reads settings: options override the file, which overrides the defaults."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, fields, replace
from pathlib import Path
from typing import Any

from midigen.errors import ConfigError
from midigen.settings import checks, config_file
from midigen.settings.kinds import did_you_mean
from midigen.settings.table import Settings
from midigen.settings.toml import literal
from midigen.text import escape, printable

_MOST_SHOWN = 200  # characters of a value in a message


@dataclass(frozen=True)
class _Given:
    """A value that was given, and where: in a file, or as an option."""

    value: object
    source: str
    option: str = ""

    def called(self, key: str) -> str:
        """Names the value as the user wrote it, so that they find it again."""
        if not self.option:
            return f"{self.source}: {key} = {_shown(self.value)}"
        if self.option == _ANY:
            return f"{_ANY} {key}={_shown(self.value)}"
        return f"{self.option} {_shown(self.value)}"


_ANY = "--set"
"""The option that sets any setting."""


def load(
    path: Path | None = None,
    options: Mapping[str, object] | None = None,
    names: Mapping[str, str] | None = None,
) -> Settings:
    """The settings from a file, if given, and from options such as `{"tempo.bpm": 96}`.

    `names` says which option gave a key, such as `{"key": "--key"}`; all others came by `--set`.
    Raises ConfigError, which lists every problem of both with its key or option.
    """
    problems: list[str] = []
    given = _from_file(path) if path else {}
    for key, value in (options or {}).items():
        option = (names or {}).get(key, _ANY)
        given[key] = _Given(value, option, option)
    settings: Settings = _fill(Settings(), given, problems)
    known = {*_kinds(), *_tables()}
    problems += [_unknown(key, value) for key, value in given.items() if key not in known]
    for key, why in checks.problems(settings).items():
        name = key.partition(".")[0]
        problems.append(f"{given[name].source}: {key}: {why}")
    for key, expected in settings.contradictions().items():
        writer = given.get(key, _Given(None, "defaults"))
        problems.append(_problem(key, replace(writer, value=settings.at(key)), expected))
    if problems:
        raise ConfigError([printable(problem, escape) for problem in problems])
    return settings


def parse_option(text: str) -> tuple[str, object]:
    """The key and value of an option such as `tempo.bpm=96`.

    The value is read as TOML if it is valid TOML, and otherwise taken as text.
    Raises ConfigError if there is no `=`.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError([f"--set {text}: expected KEY=VALUE, such as tempo.bpm=96"])
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):  # not TOML
        return key.strip(), value.strip()


def _walk(settings: Any, prefix: str = "") -> Iterator[tuple[str, "Field[Any]"]]:
    for entry in fields(settings):
        if "kind" in entry.metadata:
            yield prefix + entry.name, entry
        elif "entry" not in entry.metadata:
            yield from _walk(getattr(settings, entry.name), f"{entry.name}.")


def _tables() -> list[str]:
    """The settings that are lists of tables."""
    return [entry.name for entry in fields(Settings) if "entry" in entry.metadata]


def _kinds() -> dict[str, "Field[Any]"]:
    return dict(_walk(Settings()))


def _from_file(path: Path) -> dict[str, _Given]:
    text, _ = config_file.read(path)
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ConfigError([f"{path}: not TOML: {exc}"]) from exc
    return {key: _Given(value, str(path)) for key, value in _flattened(table)}


def _flattened(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    sections = {entry.name for entry in fields(Settings) if not entry.metadata}
    for name, value in table.items():
        if isinstance(value, dict) and (name in sections or value) and name not in _tables():
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _fill(settings: Any, given: Mapping[str, _Given], problems: list[str], prefix: str = "") -> Any:
    changes: dict[str, Any] = {}
    for entry in fields(settings):
        key = prefix + entry.name
        if "entry" in entry.metadata:
            if key in given:
                changes[entry.name] = _fill_tables(entry, given[key], problems)
        elif "kind" not in entry.metadata:
            section = getattr(settings, entry.name)
            changes[entry.name] = _fill(section, given, problems, f"{entry.name}.")
        elif key in given:
            kind = entry.metadata["kind"]
            try:
                changes[entry.name] = kind.read(given[key].value)
            except ValueError:
                hint = did_you_mean(kind, given[key].value)
                problems.append(_problem(key, given[key], kind.expected + hint))
    return replace(settings, **changes)


def _fill_tables(entry: "Field[Any]", given: _Given, problems: list[str]) -> tuple[Any, ...]:
    """The tables of a list. Their problems are listed under keys such as `control.2.cc`."""
    kind = entry.metadata["entry"]
    if not isinstance(given.value, list) or not all(isinstance(t, dict) for t in given.value):
        problems.append(f"{given.source}: {entry.name}: expected tables, each [[{entry.name}]]")
        return ()
    names = [inner.name for inner in fields(kind)]
    tables = []
    for place, table in enumerate(given.value, start=1):
        prefix = f"{entry.name}.{place}."
        inner = {prefix + name: _Given(value, given.source) for name, value in table.items()}
        tables.append(_fill(kind(), inner, problems, prefix))
        for name in table:
            if name not in names:
                there = ", ".join(names)
                problems.append(f"{given.source}: {prefix}{name}: no such entry; there are {there}")
    return tuple(tables)


def _problem(key: str, given: _Given, expected: str) -> str:
    return f"{given.called(key)}: expected {expected}"


def _unknown(key: str, given: _Given) -> str:
    place = f"{_ANY} {key}" if given.option else f"{given.source}: {key}"
    return f"{place}: no such setting{_closest(key)}"


def _shown(value: object) -> str:
    """A value as a message shows it; of a long one, the beginning."""
    try:
        text = literal(value)
    except RecursionError:
        return "[…]"
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def _closest(key: str) -> str:
    known = list(_kinds())
    last = key.rpartition(".")[2]
    close = [name for name in known if name.rpartition(".")[2] == last]  # in the wrong section
    close = close or difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
