"""What an address and a browser keep: preferences, filters, chosen days; and what is nonsense."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy import text

from sentinel.alerts.actions import Acknowledge, Resolve
from tests.dashboard.browser import PATIENCE, Served, Watched, row
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def test_what_is_preferred_is_chosen_in_the_settings_too(
    scene: Scene, watched: Watched, served: Served
):
    page = watched.page
    scene.raises("one")
    expect(row(page, "one")).to_be_visible()
    dense = row(page, "one").bounding_box()
    page.goto(f"{served.url}/settings")
    page.get_by_role("checkbox", name="Dense rows").uncheck()
    page.get_by_role("checkbox", name="critical").check()
    expect(page.get_by_role("checkbox", name="Play a sound")).to_be_checked()
    page.reload()
    expect(page.get_by_role("checkbox", name="critical")).to_be_checked()
    expect(page.get_by_role("checkbox", name="high")).not_to_be_checked()
    expect(page.get_by_role("checkbox", name="Dense rows")).not_to_be_checked()
    page.goto(served.url)
    bell = page.get_by_role("button", name="Sound and desktop notification for new alerts")
    expect(bell).to_have_attribute("aria-pressed", "true")
    roomy = row(page, "one").bounding_box()
    assert dense is not None
    assert roomy is not None
    assert roomy["height"] > dense["height"]


NONSENSE = "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%00%F0%9F%92%A5%27%3B--"
ADDRESSES = {
    "": "q severity mine suppressed sort group limit alert",
    "inbox": "q alert",
    "rules": "rule q states alert",
    "channels": "delivery-period channel alert",
    "overview": "length alert",
    "analytics": "analytics-period analytics-by noise-rule noise-tenant alert",
    "history": "q span severities statuses alert",
    "compare": "q severities compared against first-days second-days alert",
    "audit": "q audit-actor audit-span audit-kinds alert",
    "log": "q levels alert",
    "settings": "alert",
}


def test_nonsense_in_an_address_breaks_no_page(scene: Scene, window: Watched, served: Served):
    page = window.page
    scene.raises("one")
    for path, names in ADDRESSES.items():
        asked = "&".join(f"{name}={NONSENSE}" for name in names.split())
        for more in (asked, "compared=Choose%20days&first-days=2026-13-45&first-days=x"):
            page.goto(f"{served.url}/{path}?{more}")
            expect(page.locator(".page-head h1, .pulse h1").first).to_be_visible()
            expect(page.locator("[data-testid=stException]")).to_have_count(0)
            if path != "compare":
                break
    assert window.complaints == []


def test_filters_of_the_other_pages_are_read_from_their_addresses_too(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    scene.store.act([scene.raises("one")], Acknowledge(actor="lena", comment="on it"))
    nothing = page.locator(".empty")
    for path in (
        "rules?q=nothing", "rules?states=Disabled", "audit?q=nothing",
        "audit?audit-actor=omar", "audit?audit-kinds=resolved",
    ):  # fmt: skip
        page.goto(f"{served.url}/{path}")
        expect(nothing).to_be_visible()
    page.goto(f"{served.url}/rules?q=rule-&states=Firing")
    expect(page.get_by_role("textbox", name="Search")).to_have_value("rule-")
    expect(page.locator("[data-testid=stDataFrame] canvas").first).to_be_visible()
    page.get_by_role("textbox", name="Search").fill("nothing")
    page.get_by_role("textbox", name="Search").press("Enter")
    expect(page).to_have_url(re.compile("q=nothing"))
    page.goto(f"{served.url}/channels?delivery-period=30d")
    chosen = page.locator(
        ".st-key-delivery-period [aria-checked=true], .st-key-delivery-period [aria-pressed=true]"
    )
    expect(chosen).to_have_text("30d")
    page.goto(f"{served.url}/compare?against=one%20week%20earlier")
    expect(page.get_by_role("combobox", name="Compared with")).to_have_value("one week earlier")


def test_an_address_that_is_no_page_leads_where_it_means(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    alert = scene.raises("one")
    rule = scene.store.alerts.get(alert).rule
    for path, heading, landed in (
        ("live", "Live", "/"),
        ("alerts", "Live", "/"),
        (f"alerts/{alert}", "Live", f"/?alert={alert}"),
        ("rule", "Rules", "/rules"),
        (f"rules/{rule}", "Rules", f"/rules?rule={rule}"),
        ("history/?find=one", "History", "/history?q=one"),
    ):
        page.goto(f"{served.url}/{path}")
        expect(page.locator(".page-head h1, .pulse h1").first).to_have_text(heading)
        expect(page).to_have_url(f"{served.url}{landed}")
        expect(page.locator(".note", has_text="There is no page")).to_have_count(0)
        expect(page.locator(".note", has_text="does not read")).to_have_count(0)
        expect(page.get_by_role("dialog", name="Page not found")).to_have_count(0)
    expect(page.get_by_role("textbox", name="Search")).to_have_value("one")
    page.goto(f"{served.url}/nowhere/at/all")
    expect(page.get_by_text("There is no page nowhere/at/all.")).to_be_visible()
    page.goto(f"{served.url}/history?serch=disk&q=one")
    expect(page.get_by_text("a parameter that this page does not read: serch.")).to_be_visible()
    # The search of one page does not follow to the next.
    page.get_by_role("link", name="Rules").click()
    expect(page.locator(".page-head h1")).to_have_text("Rules")
    expect(page.get_by_role("textbox", name="Search")).to_have_value("")


def test_a_click_anywhere_in_a_row_opens_its_rule(scene: Scene, window: Watched, served: Served):
    page = window.page
    scene.raises("one", name="first")
    scene.raises("two", name="second")
    page.goto(f"{served.url}/rules")
    canvas = page.locator("[data-testid=stDataFrame] canvas").first
    expect(canvas).to_be_visible()
    page.wait_for_function("document.querySelector('[data-testid=stDataFrame] canvas').width > 300")
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 400, box["y"] + 33 + 32 + 16)
    expect(page).to_have_url(re.compile("rule=second"))
    expect(page.locator(".rule-name")).to_have_text("second")
    expect(page.get_by_role("button", name="Run now")).to_be_visible()


def test_chosen_days_are_in_the_address_and_the_fonts_are_our_own(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    fonts: list[str] = []
    page.on("request", lambda one: fonts.append(one.url) if ".woff2" in one.url else None)
    scene.raises("one")
    today = scene.store.now().date()
    days = [today - timedelta(days=back) for back in (9, 5)]
    page.goto(f"{served.url}/compare?compared=Choose%20days")
    for day, end in zip(days, ("start", "end"), strict=True):
        page.get_by_role("spinbutton", name=f"month, Compare these days {end} date").click()
        page.keyboard.type(f"{day:%m%d%Y}")
    page.locator(".page-head h1").click()
    expect(page).to_have_url(re.compile(f"first-days={days[0]}&first-days={days[1]}"))
    begin, end = (
        f"{day:%b} {day.day}, {day.year}, 12:00:00 AM" for day in (days[0], days[1] + timedelta(1))
    )
    beside = f"{begin} – {end}"
    expect(page.get_by_text(beside)).to_be_visible()
    page.goto(page.url)
    expect(page.get_by_text(beside)).to_be_visible()
    loaded = page.evaluate(
        "[...document.fonts].filter((one) => one.status === 'loaded').map((one) => one.family)"
    )
    assert "Inter" in {family.strip('"') for family in loaded}
    assert fonts
    assert all(url.startswith(served.url) for url in fonts)


def test_the_link_of_a_message_opens_its_group_also_when_it_is_over(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    over = scene.raises("over", name="disk", group_by=[])
    other = scene.raises("also over", name="disk", group_by=[])
    scene.raises("of another group")
    scene.store.act([over, other], Resolve(actor="lena"))
    with scene.store.read() as connection:
        query = text("SELECT group_id FROM group_member WHERE alert_id = :a")
        group = connection.execute(query, {"a": over}).scalar_one()
    page.goto(f"{served.url}/?group={group}")
    expect(row(page, "also over")).to_be_visible()
    expect(row(page, "also over").locator(".badge.resolved")).to_have_text("resolved")
    expect(page.locator(".row")).to_have_count(2)
    expect(page).to_have_url(re.compile(f"q=group%3A{group}|q=group:{group}"))
    page.reload()
    expect(page.locator(".row")).to_have_count(2)
    assert window.complaints == []
