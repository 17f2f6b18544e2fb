"""Declares settings: dataclass fields with a default, a kind, and what they mean."""

from dataclasses import field
from typing import Any

from midigen.settings.kinds import Kind


def setting(default: Any, kind: Kind, meaning: str) -> Any:
    """A setting. Its `kind` reads and checks values, and says in words what it expects."""
    return field(default=default, metadata={"kind": kind, "meaning": meaning})


def section(of: type) -> Any:
    """A section of settings, `[name]` in TOML."""
    return field(default_factory=of)


def tables(entry: type, example: str) -> Any:
    """A list of tables, `[[name]]` in TOML, each with the fields of `entry`."""
    return field(default=(), metadata={"entry": entry, "example": example})
