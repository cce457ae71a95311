"""What people may rely on at night: what is shown is so, or says that it may not be."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from sentinel.alerts.actions import Acknowledge, Resolve
from tests.dashboard.browser import PATIENCE, Served, Watched, row
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)

LATER = "(seconds) => { const now = Date.now; Date.now = () => now() + seconds * 1000; }"


class Held:
    """Requests of the browser to a route of the live API, unanswered until they are released."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.waiting: list[Route] = []
        self.open = False
        page.route(re.compile(f"/sentinel/{name}"), lambda route: self._take(route))

    def _take(self, route: Route) -> None:
        if self.open:
            route.continue_()
        else:
            self.waiting.append(route)

    def is_asked(self) -> None:
        """Until the browser has asked."""
        for _ in range(PATIENCE // 50):
            if self.waiting:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("nobody asked")

    def release(self) -> None:
        self.open = True
        for route in self.waiting:
            route.continue_()


def test_what_is_done_is_shown_at_once_and_says_so_while_it_is_not_confirmed(
    scene: Scene, watched: Watched
):
    page = watched.page
    wanted = scene.raises("one", severity="critical")
    page.mouse.move(5, 5)
    expect(row(page, "one")).to_be_visible()
    held = Held(page, "act")
    page.keyboard.press("a")
    expect(page.locator(".blotter .row.is-acknowledged.pending")).to_be_visible()
    expect(page.locator(".blotter .toast.on")).to_contain_text("Acknowledged 1 alert")
    assert scene.store.alerts.get(wanted).status == "open"
    page.evaluate(LATER, 10)
    toast = page.locator(".blotter .toast.on.problem")
    expect(toast).to_contain_text("Not confirmed yet: your last action")
    held.is_asked()
    held.release()
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_be_visible()
    expect(toast).to_have_count(0)
    assert scene.store.alerts.get(wanted).status == "acknowledged"


def test_ages_turn_against_the_time_meant_for_their_severity(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises("late", severity="high", ago=timedelta(minutes=16))
    scene.raises("soon", severity="medium", ago=timedelta(minutes=40))
    scene.raises("early", severity="low", ago=timedelta(minutes=40))
    taken = scene.raises("taken", severity="critical", ago=timedelta(minutes=40))
    scene.store.act([taken], Acknowledge(actor="lena"))
    late = row(page, "late").locator(".age")
    expect(late).to_have_class("age late")
    expect(late).to_have_attribute(
        "title", re.compile("Not acknowledged within the 15m of severity high")
    )
    # Not by its colour alone.
    assert late.evaluate("(one) => getComputedStyle(one, '::after').content") == '" !"'
    expect(row(page, "soon").locator(".age")).to_have_class("age soon")
    expect(row(page, "early").locator(".age")).to_have_class(re.compile("^age ?$"))
    expect(row(page, "taken").locator(".age")).to_have_class(re.compile("^age ?$"))


def over(scene: Scene) -> None:
    """A rule watches, and what it saw is over."""
    scene.store.act([scene.raises("over")], Resolve(actor="lena"))


def test_an_empty_page_is_no_good_news_while_nothing_would_be_seen(scene: Scene, watched: Watched):
    page = watched.page
    expect(page.get_by_text("No rule is enabled")).to_be_visible()
    over(scene)
    expect(page.get_by_text("No live alerts")).to_be_visible()
    why = "the database does not answer"
    down = {"number": None, "now": 0, "counts": None, "problem": why,
            "notes": [["down", "The database cannot be used.", why]]}  # fmt: skip
    page.route(re.compile("/sentinel/beat"), lambda route: route.fulfill(json=down))
    expect(page.locator(".fresh.gone")).to_contain_text("Database down")
    expect(page.get_by_text("Alerts cannot be shown right now")).to_be_visible()
    expect(page.get_by_text("No live alerts")).to_have_count(0)
    page.unroute(re.compile("/sentinel/beat"))
    expect(page.get_by_text("No live alerts")).to_be_visible()


def test_a_page_that_hears_nothing_for_a_while_is_stale(scene: Scene, watched: Watched):
    page = watched.page
    over(scene)
    expect(page.get_by_text("No live alerts")).to_be_visible()
    expect(page.locator(".fresh.live")).to_be_visible()
    Held(page, "beat").is_asked()
    page.evaluate(LATER, 10)
    expect(page.locator(".fresh.stale")).to_contain_text("Stale · as of")
    page.evaluate(LATER, 30)
    expect(page.locator(".fresh.gone")).to_contain_text("Disconnected · as of")
    expect(page.get_by_text("No live alerts")).to_have_count(0)
    page.close()


SOUNDS = """() => {
    window.sounds = 0;
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...given) {
        window.sounds += 1;
        return start.apply(this, given);
    };
}"""
LEVELS = {"levels": {"high": 80, "critical": 95}}


def test_what_becomes_worse_is_heard_and_what_a_filter_hid_is_not(scene: Scene, watched: Watched):
    page = watched.page
    page.evaluate(SOUNDS)
    scene.raises("there all day", severity="critical")
    page.mouse.move(5, 5)
    expect(row(page, "there all day")).to_be_visible()
    page.keyboard.press("4")
    expect(page.get_by_text("No alert matches")).to_be_visible()
    page.keyboard.press("b")
    page.get_by_role("checkbox", name="critical").check()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Sound and desktop notification for new alerts").blur()
    page.keyboard.press("4")
    expect(row(page, "there all day")).to_be_visible()
    scene.raises("rising", name="r", when=LEVELS, value=85)
    expect(row(page, "rising").locator(".sev")).to_have_text("HIGH")
    assert page.evaluate("window.sounds") == 0
    scene.raises("rising", name="r", when=LEVELS, value=99)
    expect(row(page, "rising").locator(".sev")).to_have_text("CRIT")
    page.wait_for_function("window.sounds === 1")


ASLEEP = """() => {
    Object.defineProperty(document, 'hidden', { get: () => true });
    window.setTimeout = () => 0;
}"""


def test_an_alarm_rings_also_where_the_browser_has_put_the_page_to_sleep(
    scene: Scene, watched: Watched
):
    """As browsers do to pages in the background: their own timers hardly run."""
    page = watched.page
    page.evaluate(SOUNDS)
    page.mouse.move(5, 5)
    page.keyboard.press("b")
    page.get_by_role("checkbox", name="critical").check()
    page.keyboard.press("Escape")
    with page.expect_response(re.compile("/sentinel/beat")):
        pass  # whoever waits for an alarm keeps the time in another way from here on
    with page.expect_response(re.compile("/sentinel/beat")):
        page.evaluate(ASLEEP)  # the last one that the page's own timer had been set for
    scene.raises("a bad one", severity="critical")
    page.wait_for_function("window.sounds > 0")
    expect(row(page, "a bad one")).to_be_visible()


MUTE = """() => {
    window.AudioContext = class {
        state = 'suspended';
        resume() { return new Promise(() => {}); }
        close() {}
    };
}"""


def test_a_sound_that_nobody_could_hear_is_said(scene: Scene, watched: Watched):
    page = watched.page
    page.evaluate(MUTE)
    page.mouse.move(5, 5)
    page.keyboard.press("b")
    page.get_by_role("checkbox", name="critical").check()
    page.keyboard.press("Escape")
    scene.raises("a bad one", severity="critical")
    expect(page.locator(".blotter .toast.on.problem")).to_contain_text("No sound yet: the browser")
    bell = page.get_by_role("button", name="Sound and desktop notification for new alerts")
    expect(bell).to_have_class(re.compile("silent"))
    page.keyboard.press("j")
    expect(bell).not_to_have_class(re.compile("silent"))


def test_a_late_answer_of_a_view_that_is_over_takes_nothing_chosen_away(
    scene: Scene, watched: Watched
):
    page = watched.page
    for number in range(2):
        scene.raises(f"bad {number}", severity="critical")
    mild = scene.raises("mild", severity="low")
    page.mouse.move(5, 5)
    expect(page.locator(".blotter .row")).to_have_count(3)
    held = Held(page, "rows")
    page.keyboard.press("1")
    expect(page.locator(".blotter .row")).to_have_count(2)
    held.is_asked()
    page.keyboard.press("1")
    expect(page.locator(".blotter .row")).to_have_count(3)
    page.keyboard.press("*")
    expect(page.locator(".blotter .row.chosen")).to_have_count(3)
    with page.expect_response(re.compile("/sentinel/rows.*severity=critical")):
        held.release()
    with page.expect_response(re.compile("/sentinel/rows")):
        scene.raises("news", severity="low")
    expect(page.locator(".blotter .row.chosen")).to_have_count(3)
    page.keyboard.press("a")
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(3)
    assert scene.store.alerts.get(mild).status == "acknowledged"


def test_what_others_push_out_of_reach_stays_chosen_and_all_that_match_is_asked_once(
    scene: Scene, watched: Watched
):
    page = watched.page
    page.mouse.move(5, 5)
    scene.storm(520, severity="low")
    expect(page.locator(".blotter .row")).to_have_count(500)
    page.keyboard.press("*")
    expect(page.get_by_text("500 selected")).to_be_visible()
    for number in range(5):
        scene.raises(f"worse {number}", severity="critical")
    expect(page.get_by_text("5 new alerts")).to_be_visible()
    expect(page.get_by_text("500 selected")).to_be_visible()
    expect(page.locator(".blotter .row.gone")).to_have_count(0)
    page.keyboard.press("a")
    expect(page.locator(".blotter .row.pending")).to_have_count(0)
    assert scene.store.alerts.counts().by_status["acknowledged"] == 500
    page.keyboard.press("n")
    page.keyboard.press("*")
    page.keyboard.press("*")
    expect(page.get_by_text("All that match", exact=True)).to_be_visible()
    page.keyboard.press("c")
    page.keyboard.type("one cause")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Comment on all that match?")).to_be_visible()
    page.keyboard.press("1")
    expect(page.locator(".blotter .toast.on")).to_contain_text("Commented on 525 alerts")
    page.keyboard.press("l")
    expect(page.locator(".blotter .row")).to_have_count(525)


def test_what_the_mouse_does_at_the_heads_is_done_with_keys_too(scene: Scene, watched: Watched):
    page = watched.page
    scene.storm(3, severity="critical")
    scene.storm(2, severity="low")
    page.mouse.move(5, 5)
    rows = page.locator(".blotter .row")
    expect(rows).to_have_count(5)
    page.keyboard.press("g")
    expect(page.locator(".blotter .section")).to_have_count(2)
    page.keyboard.press("Shift+X")
    expect(page.get_by_text("3 selected")).to_be_visible()
    page.keyboard.press("Shift+X")
    expect(page.locator(".blotter .row.chosen")).to_have_count(0)
    page.keyboard.press("ArrowLeft")
    expect(rows).to_have_count(2)
    page.keyboard.press("ArrowRight")
    expect(rows).to_have_count(5)
    page.keyboard.press("Shift+X")
    page.keyboard.press("Shift+N")  # mark as noise: the first of the reasons that are offered
    page.keyboard.press("1")
    expect(page.locator(".blotter .row .badge.noise")).to_have_count(2)
    for key, told in (("t", "severity-down"), ("t", "age-down"), ("Shift+T", "age-up")):
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(f"sort={told}"))


def test_keys_are_heard_also_after_the_page_was_chosen_in_the_sidebar(
    scene: Scene, window: Watched, served: Served
):
    page = window.page
    scene.raises("one")
    page.goto(f"{served.url}/settings")
    expect(page.locator(".page-head h1").get_by_text("Settings")).to_be_visible()
    pages = page.locator("[data-testid=stSidebarNav]")
    for name in ("Operate", "Configure", "Review", "System"):  # by what people do
        expect(pages.get_by_text(name, exact=True)).to_be_visible()
    pages.get_by_role("link", name="Live").click()
    expect(row(page, "one")).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("button", name="Save this view").click()
    page.get_by_label("Name", exact=True).fill("axe")  # in a form, letters are letters
    expect(page.get_by_label("Name", exact=True)).to_have_value("axe")
    expect(page.get_by_text("1 selected")).to_be_visible()


def test_several_are_assigned_and_commented_on_with_a_thumb(scene: Scene, watched: Watched):
    page = watched.page
    ids = [scene.raises("one"), scene.raises("two")]
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".blotter .row")).to_have_count(2)
    for title in ("one", "two"):
        row(page, title).locator(".check").click()
    for op in ("acknowledge", "resolve", "suppress", "assign", "comment", "clear"):
        box = page.locator(f".bulk [data-bulk={op}]").bounding_box()
        assert box is not None, op
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390, op
        assert box["y"] + box["height"] <= 844, op
    page.get_by_label("Comment for the next action").fill("both of them")
    page.locator(".bulk [data-bulk=comment]").click()
    expect(page.locator(".blotter .toast.on")).to_contain_text("Comments cannot be undone")
    for title in ("one", "two"):
        row(page, title).locator(".check").click()
    page.locator(".bulk [data-bulk=assign]").click()
    page.get_by_role("textbox", name="Assign to").fill("omar")
    page.get_by_role("textbox", name="Assign to").press("Enter")
    expect(page.locator(".blotter .row.pending")).to_have_count(0)
    for one in ids:
        assert scene.store.alerts.get(one).assignee == "omar"
        assert scene.store.alerts.timeline(one)[1].comment == "both of them"
    row(page, "one").locator(".check").click()
    page.locator(".bulk [data-bulk=suppress]").click()
    field = page.get_by_role("textbox", name="Suppress for")
    for nonsense in ("soon", "25:00", "0m"):
        field.fill(nonsense)
        field.press("Enter")
        expect(field).to_be_visible()
    field.fill("90m")
    field.press("Enter")
    expect(row(page, "one")).to_have_count(0)
    until = scene.store.alerts.get(ids[0]).suppressed_until
    assert until is not None
    assert timedelta(minutes=88) < until - scene.store.now() <= timedelta(minutes=90)
