"""Each form in a real browser, worked as people work it, and read back from the store."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from sentinel.alerts.actions import Resolve
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from tests.dashboard.browser import PATIENCE, Served, Watched
from tests.dashboard.scene import Scene
from tests.dashboard.test_oncall_page import DOCUMENT
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def opened(page: Page, served: Served, path: str, name: str) -> Page:
    page.goto(f"{served.url}/{path}")
    expect(page.locator(".page-head h1").get_by_text(name, exact=True)).to_be_visible()
    return page


def holds(page: Page, look: Callable[[], object]) -> None:
    """Until it holds in the store; the page goes on meanwhile."""
    eventually(look, "it holds", pause=lambda seconds: page.wait_for_timeout(seconds * 1000))


def test_a_receiver_is_made_changed_and_removed(scene: Scene, watched: Watched, served: Served):
    page = opened(watched.page, served, "channels", "Channels")
    page.get_by_role("button", name="New receiver").click()
    page.get_by_label("Name", exact=True).fill("night")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("button", name="Create").click()
    row = page.locator(".st-key-receiver-night")
    expect(row.get_by_text("notifies: Inbox")).to_be_visible()
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
    expect(page.get_by_text("You can create it again")).to_be_visible()
    page.get_by_role("button", name="Remove night").click()
    expect(row).to_have_count(0)
    assert "night" not in scene.store.receivers.all()


def test_a_connection_is_tested_from_the_settings(watched: Watched, served: Served):
    page = opened(watched.page, served, "settings", "Settings")
    # The environment of these tests sets it.
    api = page.get_by_role("textbox", name="API URL")
    expect(api).to_have_value("http://127.0.0.1:9/api")
    expect(api).to_be_disabled()
    expect(page.get_by_text("which wins over this page")).to_be_visible()
    page.get_by_role("button", name="Test connection").click()
    # The strip above every page says the same of the address that Sentinel uses.
    expect(page.locator("strong", has_text="Prefect does not answer.")).to_be_visible()


def test_the_log_is_searched_and_the_address_says_for_what(
    scene: Scene, watched: Watched, served: Served
):
    scene.store.log.write("info", "rule.switched", "disk-space is off, says lena")
    scene.store.log.write("error", "delivery.failed", "Slack did not take it")
    page = opened(watched.page, served, "log", "System log")
    page.get_by_role("textbox", name="Search").fill("nothing like it")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(page.get_by_text("No log entries")).to_be_visible()
    expect(page).to_have_url(re.compile("q=nothing"))
    page.get_by_role("textbox", name="Search").fill("lena")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(page.locator("[data-testid=stDataFrame] canvas").first).to_be_visible()
    page.get_by_role("button", name="error", exact=True).click()
    expect(page.get_by_text("No log entries")).to_be_visible()
    page.reload()
    expect(page.get_by_role("textbox", name="Search")).to_have_value("lena")
    expect(page.get_by_text("No log entries")).to_be_visible()


def test_history_is_narrowed_turned_and_its_address_brings_it_back(
    scene: Scene, watched: Watched, served: Served
):
    scene.storm(60)
    over = scene.raises("the only one", severity="critical")
    rule = scene.store.alerts.get(over).rule
    scene.store.act([over], Resolve(actor="lena"))
    page = opened(watched.page, served, "history", "History")
    count = page.locator(".fresh-count")
    expect(count).to_contain_text("1 – 50 of 61")
    page.get_by_role("button", name="Older").click()
    expect(count).to_contain_text("51 – 61 of 61")
    page.get_by_role("button", name="Newer").click()
    expect(count).to_contain_text("1 – 50 of 61")
    page.get_by_role("button", name="critical", exact=True).click()
    expect(count).to_contain_text("1 – 1 of 1")
    page.get_by_role("radio", name="24h").or_(page.get_by_role("button", name="24h")).click()
    page.get_by_role("textbox", name="Search").fill(f"only rule:{rule}")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(count).to_contain_text("1 – 1 of 1")
    expect(page).to_have_url(re.compile(r"q=only.*"))
    link = page.url
    assert "severities=critical" in link
    assert "span=24h" in link
    page.goto("about:blank")
    page.goto(link)
    expect(count).to_contain_text("1 – 1 of 1")
    expect(page.get_by_role("textbox", name="Search")).to_have_value(f"only rule:{rule}")


def test_two_periods_are_compared_by_words_and_length(
    scene: Scene, watched: Watched, served: Served
):
    scene.storm(7)
    scene.raises("other", severity="critical")
    page = opened(watched.page, served, "compare", "Compare")
    figure = page.locator("[data-testid=stMetric]", has_text="Opened").first
    expect(figure).to_contain_text("8")
    page.get_by_role("button", name="critical", exact=True).click()
    expect(figure.locator("[data-testid=stMetricValue]")).to_have_text("1")
    page.get_by_role("textbox", name="Search").fill("nothing-like-it")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(page.get_by_text("Nothing to compare")).to_be_visible()
    expect(page).to_have_url(re.compile("q=nothing-like-it"))


def test_messages_are_read_one_by_one_and_all_at_once(
    scene: Scene, watched: Watched, served: Served
):
    alert = scene.raises("disk")
    for number in range(3):
        scene.tells(alert, f"message {number}")
    page = opened(watched.page, served, "inbox", "Inbox")
    expect(page.get_by_text("3 unread")).to_be_visible()
    page.get_by_role("button", name="Mark as read").first.click()
    expect(page.get_by_text("2 unread")).to_be_visible()
    assert scene.store.inbox.unread() == 2
    page.get_by_role("button", name="Mark all as read").click()
    page.get_by_role("button", name="Yes, mark all").click()
    expect(page.get_by_text("2 unread")).to_have_count(0)
    holds(page, lambda: scene.store.inbox.unread() == 0)
    page.get_by_role("button", name="Details").first.click()
    expect(page.locator(".drawer h2")).to_have_text("disk")


def test_the_length_of_the_overview_is_in_its_address(
    scene: Scene, watched: Watched, served: Served
):
    scene.raises("one")
    page = opened(watched.page, served, "overview", "Overview")
    page.get_by_role("radio", name="7d").or_(page.get_by_role("button", name="7d")).click()
    expect(page.get_by_text("Opened by severity, 7d")).to_be_visible()
    expect(page).to_have_url(re.compile("length=7d"))
    page.get_by_text("What these figures mean").click()
    expect(page.locator(".meanings").get_by_text("Mean time to resolve")).to_be_visible()


def test_a_rule_a_search_and_an_alert_open_by_their_addresses(
    scene: Scene, window: Watched, served: Served
):
    alert = scene.raises("one")
    rule = scene.store.alerts.get(alert).rule
    page = window.page
    page.goto(f"{served.url}/rules?rule={rule}")
    expect(page.locator(".rule-name")).to_have_text(rule)
    page.goto(f"{served.url}/history?q=rule%3A{rule}&alert={alert}")
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


def test_two_shifts_are_swapped_with_the_keyboard_alone(
    scene: Scene, watched: Watched, served: Served
):
    OnCallDocuments(scene.store).apply(DOCUMENT, actor="eva")
    page = opened(watched.page, served, "on-call", "On-call")
    bars = page.get_by_role("group", name="primary").locator("button.bar:not(.over)")
    bars.nth(2).focus()
    page.keyboard.press("Enter")
    panel = page.locator(".st-key-oncall-slot-panel")
    expect(panel.get_by_text("Override", exact=True)).to_be_visible()
    panel.get_by_role("radio", name="Override").or_(
        panel.get_by_role("button", name="Override")
    ).first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    other = panel.get_by_role("combobox", name=re.compile("Swap with"))
    other.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    swap = panel.get_by_role("button", name="Swap these shifts")
    expect(swap).to_be_visible()
    swap.press("Enter")
    expect(page.get_by_text("Swapped two shifts of primary")).to_be_visible()
    made = OnCallOverrides(scene.store).rows("primary")
    assert len({one.swap for one in made}) == 1
    assert sorted(one.people for one in made) == ["ann", "ben"]
    page.get_by_role("button", name="Undo").press("Enter")
    holds(page, lambda: OnCallOverrides(scene.store).rows("primary") == [])
