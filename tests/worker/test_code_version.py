"""A flow's version follows its own code and what it imports, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.worker.code_version import Code


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of flows: `a` imports `shared`, which imports `deep`; `b` imports neither."""
    package = tmp_path / "acme_flows"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('nobody may import this')\n")
    (package / "a.py").write_text("import os\nfrom .shared import x\n")
    (package / "b.py").write_text("import json\n")
    (package / "shared.py").write_text("from acme_flows.inner import deep\nx = 1\n")
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "deep.py").write_text("y = 1\n")
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    return package


def test_it_changes_with_imported_modules_at_any_depth(package: Path):
    code = Code()
    before = code.version("acme_flows.a.flow"), code.version("acme_flows.b.flow")
    (package / "inner" / "deep.py").write_text("y = 22\n")
    assert code.version("acme_flows.a.flow") != before[0]
    assert code.version("acme_flows.b.flow") == before[1]


def test_it_stays_when_a_file_is_only_written_again(package: Path):
    code = Code()
    before = code.version("acme_flows.a.flow")
    text = (package / "a.py").read_text()
    (package / "a.py").write_text(text)
    assert code.version("acme_flows.a.flow") == before


def test_an_import_that_is_new_counts_from_then_on(package: Path):
    code = Code()
    code.version("acme_flows.b.flow")
    (package / "b.py").write_text("from acme_flows import shared\n")
    before = code.version("acme_flows.b.flow")
    (package / "inner" / "deep.py").write_text("y = 333\n")
    assert code.version("acme_flows.b.flow") != before


def test_a_path_is_followed_too(package: Path):
    code = Code()
    entrypoint = f"{package / 'a.py'}:flow"
    before = code.version(entrypoint)
    (package / "a.py").write_text("import os\n")
    assert code.version(entrypoint) != before


@pytest.mark.slow
def test_the_flow_of_a_rule_follows_its_trigger():
    code = Code()
    assert code.version("flows.rules.disk_space") != code.version("flows.rules.cpu_usage")


@pytest.mark.parametrize("trigger", ["old_style", "broken_triggers"])
@pytest.mark.slow
def test_a_trigger_that_may_be_in_any_file_follows_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trigger: str
):
    triggers = tmp_path / "triggers"
    triggers.mkdir()
    for name in ("__init__", "broken_triggers", "other", "classes"):
        (triggers / f"{name}.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    code = Code()
    before = code.version(f"flows.rules.{trigger}"), code.version("flows.rules.other")
    (triggers / "classes.py").write_text("x = 22\n")  # where a class may call itself old_style
    assert code.version(f"flows.rules.{trigger}") != before[0]
    assert code.version("flows.rules.other") == before[1]


def test_broken_and_missing_code_have_a_version_too(package: Path):
    code = Code()
    assert code.version("nothing.like.it")
    (package / "a.py").write_text("def (\n")
    assert code.version("acme_flows.a.flow")
