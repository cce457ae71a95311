"""A store with an inbox, for tests of channels."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from sentinel.store import Store
from tests.databases import sqlite_copy


@pytest.fixture
def store(tmp_path: Path, migrated_sqlite: Path) -> Generator[Store]:
    """A migrated store; what is tested here does not depend on the dialect."""
    store = Store(sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db"))
    yield store
    store.close()
