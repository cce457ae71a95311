"""The pages say what the code says, and lead to each other."""

from __future__ import annotations

import importlib
import re
import runpy
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prefect.blocks.core import Block
from typer.main import get_command

import blocks
from blocks import VENDORS, SentinelEmail, SignedWebhook
from sentinel import Trigger
from sentinel.checks.catalog import find
from sentinel.cli.app import app as commands
from sentinel.lint.deployment_file import lint_files
from sentinel.settings import Settings
from sentinel.worker.settings import Options
from tests.api.document import document

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
WRITTEN_BY_HAND = {"glossary.md", "telemetry-schema.md"}
GENERATED = sorted({path.name for path in REFERENCE.glob("*.md")} - WRITTEN_BY_HAND)
# Making the pages takes seconds, the same for each process that runs one of these tests.
pytestmark = pytest.mark.xdist_group("reference")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("**/*.md"))]


@cache
def made() -> dict[str, str]:
    return runpy.run_path(str(REFERENCE / "make.py"))["pages"]()


def test_every_page_of_the_reference_is_made():
    assert sorted(made()) == GENERATED


@pytest.mark.parametrize("page", GENERATED)
def test_the_page_is_what_the_code_makes(page: str):
    written = (REFERENCE / page).read_text()
    assert written == made()[page], "run: python docs/reference/make.py"


def test_every_setting_is_in_the_reference():
    page = made()["settings.md"]
    for name in Settings.model_fields:
        assert f"## `SENTINEL_{name.upper()}`" in page


def test_every_variable_of_the_worker_and_of_channels_is_in_the_reference():
    page = made()["settings.md"]
    for name in Options.model_fields:
        assert f"## `SENTINEL_WORKER_{name.upper()}`\n" in page
    for name in re.findall(r"\b(ALERT_[A-Z_]+)=", (ROOT / ".env.example").read_text()):
        assert f"## `{name}`\n" in page


def test_every_trigger_is_in_the_reference_with_its_parameters_and_their_help():
    page = made()["triggers.md"]
    for file in sorted((ROOT / "triggers").glob("[a-z]*.py")):
        assert f"### `{file.stem}`\n" in page
        about = page.split(f"### `{file.stem}`\n")[1].split("\n### ")[0]
        for parameter in find(file.stem).parameters:
            assert re.search(rf"^- `{parameter.name}` \(.+\): \w", about, re.MULTILINE), (
                f"{file.stem} does not say what {parameter.name} is"
            )


def test_every_block_is_in_the_reference_with_its_fields():
    page = made()["settings.md"]
    registered = [
        one for one in vars(blocks).values() if isinstance(one, type) and issubclass(one, Block)
    ]
    assert {SentinelEmail, SignedWebhook, *VENDORS.values()} == set(registered)
    for block in registered:
        heading = f"## `{block.get_block_type_slug()}`\n"
        assert heading in page
        about = page.split(heading)[1].split("\n## ")[0]
        assert all(f"- `{name}` " in about for name in block.model_fields)


def test_every_command_is_in_the_reference_with_its_options():
    page = made()["cli.md"]
    for path, command in every_command(get_command(commands), "sentinel"):
        assert f"## `{path}`\n" in page
        about = page.split(f"## `{path}`\n")[1].split("\n## ")[0]
        for one in command.params:
            if one.param_type_name == "option":
                assert all(f"`{name}`" in about for name in one.opts), (path, one.opts)


def every_command(group: Any, path: str) -> list[tuple[str, Any]]:
    found = [(f"{path} {name}", command) for name, command in group.commands.items()]
    for name, command in list(found):
        if hasattr(command, "commands"):
            found += every_command(command, name)
    return [(name, command) for name, command in found if not command.hidden]


def test_every_address_is_in_the_reference():
    page = made()["api.md"]
    described = [(m.upper(), path) for path, item in document()["paths"].items() for m in item]
    assert len(described) > 5
    for method, path in described:
        assert f"## `{method} {path}`\n" in page


@pytest.mark.parametrize("page", GENERATED)
def test_nothing_is_left_out_without_a_word(page: str):
    for line in (REFERENCE / page).read_text().splitlines():
        assert line != "Default: none."


class TestExamples:
    """What the page about triggers shows can be copied and runs."""

    @pytest.fixture
    def shown(self) -> dict[str, Trigger[..., Any]]:
        triggers: dict[str, Trigger[..., Any]] = {}
        for code in re.findall(r"```python\n(.*?)```", made()["triggers.md"], re.DOTALL):
            names: dict[str, Any] = {}
            exec(compile(code, "triggers.md", "exec"), names)
            triggers |= {n: t for n, t in names.items() if isinstance(t, Trigger)}
        return triggers

    def test_the_first_counts_files(self, shown: dict[str, Trigger[..., Any]], tmp_path: Path):
        for name in "abc":
            (tmp_path / name).touch()
        (reading,) = shown["files_waiting"].check(folder=str(tmp_path), at_most=2).readings
        assert (reading.value, reading.labels) == (2, {"folder": str(tmp_path)})

    def test_the_second_judges_for_itself(self, shown: dict[str, Trigger[..., Any]]):
        good, bad = shown["backups"].check().readings
        assert (good.firing, bad.firing, bad.severity) == (False, True, "high")

    def test_the_third_keeps_a_cursor_and_says_what_it_could_not_see(
        self, shown: dict[str, Trigger[..., Any]], tmp_path: Path
    ):
        log, errors_in_log = tmp_path / "app.log", shown["errors_in_log"]
        assert errors_in_log.check(file=str(log)).not_seen == [{"file": str(log)}]
        log.write_text("ok\nERROR one\nERROR two\n")
        seen = errors_in_log.check(file=str(log))
        assert [reading.value for reading in seen.readings] == [2]
        assert seen.state == {"read": 3}

    def test_no_example_is_forgotten_here(self, shown: dict[str, Trigger[..., Any]]):
        assert sorted(shown) == ["backups", "errors_in_log", "files_waiting"]


def test_the_check_and_the_rule_of_the_how_to_pages_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    check = (DOCS / "how-to/write-a-trigger.md").read_text().split("```python\n# triggers/")[1]
    name, code = check.split("```")[0].split("\n", 1)
    (tmp_path / name).write_text(code)
    rule = (DOCS / "how-to/add-a-rule.md").read_text().split("```yaml\n")[1].split("```")[0]
    (tmp_path / "prefect.yaml").write_text(rule)
    triggers = importlib.import_module("triggers")
    monkeypatch.setattr(triggers, "__path__", [*triggers.__path__, str(tmp_path)])
    said = [str(one) for one in lint_files([tmp_path / "prefect.yaml"])]
    sys.modules.pop("triggers.queue_length", None)
    assert said == []


def test_the_index_leads_to_every_page():
    index = DOCS / "README.md"
    linked = {(DOCS / target).resolve() for target, _ in links(index)}
    decisions = DOCS / "adr"
    for page in DOCS.glob("**/*.md"):
        if page != index and (page.parent != decisions or page.name == "README.md"):
            assert page.resolve() in linked, f"docs/README.md does not link to {page.name}"
    assert index.resolve() in {(ROOT / target).resolve() for target, _ in links(ROOT / "README.md")}


@pytest.mark.parametrize("page", [str(path.relative_to(ROOT)) for path in PAGES])
def test_every_link_within_the_repository_leads_somewhere(page: str):
    path = ROOT / page
    for target, anchor in links(path):
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), f"{page} links to {target}"
        if anchor:
            assert anchor in anchors(found), f"{page} links to {target}#{anchor}"


def links(page: Path) -> list[tuple[str, str]]:
    """File and anchor of every link that does not leave the repository."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    found: list[tuple[str, str]] = re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", text)
    return [(t, a) for t, a in found if not t.startswith(("http://", "https://"))]


@cache
def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings: list[str] = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in headings}
