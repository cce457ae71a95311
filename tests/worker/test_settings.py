"""What may be set of a worker is in its page, with what it is unless set."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sentinel.errors import ConfigurationError
from sentinel.worker.settings import Options

PAGE = Path(__file__).parents[2] / "docs/explanation/worker.md"


@pytest.mark.parametrize("name", Options.model_fields)
def test_it_is_in_the_page(name: str):
    assert f"| `SENTINEL_WORKER_{name.upper()}` |" in PAGE.read_text()


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENTINEL_WORKER_GRACE", "1m")
    monkeypatch.setenv("SENTINEL_WORKER_LIMIT", "3")
    assert Options().grace == timedelta(minutes=1)
    assert Options().limit == 3


@pytest.mark.parametrize(
    ("name", "value"), [("LIMIT", "0"), ("GRACE", "soon"), ("LOG_LEVEL", "LOUD")]
)
def test_nonsense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    monkeypatch.setenv(f"SENTINEL_WORKER_{name}", value)
    said = rf"SENTINEL_WORKER_{name} is invalid: .+, got '{value}'. Correct it in the env"
    with pytest.raises(ConfigurationError, match=said):
        Options.given()
