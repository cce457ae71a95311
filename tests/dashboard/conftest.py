"""The dashboard over a database of its own, with the machine's clock, as people run it."""

from __future__ import annotations

from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import cast

import pytest
import streamlit as st
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from sentinel.settings import settings
from tests.dashboard.browser import (
    PATIENCE,
    Served,
    Shared,
    Watched,
    open_browser,
    open_profile,
    serve,
)
from tests.dashboard.scene import APP, Scene, set_up
from tests.databases import sqlite_copy

# Each run of an AppTest would read what every installed package says of itself, to find components.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


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
def playwright() -> Generator[Playwright]:
    """What drives browsers, for the tests of one file."""
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Generator[Browser]:
    """A real browser for windows of a test's own."""
    with open_browser(playwright) as browser:
        yield browser


@pytest.fixture(scope="session")
def profile_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser of every file keeps its cache."""
    return tmp_path_factory.mktemp("profile")


@pytest.fixture(scope="module")
def profile(playwright: Playwright, profile_folder: Path) -> Generator[BrowserContext]:
    """A real browser with a cache, for the pages of `watched`."""
    with open_profile(playwright, profile_folder) as profile:
        yield profile


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
def window(
    request: pytest.FixtureRequest, profile: BrowserContext, served: Served
) -> Generator[Watched]:
    """A window for a live page, which may complain of nothing and ask no other host.

    It shows no page yet: for tests that begin at an address. Nothing but the cache is left of an
    earlier test's pages.
    """
    page = profile.new_page()
    page.set_default_timeout(PATIENCE)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme=getattr(request, "param", "light"))
    page.goto(f"{served.url}/_stcore/health")
    page.evaluate("localStorage.clear()")
    window = Watched(page, served.url)
    yield window
    for opened in profile.pages[1:]:  # the first is the browser's own
        opened.close()
    profile.clear_cookies()
    profile.clear_permissions()
    assert window.complaints == []
    assert window.outside == []


@pytest.fixture
def watched(request: pytest.FixtureRequest, window: Watched, served: Served) -> Watched:
    """The window, with the live page in it."""
    window.page.emulate_media(color_scheme=getattr(request, "param", "light"))
    window.page.goto(served.url)
    expect(window.page.locator(".blotter .grid")).to_be_visible()
    return window
