"""The live API beside Streamlit, as a real browser uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from sentinel.alerts.actions import Acknowledge
from tests.dashboard.browser import PATIENCE, Served, Watched, row, serve
from tests.dashboard.scene import Scene

pytestmark = pytest.mark.browser

expect.set_options(timeout=PATIENCE)


def runs_of_a_script(page: Page) -> list[object]:
    """What the page sends to Streamlit from now on, once it has been opened anew."""
    sent: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
    page.reload()
    expect(page.locator(".blotter .row").first).to_be_visible()
    page.mouse.move(5, 5)
    page.wait_for_load_state("networkidle")
    sent.clear()
    return sent


def beats(page: Page, count: int = 1) -> None:
    """So many heart-beats pass."""
    for _ in range(count):
        with page.expect_response(re.compile("/sentinel/beat")):
            pass


@pytest.mark.slow
def test_what_is_new_and_what_people_do_run_no_script(scene: Scene, watched: Watched):
    page = watched.page
    first, second = scene.raises("one", severity="critical"), scene.raises("two")
    sent = runs_of_a_script(page)
    page.keyboard.press("a")
    expect(row(page, "one").and_(page.locator(".is-acknowledged:not(.pending)"))).to_be_visible()
    scene.store.act([second], Acknowledge(actor="lena"))
    expect(row(page, "two").get_by_text("ack lena")).to_be_visible()
    expect(page).to_have_title(re.compile(r"^Live"))
    assert scene.store.alerts.get(first).acknowledged_by == "maria"
    assert sent == []


@pytest.mark.slow
def test_rows_that_are_known_are_not_sent_again(scene: Scene, watched: Watched):
    page = watched.page
    scene.raises("one")
    runs_of_a_script(page)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/sentinel/rows" in one.url else None)
    beats(page, 2)
    assert asked == []
    page.keyboard.press("/")
    page.keyboard.type("nothing like it")
    expect(page.get_by_text("No alert matches")).to_be_visible()
    beats(page, 2)
    assert len([url for url in asked if "nothing" in url]) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("status", [403, 500])
def test_a_browser_that_the_live_api_does_not_answer_uses_streamlits_connection(
    scene: Scene, watched: Watched, status: int
):
    page = watched.page
    wanted = scene.raises("one", severity="critical")
    expect(row(page, "one")).to_be_visible()
    page.mouse.move(5, 5)

    def shut(route: Route) -> None:
        route.fulfill(status=status, json={"error": "no"})

    watched.loses_its_server()
    for name in ("act", "rows", "alert"):
        page.route(re.compile(f"/sentinel/{name}"), shut)
    page.keyboard.press("a")
    expect(row(page, "one").and_(page.locator(".is-acknowledged:not(.pending)"))).to_be_visible()
    assert scene.store.alerts.get(wanted).acknowledged_by == "maria"
    scene.raises("two", severity="critical")
    expect(row(page, "two")).to_be_visible()
    row(page, "two").locator(".title").click()
    expect(page.locator(".drawer .step.opened")).to_be_visible()
    page.locator(".drawer [data-op=acknowledge]").click()
    expect(page.locator(".drawer .step.acknowledged")).to_be_visible()
    page.close()


@pytest.mark.slow
@pytest.mark.own_server
def test_an_open_page_goes_on_when_the_dashboard_was_started_again(
    scene: Scene, watched: Watched, served: Served, tmp_path: Path
):
    page = watched.page
    scene.raises("one")
    expect(row(page, "one")).to_be_visible()
    watched.loses_its_server()
    served.stop()
    scene.raises("two", severity="critical")
    with serve(scene, tmp_path, port=int(served.url.rpartition(":")[2])):
        expect(row(page, "two")).to_be_visible(timeout=60_000)
        expect(page.locator(".fresh.live")).to_be_visible()
        page.close()


@pytest.mark.slow
@pytest.mark.own_server
def test_a_command_over_streamlits_connection_is_not_repeated_after_a_restart(
    scene: Scene, watched: Watched, served: Served, tmp_path: Path
):
    page = watched.page
    wanted = scene.raises("one")
    expect(row(page, "one")).to_be_visible()

    def written() -> int:
        return [step.kind for step in scene.store.alerts.timeline(wanted)].count("commented")

    page.route("**/sentinel/act", lambda route: route.abort())
    page.mouse.move(5, 5)
    page.keyboard.press("c")
    page.keyboard.type("once")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Commented on 1 alert")).to_be_visible()
    for _ in range(300):
        if written():
            break
        page.wait_for_timeout(20)
    assert written() == 1
    page.unroute("**/sentinel/act")
    watched.loses_its_server()
    served.stop()
    scene.raises("two", severity="critical")
    with serve(scene, tmp_path, port=int(served.url.rpartition(":")[2])):
        expect(row(page, "two")).to_be_visible(timeout=60_000)
        expect(page.locator(".fresh.live")).to_be_visible()
        assert written() == 1, "what was said once stands there once"
        page.close()


@pytest.mark.slow
def test_clicks_that_build_on_each_other_arrive_in_their_order(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("one")
    expect(row(page, "one")).to_be_visible()
    page.mouse.move(5, 5)
    for key in ("a", "m", "Shift+A", "a"):
        page.keyboard.press(key)
    expect(row(page, "one").and_(page.locator(".is-acknowledged:not(.pending)"))).to_be_visible()
    expect(page.locator(".blotter .row.conflict")).to_have_count(0)
    kept = scene.store.alerts.get(wanted)
    assert (kept.status, kept.assignee) == ("acknowledged", "maria")
    kinds = [step.kind for step in scene.store.alerts.timeline(wanted)]
    assert kinds.count("acknowledged") == 2


@pytest.mark.slow
def test_what_was_asked_for_is_done_though_the_page_is_left_at_once(scene: Scene, watched: Watched):
    page = watched.page
    wanted = scene.raises("one")
    expect(row(page, "one")).to_be_visible()
    page.mouse.move(5, 5)
    page.keyboard.press("e")
    page.goto("about:blank")
    page.wait_for_timeout(0)
    for _ in range(300):
        if scene.store.alerts.get(wanted).status == "resolved":
            break
        page.wait_for_timeout(20)
    assert scene.store.alerts.get(wanted).status == "resolved"


@pytest.mark.slow
def test_of_very_many_rows_all_are_written_and_stay_in_order(scene: Scene, watched: Watched):
    page = watched.page
    scene.storm(300, severity="medium")
    last = scene.raises("the last", severity="info")
    runs_of_a_script(page)
    expect(page.locator(".blotter .row .title")).to_have_count(301)
    page.keyboard.press("End")
    expect(page.locator(".blotter .row.cursor .title")).to_have_text("the last")
    page.keyboard.press("a")
    expect(page.locator(f"#alert-{last}.is-acknowledged:not(.pending)")).to_be_visible()
    page.keyboard.press("Home")
    page.keyboard.press("a")
    expect(page.locator(".blotter .row.is-acknowledged:not(.pending)")).to_have_count(2)
    names = page.locator(".blotter .row").evaluate_all(
        "(rows) => rows.slice(-2).map((one) => one.classList.contains('is-acknowledged'))"
    )
    assert names == [True, True]
