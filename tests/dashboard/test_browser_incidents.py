"""Incidents in a real browser: for everybody, light and dark, and with a thumb."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from sentinel.incidents.state import Status
from sentinel.store.incidents.incidents import Incidents
from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene
from tests.dashboard.test_browser_access import problems
from tests.dashboard.test_incidents_page import RUNBOOK, made

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def test_an_incident_is_opened_from_the_drawer_and_worked_on_with_a_thumb(
    scene: Scene, watched: Watched, served: Served
):
    alert = scene.raises("checkout is slow", severity="critical")
    made(scene, "over", severity=2)
    page = watched.page
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{served.url}/?alert={alert}")
    page.locator(".drawer a", has_text="Open an incident").click()
    page.locator(".st-key-incident-open button").click()
    title = page.locator(".page-head h1", has_text="checkout is slow")
    expect(title).to_be_visible()
    (one, _) = Incidents(scene.store).active().items
    Incidents(scene.store).edit(one.id, {"runbook": RUNBOOK}, actor="lena")
    found: list[str] = []
    page.goto(f"{served.url}/incidents?incident={one.id}")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 844})
            expect(page.locator(".incident-step").first).to_be_visible()
            found += [f"{scheme}: {each}" for each in problems(page, width)]
    # What is pressed most stays under the thumb, and is large enough for it.
    page.mouse.wheel(0, 3000)
    button = page.locator(".st-key-incident-to-resolved button")
    expect(button).to_be_in_viewport()
    box = button.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    button.click()
    expect(page.locator(".page-head .status-resolved")).to_be_visible()
    assert Incidents(scene.store).get(one.id).status is Status.RESOLVED
    page.goto(f"{served.url}/incidents")
    expect(page.locator("article.incident")).to_have_count(2)
    found += [f"list: {each}" for each in problems(page, 390)]
    page.locator("article.incident a").first.click()
    page.locator(".st-key-incident-all button").click()
    page.locator(".st-key-incident-new button").click()
    expect(page.locator(".page-head h1", has_text="New incident")).to_be_visible()
    assert not found, "\n".join(found)
