"""Finds midigen's configuration file, and reads it however it was saved."""

import codecs
import re
from collections.abc import Callable
from dataclasses import fields
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

from midigen.errors import ConfigError
from midigen.settings.table import LISTS, SPECS

NAME = "midigen.toml"
SHARED_NAME = "config.toml"
"""A name that other programs use too."""

LARGEST = 256 * 2**10
"""The largest file that is read, in bytes: thirty times the commented defaults."""

LONGEST_LINE = 1000
"""The longest line that is read, in characters.

For a key with 100,000 dots tomllib would need gigabytes, and Python refuses to print a hexadecimal
number of 5,000 digits.
"""

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, with which it begins
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",  # as PowerShell's `>` writes it
    codecs.BOM_UTF16_BE: "utf-16",
}
_LINE_END = re.compile(r"\r(?!\n)")
_SECTION = re.compile(r"\s*\[+\s*([\w.-]+)")
_KEY = re.compile(r"\s*(?:[\"']([\w.-]+)[\"']\s*=|([a-z][\w.-]*)\s*(?:[=:]|\s|$))", re.IGNORECASE)
_INLINE = re.compile(r"\s*[\w.-]+\s*=\s*\[?\s*\{")  # an inline table
_INLINE_KEY = re.compile(r"[{,]\s*([\w-]+)\s*=")
_ALIKE = 0.66
"""How alike two names must be for one to be a misspelling of the other, such as kye and key."""

_Name = tuple[str, ...]
"""A setting's name, after its section if it is in one."""

_KNOWN: set[_Name] = {tuple(key.split(".")) for key in SPECS}
_KNOWN |= {(name, inner.name) for name, of in LISTS.items() for inner in fields(of)}


def find(passed_over: Callable[[Path], None] = lambda _: None) -> Path | None:
    """The configuration file in the working directory, or else in the user's folder.

    A `config.toml` in the working directory is taken if it looks like midigen's. If not, it is
    handed to `passed_over`. Raises ConfigError if a folder can't be looked into.
    """
    if _is_file(own := Path(NAME)):
        return own
    if _is_file(shared := Path(SHARED_NAME)):
        if is_ours(shared):
            return shared
        passed_over(shared)
    return users if _is_file(users := user_file()) else None


def _is_file(path: Path) -> bool:
    return is_there(path) and path.is_file()


def is_there(path: Path) -> bool:
    """Whether a path exists. Raises ConfigError if that can't be found out."""
    try:
        return path.exists()
    except OSError as exc:
        raise ConfigError([f"{path}: can't be read: {exc.strerror}"]) from exc


def user_file() -> Path:
    """Where the configuration in the user's folder is, or would be."""
    import platformdirs  # noqa: PLC0415  here, as `--help` doesn't need it

    return platformdirs.user_config_path("midigen") / SHARED_NAME


def is_ours(path: Path) -> bool:
    """Whether most names in a file are settings of midigen's, perhaps misspelled.

    So the mistakes in midigen's own file are reported, and another program's file is passed over.
    A setting outside its section counts half, since other programs have a `port` or a `path` too.
    A file that can't be read is taken for midigen's.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST)
        text, _ = decoded(content)
    except OSError:
        return True
    except ValueError:
        text = content.replace(b"\0", b"").decode("latin-1")
    named = _named(text)
    return 2 * sum(map(_likeness, named)) > len(named)


def read(path: Path) -> tuple[str, str]:
    """The text of a file, and the encoding to write it back in.

    Raises ConfigError if it can't be read, is too large, or isn't text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"larger than {LARGEST // 2**10} KiB, the most that is read")
        text, encoding = decoded(content)
        for number, line in enumerate(text.split("\n"), start=1):  # TOML ends lines in no other way
            if len(line) > LONGEST_LINE:
                raise ValueError(f"line {number} is longer than {LONGEST_LINE} characters")
    except OSError as exc:
        raise ConfigError([f"{path}: can't be read: {exc.strerror}"]) from exc
    except ValueError as exc:
        raise ConfigError([f"{path}: {exc}"]) from exc
    return text, encoding


def decoded(content: bytes) -> tuple[str, str]:
    """The text in the bytes of a file, and the encoding to write it back in.

    Line ends that are a lone CR become LF. Raises ValueError, which says what is wrong.
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


def _named(text: str) -> set[_Name]:
    """The names in a document, even if it isn't valid TOML."""
    names: set[_Name] = set()
    section: list[str] = []
    for line in text.splitlines():
        if header := _SECTION.match(line):
            section = header[1].split(".")
        elif key := _KEY.match(line):
            path = [*section, *(key[1] or key[2]).split(".")]
            inner = _INLINE_KEY.findall(line) if _INLINE.match(line) else []
            names |= {(*path, name)[:2] for name in inner} or {tuple(path[:2])}
    return names


@cache
def _likeness(name: _Name) -> float:
    """1 for a setting's name, perhaps misspelled; 0.5 if it is outside its section; else 0."""
    alike = (len(name) == len(each) and all(map(_is_alike, name, each)) for each in _KNOWN)
    if any(alike):
        return 1
    return 0.5 if any(name[-1] == each[-1] for each in _KNOWN) else 0


def _is_alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other).ratio() >= _ALIKE
