"""What stands in the pages of the documentation: their fenced blocks, as a reader copies them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

__all__ = ["DOCS", "ROOT", "Block", "blocks", "without_code"]

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line of the page that it begins on."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str:
        """The file that its first line says it is, or nothing."""
        found = re.match(r"# ([\w./-]+\.\w+)\n", self.text)
        return found.group(1) if found else ""


def blocks(page: Path) -> list[Block]:
    """All fenced blocks of a page, also of one that is indented in a list."""
    text = page.read_text("utf-8")
    return [
        Block(
            language,
            re.sub(rf"^{indent}", "", inner, flags=re.MULTILINE),
            text[:start].count("\n") + 1,
        )
        for start, indent, language, inner in (
            (one.start(), one.group(1), one.group(2), one.group(3))
            for one in re.finditer(r"^( *)```(\w*)\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
        )
    ]


def without_code(text: str) -> str:
    """The text of a page with its fenced blocks left empty, line by line as before."""
    return re.sub(
        r"^( *)```.*?^\1```",
        lambda one: "\n" * one.group().count("\n"),
        text,
        flags=re.DOTALL | re.MULTILINE,
    )
