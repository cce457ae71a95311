"""Each `sentinel …` that a page shows is a command that there is, with options that it has.

Nothing is run here; the commands of the tutorial are, by `tests/system/test_tutorial.py`.
"""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.exceptions import TyperException
from typer.main import get_command

from sentinel.cli.app import app
from tests.docs.pages import DOCS, ROOT, blocks

PAGES = [ROOT / "README.md", *sorted(DOCS.glob("**/*.md"))]
ENDS = {"|", "||", "&&", ";", "(", ")", ">", "<", "&"}


def shown(page: Path) -> list[tuple[int, list[str]]]:
    """Line and arguments of each `sentinel …` in the shell blocks of a page."""
    found: list[tuple[int, list[str]]] = []
    for block in blocks(page):
        if block.language != "sh":
            continue
        lines = re.sub(r"\\\n", "  ", block.text).splitlines()
        for number, line in enumerate(lines, start=block.line + 1):
            found += [(number, arguments) for arguments in sentinel_in(line)]
    return found


def sentinel_in(line: str) -> list[list[str]]:
    """The arguments of every `sentinel` that a line of shell would run."""
    if not re.search(r"(^|[\s(/])sentinel\s", line):
        return []
    line = line.replace('"$(', "$( ").replace(')"', " )")
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    found: list[list[str]] = []
    current: list[str] | None = None
    first = True
    for word in words:
        if word in ENDS:
            current, first = None, True
        elif current is not None:
            current.append(word)
        elif first and word in ("sentinel", ".venv/bin/sentinel"):
            found.append(current := [])
        else:
            first = first and re.match(r"\w+=", word) is not None
    return [arguments for arguments in found if arguments]


@cache
def sentinel() -> Any:
    """The command with all below it, described once: a tenth of a second."""
    return get_command(app)


def parse(arguments: list[str]) -> None:
    """Read the arguments as the command would, without running it."""
    command = sentinel()
    if arguments == ["--install-completion"]:
        return  # typer's own, which acts as soon as it is read
    context: Any = command.make_context("sentinel", list(arguments))
    while hasattr(command, "commands"):
        name, command, left = command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        context = command.make_context(name, left, parent=context)


BARE = re.compile(
    r"(?:^|[|;&(]\s*|\$\(\s*)(?:[A-Z_]+=\S* )*(sentinel|prefect|python|pytest|streamlit)\s"
)
SET = re.compile(r"^\s*(?:export )?([A-Z_]+)=", re.MULTILINE)
ENV = 'eval "$(.venv/bin/sentinel env)"'


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_run_in_the_shell_of_its_reader(page: Path):
    """Programs are in .venv, and a variable is one that the page has set before."""
    known = {"HOME", "PATH"}
    for block in blocks(page):
        if block.language != "sh" or page.name == "cli.md":
            continue
        for line in block.text.splitlines():
            assert not BARE.search(line), f"{page.name}: write .venv/bin/ before it: {line}"
            known |= set(SET.findall(line))
            if ENV in line:
                known |= {"SENTINEL_API_TOKEN", "SENTINEL_API_PORT", "PREFECT_API_URL"}
            unset = set(re.findall(r"\$\{?([A-Z_]+)", line)) - known
            assert not unset, f"{page.name}: nothing sets {unset}: {line}"
            if "bin/prefect " in line:
                assert "PREFECT_API_URL" in known, f"{page.name}: which Prefect? {line}"


CASES = [
    pytest.param(arguments, id=f"{page.relative_to(ROOT)}:{line}")
    for page in PAGES
    if page.name != "cli.md"
    for line, arguments in shown(page)
]


@pytest.mark.parametrize("arguments", CASES)
def test_what_a_page_shows_can_be_typed(arguments: list[str]):
    parse(arguments)


def test_pages_show_commands():
    assert len(CASES) > 30


@pytest.mark.parametrize(
    "line",
    [
        ".venv/bin/sentinel alrt list",
        ".venv/bin/sentinel alert lits",
        ".venv/bin/sentinel alert list --sevrity high",
        "sentinel alert list --limit many",
        "sentinel alert ack",
        "make install && sentinel deploy --pac machine",
        'eval "$(sentinel envv )"',
    ],
)
def test_one_that_is_misspelt_is_noticed(line: str):
    (arguments,) = sentinel_in(line)
    with pytest.raises(TyperException):
        parse(arguments)
