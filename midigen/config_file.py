"""Which file is midigen's configuration, and what stands in it, however it was saved."""

import codecs
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import platformdirs

from midigen.errors import ConfigError
from midigen.settings import Settings

NAME = "midigen.toml"
SHARED_NAME = "config.toml"
"""Other programs call theirs so, too."""

LARGEST = 256 * 2**10
"""Bytes of a configuration: thirty times the commented defaults."""

LONGEST_LINE = 1000
"""Characters of a line: of a key with 100,000 dots tomllib would make gigabytes, and a hexadecimal
number of 5,000 digits couldn't be told."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",  # as PowerShell's `>` writes it
    codecs.BOM_UTF16_BE: "utf-16",
}
_LINE_END = re.compile(r"\r(?!\n)")
_NAMED = re.compile(r"^\s*(?:\[+\s*)?[\"']?([\w-]+)[\"']?\s*(?:[.=\]]|$)")
_SECTION = re.compile(r"^\s*\[")


def find(passed_over: Callable[[Path], None] = lambda _: None) -> Path | None:
    """The configuration file: in the working directory, else in the user's folder.

    A `config.toml` in the working directory counts where it is recognisably midigen's; else
    `passed_over` is told of it. Raises ConfigError where a folder can't be looked into.
    """
    if _is_there(own := Path(NAME)):
        return own
    if _is_there(shared := Path(SHARED_NAME)):
        if is_ours(shared):
            return shared
        passed_over(shared)
    return users if _is_there(users := user_file()) else None


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as exc:
        raise ConfigError([f"{path}: can't be read: {exc.strerror}"]) from exc


def user_file() -> Path:
    """The configuration in the user's folder, whether it is there or not."""
    return platformdirs.user_config_path("midigen") / SHARED_NAME


def is_ours(path: Path) -> bool:
    """Whether half of what a file names at its top, or more, are settings of midigen's.

    So a mistake in a configuration is told, and another program's isn't one. One that can't be
    read is taken for ours.
    """
    try:
        content = path.read_bytes()[:LARGEST]
    except OSError:
        return True
    try:
        text, _ = decoded(content)
    except ValueError:
        text = content.replace(b"\0", b"").decode("latin-1")
    named = _named(text)
    settings = {entry.name for entry in fields(Settings)}
    return bool(named) and 2 * len(named & settings) >= len(named)


def read(path: Path) -> str:
    """What stands in a file. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as exc:
        raise ConfigError([f"{path}: can't be read: {exc.strerror}"]) from exc
    if len(content) > LARGEST:
        raise ConfigError([f"{path}: larger than {LARGEST // 2**10} KiB, the most that is read"])
    try:
        text, _ = decoded(content)
    except ValueError as exc:
        raise ConfigError([f"{path}: {exc}"]) from exc
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LONGEST_LINE:
            raise ConfigError([f"{path}: line {number} is longer than {LONGEST_LINE} characters"])
    return text


def decoded(content: bytes) -> tuple[str, str]:
    """The text of a file, and the encoding to write it in again.

    Raises ValueError, which says what is wrong with it.
    """
    marks = (encoding for mark, encoding in _MARKS.items() if content.startswith(mark))
    encoding = next(marks, "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        name = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
        raise ValueError(f"line {line} isn't {name}: save it as UTF-8") from exc
    if "\0" in text:
        raise ValueError("it has zero bytes, as UTF-16 without its mark has: save it as UTF-8")
    return _LINE_END.sub("\n", text), encoding


def _named(text: str) -> set[str]:
    """The settings and sections that a document names at its top, even if it isn't quite TOML."""
    names: set[str] = set()
    is_inside = False
    for line in text.splitlines():
        is_section = bool(_SECTION.match(line))
        is_inside = is_inside or is_section
        if (is_section or not is_inside) and (named := _NAMED.match(line)):
            names.add(named[1])
    return names
