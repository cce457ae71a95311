"""An incident is worked with the keyboard: what the next key is for is never in doubt."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.dashboard.browser import Served, Watched, row
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def cursor(page: Page, title: str) -> None:
    expect(page.locator(".blotter .row.cursor .title")).to_have_text(title)


def test_details_follow_to_what_the_next_key_is_for_and_an_undo_brings_both_back(
    scene: Scene, watched: Watched
):
    page = watched.page
    page.mouse.move(5, 5)
    for number in range(3):
        scene.raises(f"alert {number}", severity="critical")
    expect(page.locator(".blotter .row")).to_have_count(3)
    page.keyboard.press("Home")
    cursor(page, "alert 2")
    page.keyboard.press("Enter")
    # While Streamlit exchanges a component, the page has the old one and the new one for a moment.
    details = page.locator(".drawer h2").last
    expect(details).to_have_text("alert 2")
    page.keyboard.press("a")
    cursor(page, "alert 1")
    expect(details).to_have_text("alert 1")
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(1)
    page.keyboard.press("u")
    expect(page.get_by_text("Undone: 1 alert")).to_be_visible()
    cursor(page, "alert 2")
    expect(details).to_have_text("alert 2")


def test_what_was_folded_comes_back_at_once_and_is_no_news(scene: Scene, watched: Watched):
    page = watched.page
    page.mouse.move(5, 5)
    scene.raises("of its own")
    scene.storm(3)
    rows = page.locator(".blotter .row")
    expect(rows).to_have_count(4)
    page.keyboard.press("g")
    page.locator(".blotter .fold").first.click()
    expect(rows).not_to_have_count(4)
    page.locator(".blotter .fold").first.click()
    expect(rows).to_have_count(4)
    expect(page.locator(".blotter .pill.on")).to_have_count(0)


def test_two_stars_select_all_that_match_and_only_a_third_none(scene: Scene, watched: Watched):
    page = watched.page
    page.mouse.move(5, 5)
    scene.storm(5)
    expect(page.locator(".blotter .row")).to_have_count(5)
    page.keyboard.press("*")
    page.keyboard.press("*")
    expect(page.get_by_text("All 5 that match are selected")).to_be_visible()
    expect(page.locator(".blotter .row.chosen")).to_have_count(5)
    page.keyboard.press("*")
    expect(page.locator(".blotter .row.chosen")).to_have_count(0)


def test_keys_that_do_something_do_nothing_where_nothing_is_shown(scene: Scene, watched: Watched):
    page = watched.page
    page.mouse.move(5, 5)
    scene.raises("the only one")
    expect(row(page, "the only one")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("nothing-like-it")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No alert matches")).to_be_visible()
    for key in ("a", "s", "Shift+M", "c"):
        page.keyboard.press(key)
        expect(page.locator(".blotter .bulk.on")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(row(page, "the only one")).to_be_visible()


def test_filters_and_tools_stay_in_one_line_in_a_storm(scene: Scene, watched: Watched):
    page = watched.page
    scene.storm(600, severity="critical")
    scene.storm(400, severity="high")
    expect(page.locator(".chip.sev-critical b")).to_have_text("600")
    tops = page.locator(".blotter .top > *").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().top)"
    )
    assert max(tops) - min(tops) < 4


def test_the_next_key_is_for_the_alert_that_an_address_led_to(
    scene: Scene, watched: Watched, served: Served
):
    page = watched.page
    page.mouse.move(5, 5)
    scene.raises("the worst", severity="critical")
    led = scene.raises("what a colleague sent", severity="low")
    page.goto(f"{served.url}/?alert={led}")
    expect(page.locator(".drawer h2")).to_have_text("what a colleague sent")
    cursor(page, "what a colleague sent")
    page.keyboard.press("a")
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending) .title")).to_have_text(
        "what a colleague sent"
    )
