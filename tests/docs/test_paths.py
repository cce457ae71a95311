"""The files, folders and modules that pages name exist."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

FOLDERS = "benchmarks|blocks|dashboard|deployments|docs|findings|flows|sentinel|tests|triggers"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]*)`")
NAME = re.compile(r"`((?:sentinel|flows|blocks|triggers)(?:\.\w+)+)(?:\(\))?`")
COMMAND = re.compile(r"\bpython3? -m ((?:sentinel|benchmarks|flows)[\w.]*)")
GONE = {"0020-rooms-by-noun.md": {"dashboard/shell.py"}}
"""Paths that a page names since they do not exist, by page."""
EVENTS = {"sentinel.alerts.batch"}
"""Names of Prefect events that begin like a module."""


def pages() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return listed.stdout.split()


def written_by_reader(page: Path) -> set[str]:
    """Files that somebody who follows the page writes."""
    text = page.read_text("utf-8")
    files = {block.file for block in blocks(page) if block.file}
    for name in re.findall(r"sentinel trigger new (\w+)", text):
        files.add(f"triggers/{name}.py")
    tests = {f"tests/triggers/test_{Path(one).name}" for one in files if "triggers/" in one}
    return files | tests


def missing_paths(page: Path) -> list[str]:
    apart = written_by_reader(page) | GONE.get(page.name, set())
    named: list[str] = PATH.findall(page.read_text("utf-8"))
    return [one for one in named if one not in apart and not (ROOT / one).exists()]


def missing_modules(page: Path) -> Iterator[str]:
    text = page.read_text("utf-8")
    for name in COMMAND.findall(text):
        if not is_module(name.rstrip(".")):
            yield name
    for name in NAME.findall(text):
        package, member, *_ = name.split(".")
        # Others are names of events, labels and files, such as `sentinel.group.opened`.
        if (ROOT / package / member).is_dir() and name not in EVENTS and not resolves(name):
            yield name


def is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or what a module holds."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if is_module(".".join(parts[:end])):
            found: object = importlib.import_module(".".join(parts[:end]))
            for part in parts[end:]:
                found = getattr(found, part, None)
            return found is not None
    return False


@pytest.mark.parametrize("page", pages())
def test_every_path_and_module_that_a_page_names_exists(page: str):
    assert missing_paths(ROOT / page) == []
    assert list(missing_modules(ROOT / page)) == []


def test_pages_name_paths_and_modules():
    texts = [(ROOT / page).read_text("utf-8") for page in pages()]
    assert sum(len(PATH.findall(text)) for text in texts) > 20
    assert sum(len(NAME.findall(text)) for text in texts) > 5
    assert sum(len(COMMAND.findall(text)) for text in texts) > 5


@pytest.mark.parametrize(
    "text",
    [
        "See `sentinel/nursery.py`.",
        "See `docs/how-to/tell-slack.md`.",
        "See `sentinel.alerts.lifecycle.stride`.",
        "Run python -m sentinel.desk",
    ],
)
def test_one_that_does_not_exist_is_noticed(text: str, tmp_path: Path):
    page = tmp_path / "page.md"
    page.write_text(text)
    assert [*missing_paths(page), *missing_modules(page)] != []
