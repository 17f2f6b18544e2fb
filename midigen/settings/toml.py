"""Writes settings as TOML: the commented config.toml, and single values."""

from collections.abc import Sequence
from dataclasses import Field, fields, is_dataclass
from typing import Any

from midigen.settings import controls
from midigen.settings.knobs_and_scenes import Knob
from midigen.settings.table import Settings
from midigen.text import escape, printable


def render(settings: Settings) -> str:
    """The settings as TOML, each with its meaning, unit and range in comments."""
    lines: list[str] = []
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        if "entry" in entry.metadata:
            lines += _tables(entry, value)
        elif is_dataclass(value) and "kind" not in entry.metadata:
            lines += [f"# {type(value).__doc__}", f"[{entry.name}]"]
            for inner in fields(value):
                lines += _setting(inner, getattr(value, inner.name))
            lines.append("")
        else:
            lines += _setting(entry, value)
            if entry.name == "thru":  # the last one outside the sections
                lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _setting(entry: "Field[Any]", value: object) -> list[str]:
    kind = entry.metadata["kind"]
    return [
        f"# {entry.metadata['meaning']}",
        f"#   {kind.expected}",
        f"{entry.name} = {literal(value)}",
    ]


def _tables(entry: "Field[Any]", tables: Sequence[Any]) -> list[str]:
    """A list of tables, or an example in comments where there are none."""
    kind = entry.metadata["entry"]
    lines = [f"# {kind.__doc__.splitlines()[0]}"]
    if kind is Knob:
        lines += ["#", *(f"#   {line}" for line in controls.table())]
    if not tables:
        lines += ["#", *(f"#   {line}" for line in entry.metadata["example"].splitlines()), ""]
    for table in tables:
        lines.append(f"[[{entry.name}]]")
        for inner in fields(table):
            if (value := getattr(table, inner.name)) not in (None, "", ()):
                lines.append(f"{inner.name} = {literal(value)}")
        lines.append("")
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
