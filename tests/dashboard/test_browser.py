"""The dashboard in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from sentinel.lifecycle import Acknowledge
from tests.dashboard.scene import APP, Scene

pytestmark = pytest.mark.browser

PATIENCE = 30_000


class Served:
    """A dashboard that is running."""

    def __init__(self, url: str, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self.process = process

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Debian's Chromium where there is one, else Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def served(scene: Scene, tmp_path: Path) -> Generator[Served]:
    """The dashboard, started as `sentinel up` starts it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with (tmp_path / "dashboard.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(APP), "--server.port", str(port)],
            env={**os.environ, "SENTINEL_DATABASE_URL": scene.url, "SENTINEL_USER": "maria"},
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
        )
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None, (tmp_path / "dashboard.log").read_text()
            assert time.monotonic() < deadline, "the dashboard did not start"
            try:
                if httpx.get(f"{url}/_stcore/health", trust_env=False).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield Served(url, process)
        if process.poll() is None:
            process.terminate()
            process.wait(20)
    assert "Traceback" not in (tmp_path / "dashboard.log").read_text()


def titled(page: Page, text: str) -> Locator:
    """The title in the list that has this text."""
    return page.locator(".alert .title", has_text=text)


def press(page: Page, row: Locator) -> None:
    """Press where this is, as a person does: what opens a row lies over its words."""
    box = row.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + min(box["width"], 200) / 2, box["y"] + box["height"] / 2)


class Watched:
    """A page, what it complained of, and what it asked of other hosts."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.outside: list[str] = []
        host = url.removeprefix("http")
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((f"http{host}", "data:", "blob:"))
                else self.outside.append(asked.url)
            ),
        )


@pytest.fixture
def watched(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Generator[Watched]:
    context = browser.new_context(
        color_scheme=getattr(request, "param", "light"), viewport={"width": 1440, "height": 900}
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    watched = Watched(page, served.url)
    page.goto(served.url)
    yield watched
    context.close()


@pytest.mark.parametrize("watched", ["light", "dark"], indirect=True)
def test_alerts_are_worked_through(scene: Scene, watched: Watched):
    """Acknowledged with a comment, resolved, opened, closed; nothing asked of other hosts."""
    page = watched.page
    expect(page.get_by_text("Nothing needs you")).to_be_visible(timeout=PATIENCE)
    first, second = scene.raises("disk is full", severity="critical"), scene.raises("cpu is busy")
    expect(titled(page, "disk is full")).to_be_visible(timeout=PATIENCE)

    page.get_by_placeholder("Comment: optional").fill("on it")
    page.locator(f".st-key-acknowledge-{first} button").click()
    expect(page.get_by_text("by maria: “on it”")).to_be_visible(timeout=PATIENCE)
    assert scene.store.alerts.get(first).acknowledge_comment == "on it"

    page.locator(f".st-key-resolve-{second} button").click()
    expect(titled(page, "cpu is busy")).to_have_count(0, timeout=PATIENCE)
    assert scene.store.alerts.get(second).status == "resolved"

    press(page, titled(page, "disk is full"))
    drawer = page.locator(".st-key-drawer")
    expect(drawer.locator(".step-opened")).to_be_visible(timeout=PATIENCE)
    assert page.url.endswith(f"?alert={first}")
    drawer.get_by_placeholder("Comment: optional").fill("half done")
    drawer.locator(".st-key-details-add button").click()
    expect(drawer.get_by_text("half done")).to_be_visible(timeout=PATIENCE)
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0, timeout=PATIENCE)
    assert "alert=" not in page.url

    assert page.evaluate("document.fonts.check('600 14px Inter')")
    assert watched.complaints == []
    assert watched.outside == []


def test_a_selection_stays_with_its_alerts_while_others_arrive(scene: Scene, watched: Watched):
    page = watched.page
    picked = [scene.raises("one", severity="low"), scene.raises("two", severity="low")]
    for alert_id in picked:
        page.locator(f".st-key-pick-{alert_id} label").click()
        expect(page.locator(f".st-key-pick-{alert_id} input")).to_be_checked(timeout=PATIENCE)
    arrived = [scene.raises(f"new {number}", severity="critical") for number in range(3)]
    expect(titled(page, "new 2")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Acknowledge 2").click()
    expect(page.locator(".status-acknowledged")).to_have_count(2, timeout=PATIENCE)
    assert {scene.store.alerts.get(one).status for one in picked} == {"acknowledged"}
    assert {scene.store.alerts.get(one).status for one in arrived} == {"open"}
    assert watched.complaints == []


def test_a_page_whose_server_has_gone_says_so_by_itself(
    scene: Scene, watched: Watched, served: Served
):
    page = watched.page
    expect(page.locator(".fresh .now")).to_be_visible(timeout=PATIENCE)
    served.stop()
    # As if the time had passed in which no news came.
    page.evaluate("document.getAnimations().forEach(one => one.finish())")
    assert page.locator(".fresh .gone").bounding_box()["width"] > 50  # pyright: ignore[reportOptionalSubscript] - it is on the page
    assert page.locator(".fresh .now").bounding_box()["width"] == 0  # pyright: ignore[reportOptionalSubscript] - it is on the page


def test_a_phone_shows_all_of_a_row(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("a rather long title " * 6, severity="emergency")
    scene.store.act([wanted], Acknowledge(actor="lena", comment="x" * 200))
    page.set_viewport_size({"width": 390, "height": 844})
    expect(titled(page, "a rather long title")).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for key in (f"unacknowledge-{wanted}", f"resolve-{wanted}"):
        # A button with a tooltip is there twice, and one of them is hidden.
        box = page.locator(f".st-key-{key} button:visible").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
