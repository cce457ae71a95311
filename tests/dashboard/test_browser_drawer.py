"""The drawer in a real browser: all about one alert, and the next question one click away."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from sentinel.alerts.actions import Acknowledge, Comment, Resolve
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.dashboard.browser import PATIENCE, Served, Watched, row
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def ends(scene: Scene, alert: str, comment: str) -> None:
    """An hour ago, lena found out about it and resolved it."""
    clock = FakeClock(scene.store.now() - timedelta(hours=1))
    past = Store(scene.url, clock=clock)
    past.act([alert], Acknowledge(actor="lena", comment="looking"))
    past.act([alert], Comment(actor="lena", comment=comment))
    past.act([alert], Resolve(actor="lena"))
    past.close()


def test_it_tells_what_ended_alerts_like_it_before(scene: Scene, watched: Watched):
    page = watched.page
    for title, comment in (("/data", "log rotation was off"), ("/home", "asked anna to tidy up")):
        ends(scene, scene.raises(title, name="disk", ago=timedelta(hours=2)), comment)
    scene.raises("/data", name="disk")
    row(page, "/data").locator(".title").click()
    drawer = page.locator(".drawer")
    before = drawer.locator(".similar li")
    expect(before).to_have_count(2)
    expect(before.first).to_contain_text("/data")
    expect(before.first).to_contain_text("duration 1h · resolved by a person (lena) · same labels")
    expect(before.first.locator("blockquote")).to_have_text("log rotation was off")
    expect(before.last).not_to_contain_text("same labels")
    before.last.get_by_role("button").click()
    expect(drawer.locator("h2")).to_have_text("/home")
    expect(drawer.locator(".badge.resolved")).to_be_visible()
    expect(drawer.locator(".timeline").get_by_text("asked anna to tidy up")).to_be_visible()


TRACEBACK = (
    "Traceback (most recent call last):\n"
    + "".join(f'  File "/app/load_{n}.py", line {n}, in run\n    step()\n' for n in range(20))
    + "ValueError: the file has no rows"
)


def test_a_remediation_that_waits_is_approved_in_the_drawer(scene: Scene, watched: Watched):
    waits = {"deployment": "restart/web", "approval": {"expires": "1h"}}
    alert = scene.raises("web is slow", name="heals", remediate=waits)
    page = watched.page
    row(page, "web is slow").locator(".title").click()
    remediation = page.locator(".drawer .remediation")
    expect(remediation).to_contain_text("waits for an approval until")
    page.get_by_placeholder("Comment for the timeline").fill("the disk is full indeed")
    remediation.get_by_role("button", name="Approve").click()
    expect(remediation).to_contain_text("starts within a minute · approved by")
    expect(remediation.get_by_role("button")).to_have_count(0)
    found = scene.store.remediations.of(alert)
    assert found is not None
    assert found.status == "wanted"
    timeline = page.locator(".drawer .timeline")
    expect(timeline.get_by_text("the disk is full indeed")).to_be_visible()


def test_a_traceback_shows_its_end_and_folds_the_rest_and_buttons_stay(
    scene: Scene, watched: Watched
):
    page = watched.page
    scene.raises(
        "load failed",
        annotations={"summary": "load failed", "description": f"The flow failed.\n{TRACEBACK}"},
    )
    row(page, "load failed").locator(".title").click()
    drawer = page.locator(".drawer")
    trace = drawer.locator("pre.trace").first
    expect(trace).to_contain_text("ValueError: the file has no rows")
    expect(trace).not_to_contain_text("load_0.py")
    assert "JetBrains Mono" in trace.evaluate("one => getComputedStyle(one).fontFamily")
    expect(drawer.locator("pre.trace").last).to_be_hidden()
    drawer.get_by_text("Whole traceback, 42 lines").click()
    expect(drawer.locator("pre.trace").last).to_contain_text("load_0.py")
    order = drawer.locator("h3").all_text_contents()
    assert order.index("Labels") < order.index("Details")
    drawer.evaluate("one => one.scrollTo(0, one.scrollHeight)")
    expect(drawer.get_by_role("button", name="Acknowledge")).to_be_in_viewport()
    expect(drawer.get_by_role("button", name="Resolve")).to_be_in_viewport()


def test_its_labels_its_count_and_its_links_are_one_click_away(
    scene: Scene, watched: Watched, served: Served
):
    page = watched.page
    wanted = scene.raises(
        "full", times=3, resolve_after="2h", name="disk", labels={"host": "web 01", "team": "x"},
        annotations={"summary": "full", "runbook": "https://wiki.example/disk"},
    )  # fmt: skip
    scene.raises("other")
    run = scene.store.alerts.get(wanted).flow_run_id
    scene.store.notification_log.claim("test", due_before=scene.store.now() + timedelta(minutes=1))
    row(page, "full").locator(".title").click()
    drawer = page.locator(".drawer")
    facts = drawer.locator(".facts")
    expect(facts).to_contain_text("Occurrences3")
    notified = drawer.locator(".notifications li")
    expect(notified).to_contain_text("inbox · not notified yet")
    expect(notified).to_contain_text(
        "waiting for more alerts before the first notification (group_wait); next check"
    )
    drawer.get_by_text("Every outcome").click()
    expect(drawer.locator(".outcomes li")).to_contain_text("inbox")
    expect(drawer.locator(".outcomes small").last).to_contain_text("not notified: waiting for more")
    expect(drawer.locator(".label")).to_have_text(["host=web 01", "team=x", "t=full"])
    for name, url in (
        ("Runbook", "https://wiki.example/disk"),
        ("Flow run", f"http://127.0.0.1:9/runs/flow-run/{run}"),
        ("Logs", f"http://127.0.0.1:9/runs/flow-run/{run}?tab=Logs"),
    ):
        link = drawer.locator(".links").get_by_role("link", name=name)
        expect(link).to_have_attribute("href", url)
        expect(link).to_have_attribute("target", "_blank")

    # It can be sent to somebody.
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    drawer.get_by_role("button", name="Copy link").click()
    expect(drawer.locator(".toast.on")).to_contain_text("Link copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{served.url}/?alert={wanted}"

    # What else is wrong there? The page stays, and what it shows is in its address.
    page.evaluate("window.stays = true")
    drawer.get_by_role("link", name="host=web 01").click()
    expect(page.locator(".blotter .row .title")).to_have_text(["full"])
    expect(page.get_by_label("Filter alerts")).to_have_value('host:"web 01"')
    expect(page).to_have_url(re.compile("q=host"))
    assert page.evaluate("window.stays")
    expect(drawer.get_by_role("link", name="team=x")).to_have_count(0)  # a search has another team

    page.goto(f"{served.url}/history?alert={wanted}")
    expect(drawer.get_by_role("link", name="t=full")).to_be_visible()
    facts.get_by_role("link", name="disk", exact=True).click()
    expect(page.locator(".rule-name")).to_have_text("disk")
    page.goto(f"{served.url}/history?alert={wanted}")
    facts.get_by_role("link", name="live alerts of this rule").click()
    expect(page.locator(".blotter .row .title")).to_have_text(["full"])


def test_the_key_takes_back_what_was_done_last_wherever_that_was(scene: Scene, watched: Watched):
    page = watched.page
    in_drawer, in_table = scene.raises("one"), scene.raises("two")
    page.mouse.move(5, 5)
    expect(page.locator(".blotter .row")).to_have_count(2)
    page.keyboard.press("a")
    expect(page.locator(f"#alert-{in_table}.is-acknowledged:not(.pending)")).to_be_visible()
    row(page, "one").locator(".title").click()
    drawer = page.locator(".drawer")
    drawer.get_by_role("button", name="Assign to me").click()
    expect(drawer.get_by_role("button", name="Unassign")).to_be_visible()
    expect(drawer.locator(".toast.on .undo")).to_be_visible()
    assert scene.store.alerts.get(in_drawer).assignee == "maria"
    page.keyboard.press("u")
    expect(drawer.get_by_role("button", name="Assign to me")).to_be_visible()
    assert scene.store.alerts.get(in_drawer).assignee == ""
    page.keyboard.press("u")  # there is nothing more to take back
    drawer.get_by_role("button", name="Resolve", exact=True).click()
    expect(drawer.get_by_role("button", name="Don't snooze")).to_be_visible()
    page.keyboard.press("z")
    page.keyboard.press("4")
    expect(drawer.locator(".toast.on")).to_have_count(0)
    assert scene.store.alerts.get(in_table).status == "acknowledged"
    assert scene.store.alerts.get(in_drawer).status == "resolved"


def test_quick_steps_in_the_drawer_are_no_conflict_with_oneself(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("one")
    row(page, "one").locator(".title").click()
    drawer = page.locator(".drawer")
    expect(drawer.locator(".step.opened")).to_be_visible()
    expect(drawer.get_by_text("No similar alert has been resolved yet")).to_be_visible()
    drawer.evaluate(
        """(drawer) => {
            for (const op of ['assign', 'acknowledge']) {
                drawer.querySelector(`.doing [data-op=${op}]`).click();
            }
        }"""
    )
    expect(drawer.get_by_role("button", name="Unacknowledge")).to_be_visible()
    expect(drawer.get_by_role("button", name="Unassign")).to_be_visible()
    silence = drawer.get_by_role("link", name="Silence")
    expect(silence).to_have_attribute("href", f"/silences?from={wanted}")
    kept = scene.store.alerts.get(wanted)
    assert (kept.status, kept.assignee) == ("acknowledged", "maria")
    expect(drawer.locator(".toast.problem")).to_have_count(0)


def test_an_opened_traceback_stays_open_when_the_alert_changes(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises("another")
    wanted = scene.raises(
        "load failed",
        annotations={"summary": "load failed", "description": f"The flow failed.\n{TRACEBACK}"},
    )
    row(page, "load failed").locator(".title").click()
    drawer = page.locator(".drawer")
    drawer.get_by_text("Whole traceback, 42 lines").click()
    whole = drawer.locator("details.whole pre.trace")
    expect(whole).to_contain_text("load_0.py")
    whole.evaluate("one => one.scrollTo(0, 30)")
    scrolled = whole.evaluate("one => one.scrollTop")
    scene.store.act([wanted], Comment(actor="lena", comment="looking into it"))
    expect(drawer.locator(".timeline").get_by_text("looking into it")).to_be_visible()
    expect(whole).to_be_visible()
    assert whole.evaluate("one => one.scrollTop") == scrolled
    row(page, "another").locator(".title").click()
    expect(drawer.locator("h2")).to_have_text("another")
    row(page, "load failed").locator(".title").click()
    expect(drawer.get_by_text("Whole traceback, 42 lines")).to_be_visible()
    expect(whole).to_be_hidden()


@pytest.mark.parametrize("where", ["drawer", "table"])
def test_the_resolve_of_a_critical_alert_can_be_undone_for_half_a_minute_everywhere(
    scene: Scene, watched: Watched, where: str
):
    page = watched.page
    scene.raises("worst", severity="critical", resolve_after="9h")
    expect(page.locator(".blotter .row")).to_have_count(1)
    page.evaluate(
        """() => {
            const real = window.setTimeout;
            window.waits = [];
            window.setTimeout = (work, wait, ...more) => {
                window.waits.push(wait);
                return real(work, wait, ...more);
            };
        }"""
    )
    if where == "drawer":
        row(page, "worst").locator(".title").click()
        page.locator(".drawer").get_by_role("button", name="Resolve", exact=True).click()
        toast = page.locator(".drawer .toast.on")
    else:
        page.keyboard.press("e")
        toast = page.locator(".blotter .toast.on")
    expect(toast.locator(".undo")).to_be_visible()
    expect(toast.locator(".offers")).to_be_hidden()  # an offer has a time of its own
    assert 30_000 in page.evaluate("window.waits")
    assert 9_000 not in page.evaluate("window.waits")
