"""When what was cached about flows is used, and when it is asked for anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.rollout import flow_cache
from sentinel.rollout.flow_cache import code_digest


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
