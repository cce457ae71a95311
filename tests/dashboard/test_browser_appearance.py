"""What is drawn and not written: in Chromium, on the pixels."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

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
