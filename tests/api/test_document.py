"""The document that tests read is made once of one code, and anew of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.document import hashed, kept


def test_it_is_made_once_of_one_code_and_only_the_last_is_kept(tmp_path: Path):
    made: list[str] = []

    def make() -> dict[str, Any]:
        made.append("once")
        return {"paths": {"/number": len(made)}}

    first = kept(tmp_path, "a", make)
    assert kept(tmp_path, "a", make) == first == {"paths": {"/number": 1}}
    assert kept(tmp_path, "b", make) == {"paths": {"/number": 2}}
    assert [path.name for path in tmp_path.glob("*.json*")] == ["b.json"]


def test_what_fails_to_be_made_is_not_kept(tmp_path: Path):
    def fail() -> dict[str, Any]:
        raise ValueError("two routes of one name")

    for _ in range(2):
        with pytest.raises(ValueError, match="two routes"):
            kept(tmp_path, "a", fail)


def test_a_changed_a_renamed_and_a_new_file_and_another_package_change_its_name(tmp_path: Path):
    one, compiled = tmp_path / "one.py", tmp_path / "__pycache__" / "one.pyc"
    compiled.parent.mkdir()

    def now(word: str = "fastapi 1") -> str:
        return hashed(tmp_path.rglob("*"), [word])

    one.write_text("a = 1")
    found = [now()]
    compiled.write_text("compiled")
    assert now() == found[0]
    one.write_text("a = 2")
    found.append(now())
    found.append(now("fastapi 2"))
    one = one.rename(tmp_path / "two.py")
    found.append(now())
    (tmp_path / "three.py").write_text("")
    found.append(now())
    assert len({*found}) == len(found)
