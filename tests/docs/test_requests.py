"""The requests to the API that screens, commands and pages name exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.docs.pages import ROOT

REQUEST = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/api/v1/[\w/{}.-]*[\w}])(?![\w/{}%-])")
SERVED = re.compile(r"^## `(\w+) (/\S+)`", re.MULTILINE)
CODE = [*sorted((ROOT / "dashboard").glob("**/*.py")), *sorted((ROOT / "sentinel").glob("**/*.py"))]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*/*.md"))]


def shape(request: tuple[str, str]) -> tuple[str, str]:
    """A request whatever its parameters are called; what stands in capitals is one, too."""
    method, path = request
    return method, re.sub(r"\{\w+\}|(?<=/)[A-Z]+(?=/|$)", "*", path)


def strings(code: str) -> Iterator[str]:
    """What a person may read: strings, put together where they stand in several lines."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def unknown(texts: Iterable[str]) -> list[tuple[str, str]]:
    reference = (ROOT / "docs/reference/api.md").read_text("utf-8")
    served = {shape(one) for one in SERVED.findall(reference)}
    named = {shape(one) for text in texts for one in REQUEST.findall(text)}
    return sorted(named - served)


def read(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8")
    if path.suffix != ".py":
        yield text
    elif "/api/v1/" in text:
        yield from strings(text)


def test_every_request_that_a_screen_a_command_or_a_page_names_exists():
    texts = [text for path in (*CODE, *PAGES) for text in read(path)]
    assert sum(len(REQUEST.findall(text)) for text in texts) > 20
    assert unknown(texts) == []


def test_one_that_does_not_exist_is_noticed():
    code = "hint = 'Send one to POST /api/v1/alerts/'\n".replace("/'", "/' 'events'")
    assert unknown(strings(code)) == [("POST", "/api/v1/alerts/events")]
