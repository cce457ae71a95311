"""Pages beside the live one in a real browser, and what an alert's drawer draws."""

from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import text

from sentinel import Reading, Rule
from sentinel.access.vapid import public_key
from sentinel.alerts.actions import Acknowledge
from sentinel.checks.observation import Observation
from sentinel.evaluation.model import Evaluation
from sentinel.store.notifications.push_subscriptions import PushSubscriptions
from tests.dashboard.browser import PATIENCE, Served, Watched, row
from tests.dashboard.scene import Scene
from tests.store.notifications.test_push_subscriptions import new_point
from tests.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)

SHOWN = """async () => {
  const registered = await navigator.serviceWorker.getRegistration("/sentinel/");
  const shown = (await registered.getNotifications()).map(({ title, body, actions }) => (
    { title, body, actions: actions.map((one) => one.title) }));
  return shown.some(({ title }) => title === "before") ? null : shown;
}"""
"""What the service worker shows."""


CHANGED = """async (point) => {
  const endpoint = "https://push.example/send/y", keys = { p256dh: point, auth: "B".repeat(22) };
  PushManager.prototype.subscribe = async () => ({ endpoint, toJSON: () => ({ endpoint, keys }) });
  const event = new Event("pushsubscriptionchange");
  let done;
  event.waitUntil = (work) => { done = work; };
  self.dispatchEvent(event);
  await done;
}"""
"""What the browser does to the service worker when it changes the subscription by itself."""


def heading(page: Page, name: str) -> None:
    expect(page.locator(".page-head h1").get_by_text(name, exact=True)).to_be_visible()


def test_every_page_opens_by_its_address_without_a_complaint(
    scene: Scene, window: Watched, served: Served
):
    scene.raises("one")
    for path, name in (
        ("inbox", "Inbox"), ("on-call", "On-call"), ("silences", "Silences"),
        ("escalations", "Escalations"),
        ("incidents", "Incidents"), ("slos", "SLOs"), ("limits", "Limits"),
        ("rules", "Rules"), ("channels", "Channels"), ("routing", "Routing"),
        ("overview", "Overview"), ("analytics", "Analytics"),
        ("dashboards", "Dashboards"), ("history", "History"),
        ("compare", "Compare"),
        ("audit", "Audit"),
        ("health", "Health"), ("log", "System log"), ("people", "People and access"),
        ("settings", "Settings"),
    ):  # fmt: skip
        window.page.goto(f"{served.url}/{path}")
        heading(window.page, name)
    window.page.goto(f"{served.url}/history?q=nothing-like-it")
    expect(window.page.get_by_text("No alert matches")).to_be_visible()
    assert window.complaints == []


def test_the_drawer_draws_the_readings_around_an_alert(scene: Scene, watched: Watched):
    page = watched.page
    rule = Rule.model_validate(
        {"name": "cpu", "when": {"above": 90}, "annotations": {"summary": "cpu busy"}}
    )
    now = scene.store.now()
    for minute, number in enumerate([40.0, 50.0, 95.0, 97.0, 96.0]):
        at = now - timedelta(minutes=10 - minute)
        scene.store.apply(
            Evaluation(
                rule=rule, trigger="t", slot=at, at=at, unit="percent",
                observation=Observation(readings=[Reading(labels={}, value=number)], state={}),
            )
        )  # fmt: skip
    (alert,) = scene.store.alerts.page(limit=1).items
    scene.store.act([alert.id], Acknowledge(actor="lena", comment="mine"))
    row(page, "cpu busy").locator(".title").click()
    chart = page.locator(".drawer .chart")
    expect(chart).to_have_attribute(
        "aria-label", "Readings: last 96 %, lowest 40 %, highest 97 %; fires when above 90"
    )
    expect(chart.locator(".bound text")).to_have_text("above 90")
    expect(chart.locator(".moment.opened")).to_have_count(1)
    expect(chart.locator(".moment.acknowledged title")).to_contain_text("lena")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(chart.locator(".readout")).to_contain_text(re.compile(r"\d+ % at"))


NOTICES = """() => {
    window.notices = [];
    window.Notification = class {
        constructor(title) { window.notices.push(title); }
        static permission = 'granted';
        static requestPermission() { return Promise.resolve('granted'); }
        close() {}
    };
}"""


def test_a_notice_comes_for_chosen_severities_and_no_others(scene: Scene, watched: Watched):
    page = watched.page
    page.evaluate(NOTICES)
    page.mouse.move(5, 5)
    scene.raises("before it was asked for", severity="critical")
    expect(row(page, "before it was asked for")).to_be_visible()
    page.keyboard.press("b")
    page.get_by_role("checkbox", name="critical").check()
    page.get_by_role("checkbox", name="Play a sound").uncheck()
    page.get_by_role("checkbox", name="Show a desktop notification").check()
    page.keyboard.press("Escape")
    expect(
        page.get_by_role("button", name="Sound and desktop notification for new alerts")
    ).to_have_attribute("aria-pressed", "true")
    scene.raises("a low one", severity="low")
    expect(row(page, "a low one")).to_be_visible()
    scene.raises("a bad one", severity="critical")
    expect(row(page, "a bad one")).to_be_visible()
    assert page.evaluate("window.notices") == ["CRIT a bad one"]
    page.reload()
    expect(
        page.get_by_role("button", name="Sound and desktop notification for new alerts")
    ).to_have_attribute("aria-pressed", "true")


def test_a_saved_view_brings_the_page_back_as_it_was(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises("bad", severity="critical")
    scene.raises("mild", severity="low")
    page.mouse.move(5, 5)
    expect(page.locator(".blotter .row")).to_have_count(2)
    page.keyboard.press("1")
    expect(page.locator(".blotter .row")).to_have_count(1)
    expect(page).to_have_url(re.compile("severity=critical"))
    page.get_by_role("button", name="Save this view").click()
    page.get_by_label("Name", exact=True).fill("the worst")
    page.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="the worst").first).to_be_visible()
    page.keyboard.press("Escape")
    page.locator(".blotter .chip.sev-critical").click()
    expect(page.locator(".blotter .row")).to_have_count(2)
    page.get_by_role("link", name="History").click()
    heading(page, "History")
    page.get_by_role("button", name="the worst").first.click()
    expect(page.locator(".blotter .row")).to_have_count(1)
    expect(page.locator(".blotter .chip.sev-critical")).to_have_attribute("aria-pressed", "true")
    page.locator(".blotter .chip.sev-critical").click()
    expect(page.locator(".blotter .row")).to_have_count(2)
    page.get_by_role("button", name="the worst").first.click()
    expect(page.locator(".blotter .row")).to_have_count(1)
    page.get_by_role("button", name="Save this view").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("button", name="Yes, remove").click()
    expect(page.get_by_role("button", name="the worst", exact=True)).to_have_count(0)
    assert scene.store.views.of("maria") == []
    page.get_by_role("button", name="Restore the worst").click()
    expect(page.get_by_role("button", name="the worst", exact=True)).to_be_visible()
    assert [one.query for one in scene.store.views.of("maria")] == ["severity=critical"]


def test_a_rule_is_switched_off_from_its_page(scene: Scene, window: Watched, served: Served):
    page = window.page
    alert = scene.raises("one")
    rule = scene.store.alerts.get(alert).rule
    page.goto(f"{served.url}/rules?rule={rule}")
    expect(page.locator(".rule-state.is-firing")).to_be_visible()
    page.get_by_role("button", name="Disable", exact=True).click()
    page.get_by_label("Reason").fill("new disks")
    page.get_by_label("Reason").press("Enter")
    page.get_by_role("button", name=f"Disable {rule}").click()
    expect(page.locator(".rule-state.is-disabled")).to_be_visible()
    expect(page.get_by_text("new disks")).to_be_visible()
    assert not scene.store.rules.get(rule).enabled
    assert scene.store.alerts.get(alert).status == "resolved"


def test_an_excel_file_is_downloaded(scene: Scene, window: Watched, served: Served, tmp_path: Path):
    page = window.page
    scene.storm(30)
    page.goto(f"{served.url}/history")
    heading(page, "History")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Excel").click()
    assert waiting.value.suggested_filename.endswith(".xlsx")
    waiting.value.save_as(tmp_path / "alerts.xlsx")
    assert (tmp_path / "alerts.xlsx").read_bytes()[:2] == b"PK"


def test_an_incident_of_500_is_worked_with_the_keyboard_alone(scene: Scene, watched: Watched):
    """One cause under 480 alerts, twenty others beside it, three of them critical."""
    page = watched.page
    page.mouse.move(5, 5)
    scene.storm(480, severity="high", labels={"site": "ams"})
    worst = [scene.raises(f"worst {number}", severity="critical") for number in range(3)]
    rest = [scene.raises(f"rest {number}", severity="low") for number in range(17)]
    expect(page.locator(".blotter .row")).to_have_count(500)

    # What is critical first: read it, take it, say why; the cursor goes on by itself.
    page.keyboard.press("1")
    expect(page.locator(".blotter .row")).to_have_count(3)
    page.keyboard.press("Enter")
    expect(page.locator(".drawer .step.opened")).to_be_visible()
    for _ in worst:
        page.keyboard.press("a")
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(3)
    page.keyboard.press("Escape")
    page.keyboard.press("1")

    # One cause under all of a site: one comment, one key.
    page.keyboard.press("/")
    page.keyboard.type("site:ams")
    expect(page.locator(".blotter .row")).to_have_count(480)
    page.keyboard.press("Enter")
    page.keyboard.press("*")
    page.keyboard.press("c")
    page.keyboard.type("the switch of ams, ticket 4711")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(480)

    # The wrong key, taken back; then the switch is replaced, and all of it is over.
    page.keyboard.press("*")
    page.keyboard.press("e")
    page.keyboard.press("u")
    expect(page.get_by_text("Undone: 480 alerts")).to_be_attached()  # it fades by itself
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(480)
    page.keyboard.press("*")
    page.keyboard.press("e")
    expect(
        page.get_by_text("No live alerts").or_(page.get_by_text("No alert matches"))
    ).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".blotter .row")).to_have_count(20)

    # What is left is quiet for an hour.
    page.keyboard.press("4")
    expect(page.locator(".blotter .row")).to_have_count(17)
    for key in ("*", "s", "2"):
        page.keyboard.press(key)
    expect(page.locator(".blotter .row")).to_have_count(0)
    page.keyboard.press("4")
    expect(page.locator(".blotter .row")).to_have_count(3)

    counts = scene.store.alerts.counts().by_status
    assert counts["resolved"] == 480
    assert {scene.store.alerts.get(one).status for one in worst} == {"acknowledged"}
    assert {scene.store.alerts.get(one).status for one in rest} == {"suppressed"}


def test_more_than_are_loaded_are_acknowledged_with_the_keyboard(scene: Scene, watched: Watched):
    page = watched.page
    page.mouse.move(5, 5)
    scene.storm(620, severity="high")
    expect(page.locator(".blotter .row")).to_have_count(500)
    page.keyboard.press("*")
    expect(page.get_by_text("500 selected")).to_be_visible()
    page.keyboard.press("*")
    expect(page.get_by_text("All that match", exact=True)).to_be_visible()
    page.keyboard.press("a")
    expect(page.get_by_text("Acknowledge all that match?")).to_be_visible()
    page.keyboard.press("1")
    expect(page.get_by_text("Acknowledged 620 alerts")).to_be_attached()  # it fades by itself
    assert scene.store.alerts.counts().by_status["acknowledged"] == 620


@pytest.mark.own_server
def test_every_page_says_that_its_server_has_gone(scene: Scene, window: Watched, served: Served):
    page = window.page
    page.goto(f"{served.url}/settings")
    heading(page, "Settings")
    fresh = page.locator(".pulse .fresh")
    expect(fresh).to_have_text("Prefect does not answer.")  # which is so here, and no more
    window.loses_its_server()
    served.stop()
    page.evaluate("Date.now = ((now) => () => now() + 60_000)(Date.now)")  # a minute later
    expect(fresh).to_contain_text("Disconnected")
    expect(fresh).to_be_visible()


def test_a_browser_is_subscribed_and_shows_what_is_pushed(
    scene: Scene, watched: Watched, served: Served
):
    """Chromium without a push service: its answer to the page is made up, all else is real."""
    page = watched.page
    page.context.grant_permissions(["notifications"], origin=served.url)
    point = base64.urlsafe_b64encode(new_point()).rstrip(b"=").decode()
    page.add_init_script(
        """(() => {
          const endpoint = localStorage.moved ?? "https://push.example/send/x";
          const keys = { p256dh: "POINT", auth: "A".repeat(22) };
          const made = { endpoint, toJSON: () => ({ endpoint, keys }) };
          made.unsubscribe = async () => { now = null; };
          let now = localStorage.moved ? made : null;
          PushManager.prototype.getSubscription = async () => now;
          PushManager.prototype.subscribe = async (options) => {
            window.pushKey = options.applicationServerKey;
            return (now = made);
          };
        })()""".replace("POINT", point)
    )
    page.goto(f"{served.url}/settings")
    heading(page, "Settings")
    switch = page.get_by_role("button", name="Notify this browser")
    switch.click()
    stop = page.get_by_role("button", name="Stop notifying this browser")
    expect(stop).to_be_visible()
    push = PushSubscriptions(scene.store)
    with scene.store.read() as connection:
        people = list(connection.execute(text("SELECT person FROM push_subscription")).scalars())
    assert [one.endpoint for one in push.of(people)] == ["https://push.example/send/x"]
    assert page.evaluate("window.pushKey") == public_key(push.private_key())
    worker: Any = page.context.new_cdp_session(page)
    registered: list[str] = []

    def note(told: dict[str, Any]) -> None:
        registered.extend(one["registrationId"] for one in told["registrations"])

    worker.on("ServiceWorker.workerRegistrationUpdated", note)
    worker.send("ServiceWorker.enable")
    # Chromium finds no notification any more where it looks for the very first while it is made.
    page.evaluate(
        """navigator.serviceWorker.getRegistration("/sentinel/")
           .then((one) => one.showNotification("before", { tag: "t" }))"""
    )
    told = {"title": "[critical] disk", "body": "full", "tag": "t", "url": f"{served.url}/?group=g",
            "acknowledge": "https://ack.example/ack/t", "stays": True}  # fmt: skip
    worker.send(
        "ServiceWorker.deliverPushMessage",
        {"origin": served.url, "registrationId": registered[-1], "data": json.dumps(told)},
    )
    shown = eventually(
        lambda: page.evaluate(SHOWN), "the service worker shows it",
        pause=lambda seconds: page.wait_for_timeout(seconds * 1000),
    )  # fmt: skip
    assert shown == [{"title": "[critical] disk", "body": "full", "actions": ["Acknowledge"]}]
    (service,) = page.context.service_workers
    service.evaluate(CHANGED, point)  # the browser changes it while no page looks
    (moved,) = push.of(people)
    assert moved.endpoint == "https://push.example/send/y"
    push.forget([moved.id])  # as where a backup of before was restored
    page.evaluate("localStorage.moved = 'https://push.example/send/z'")  # and while nothing ran
    page.goto(f"{served.url}/rules")
    eventually(
        lambda: [one.endpoint for one in push.of(people)] == ["https://push.example/send/z"],
        "a page that is opened sends it again",
        pause=lambda seconds: page.wait_for_timeout(seconds * 1000),
    )
    page.goto(f"{served.url}/settings")
    stop.click()
    expect(switch).to_be_visible()
    assert push.of(people) == []
    page.evaluate("localStorage.removeItem('moved')")
