"""When what was cached about flows is used, and when it is asked for anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from sentinel.rollout import flow_cache
from sentinel.rollout.desired import FlowFacts
from sentinel.rollout.flow_cache import FlowCache, code_digest


def test_the_digest_is_of_the_code_as_it_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(flow_cache, "_ROOT", tmp_path)
    file = tmp_path / "flows" / "deep" / "one.py"
    file.parent.mkdir(parents=True)
    file.write_text("a = 1\n")
    (tmp_path / "flows" / "words.txt").write_text("no code")
    first = code_digest()
    assert code_digest() == first
    file.write_text("a = 12\n")
    changed = code_digest()
    (tmp_path / "triggers").mkdir()
    file.rename(tmp_path / "triggers" / "one.py")
    moved = code_digest()
    file.write_text("a = 1\n")
    (tmp_path / "triggers" / "one.py").unlink()
    assert len({first, changed, moved}) == 3
    assert code_digest() == first


def test_the_file_is_only_this_users_and_the_next_rollout_reads_it(tmp_path: Path):
    class Asked:
        def facts_of(self, entrypoint: str) -> FlowFacts:
            return FlowFacts(name=entrypoint, version=None, description=None, form={})

    path = tmp_path / "home" / "facts.json"
    first = FlowCache(lambda: cast("Any", Asked()), path)
    found = first.flow("flows.rules.disk_space")
    first.keep()
    assert path.stat().st_mode & 0o777 == 0o600  # `sentinel doctor` refuses another
    again = FlowCache(lambda: pytest.fail("asked Prefect"), path)
    assert again.flow("flows.rules.disk_space") == found
    assert list(path.parent.iterdir()) == [path]
