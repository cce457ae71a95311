"""Behind a proxy with a login, in a real browser: everybody acts as whom the proxy names."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.dashboard.browser import PATIENCE, Shared, row
from tests.dashboard.login_proxy import HEADER, log_in_before
from tests.dashboard.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=PATIENCE)


def test_each_acts_by_their_own_name_and_an_open_page_ends_with_its_login(
    scene: Scene, browser: Browser, shared_dashboard: Shared, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    first, second = scene.raises("first"), scene.raises("second", severity="low")
    with shared_dashboard.looking_at(scene) as served, log_in_before(served.url) as proxy:
        proxy.person = "lena"
        page = browser.new_page()
        page.goto(proxy.url)
        expect(page.locator(".who")).to_have_text("Acting as lena")
        expect(row(page, "first")).to_be_visible()
        page.mouse.move(5, 5)
        page.keyboard.press("a")
        expect(
            row(page, "first").and_(page.locator(".is-acknowledged:not(.pending)"))
        ).to_be_visible()
        assert scene.store.alerts.get(first).acknowledged_by == "lena"

        proxy.person = "omar"  # signed in at the same browser, beside the page that is lena's
        page.keyboard.press("Home")
        expect(page.locator(".blotter .row.cursor .title")).to_have_text("second")
        page.keyboard.press("e")
        expect(page.get_by_text("this page belongs to lena: load it again as omar")).to_be_visible()
        expect(page.locator(".fresh.gone")).to_contain_text("Signed out")
        assert scene.store.alerts.get(second).status == "open"
        page.reload()
        expect(page.locator(".who")).to_have_text("Acting as omar")
        page.close()


SIGNED_OUT = (
    ("401 Unauthorized", "application/json", "{}"),  # oauth2-proxy, asked for JSON
    ("403 Forbidden", "text/html", "<h1>Sign in</h1>"),  # and asked for anything else
    ("200 OK", "text/html", "<h1>Sign in</h1>"),  # nginx that asks it with auth_request
)


def test_whatever_a_proxy_answers_to_nobody_nothing_is_done_by_who_was_signed_in(
    scene: Scene, browser: Browser, shared_dashboard: Shared, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    alert = scene.raises("first")
    with shared_dashboard.looking_at(scene) as served, log_in_before(served.url) as proxy:
        for refusal in SIGNED_OUT:
            proxy.person = "lena"
            page = browser.new_page()
            page.goto(proxy.url)
            expect(row(page, "first")).to_be_visible()
            page.mouse.move(5, 5)
            proxy.person, proxy.refusal = "", refusal
            page.keyboard.press("a")
            expect(page.get_by_text("Not done: you are no longer signed in")).to_be_visible()
            expect(page.locator(".fresh.gone")).to_contain_text("Signed out")
            assert scene.store.alerts.get(alert).status == "open"
            page.close()


def test_where_the_proxy_fails_commands_wait_for_the_live_api(
    scene: Scene, browser: Browser, shared_dashboard: Shared, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    first, second = scene.raises("first"), scene.raises("second", severity="low")
    with shared_dashboard.looking_at(scene) as served, log_in_before(served.url) as proxy:
        proxy.person = "lena"
        page = browser.new_page()
        page.goto(proxy.url)
        expect(row(page, "first")).to_be_visible()
        page.mouse.move(5, 5)
        ill = ("503 Service Unavailable", "text/plain", "")
        proxy.person, proxy.refusal = "", ill
        page.keyboard.press("a")
        expect(page.get_by_text("Not confirmed yet: your last action")).to_be_visible()
        assert scene.store.alerts.get(first).status == "open"
        proxy.person = "lena"
        expect(
            row(page, "first").and_(page.locator(".is-acknowledged:not(.pending)"))
        ).to_be_visible()
        assert scene.store.alerts.get(first).acknowledged_by == "lena"

        proxy.person = ""
        page.keyboard.press("Home")
        expect(page.locator(".blotter .row.cursor .title")).to_have_text("second")
        page.keyboard.press("e")
        expect(page.get_by_text("Not confirmed yet: your last action")).to_be_visible()
        proxy.person = "omar"
        expect(page.get_by_text("this page belongs to lena: load it again as omar")).to_be_visible()
        assert scene.store.alerts.get(second).status == "open"
        page.close()


def test_what_one_asked_for_is_not_done_by_who_signed_in_after_them(
    scene: Scene, browser: Browser, shared_dashboard: Shared, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    alert = scene.raises("first")
    with shared_dashboard.looking_at(scene) as served, log_in_before(served.url) as proxy:
        proxy.person = "lena"
        page = browser.new_page()
        page.goto(proxy.url)
        expect(row(page, "first")).to_be_visible()
        page.mouse.move(5, 5)
        page.route("**/sentinel/**", lambda route: route.abort())
        page.keyboard.press("a")
        proxy.person = "omar"
        with page.expect_event("websocket") as again:
            proxy.hang_up()  # and Streamlit's page connects anew, as omar's
        with again.value.expect_event("framereceived"):
            page.keyboard.press("h")
        page.unroute("**/sentinel/**")
        # By the widget that asked, or by the one that Streamlit put into its place.
        expect(page.get_by_text("Not done: ")).to_be_visible()
        assert scene.store.alerts.get(alert).status == "open"
        page.close()


LEASE = "10s"
LONGER = 7
"""Beats, two seconds apart, that take longer than a lease."""
ASLEEP = """() => {
    window.awake = window.setTimeout;
    window.setTimeout = () => 0;
    Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
}"""
LOOKED_AT = """() => {
    window.setTimeout = window.awake;
    Object.defineProperty(document, 'hidden', { get: () => false, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def beats(page: Page, status: int, times: int = 1) -> None:
    """Until so many beats were answered in this way."""
    for _ in range(times):
        page.wait_for_event(
            "response",
            lambda answer: answer.url.endswith("/sentinel/beat") and answer.status == status,
        )


def test_a_form_takes_nothing_more_from_who_has_signed_out(
    scene: Scene, browser: Browser, shared_dashboard: Shared, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    monkeypatch.setenv("SENTINEL_DASHBOARD_LOGIN_LEASE", LEASE)
    rule = scene.store.alerts.get(scene.raises("first")).rule
    with shared_dashboard.looking_at(scene) as served, log_in_before(served.url) as proxy:
        proxy.person = "lena"
        aside = browser.new_page()  # open all the while, and not looked at
        aside.goto(proxy.url)
        expect(row(aside, "first")).to_be_visible()
        beats(aside, 200)
        aside.evaluate(ASLEEP)
        page = browser.new_page()
        page.goto(f"{proxy.url}/rules?rule={rule}")
        expect(page.get_by_role("heading", name=rule)).to_be_visible()
        beats(page, 200, LONGER)  # which is what goes on with a lease
        page.get_by_role("button", name="Disable", exact=True).click()
        page.get_by_role("button", name=f"Disable {rule}").click()
        expect(page.get_by_text(f"{rule} is disabled; closed 1 alert")).to_be_visible()
        kept = scene.store.rules.get(rule)
        assert (kept.enabled, kept.switched_by) == (False, "lena")

        proxy.person = ""
        beats(page, 401, LONGER)
        page.get_by_role("button", name="Enable").click()
        expect(
            page.get_by_text("Not changed: you are no longer signed in here. Load the page")
        ).to_be_visible()
        assert not scene.store.rules.get(rule).enabled

        proxy.person = "lena"  # signed in again, elsewhere in this browser
        beats(page, 200)
        page.get_by_role("button", name="Enable").click()
        expect(page.get_by_text(f"{rule} is enabled")).to_be_visible()
        assert scene.store.rules.get(rule).enabled
        with aside.expect_response(lambda answer: answer.url.endswith("/sentinel/beat")):
            aside.evaluate(LOOKED_AT)
        aside.get_by_role("button", name="Save this view").click()
        aside.get_by_label("Name", exact=True).fill("mine")
        aside.get_by_label("Name", exact=True).press("Enter")
        aside.get_by_role("button", name="Save", exact=True).click()
        expect(aside.get_by_text("Saved “mine”")).to_be_visible()
        assert [view.name for view in scene.store.views.of("lena")] == ["mine"]
        for one in (page, aside):
            one.close()


def test_waiting_commands_outlive_their_widget_but_not_their_person(
    scene: Scene, browser: Browser, shared_dashboard: Shared, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    first, second = scene.raises("first"), scene.raises("second", severity="low")
    with shared_dashboard.looking_at(scene) as served, log_in_before(served.url) as proxy:
        proxy.person = "lena"
        page = browser.new_page()
        page.goto(proxy.url)

        def goes_to(name: str) -> None:
            page.get_by_role("link", name=name, exact=True).click()
            expect(page.locator("h1").get_by_text(name, exact=True)).to_be_visible()

        expect(row(page, "first")).to_be_visible()
        page.mouse.move(5, 5)
        page.route("**/sentinel/act", lambda route: route.abort())
        page.keyboard.press("a")
        goes_to("Overview")
        expect(page.locator(".blotter")).to_have_count(0)
        page.unroute("**/sentinel/act")
        assert scene.store.alerts.get(first).status == "open"
        goes_to("Live")
        expect(
            row(page, "first").and_(page.locator(".is-acknowledged:not(.pending)"))
        ).to_be_visible()
        assert scene.store.alerts.get(first).acknowledged_by == "lena"

        page.route("**/sentinel/act", lambda route: route.abort())
        row(page, "second").get_by_role("button", name="Acknowledge").click()
        goes_to("Overview")
        expect(page.locator(".blotter")).to_have_count(0)
        proxy.person = "omar"
        with page.expect_event("websocket") as again:
            proxy.hang_up()
        again.value.wait_for_event("framereceived")
        page.unroute("**/sentinel/act")
        goes_to("Live")
        expect(page.get_by_text("Not done: somebody else is signed in now")).to_be_visible()
        assert scene.store.alerts.get(second).status == "open"
        page.close()


def test_past_the_proxy_nobody_is_let_in(
    scene: Scene, browser: Browser, shared_dashboard: Shared, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    scene.raises("a secret of the firm")
    with shared_dashboard.looking_at(scene) as served:
        page = browser.new_page()
        for path in ("", "/history", "/audit", "/settings"):
            page.goto(f"{served.url}{path}")
            expect(
                page.get_by_text(f"You are not signed in: the header {HEADER} is missing")
            ).to_be_visible()
            expect(page.get_by_text("secret")).to_have_count(0)
        page.close()
