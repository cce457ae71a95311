"""What is drawn and not written: in Chromium, on the pixels."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.dashboard.browser import Served, Watched
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.mark.parametrize(
    ("window", "critical"), [("light", (0xC4, 0x26, 0x1B)), ("dark", (0xFF, 0x6B, 0x5E))],
    indirect=["window"],
)  # fmt: skip
def test_what_opened_is_drawn_as_bars_in_the_colour_of_its_severity(
    scene: Scene, window: Watched, served: Served, critical: tuple[int, int, int]
):
    scene.storm(40, severity="critical")
    page = window.page
    page.goto(f"{served.url}/overview")
    chart = page.get_by_test_id("stVegaLiteChart")
    expect(chart).to_be_visible()

    def bars() -> int:
        picture = Image.open(io.BytesIO(chart.screenshot())).convert("RGB")
        counts = {colour: count for count, colour in picture.getcolors(1 << 24) or []}
        return counts.get(critical, 0)

    for _ in range(50):
        if bars() > 1000:
            break
        page.wait_for_timeout(100)
    assert bars() > 1000


CUT = """() => [...document.querySelectorAll('[data-testid=stMetric] *')]
    .filter((one) => one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).textOverflow === 'ellipsis')
    .map((one) => one.textContent)"""


def covered(page: Page) -> list[str]:
    """The headings and controls of the page's first lines under what is said of Prefect."""
    said = page.locator(".aside .fresh").bounding_box()
    assert said is not None
    found: list[str] = []
    for one in page.locator(".page-head h1, .stMain button, .stMain input").all():
        box = one.bounding_box()
        if (
            box is not None
            and box["y"] < 100
            and box["x"] < said["x"] + said["width"]
            and box["x"] + box["width"] > said["x"]
            and box["y"] < said["y"] + said["height"]
            and box["y"] + box["height"] > said["y"]
        ):
            found.append(one.text_content() or one.get_attribute("aria-label") or "a control")
    return found


def test_what_is_said_of_prefect_covers_no_heading_and_no_figure_is_cut(
    scene: Scene, window: Watched, served: Served
):
    scene.storm(3, severity="critical")
    page = window.page
    for path, widths in (
        ("overview", (1280, 800, 390)),
        ("analytics", (800,)),
        ("on-call", (800,)),
    ):
        page.set_viewport_size({"width": widths[0], "height": 900})
        page.goto(f"{served.url}/{path}")
        expect(page.locator(".page-head h1")).to_be_visible()
        expect(page.get_by_text("Prefect does not answer.")).to_be_visible()
        if path != "on-call":
            expect(page.get_by_test_id("stMetric").nth(3)).to_be_visible()
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            assert (path, width, covered(page), page.evaluate(CUT)) == (path, width, [], [])
