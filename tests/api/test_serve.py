"""Several processes that answer are started only with settings that they can use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import uvicorn

from sentinel.api import serve
from sentinel.settings import Settings


def test_an_address_that_cannot_be_opened_ends_the_parent_before_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    started = list[str]()

    def run(*_: Any, **__: Any) -> None:
        started.append("children")

    monkeypatch.setattr(uvicorn, "run", run)
    monkeypatch.setattr(
        serve,
        "settings",
        lambda: Settings(
            home=tmp_path,
            database_url=f"sqlite:///{tmp_path / 'a.db'}",
            prefect_ui_url="ftp://example.org",
            api_processes=2,
        ),
    )
    assert serve.main(relay=False) == 2
    assert started == []
