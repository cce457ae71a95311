"""A store with an inbox, for tests of channels."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from sentinel.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store]:
    """A migrated store; what is tested here does not depend on the dialect."""
    store = Store(f"sqlite:///{tmp_path / 'sentinel.db'}")
    store.migrate()
    yield store
    store.close()
