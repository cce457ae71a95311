"""How the live table is looked at: sorted, grouped, paused, dense, with a sound."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from sentinel.alerts.actions import Acknowledge, Assign, Suppress
from tests.dashboard.browser import PATIENCE, Served, Watched, row
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)

SORTED = {
    # by the head: pressed once, and once more
    "severity": (["bad", "mid", "mild"], ["mild", "mid", "bad"]),
    "age": (["mild", "bad", "mid"], ["mid", "bad", "mild"]),
    "title": (["bad", "mid", "mild"], ["mild", "mid", "bad"]),
    "rule": (["mid", "bad", "mild"], ["mild", "bad", "mid"]),
    "assignee": (["bad", "mild", "mid"], ["mid", "mild", "bad"]),
    "value": (["mid", "mild", "bad"], ["bad", "mild", "mid"]),
}


def titles(page: Page, wanted: list[str]) -> None:
    expect(page.locator(".blotter .row .title")).to_have_text(wanted)


def test_it_is_sorted_by_every_column_both_ways_and_back(
    scene: Scene, watched: Watched, served: Served
):
    page = watched.page
    mild = scene.raises("mild", severity="low", name="c", when={"above": 20}, value=92)
    bad = scene.raises("bad", severity="critical", name="b", value=91)
    scene.raises("mid", severity="high", name="a", value=99)
    scene.store.act([bad], Assign(actor="lena", assignee="anna"))
    scene.store.act([mild], Assign(actor="lena", assignee="bert"))
    page.mouse.move(5, 5)
    titles(page, ["bad", "mid", "mild"])
    for name, (once, twice) in SORTED.items():
        head = page.locator(f".blotter .head [data-sort={name}]")
        head.click()
        titles(page, once)
        assert head.locator("..").get_attribute("aria-sort") in ("ascending", "descending")
        expect(page).to_have_url(re.compile(f"sort={name}-"))
        way = "up" if name in ("severity", "age", "value") else "down"
        head.click()
        titles(page, twice)
        expect(page).to_have_url(re.compile(f"sort={name}-{way}"))
        page.goto(page.url)
        titles(page, twice)
        page.locator(f".blotter .head [data-sort={name}]").click()
        expect(page).not_to_have_url(re.compile("sort="))
        titles(page, ["bad", "mid", "mild"])


def test_it_is_sorted_by_how_often_it_happened(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises("once")
    scene.raises("often", resolve_after="2h", times=3)
    page.mouse.move(5, 5)
    expect(page.locator(".blotter .row")).to_have_count(2)
    page.locator(".blotter .head [data-sort=count]").click()
    titles(page, ["often", "once"])
    page.locator(".blotter .head [data-sort=count]").click()
    titles(page, ["once", "often"])


def test_who_acknowledged_is_the_owner_and_a_count_says_what_was_changed(
    scene: Scene, watched: Watched
):
    page = watched.page
    first = scene.raises("one")
    scene.raises("two")
    scene.store.act([first], Acknowledge(actor="lena", comment="mine"))
    expect(row(page, "one").locator(".c-assignee")).to_contain_text("lena")
    expect(row(page, "two").locator(".c-assignee")).to_have_text("–")
    page.mouse.move(5, 5)
    page.get_by_label("Select all", exact=True).check()
    page.locator(".bulk [data-bulk=acknowledge]").click()
    expect(page.locator(".blotter .toast")).to_contain_text("Acknowledged 1 alert, 1 already was")
    expect(page.locator(".blotter .row.pending")).to_have_count(0)
    expect(page.locator(".blotter .toast")).to_contain_text("Acknowledged 1 alert, 1 already was")
    assert scene.store.alerts.get(first).acknowledged_by == "lena"


def test_a_ticker_has_its_column_where_an_alert_has_one(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises("plain")
    head = page.locator(".blotter .head").get_by_role("columnheader", name="Ticker")
    expect(row(page, "plain")).to_be_visible()
    expect(head).to_be_hidden()
    scene.raises("priced", labels={"ticker": "DAX"})
    expect(row(page, "priced").locator(".c-ticker")).to_have_text("DAX")
    expect(head).to_be_visible()


def test_alerts_that_were_notified_together_are_seen_and_acknowledged_as_one(
    scene: Scene, watched: Watched
):
    page = watched.page
    scene.storm(3, severity="high")
    scene.storm(2, severity="critical")
    page.mouse.move(5, 5)
    expect(page.locator(".blotter .row")).to_have_count(5)
    page.get_by_label("Group alerts (G)").select_option("notified")
    expect(page.locator(".blotter .section .n")).to_have_text(["2 alerts", "3 alerts"])
    page.get_by_role("button", name="Acknowledge group").last.click()
    expect(page.locator(".blotter .toast")).to_contain_text("Acknowledged 3 alerts")
    expect(page.locator(".blotter .row.is-acknowledged")).to_have_count(3)
    expect(page.get_by_role("button", name="Acknowledge group")).to_have_count(1)


def test_a_title_is_cut_last(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises(
        "replication of the order book is far behind its primary", labels={"zone": "x" * 90}
    )
    for width in (1440, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        title = row(page, "replication").locator(".title")
        expect(title).to_be_visible()
        assert title.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_it_is_grouped_by_a_label_and_a_whole_group_is_chosen(scene: Scene, watched: Watched):
    page = watched.page
    scene.storm(3, severity="high")
    scene.storm(3, severity="critical")
    page.mouse.move(5, 5)
    expect(page.locator(".blotter .row")).to_have_count(6)
    page.get_by_label("Group alerts (G)").select_option("label:n")
    expect(page.locator(".blotter .section")).to_have_count(3)
    expect(page).to_have_url(re.compile("group=label"))
    page.locator(".blotter .section input").first.check()
    expect(page.locator(".blotter .row.chosen")).to_have_count(2)


def test_paused_it_says_so_and_takes_nothing_in(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises("before")
    page.mouse.move(5, 5)
    expect(row(page, "before")).to_be_visible()
    page.keyboard.press("p")
    expect(page.locator(".fresh")).to_contain_text("Paused")
    scene.raises("meanwhile")
    expect(page).to_have_title(re.compile(r"^\(2\)"))  # the tab still counts
    expect(page.locator(".blotter .row")).to_have_count(1)
    page.keyboard.press("p")
    expect(page.locator(".blotter .row")).to_have_count(2)


def test_how_dense_it_is_stays_in_the_browser(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises("one")
    page.mouse.move(5, 5)
    expect(row(page, "one")).to_be_visible()
    before = row(page, "one").bounding_box()
    page.keyboard.press("d")
    page.reload()
    expect(row(page, "one")).to_be_visible()
    after = row(page, "one").bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] > before["height"]


def test_what_is_suppressed_is_shown_and_hidden_with_one_key(scene: Scene, watched: Watched):
    page = watched.page
    quiet = scene.raises("quiet")
    scene.raises("loud")
    until = scene.store.now() + timedelta(hours=1)
    scene.store.act([quiet], Suppress(actor="lena", until=until, comment="planned"))
    page.mouse.move(5, 5)
    titles(page, ["loud"])
    page.keyboard.press("h")
    titles(page, ["loud", "quiet"])
    expect(page).to_have_url(re.compile("suppressed="))
    page.keyboard.press("h")
    titles(page, ["loud"])


SOUNDS = """() => {
    window.sounds = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...given) {
        window.sounds += 1;
        return start.apply(this, given);
    };
}"""


def test_a_sound_is_made_for_chosen_severities_and_no_others(scene: Scene, watched: Watched):
    page = watched.page
    page.evaluate(SOUNDS)
    page.mouse.move(5, 5)
    page.keyboard.press("b")
    page.get_by_role("checkbox", name="critical").check()
    page.keyboard.press("Escape")
    scene.raises("a low one", severity="low")
    expect(row(page, "a low one")).to_be_visible()
    assert page.evaluate("window.sounds") == 0
    scene.raises("a bad one", severity="critical")
    expect(row(page, "a bad one")).to_be_visible()
    assert page.evaluate("window.sounds") > 0
