"""Text for people, in lines that end between words however narrow their terminal is."""

import re

_WORD = re.compile(r"\s*\S+")
_DEEPEST = 3  # an indent takes up one in so many columns at the most


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """The lines of a text, none wider than `width` columns unless a single word is.

    A line that goes on does so below where it began, and `indent` columns further in.
    """
    lines: list[str] = []
    for paragraph in text.splitlines():
        begun = len(paragraph) - len(paragraph.lstrip()) + indent
        margin = " " * min(begun, width // _DEEPEST)
        line = ""
        for word in _WORD.findall(paragraph):
            if line.strip() and _columns(line + word) > width:
                lines.append(line)
                line = margin + word.lstrip()
            else:
                line += word
        lines.append(line)
    return lines


def _columns(text: str) -> int:
    """How many columns a text takes up."""
    if text.isascii() and text.isprintable():
        return len(text)
    from rich.cells import cell_len  # takes a while, and is hardly ever needed

    return cell_len(text)
