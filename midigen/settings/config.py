"""Reads settings: options override the file, which overrides the defaults. And writes them."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields, replace
from pathlib import Path
from typing import Any

from midigen.errors import ConfigError
from midigen.settings import config_file, controls
from midigen.settings.kinds import did_you_mean
from midigen.settings.sections import Knob
from midigen.settings.table import LISTS, SPECS, Settings
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
    settings = Settings()
    for key, value in _read(SPECS, given, problems):
        settings = settings.changed(key, value)
    for name in LISTS:
        if name in given:
            settings = settings.changed(name, _read_tables(name, given[name], problems))
    known = {*SPECS, *LISTS}
    problems += [_unknown(key, value) for key, value in given.items() if key not in known]
    for key, why in controls.problems(settings).items():
        problems.append(f"{given[key.partition('.')[0]].source}: {key}: {why}")
    for key, expected in settings.contradictions().items():
        writer = replace(given.get(key, _Given(None, "defaults")), value=settings.at(key))
        problems.append(f"{writer.called(key)}: expected {expected}")
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


def _from_file(path: Path) -> dict[str, _Given]:
    text, _ = config_file.read(path)
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ConfigError([f"{path}: not TOML: {exc}"]) from exc
    return {key: _Given(value, str(path)) for key, value in _flattened(table)}


def _flattened(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """What a document sets, by keys such as `tempo.bpm`."""
    sections = {key.partition(".")[0] for key in SPECS if "." in key}
    for name, value in table.items():
        if isinstance(value, dict) and (name in sections or value) and name not in LISTS:
            yield from ((f"{name}.{key}", inner) for key, inner in value.items())
        else:
            yield name, value


def _read(
    specs: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, _Given],
    problems: list[str],
    prefix: str = "",
) -> Iterator[tuple[str, Any]]:
    """The values as their kinds read them, in the order of the table. Adds to the problems."""
    for name, spec in specs.items():
        key, kind = prefix + name, spec["kind"]
        if key in given:
            try:
                yield name, kind.read(given[key].value)
            except ValueError:
                hint = did_you_mean(kind, given[key].value)
                problems.append(f"{given[key].called(key)}: expected {kind.expected}{hint}")


def _read_tables(name: str, given: _Given, problems: list[str]) -> tuple[Any, ...]:
    """The tables of a list. Their problems are listed under keys such as `control.2.cc`."""
    if not isinstance(given.value, list) or not all(isinstance(t, dict) for t in given.value):
        problems.append(f"{given.source}: {name}: expected tables, each [[{name}]]")
        return ()
    specs = {inner.name: inner.metadata for inner in fields(LISTS[name])}
    tables = []
    for place, table in enumerate(given.value, start=1):
        prefix = f"{name}.{place}."
        inside = {prefix + key: _Given(value, given.source) for key, value in table.items()}
        tables.append(LISTS[name](**dict(_read(specs, inside, problems, prefix))))
        problems += [
            f"{given.source}: {prefix}{key}: no such entry; there are {', '.join(specs)}"
            for key in table
            if key not in specs
        ]
    return tuple(tables)


def _unknown(key: str, given: _Given) -> str:
    place = f"{_ANY} {key}" if given.option else f"{given.source}: {key}"
    last = key.rpartition(".")[2]
    close = [name for name in SPECS if name.rpartition(".")[2] == last]  # in the wrong section
    close = close or difflib.get_close_matches(key, SPECS, n=1)
    return f"{place}: no such setting" + (f"; did you mean {close[0]}?" if close else "")


def _shown(value: object) -> str:
    """A value as a message shows it; of a long one, the beginning."""
    try:
        text = literal(value)
    except RecursionError:
        return "[…]"
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


# --- writing


def render(settings: Settings) -> str:
    """The settings as TOML, each with its meaning, unit and range in comments."""
    lines: list[str] = []
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        if "entry" in entry.metadata:
            lines += _list(entry, value)
        elif "kind" in entry.metadata:
            lines += _setting(entry, value)
            if entry.name == "thru":  # the last one outside the sections
                lines.append("")
        else:
            lines += [f"# {type(value).__doc__}", f"[{entry.name}]"]
            for inner in fields(value):
                lines += _setting(inner, getattr(value, inner.name))
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _setting(entry: "Field[Any]", value: object) -> list[str]:
    meaning, kind = entry.metadata["meaning"], entry.metadata["kind"]
    return [f"# {meaning}", f"#   {kind.expected}", f"{entry.name} = {literal(value)}"]


def _list(entry: "Field[Any]", tables: Sequence[Any]) -> list[str]:
    """A list of tables, or an example in comments where there are none."""
    kind = entry.metadata["entry"]
    lines = [f"# {kind.__doc__.splitlines()[0]}"]
    if kind is Knob:
        lines += ["#", *(f"#   {line}" for line in controls.table())]
    if not tables:
        lines += ["#", *(f"#   {line}" for line in entry.metadata["example"].splitlines()), ""]
    for table in tables:
        values = ((inner.name, getattr(table, inner.name)) for inner in fields(table))
        given = (f"{name} = {literal(each)}" for name, each in values if each not in (None, "", ()))
        lines += [f"[[{entry.name}]]", *given, ""]
    return lines


def literal(value: object) -> str:
    """A value as TOML spells it, with characters escaped that a terminal would obey."""
    import tomlkit  # noqa: PLC0415  only whoever writes needs it

    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        inside = ", ".join(f"{literal(name)} = {literal(each)}" for name, each in value)
        return f"{{ {inside} }}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(literal(each) for each in value) + "]"
    plain = value if isinstance(value, bool | int | float) else str(value)
    return printable(tomlkit.item(plain).as_string(), escape)
