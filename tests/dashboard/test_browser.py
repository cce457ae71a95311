"""The dashboard in a real browser: what a selection, a note and a click survive."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from sentinel.alerts.actions import Acknowledge, Comment, Resolve
from tests.dashboard.browser import PATIENCE, Served, Watched, row
from tests.dashboard.scene import Scene

pytestmark = pytest.mark.browser

expect.set_options(timeout=PATIENCE)


def chosen(page: Page) -> int:
    return page.locator(".blotter .row.chosen").count()


def rests(page: Page) -> None:
    """The mouse lies elsewhere, so that arrivals need not wait for it."""
    page.mouse.move(5, 5)


@pytest.mark.slow
@pytest.mark.parametrize("watched", ["light", "dark"], indirect=True)
def test_alerts_are_worked_through(scene: Scene, watched: Watched):
    """Acknowledged with a comment, resolved, opened, closed; nothing asked of other hosts."""
    page = watched.page
    expect(page.get_by_text("No rule is enabled")).to_be_visible()
    first, second = scene.raises("disk is full", severity="critical"), scene.raises("cpu is busy")
    expect(row(page, "disk is full")).to_be_visible()

    row(page, "disk is full").locator("input").click()
    page.get_by_label("Comment for the next action").fill("on it")
    page.locator("[data-bulk=acknowledge]").click()
    expect(row(page, "disk is full").get_by_text("ack maria: on it")).to_be_visible()
    assert scene.store.alerts.get(first).acknowledge_comment == "on it"

    row(page, "cpu is busy").hover()
    row(page, "cpu is busy").locator("[data-op=resolve]").click()
    rests(page)
    expect(row(page, "cpu is busy")).to_have_count(0)
    assert scene.store.alerts.get(second).status == "resolved"

    row(page, "disk is full").locator(".title").click()
    drawer = page.locator(".drawer")
    expect(drawer.locator(".step.opened")).to_be_visible()
    expect(page).to_have_url(re.compile(f"alert={first}"))
    drawer.get_by_label("Comment", exact=True).fill("half done")
    drawer.locator("[data-op=comment]").click()
    expect(drawer.locator(".timeline").get_by_text("half done")).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page).not_to_have_url(re.compile("alert="))
    assert page.evaluate("document.fonts.check('600 14px Inter')")


@pytest.mark.slow
def test_a_selection_stays_with_its_alerts_while_others_arrive(scene: Scene, watched: Watched):
    page = watched.page
    picked = [scene.raises("one", severity="low"), scene.raises("two", severity="low")]
    for title in ("one", "two"):
        row(page, title).locator("input").click()
    page.get_by_label("Comment for the next action").fill("half typed")
    arrived = [scene.raises(f"new {number}", severity="critical") for number in range(5)]
    expect(page.get_by_text("5 new alerts")).to_be_visible()
    assert page.locator(".blotter .row").count() == 2
    assert chosen(page) == 2
    note = page.get_by_label("Comment for the next action")
    assert note.input_value() == "half typed"
    assert note.evaluate("one => one.getRootNode().activeElement === one")
    page.locator("[data-bulk=acknowledge]").click()
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(2)
    page.get_by_text("5 new alerts").click()
    expect(page.locator(".blotter .row.is-open")).to_have_count(5)
    assert {scene.store.alerts.get(one).acknowledge_comment for one in picked} == {"half typed"}
    assert {scene.store.alerts.get(one).status for one in arrived} == {"open"}


@pytest.mark.slow
def test_the_place_that_somebody_reads_does_not_move(scene: Scene, watched: Watched):
    page = watched.page
    scene.storm(60, severity="medium")
    expect(page.locator(".blotter .row")).to_have_count(60)
    grid = page.locator(".blotter .grid")
    grid.evaluate("one => { one.scrollTop = 700 }")
    before = grid.evaluate("one => one.getRootNode().elementFromPoint(700, 500).closest('.row').id")
    scene.storm(7, severity="critical")
    expect(page.get_by_text("7 new alerts")).to_be_visible()
    after = grid.evaluate("one => one.getRootNode().elementFromPoint(700, 500).closest('.row').id")
    assert after == before
    assert grid.evaluate("one => one.scrollTop") == 700


@pytest.mark.slow
def test_an_incident_is_worked_with_the_keyboard_alone(scene: Scene, watched: Watched):
    page = watched.page
    scene.storm(40, severity="high")
    other = scene.raises("mine", severity="low")
    rests(page)
    expect(page.locator(".blotter .row")).to_have_count(41)
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("storm")
    expect(page.locator(".blotter .row")).to_have_count(40)
    expect(page).to_have_url(re.compile("q=storm"))
    page.keyboard.press("Enter")
    page.keyboard.press("*")
    assert chosen(page) == 40
    page.keyboard.press("c")
    page.keyboard.type("one cause: the switch")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(40)
    page.keyboard.press("u")
    expect(page.locator(".blotter .row.is-open:not(.pending)")).to_have_count(40)
    for key in ("j", "j", "Shift+J", "s", "2"):
        page.keyboard.press(key)
    expect(page.locator(".blotter .row")).to_have_count(38)
    page.keyboard.press("x")
    page.keyboard.press("m")
    expect(page.locator(".blotter .row .name")).to_have_count(1)
    page.keyboard.press("e")
    page.keyboard.press("u")
    expect(page.get_by_text("Undone: 1 alert")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(row(page, "mine")).to_be_visible()
    found = scene.store.alerts.page(limit=100, order="live").items
    assert sum(alert.status == "suppressed" for alert in found) == 2
    assert sum(alert.assignee == "maria" for alert in found) == 1
    assert scene.store.alerts.get(other).status == "open"


@pytest.mark.slow
def test_two_at_once_are_told_who_was_first(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("contested")
    scene.raises("other")
    rests(page)
    expect(row(page, "contested")).to_be_visible()
    page.keyboard.press("p")  # paused, the page does not know yet what happens now
    row(page, "contested").locator("input").click()
    scene.store.act([wanted], Acknowledge(actor="lena"))
    page.locator("[data-bulk=suppress]").click()
    page.get_by_role("menuitem", name="1 hour").click()
    expect(page.get_by_text("acknowledged by lena").first).to_be_visible()
    assert scene.store.alerts.get(wanted).status == "acknowledged"


@pytest.mark.slow
def test_clicks_close_together_are_all_done(scene: Scene, watched: Watched):
    """A trigger of Streamlit would lose some of these to the refresh that another one starts."""
    page = watched.page
    scene.storm(12, severity="high")
    expect(page.locator(".blotter .row")).to_have_count(12)
    page.locator(".blotter").evaluate(
        """(blotter) => {
            for (const button of [...blotter.querySelectorAll('.row [data-op=acknowledge]')]) {
                button.click();
            }
        }"""
    )
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(12)
    assert scene.store.alerts.counts().by_status["acknowledged"] == 12


@pytest.mark.slow
def test_a_link_opens_a_filtered_page_and_one_alert(scene: Scene, window: Watched, served: Served):
    page = window.page
    wanted = scene.raises("this", severity="low")
    scene.raises("that", severity="critical")
    page.goto(f"{served.url}/?severity=low&group=rule&alert={wanted}")
    expect(page.locator(".drawer h2")).to_have_text("this")
    expect(page.locator(".blotter .row")).to_have_count(1)
    expect(page.locator(".chip.sev-low")).to_have_attribute("aria-pressed", "true")


@pytest.mark.slow
def test_a_half_typed_note_survives_news_and_a_reload(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("this")
    row(page, "this").locator(".title").click()
    note = page.locator(".drawer textarea")
    note.fill("I think that")
    scene.store.act([wanted], Comment(actor="lena", comment="me too"))
    expect(page.locator(".drawer .timeline").get_by_text("me too")).to_be_visible()
    assert note.input_value() == "I think that"
    page.reload()
    expect(page.locator(".drawer textarea")).to_have_value("I think that")


@pytest.mark.slow
def test_the_tab_counts_what_nobody_has(scene: Scene, watched: Watched):
    page = watched.page
    first = scene.raises("one")
    scene.raises("two")
    expect(page).to_have_title(re.compile(r"^\(2\) Live"))
    scene.store.act([first], Acknowledge(actor="lena"))
    expect(page).to_have_title(re.compile(r"^\(1\) Live"))


@pytest.mark.slow
def test_rows_are_sorted_grouped_and_folded(scene: Scene, watched: Watched):
    page = watched.page
    for title in ("beta", "alpha", "gamma"):
        scene.raises(title)
    rests(page)
    expect(page.locator(".blotter .row")).to_have_count(3)
    page.get_by_role("button", name="Alert", exact=True).click()
    expect(page.locator(".blotter .row .title")).to_have_text(["alpha", "beta", "gamma"])
    expect(page).to_have_url(re.compile("sort=title-up"))
    page.get_by_label("Group alerts (G)").select_option("rule")
    expect(page.locator(".blotter .section")).to_have_count(3)
    page.locator(".blotter .fold").first.click()
    expect(page.locator(".blotter .row")).to_have_count(2)


@pytest.mark.slow
def test_a_resolved_alert_leaves_while_others_look_on(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("soon over")
    rests(page)
    expect(row(page, "soon over")).to_be_visible()
    scene.store.act([wanted], Resolve(actor="lena"))
    expect(row(page, "soon over")).to_have_count(0)


@pytest.mark.slow
def test_the_text_of_an_alert_does_nothing(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises('<img src=x onerror="window.hit=1"> **b** [a](javascript:alert(1))')
    expect(row(page, "<img src=x")).to_be_visible()
    assert page.evaluate("window.hit") is None


@pytest.mark.slow
@pytest.mark.own_server
def test_a_page_whose_server_has_gone_says_so_by_itself(
    scene: Scene, watched: Watched, served: Served
):
    page = watched.page
    expect(page.locator(".fresh.live")).to_be_visible()
    watched.loses_its_server()
    served.stop()
    page.evaluate("Date.now = ((now) => () => now() + 60_000)(Date.now)")  # a minute later
    expect(page.locator(".fresh.gone")).to_contain_text("Disconnected")
    page.close()


@pytest.mark.slow
def test_twenty_alerts_are_seen_at_once(scene: Scene, watched: Watched):
    page = watched.page
    scene.storm(40)
    expect(page.locator(".blotter .row")).to_have_count(40)
    seen = page.locator(".blotter .grid").evaluate(
        """(grid) => {
            const end = Math.min(grid.getBoundingClientRect().bottom, innerHeight);
            const rows = [...grid.querySelectorAll('.row')];
            return rows.filter((one) => one.getBoundingClientRect().bottom <= end).length;
        }"""
    )
    assert seen >= 20


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 768])
def test_a_small_screen_shows_all_of_a_row(scene: Scene, watched: Watched, width: int):
    page = watched.page
    wanted = scene.raises("a rather long title " * 6, severity="emergency")
    scene.store.act([wanted], Acknowledge(actor="lena", comment="x" * 200))
    page.set_viewport_size({"width": width, "height": 844})
    expect(row(page, "a rather long title")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for op in ("unacknowledge", "resolve"):
        box = row(page, "a rather long title").locator(f"[data-op={op}]").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
