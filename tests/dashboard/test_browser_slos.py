"""SLOs in a real browser: for everybody, light and dark, wide and narrow, and on paper."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene
from tests.dashboard.test_browser_access import problems
from tests.dashboard.test_slos_page import made

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def test_slos_can_be_read_by_everybody_and_printed(scene: Scene, watched: Watched, served: Served):
    for number in range(30):
        made(scene.store, f"pay-{number}", bad_share=0.5 if number < 2 else 0.0, days=3)
    page = watched.page
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = []
    page.goto(f"{served.url}/slos?q=pay-1")
    # By keyboard: a link of the list opens the SLO.
    page.locator(".slo h2 a").first.focus()
    page.keyboard.press("Enter")
    charts = page.locator("[data-testid=stVegaLiteChart] canvas")
    expect(charts).to_have_count(2)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            expect(charts.first).to_be_visible()
            found += [f"{scheme}: {one}" for one in problems(page, width)]
    page.goto(f"{served.url}/slos?report=30")
    expect(page.locator(".print-report td").first).to_be_visible()
    found += [f"report: {one}" for one in problems(page, 390)]
    assert not found, "\n".join(found)
    # On paper the report is whole, not what the window shows of it.
    pages = len(re.findall(rb"/Type\s*/Page\b", page.pdf()))
    assert pages >= 2
    page.emulate_media(media="print")
    expect(page.locator(".st-key-slo-report-buttons")).to_be_hidden()
    expect(page.locator("[data-testid=stSidebar]")).to_be_hidden()
