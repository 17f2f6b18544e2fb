"""Text from files, ports and other programs, made fit to be shown."""

from collections.abc import Callable


def printable(text: str, instead: str | Callable[[str], str] = "?") -> str:
    """The text with something else in the place of what a terminal would obey.

    `instead` stands for each such character, or makes what does: `escape`, as TOML writes it.
    """
    if text.isprintable():
        return text
    replace = instead if callable(instead) else lambda _: instead
    return "".join(each if each.isprintable() else replace(each) for each in text)


def escape(character: str) -> str:
    """A character by its number, as TOML writes it."""
    return f"\\U{ord(character):08x}"
