"""The dashboard over a database of its own, with the machine's clock, as people run it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
import streamlit as st
from playwright.sync_api import Browser, expect
from streamlit.testing.v1 import AppTest

from sentinel.settings import settings
from tests.dashboard.browser import PATIENCE, Served, Watched, open_browser, serve
from tests.dashboard.scene import APP, Scene, set_up
from tests.databases import sqlite_copy


@pytest.fixture
def scene(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Scene]:
    """A database that the dashboard of this process looks at."""
    scene = Scene(sqlite_copy(migrated_sqlite, tmp_path / "sentinel.db"))
    set_up(monkeypatch, scene.url)
    yield scene
    scene.store.close()
    st.cache_resource.clear()
    settings.cache_clear()


@pytest.fixture
def page() -> AppTest:
    """The dashboard, not yet opened."""
    return AppTest.from_file(str(APP), default_timeout=30)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """A real browser, for the tests of one file."""
    with open_browser() as browser:
        yield browser


@pytest.fixture
def served(scene: Scene, tmp_path: Path) -> Generator[Served]:
    """The dashboard as `sentinel up` starts it."""
    with serve(scene, tmp_path) as served:
        yield served


@pytest.fixture
def watched(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Generator[Watched]:
    """Its live page in a window, which may complain of nothing and ask no other host."""
    context = browser.new_context(
        color_scheme=getattr(request, "param", "light"), viewport={"width": 1440, "height": 900}
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    watched = Watched(page, served.url)
    page.goto(served.url)
    expect(page.locator(".blotter .grid")).to_be_visible()
    yield watched
    context.close()
    assert watched.complaints == []
    assert watched.outside == []
