"""Consumers of an API at the small door: they register, log in and manage their own keys alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright
from starlette.testclient import TestClient

from sentinel.api_usage.registration import AccountStatus, RegistrationRules
from sentinel.clock import FakeClock
from sentinel.public_pages import create_app
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.api_usage.consumer_accounts import ConsumerAccounts
from sentinel.store.api_usage.consumer_keys import ConsumerKeys
from sentinel.store.api_usage.limit_sets import LimitSets
from tests.api.served import served
from tests.dashboard.browser import open_browser
from tests.databases import sqlite_alone
from tests.store.telemetry.test_usage import NOW as USAGE_NOW
from tests.store.telemetry.test_usage import send

pytestmark = sqlite_alone
HOST = "https://keys.example.org"
AXE = (Path(__file__).parents[1] / "dashboard/vendor/axe-core-4.14.1.min.js").read_text()
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
RULES = RegistrationRules(
    enabled=True, approval=False, plans=("free", "paid"), most_keys=2, longest_days=30,
    permissions=("orders:read", "orders:write"),
)  # fmt: skip
SECRET = re.compile(r"<code>([^<]+)</code>")


class Door:
    """A browser at the page of a tenant: it keeps cookies, and sends the mark of the last page."""

    def __init__(self, store: Store, tenant: str = "acme", path: str = "", **settings: Any) -> None:
        app = create_app(Settings(public_url=f"{HOST}{path}", **settings), store=store)
        self.http = TestClient(app, base_url=HOST, follow_redirects=True)
        self.address, self.status, self.text = f"{path}/consumers/{tenant}", 0, ""

    def opens(self) -> str:
        return self._took(self.http.get(self.address))

    def sends(self, does: str, **fields: str | list[str]) -> str:
        found = re.search(r'name="mark" value="([^"]+)"', self.text)
        given = {"do": does, "mark": found.group(1) if found else "", **fields}
        return self._took(self.http.post(self.address, data=given))

    def _took(self, answer: Any) -> str:
        self.status, self.text, self.headers = answer.status_code, answer.text, answer.headers
        said = re.sub(r"<style>.*?</style>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
        return " ".join(unescape(said).split())


@pytest.fixture
def rules(store: Store, clock: FakeClock) -> ConsumerAccounts:
    clock.set(NOW)
    accounts = ConsumerAccounts(store)
    accounts.save_rules("acme", RULES, actor="root")
    return accounts


@pytest.fixture
def door(store: Store, rules: ConsumerAccounts) -> Door:
    return Door(store)


def registered(door: Door, name: str = "ann") -> Door:
    door.opens()
    assert f"Keys of {name}" in door.sends("register", name=name, password=PASSWORD, plan="paid")
    return door


def test_a_consumer_registers_makes_rotates_and_revokes_keys(door: Door, store: Store) -> None:
    registered(door)
    said = door.sends("create", name="laptop", permission="orders:read", days="7")
    assert "Created laptop. Copy its secret now: it is shown this once." in said
    first = SECRET.findall(door.text)[0]
    keys = ConsumerKeys(store)
    who = keys.verify(first).who
    assert who is not None
    assert (who.tenant, who.consumer, who.plan) == ("acme", "ann", "paid")
    assert set(who.permissions) == {"orders:read"}
    said = door.opens()
    assert not SECRET.findall(door.text)
    assert "may orders:read; valid until 2026-12-07 12:00 UTC; used 2026-11-30 12:00 UTC" in said
    key = re.findall(r'name="key" value="([^"]+)"', door.text)[0]
    assert "Rotated laptop" in door.sends("rotate", key=key, overlap="0h")
    second = SECRET.findall(door.text)[0]
    assert (keys.verify(first).who, keys.verify(second).who) == (None, who)
    assert "You have no keys." in door.sends("revoke", key=key)
    assert keys.verify(second).who is None
    assert "Log in" in door.sends("logout")
    assert "Log in" in door.opens()


@pytest.mark.parametrize(
    ("does", "fields", "why"),
    [
        ("create", {"name": ""}, "name: '' is not valid."),
        ("create", {"name": "a", "days": "31"}, "expires_in: at most 30d are allowed."),
        ("create", {"name": "a", "days": "-1"}, "are a number from 1."),
        ("create", {"name": "a", "permission": "admin"}, "permissions: 'admin' is not allowed."),
        ("rotate", {"key": "other", "overlap": "1h"}, "you have no key 'other'."),
        ("rotate", {"key": "other", "overlap": "9d"}, "Choose when the secret before ends."),
        ("revoke", {"key": "other"}, "you have no key 'other'."),
        ("erase", {}, "This form is not known."),
    ],
)
def test_a_refused_form_says_why(
    door: Door, store: Store, does: str, fields: dict[str, str], why: str
) -> None:
    registered(door)
    assert why in door.sends(does, **fields)
    assert door.status == 400
    assert ConsumerKeys(store).list(tenant="acme") == []


def test_nobody_registers_where_the_rules_do_not_let_them(store: Store, clock: FakeClock) -> None:
    clock.set(NOW)
    for tenant in ("default", "unknown"):
        door = Door(store, tenant)
        assert "Register" not in door.opens()
        assert "nobody can register for the tenant" in door.sends(
            "register", name="ann", password=PASSWORD
        )


def test_an_account_that_waits_makes_no_keys(
    door: Door, store: Store, rules: ConsumerAccounts
) -> None:
    rules.save_rules("acme", RegistrationRules(enabled=True, plans=("paid",)), actor="root")
    registered(door)
    assert "waits for an approval" in door.opens()
    assert "the account is not approved yet" in door.sends("create", name="laptop")
    rules.decide(rules.list()[0].id, AccountStatus.ACTIVE, actor="root")
    assert "Created laptop" in door.sends("create", name="laptop")
    rules.decide(rules.list()[0].id, AccountStatus.DISABLED, actor="root")
    assert "Log in" in door.opens()


def test_unknown_names_are_answered_as_wrong_passwords_and_must_wait_likewise(
    door: Door, store: Store
) -> None:
    registered(door)
    door.sends("logout")
    answers: dict[str, list[tuple[int, str]]] = {}
    for name, tenant in (("ann", "acme"), ("nobody", "acme"), ("nobody", "unknown")):
        guess = Door(store, tenant)
        shown = guess.opens
        for _ in range(6):
            shown()
            said = guess.sends("login", name=name, password="wrong horse battery staple")
            found = re.search(r"(The name or the password|Too many logins)[^.]*\.", said)
            assert found is not None
            answers.setdefault(f"{name} {tenant}", []).append((guess.status, found.group()))
    known, unknown, nowhere = answers.values()
    assert known == unknown == nowhere
    assert known[0] == (401, "The name or the password is wrong.")
    assert known[-1] == (429, "Too many logins failed.")
    assert "Too many logins failed" in door.sends("login", name="ann", password=PASSWORD)


def test_a_form_of_another_site_does_nothing(door: Door, store: Store) -> None:
    registered(door)
    mark = re.findall(r'name="mark" value="([^"]+)"', door.text)[0]
    for fields, headers in (
        ({"do": "create", "name": "laptop"}, {}),
        ({"do": "create", "name": "laptop", "mark": "0" * 48}, {}),
        ({"do": "create", "name": "laptop", "mark": mark}, {"Sec-Fetch-Site": "cross-site"}),
        ({"do": "create", "name": "laptop", "mark": mark}, {"Sec-Fetch-Site": "same-site"}),
    ):
        assert door.http.post(door.address, data=fields, headers=headers).status_code == 403
    assert ConsumerKeys(store).list(tenant="acme") == []
    guess = Door(store)  # not even a login, so that nobody is logged in as somebody else
    fields = {"do": "login", "name": "ann", "password": PASSWORD}
    assert guess.http.post(guess.address, data=fields).status_code == 403


def test_a_session_is_kept_in_a_cookie_of_one_tenant_alone(store: Store, rules: object) -> None:
    door = Door(store, path="/sentinel")
    registered(door)
    set_cookies = door.http.get(door.address).headers.get_list("set-cookie")
    assert set_cookies == []  # of who is logged in, no other cookie is set
    (cookie,) = [one for one in door.http.cookies.jar if one.name == "sentinel_consumer"]
    assert (cookie.path, cookie.secure) == ("/sentinel/consumers/acme", True)
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"
    token = str(cookie.value)
    assert token not in door.text
    assert door.headers["cache-control"] == "no-store"
    other = Door(store, "other", path="/sentinel")
    other.http.cookies.set("sentinel_consumer", token)
    assert "Log in" in other.opens()


def test_who_sends_too_many_forms_waits(door: Door) -> None:
    door.opens()
    statuses = [door.http.post(door.address, data={"do": "login"}).status_code for _ in range(40)]
    assert statuses[0] == 403
    assert statuses[-1] == 429


def test_limits_are_those_of_the_plan(door: Door, store: Store) -> None:
    text = "100/minute by key plan paid\n5/minute by key plan free\n9/second by key dry-run"
    LimitSets(store).save("shop", text, tenant="acme", actor="root")
    LimitSets(store).save("shop", "7/minute by key", tenant="other", actor="root")
    said = registered(door).opens()
    assert "shop: 100" in said
    assert not re.search(r"shop: [579]\b", said)
    assert "Requests are not recorded here." in said


def test_usage_is_that_of_the_account_alone(
    store: Store, rules: ConsumerAccounts, clock: FakeClock, telemetry: Any,
    telemetry_settings: Settings,
) -> None:  # fmt: skip
    clock.set(datetime.fromtimestamp(USAGE_NOW // 10**9, UTC))
    for tenant, name, number in (("acme", "ann", 3), ("acme", "bob", 5), ("other", "ann", 7)):
        send(telemetry, tenant, *(
            {"timestamp": USAGE_NOW - 10**9 * (at + 1), "consumer": name, "method": "GET",
             "path": "/orders/1", "status": 500 if at == 1 else 200} for at in range(number)
        ))  # fmt: skip
    # The API's own request of a person of that name.
    send(telemetry, "acme", {"timestamp": USAGE_NOW - 10**9, "consumer": "ann", "method": "GET",
                             "path": "/api/v1/alerts", "service": "sentinel-api"})  # fmt: skip
    door = Door(
        store, own_requests="acme", telemetry_url=telemetry_settings.telemetry_url,
        telemetry_read_url=telemetry_settings.telemetry_read_url,
    )  # fmt: skip
    registered(door)
    said = door.opens()
    assert "3 requests 1 failed" in said
    assert "GET /orders/{id} 3 requests" in said


@pytest.mark.slow
def test_in_a_browser_at_390_pixels_light_and_dark(door: Door, store: Store) -> None:
    registered(door)
    asked: list[str] = []
    wrong: list[str] = []

    app: Any = create_app(Settings(public_url="http://127.0.0.1"), store=store)
    with served(app) as url, sync_playwright() as playwright, open_browser(playwright) as browser:
        for scheme in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": 390, "height": 800}, color_scheme=scheme
            )
            page = context.new_page()
            page.on("console", lambda message: wrong.append(message.text))
            page.on("request", lambda request: asked.append(request.url))

            def looked_at(what: str, page: Any = page, scheme: str = scheme) -> None:
                assert page.evaluate("document.documentElement.scrollWidth") <= 390, what
                page.evaluate(AXE)
                found = page.evaluate("async () => (await axe.run()).violations.map((v) => v.id)")
                assert found == [], f"{what} in {scheme}"

            page.goto(f"{url}/consumers/acme")
            looked_at("the login")
            login = page.locator("form", has=page.get_by_role("button", name="Log in"))
            login.get_by_label("Name").fill("ann")
            login.get_by_label("Password").fill(PASSWORD)
            login.get_by_role("button").click()
            page.get_by_role("heading", name="Keys of ann").wait_for()
            page.get_by_label("Name").fill(f"{scheme} laptop")
            page.get_by_label("orders:read").check()
            page.get_by_role("button", name="Create the key").click()
            page.get_by_role("status").wait_for()
            looked_at("a new key")
            context.close()
    assert [one.name for one in ConsumerKeys(store).list(tenant="acme")] == [
        "ann: light laptop", "ann: dark laptop",
    ]  # fmt: skip
    assert wrong == []
    assert set(asked) <= {f"{url}/consumers/acme", f"{url}/favicon.ico"}
