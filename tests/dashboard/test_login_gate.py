"""The dashboard's own login, before Streamlit: pages, door and connection, with real accounts."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from dashboard.login_gate import LOGINS_AT_ONCE, LOGINS_WAITING
from dashboard.sign_in import SignIn
from sentinel.access import Role
from sentinel.access.cookies import COOKIE
from sentinel.access.lockout import FREE
from sentinel.access.sessions import new_session_secret
from sentinel.clock import FakeClock
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.logins import Refused
from sentinel.store.access.people import People
from tests.dashboard.gated import CLOSED, OWN, PAGE, PASSWORD, Connection, Dashboard
from tests.world import World


@pytest.fixture
def people(store: Store) -> People:
    return People(store)


@pytest.fixture
def dashboard(store: Store, people: People) -> Dashboard:
    people.create(
        "maria", Role.RESPONDER, password=PASSWORD, actor="ada", display_name="Maria López"
    )
    return Dashboard(store)


@pytest.fixture
def alert(store: Store, clock: FakeClock) -> list[Any]:
    world = World(store, clock)
    world.sees({"/a": 95.0})
    (row,) = store.alerts.page().items
    return [row.id, row.version]


def test_without_an_account_everybody_works_and_the_first_one_switches_login_on(
    store: Store, people: People
):
    dashboard = Dashboard(store)
    assert dashboard.asks("/history", headers=PAGE).text == "Streamlit"
    people.create("maria", Role.ADMIN, password=PASSWORD, actor="ada")
    dashboard.seconds += 1
    answer = dashboard.asks("/history?q=a", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (
        303, "/sentinel/login?next=%2Fhistory%3Fq%3Da",
    )  # fmt: skip
    people.delete("maria", actor="ada")
    dashboard.seconds += 1
    assert dashboard.asks("/history", headers=PAGE).text == "Streamlit"


def test_where_a_proxy_names_people_there_is_no_login_of_our_own(dashboard: Dashboard):
    dashboard.sign_in = None
    assert dashboard.asks("/history", headers=PAGE).text == "Streamlit"


def test_a_login_leads_to_the_page_that_was_asked_for(dashboard: Dashboard):
    page = dashboard.asks("/sentinel/login?next=%2Fhistory%3Fq%3Da", headers=PAGE)
    assert page.status_code == 200
    assert 'name="next" value="/history?q=a"' in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    answer = dashboard.logs_in("MARIA")
    assert (answer.status_code, answer.headers["location"]) == (303, "/history?q=a")
    cookie = answer.cookies[COOKIE]
    assert dashboard.asks("/history", cookie=cookie, headers=PAGE).text == "Streamlit"
    again = dashboard.asks("/sentinel/login?next=%2Finbox", cookie=cookie, headers=PAGE)
    assert again.headers["location"] == "/inbox"


@pytest.mark.parametrize(
    "target",
    ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "", "/a\r\nb: c"],
)
def test_a_login_leads_to_no_other_site(dashboard: Dashboard, target: str):
    assert dashboard.logs_in(next=target).headers["location"] == "/"


@pytest.mark.parametrize("others", ['prefs={"a":1}; ', "version=1; ", "path=a; ", "a b[]=c; =; "])
def test_cookies_of_other_programs_on_the_host_do_not_hide_the_session(
    dashboard: Dashboard, others: str
):
    headers = PAGE | {"cookie": f"{others}{COOKIE}={dashboard.cookie()}"}
    assert dashboard.asks("/history", headers=headers).text == "Streamlit"


def test_flags_of_the_cookie(dashboard: Dashboard):
    flags = "; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
    plain = dashboard.logs_in().headers["set-cookie"]
    assert plain.endswith(flags)
    by_proxy = dashboard.logs_in(headers=OWN | {"x-forwarded-proto": "https"})
    assert by_proxy.headers["set-cookie"].endswith(f"{flags}; Secure")
    for host in ("https://d", "http://alerts.example.org"):
        assert dashboard.logs_in(host=host).headers["set-cookie"].endswith(f"{flags}; Secure")


def test_a_cookie_that_was_planted_before_the_login_is_worth_nothing_after_it(
    dashboard: Dashboard,
):
    planted = new_session_secret()
    answer = dashboard.logs_in(cookie=planted)
    assert planted not in answer.headers["set-cookie"]
    assert dashboard.asks("/", cookie=planted, headers=PAGE).status_code == 303


def test_wrong_passwords_and_the_lockout_are_said_in_plain_words(
    dashboard: Dashboard, clock: FakeClock
):
    for name in ("maria", "nobody"):
        said = [dashboard.logs_in(name, "wrong") for _ in range(FREE + 1)]
        assert [one.status_code for one in said] == [401] * FREE + [429]
        assert all("set-cookie" not in one.headers for one in said)
        assert "The name or the password is wrong.</p>" in said[0].text
        assert "Try again in 5 seconds." in said[FREE - 1].text
        assert "Too many logins failed. Try again in 5 seconds." in said[FREE].text
        assert f'value="{name}"' in said[0].text
    assert dashboard.logs_in().status_code == 429
    clock.forward(seconds=5)
    assert dashboard.logs_in().status_code == 303


def test_guesses_from_another_address_do_not_lock_out_who_logged_in_here(dashboard: Dashboard):
    def at(address: str) -> dict[str, str]:
        return OWN | {"x-forwarded-for": address}

    assert dashboard.logs_in(headers=at("192.0.2.7")).status_code == 303
    for _ in range(FREE):
        assert dashboard.logs_in("maria", "wrong", headers=at("192.0.2.8")).status_code == 401
    assert dashboard.logs_in(headers=at("192.0.2.8")).status_code == 429
    assert dashboard.logs_in(headers=at("192.0.2.7")).status_code == 303


def test_what_was_typed_as_a_name_cannot_become_markup(dashboard: Dashboard):
    page = dashboard.logs_in('"><b>x', "wrong").text
    assert "<b>x" not in page


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {},
     {"origin": "http://elsewhere.example"}],
)  # fmt: skip
def test_another_site_can_neither_log_people_in_nor_out(
    dashboard: Dashboard, headers: dict[str, str]
):
    answer = dashboard.logs_in(headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    cookie = dashboard.cookie()
    assert dashboard.asks("/sentinel/logout", "POST", cookie, headers=headers).status_code == 403
    assert dashboard.asks("/", cookie=cookie).text == "Streamlit"


def test_behind_a_proxy_that_passes_another_host_on_people_log_in(dashboard: Dashboard):
    own = {"origin": "https://alerts.example.org"}
    assert dashboard.logs_in(host="http://10.0.0.7:8501", headers=own).status_code == 303
    other = dashboard.logs_in(host="http://10.0.0.7:8501", headers={"origin": "http://a.example"})
    assert other.status_code == 403
    assert "the proxy before it must pass the header Host on" in other.text
    foreign = dashboard.logs_in(headers={"sec-fetch-site": "cross-site"})
    assert "proxy" not in foreign.text


def test_nothing_of_the_instance_is_served_to_who_is_not_signed_in(dashboard: Dashboard):
    for path in ("/", "/history", "/media/export.csv", "/_stcore/host-config", "/sentinel/rows"):
        answer = dashboard.asks(path)
        assert (answer.status_code, "error" in answer.json()) == (401, True), path
    for path in ("/static/js/index.js", "/_stcore/health", "/app/static/inter.woff2"):
        assert dashboard.asks(path).text == "Streamlit"
    connection = Connection(dashboard)
    assert connection.begun == CLOSED
    connection.close()


ENDS = ("logout", "a new password", "disabling", "deleting", "the clock")


@pytest.mark.parametrize("how", ENDS)
def test_a_login_ends_at_once_for_pages_door_and_open_connections(
    dashboard: Dashboard, people: People, clock: FakeClock, how: str, alert: list[Any]
):
    people.create("lena", Role.ADMIN, password=PASSWORD, actor="ada")  # login stays on
    cookie = dashboard.cookie()
    assert dashboard.door(cookie).status_code == 200
    connection = Connection(dashboard, cookie)
    assert connection.begun["type"] == "websocket.accept"
    assert connection.says("one")["text"] == "ran one"
    match how:
        case "logout":
            answer = dashboard.asks("/sentinel/logout", "POST", cookie, headers=OWN)
            assert answer.headers["location"] == "/sentinel/login"
            assert "Max-Age=0" in answer.headers["set-cookie"]
        case "a new password":
            people.set_password("maria", PASSWORD, actor="ada")
        case "disabling":
            people.disable("maria", actor="ada")
        case "deleting":
            people.delete("maria", actor="ada")
        case _:
            clock.forward(hours=12)
    assert connection.says("two") == CLOSED
    connection.close()
    assert dashboard.door(cookie).status_code == 401
    assert dashboard.door(cookie, op="acknowledge", items=[alert]).status_code == 401
    assert dashboard.asks("/", cookie=cookie, headers=PAGE).status_code == 303


def test_a_connection_that_began_before_the_first_account_ends_with_it(
    store: Store, people: People
):
    dashboard = Dashboard(store)
    connection = Connection(dashboard)
    assert connection.says("one")["text"] == "ran one"
    people.create("maria", Role.ADMIN, password=PASSWORD, actor="ada")
    dashboard.seconds += 1
    assert connection.says("two") == CLOSED
    connection.close()


def test_the_door_acts_as_who_is_signed_in_and_refuses_what_their_role_does_not_allow(
    dashboard: Dashboard, people: People, store: Store, alert: list[Any]
):
    people.create("vera", Role.VIEWER, password=PASSWORD, actor="ada")
    (answer,) = dashboard.door(
        dashboard.cookie("vera"), "vera", op="acknowledge", items=[alert]
    ).json()["answers"]
    assert answer["error"].startswith("vera may not respond: the role is viewer")
    assert store.alerts.get(alert[0]).status == "open"
    (answer,) = dashboard.door(dashboard.cookie(), op="acknowledge", items=[alert]).json()[
        "answers"
    ]
    assert answer["done"] == 1
    assert store.alerts.get(alert[0]).acknowledged_by == "maria"


def test_a_page_of_one_person_is_not_anothers(
    dashboard: Dashboard, people: People, alert: list[Any]
):
    people.create("lena", Role.ADMIN, password=PASSWORD, actor="ada")
    answer = dashboard.door(dashboard.cookie("lena"), "maria", op="acknowledge", items=[alert])
    assert answer.status_code == 401
    assert answer.json()["error"] == "this page belongs to maria: load it again as lena"


def test_who_may_see_some_tenants_only_is_let_in_and_sees_those(
    dashboard: Dashboard, people: People, store: Store, clock: FakeClock, alert: list[Any]
):
    (theirs,) = World(store, clock).raises("/acme", name="acme-disk", tenant="acme")
    people.create("omar", Role.ADMIN, password=PASSWORD, actor="ada", tenants=["acme"])
    cookie = dashboard.cookie("omar")
    assert dashboard.asks("/", cookie=cookie, headers=PAGE).text == "Streamlit"
    assert [row["id"] for row in dashboard.door(cookie, "omar").json()["rows"]] == [theirs]
    (answer,) = dashboard.door(cookie, "omar", op="resolve", items=[alert]).json()["answers"]
    assert answer["done"] == 0
    assert answer["conflicts"] == [{"id": alert[0], "why": "there is no such alert"}]
    assert store.alerts.get(alert[0]).status == "open"


def test_who_may_act_in_some_tenants_only_may_look_at_all_of_them(
    dashboard: Dashboard, people: People, store: Store, alert: list[Any]
):
    people.create("omar", Role.VIEWER, password=PASSWORD, actor="ada")
    people.grant("omar", Role.ADMIN, actor="ada", tenants=["acme"])
    cookie = dashboard.cookie("omar")
    assert dashboard.door(cookie, "omar").status_code == 200
    (answer,) = dashboard.door(cookie, "omar", op="resolve", items=[alert]).json()["answers"]
    assert answer["conflicts"][0]["why"] == "omar may read it and not act on it"
    assert store.alerts.get(alert[0]).status == "open"


def test_while_the_database_fails_nobody_is_let_in(dashboard: Dashboard, store: Store):
    cookie = dashboard.cookie()
    with store.write() as connection:
        connection.execute(text("ALTER TABLE person_session RENAME TO elsewhere"))
    page = dashboard.asks("/", cookie=cookie, headers=PAGE)
    assert page.status_code == 503
    assert "The database does not answer" in page.text
    assert dashboard.asks("/_stcore/health").text == "Streamlit"
    assert dashboard.door(cookie).status_code == 503
    with store.write() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO person_session"))
    assert dashboard.door(cookie).status_code == 200
    with store.write() as connection:
        connection.execute(text("ALTER TABLE person RENAME TO elsewhere"))
    dashboard.seconds += 10
    assert dashboard.asks("/", headers=PAGE).status_code == 303
    with store.write() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO person"))


def test_a_form_that_cannot_be_read_is_no_login(dashboard: Dashboard):
    for body in (b"x" * 20_000, b"name=%ff&password=x", b"a=1&" * 20):
        answer = dashboard.asks("/sentinel/login", "POST", headers=OWN, content=body)
        assert (answer.status_code, "cannot be read" in answer.text) == (400, True)


def test_before_the_database_has_answered_once_nobody_is_let_in(dashboard: Dashboard, store: Store):
    with store.write() as connection:
        connection.execute(text("ALTER TABLE person RENAME TO elsewhere"))
    page = dashboard.asks("/", headers=PAGE)
    assert (page.status_code, "The database does not answer" in page.text) == (503, True)
    assert dashboard.asks("/", headers=PAGE | {"accept": "application/json"}).status_code == 503
    connection = Connection(dashboard)
    assert connection.begun == CLOSED
    connection.close()
    with store.write() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO person"))
    assert dashboard.asks("/", headers=PAGE).status_code == 303


def test_logins_that_wait_for_each_other_keep_nobody_else_waiting(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
):
    cookie, sign_in = dashboard.cookie(), dashboard.sign_in
    assert sign_in is not None
    go_on, running, most = threading.Event(), 0, 0
    counting = threading.Lock()

    def slow(_name: str, _password: str, _address: str) -> Refused:
        nonlocal running, most
        with counting:
            running += 1
            most = max(most, running)
        go_on.wait(30)
        with counting:
            running -= 1
        return Refused(timedelta(0), verified=True)

    monkeypatch.setattr(sign_in, "log_in", slow)

    async def crowd() -> list[int]:
        transport = httpx.ASGITransport(dashboard.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://d") as client:
            form = {"name": "maria", "password": "wrong"}
            logins = [
                asyncio.ensure_future(client.post("/sentinel/login", data=form, headers=OWN))
                for _ in range(LOGINS_AT_ONCE + LOGINS_WAITING + 8)
            ]
            try:
                refused, _ = await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
                assert {one.result().status_code for one in refused} == {503}
                assert {one.result().headers["retry-after"] for one in refused} == {"5"}
                async with asyncio.timeout(20):
                    page = await client.get("/", headers={"cookie": f"{COOKIE}={cookie}"})
                assert page.text == "Streamlit"
            finally:
                go_on.set()
            return [answer.status_code for answer in await asyncio.gather(*logins)]

    said = asyncio.run(crowd())
    assert (said.count(401), said.count(503)) == (LOGINS_AT_ONCE + LOGINS_WAITING, 8)
    assert most == LOGINS_AT_ONCE


def test_settings_of_the_login_that_cannot_be_used_are_said_and_let_nobody_in(store: Store):
    dashboard = Dashboard(store)
    settings = Settings.model_validate({
        "oidc_issuer": "https://id.example.org", "oidc_client_id": "d",
        "oidc_roles": "admins:admin",
    })  # fmt: skip
    dashboard.sign_in_of = lambda: SignIn(store, settings)
    page = dashboard.asks("/", headers=PAGE)
    assert page.status_code == 503
    assert "SENTINEL_OIDC_ROLES: &#x27;admins:admin&#x27; is not VALUE=ROLE" in page.text
    for path in ("/sentinel/rows", "/_stcore/health"):
        answer = dashboard.asks(path)
        assert (answer.status_code, "SENTINEL_OIDC_ROLES" in answer.json()["error"]) == (503, True)
    connection = Connection(dashboard)
    assert connection.begun == CLOSED
    connection.close()
