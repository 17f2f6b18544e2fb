"""The pages that people read, as the tests take them apart."""

import re
from pathlib import Path
from typing import NamedTuple

from tests.players import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    """What stands between two fences: which language it is in, and the text."""

    page: str
    language: str
    text: str


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(*languages: str, pages: list[Path] = PAGES) -> list[Block]:
    """The blocks of all pages in one of these languages; of all of them without any."""
    return [
        Block(page.name, match[1], match[2])
        for page in pages
        for match in _BLOCK.finditer(read(page))
        if not languages or match[1] in languages
    ]
