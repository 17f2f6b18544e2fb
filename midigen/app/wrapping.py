"""Wraps text between words, for terminals of any width."""

import re

_WORD = re.compile(r"\s*\S+")
_DEEPEST = 3  # an indent takes at most one third of the columns


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """The lines of a text, wrapped at `width` columns; only a single word may be wider.

    The rest of a wrapped line is indented like its beginning, and by `indent` columns more.
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
