"""All changes on the audit page in a real browser: found by address, read with what differs."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from sentinel.alerts.actions import Acknowledge
from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


@pytest.mark.parametrize("window", ["light", "dark"], indirect=True)
def test_a_change_is_found_and_shown_before_and_after(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    alert = scene.raises("disk full")
    scene.store.act([alert], Acknowledge(actor="lena", comment="on it"))
    scene.store.receivers.set("ops", ["inbox"], actor="omar")
    scene.store.receivers.set("ops", ["inbox", "sentinel-webhook/ops"], actor="omar")
    page.goto(f"{served.url}/audit?audit-view=All+changes&audit-actor=omar")
    expect(page.get_by_role("radio", name="All changes")).to_have_attribute("aria-checked", "true")
    table = page.locator("[data-testid=stDataFrame] canvas").first
    expect(table).to_be_visible()
    expect(page.get_by_text("1 – 2")).to_be_visible()
    page.wait_for_function("document.querySelector('[data-testid=stDataFrame] canvas').width > 300")
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 300, box["y"] + 50)
    differs = page.locator(".differs")
    expect(differs.locator("del")).to_have_text('["inbox"]')
    expect(differs.locator("ins")).to_have_text('["inbox","sentinel-webhook/ops"]')
    expect(page.get_by_text("omar set the channels of the receiver ops")).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(differs).to_be_visible()
    assert window.complaints == []
