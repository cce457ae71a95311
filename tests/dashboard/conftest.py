"""The dashboard over a database of its own, with the machine's clock, as people run it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest
import streamlit as st
from playwright.sync_api import Browser, expect
from streamlit.testing.v1 import AppTest

from sentinel.settings import settings
from tests.dashboard.browser import PATIENCE, Served, Shared, Watched, open_browser, serve
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


@pytest.fixture(scope="session")
def shared_dashboard(tmp_path_factory: pytest.TempPathFactory) -> Generator[Shared]:
    """One dashboard for all tests that neither stop nor configure it."""
    shared = Shared(tmp_path_factory.mktemp("dashboard"))
    yield shared
    shared.close()


@pytest.fixture
def served(request: pytest.FixtureRequest, scene: Scene, tmp_path: Path) -> Generator[Served]:
    """The dashboard over the test's database; as `sentinel up` starts it where it is its own."""
    test = cast("pytest.Item", request.node)  # pyright: ignore[reportUnknownMemberType] - pytest leaves it open
    if test.get_closest_marker("own_server") is not None:
        serving = serve(scene, tmp_path)
    else:
        serving = request.getfixturevalue("shared_dashboard").looking_at(scene)
    with serving as served:
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
