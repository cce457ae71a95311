"""The dashboard over a database of its own, with the machine's clock, as people run it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from sentinel.settings import settings
from tests.dashboard.scene import APP, Scene, set_up


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Scene]:
    """A database that the dashboard of this process looks at."""
    scene = Scene(f"sqlite:///{tmp_path / 'sentinel.db'}")
    set_up(monkeypatch, scene.url)
    yield scene
    scene.store.close()
    st.cache_resource.clear()
    settings.cache_clear()


@pytest.fixture
def page() -> AppTest:
    """The dashboard, not yet opened."""
    return AppTest.from_file(str(APP), default_timeout=30)
