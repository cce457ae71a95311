"""Forms and addresses in a real browser, as people use them, read back from the store."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def opened(page: Page, served: Served, path: str, name: str) -> Page:
    page.goto(f"{served.url}/{path}")
    expect(page.locator(".page-head h1").get_by_text(name, exact=True)).to_be_visible()
    return page


def test_a_receiver_is_made_changed_and_removed(scene: Scene, watched: Watched, served: Served):
    page = opened(watched.page, served, "channels", "Channels")
    page.get_by_role("button", name="New receiver").click()
    page.get_by_label("Name", exact=True).fill("night")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("button", name="Make it").click()
    row = page.locator(".st-key-receiver-night")
    expect(row.get_by_text("tells inbox")).to_be_visible()
    assert scene.store.receivers.all()["night"] == ["inbox"]
    page.keyboard.press("Escape")
    row.get_by_role("button", name="Change").click()
    chosen = page.get_by_role("combobox", name=re.compile("Channels")).last
    chosen.fill("sentinel-webhook/ops")
    chosen.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Save", exact=True).last.click()
    expect(row.get_by_text("sentinel-webhook/ops").first).to_be_visible()
    assert scene.store.receivers.all()["night"] == ["inbox", "sentinel-webhook/ops"]
    page.keyboard.press("Escape")
    row.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("It can be made again by hand")).to_be_visible()
    page.get_by_role("button", name="Remove night").click()
    expect(row).to_have_count(0)
    assert "night" not in scene.store.receivers.all()


def test_the_log_is_searched_and_the_address_says_for_what(
    scene: Scene, watched: Watched, served: Served
):
    scene.store.log.write("info", "rule.switched", "disk-space is off, says lena")
    scene.store.log.write("error", "delivery.failed", "Slack did not take it")
    page = opened(watched.page, served, "log", "System log")
    page.get_by_role("textbox", name="Search").fill("nothing like it")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(page.get_by_text("Nothing to show")).to_be_visible()
    expect(page).to_have_url(re.compile("log-words=nothing"))
    page.get_by_role("textbox", name="Search").fill("lena")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(page.locator("[data-testid=stDataFrame] canvas").first).to_be_visible()
    page.get_by_role("button", name="error", exact=True).click()
    expect(page.get_by_text("Nothing to show")).to_be_visible()
    page.reload()
    expect(page.get_by_role("textbox", name="Search")).to_have_value("lena")
    expect(page.get_by_text("Nothing to show")).to_be_visible()


def test_a_rule_a_search_and_an_alert_open_by_their_addresses(
    scene: Scene, watched: Watched, served: Served
):
    alert = scene.raises("one")
    rule = scene.store.alerts.get(alert).rule
    page = watched.page
    page.goto(f"{served.url}/rules?rule={rule}")
    expect(page.locator(".rule-name")).to_have_text(rule)
    page.goto(f"{served.url}/history?find=rule%3A{rule}&alert={alert}")
    expect(page.locator(".drawer h2")).to_have_text("one")
    expect(page.locator(".fresh-count")).to_contain_text("1 – 1 of 1")
    page.goto(f"{served.url}/?q=rule%3A{rule}")
    expect(page.locator(".blotter .row")).to_have_count(1)


def test_times_are_those_of_whoever_looks(browser: Browser, scene: Scene, served: Served):
    scene.raises("one")
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    opened(page, served, "history", "History")
    expect(page.locator(".fresh-count")).to_contain_text("times in Asia/Tokyo")
    opened(page, served, "settings", "Settings")
    expect(page.get_by_text("Asia/Tokyo")).to_be_visible()
    page.goto(served.url)
    age = page.locator(".blotter .row time").first
    expect(age).to_have_attribute("title", re.compile("Asia/Tokyo"))
    context.close()
