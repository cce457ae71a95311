"""Login at an OIDC provider: real HTTP, real signatures, and a browser that comes back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc.jwk import RSAKey

from dashboard.login_gate import OUTSIDE_AT_ONCE, OUTSIDE_WAITING, STATE
from dashboard.oidc import LONGEST_COOKIE, Started
from dashboard.provider_documents import address_in
from dashboard.sign_in import SignIn
from sentinel.access import Grant, Role
from sentinel.access.cookies import COOKIE
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.audit.queries import every
from tests.dashboard.gated import PAGE, PASSWORD, Dashboard
from tests.dashboard.oidc_provider import CLIENT, SECRET, Provider, provider

CALLBACK = "http://d/sentinel/oidc-callback"


@pytest.fixture(scope="module")
def running() -> Generator[Provider]:
    with provider() as running:
        yield running


@pytest.fixture
def issuer(running: Provider) -> Provider:
    """The provider as every test finds it."""
    running.claims, running.signs = {}, running.key
    running.codes.clear()
    running.asked.clear()
    running.down = False
    return running


@pytest.fixture
def dashboard(store: Store, clock: FakeClock, issuer: Provider) -> Dashboard:
    clock.set(datetime.now(UTC))
    dashboard = Dashboard(store)
    settings = Settings.model_validate({
        "oidc_issuer": issuer.url, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET,
        "oidc_roles": "admins=admin, oncall=responder", "oidc_login_name": "Acme",
    })  # fmt: skip
    dashboard.sign_in = SignIn(store, settings, lambda: dashboard.seconds, lambda: CALLBACK)
    return dashboard


def begin(dashboard: Dashboard) -> tuple[str, str]:
    """Follow the login to the provider and back; the path it leads to, and the browser's state."""
    answer = dashboard.asks("/sentinel/oidc?next=%2Fhistory", headers=PAGE)
    assert answer.status_code == 303, answer.text
    cookie = answer.headers["set-cookie"]
    assert cookie.endswith("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax")
    back = httpx.get(answer.headers["location"]).headers["location"]
    assert back.startswith(f"{CALLBACK}?")
    return f"{urlsplit(back).path}?{urlsplit(back).query}", answer.cookies[STATE]


def come_back(dashboard: Dashboard, path: str, state: str) -> httpx.Response:
    return dashboard.asks(path, headers=PAGE | {"cookie": f"{STATE}={state}"})


def log_in(dashboard: Dashboard) -> httpx.Response:
    return come_back(dashboard, *begin(dashboard))


def test_the_login_page_names_the_provider(dashboard: Dashboard):
    page = dashboard.asks("/history", headers=PAGE)
    assert page.headers["location"].startswith("/sentinel/login")  # also before the first account
    page = dashboard.asks("/sentinel/login?next=%2Fhistory", headers=PAGE)
    assert 'href="/sentinel/oidc?next=%2Fhistory">Log in with Acme</a>' in page.text


def test_whom_the_provider_recognizes_has_a_session_and_the_role_of_the_claims(
    dashboard: Dashboard, store: Store
):
    answer = log_in(dashboard)
    assert (answer.status_code, answer.headers["location"]) == (303, "/history")
    cookie = answer.cookies[COOKIE]
    assert dashboard.asks("/history", cookie=cookie, headers=PAGE).text == "Streamlit"
    person = People(store).get("lena")
    assert (person.display_name, person.has_password) == ("Lena Meyer", False)
    assert person.grants == (Grant(Role.RESPONDER),)


def test_each_login_takes_the_role_that_the_claims_mean_then(
    dashboard: Dashboard, store: Store, issuer: Provider
):
    log_in(dashboard)
    issuer.claims = {"roles": "admins", "preferred_username": "renamed", "name": "Lena M."}
    log_in(dashboard)
    (person,) = People(store).list()  # known by issuer and subject, whatever the name is now
    assert (person.name, person.display_name) == ("lena", "Lena M.")
    assert person.grants == (Grant(Role.ADMIN),)


def test_a_provider_cannot_take_over_an_account_by_its_name(dashboard: Dashboard, store: Store):
    People(store).create("lena", Role.ADMIN, password=PASSWORD, actor="ada")
    answer = log_in(dashboard)
    assert answer.status_code == 401
    assert "Another account is named &#x27;lena&#x27;" in answer.text
    assert COOKIE not in answer.cookies


def test_a_disabled_account_stays_out(dashboard: Dashboard, store: Store):
    log_in(dashboard)
    People(store).disable("lena", actor="ada")
    answer = log_in(dashboard)
    assert "Your account is disabled" in answer.text
    assert COOKIE not in answer.cookies


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"nonce": "of another login"}, "of another login"),
        ({"nonce": None}, "of another login"),
        ({"aud": "another-client"}, "not accepted"),
        ({"iss": "https://elsewhere.example"}, "not accepted"),
        ({"exp": 1_000_000_000}, "it is expired"),
        ({"exp": None}, "not accepted"),
        ({"roles": ["visitors"]}, "means no role"),
        ({"aud": [CLIENT, "b"], "azp": "b"}, "for another client"),
    ],
)
def test_a_token_that_says_something_else_is_refused(
    dashboard: Dashboard, store: Store, issuer: Provider, claims: dict[str, object], says: str
):
    issuer.claims = claims
    answer = log_in(dashboard)
    assert answer.status_code == 401
    assert says in answer.text
    assert COOKIE not in answer.cookies
    assert People(store).list() == []


def test_a_token_of_another_key_is_refused(dashboard: Dashboard, issuer: Provider):
    issuer.signs = RSAKey.generate_key(2048)
    answer = log_in(dashboard)
    assert answer.status_code == 401
    assert "cannot be verified" in answer.text


def test_a_login_is_finished_once_and_by_the_browser_that_began_it(dashboard: Dashboard):
    path, state = begin(dashboard)
    for cookie in ("", "of another browser"):
        answer = come_back(dashboard, path, cookie)
        assert (answer.status_code, "This login is over" in answer.text) == (401, True)
    assert come_back(dashboard, path, state).status_code == 303
    assert "This login is over" in come_back(dashboard, path, state).text


def test_cookies_of_other_programs_on_the_host_do_not_hide_the_state(dashboard: Dashboard):
    path, state = begin(dashboard)
    headers = PAGE | {"cookie": f'prefs={{"a":1}}; version=1; {STATE}={state}'}
    assert dashboard.asks(path, headers=headers).headers["location"] == "/history"


def test_a_login_ends_after_ten_minutes(dashboard: Dashboard):
    path, cookie = begin(dashboard)
    dashboard.seconds += 601
    assert "This login is over" in come_back(dashboard, path, cookie).text


def test_logins_that_others_only_begin_do_not_end_mine(dashboard: Dashboard):
    path, cookie = begin(dashboard)
    oidc = dashboard.sign_in and dashboard.sign_in.oidc
    assert oidc is not None
    for _ in range(1_001):
        oidc.start("/")
    assert come_back(dashboard, path, cookie).headers["location"] == "/history"


def test_a_login_is_sealed_by_the_process_that_began_it(dashboard: Dashboard, issuer: Provider):
    path, cookie = begin(dashboard)
    (asked,) = issuer.codes.values()
    assert asked["state"] not in cookie
    changed = cookie[:-8] + ("A" * 8)
    assert "This login is over" in come_back(dashboard, path, changed).text
    oidc = dashboard.sign_in and dashboard.sign_in.oidc
    assert oidc is not None
    assert not oidc.start("/" + "a" * 3_990).cookie[LONGEST_COOKIE:]  # browsers drop longer ones


def test_the_provider_is_asked_for_its_documents_once_in_ten_minutes(
    dashboard: Dashboard, issuer: Provider
):
    for _ in range(3):
        assert log_in(dashboard).status_code == 303
    documents = ["/.well-known/openid-configuration", "/keys"]
    assert [path for path in issuer.asked if path != "/authorize"] == documents
    dashboard.seconds += 600
    assert log_in(dashboard).status_code == 303
    assert [path for path in issuer.asked if path != "/authorize"] == 2 * documents
    issuer.down = True  # what it said last serves meanwhile
    dashboard.seconds += 600
    assert dashboard.asks("/sentinel/oidc", headers=PAGE).status_code == 303


def test_a_provider_that_is_down_is_not_asked_again_at_once(dashboard: Dashboard, issuer: Provider):
    issuer.down = True
    for _ in range(3):
        answer = dashboard.asks("/sentinel/oidc", headers=PAGE)
        assert (answer.status_code, "The provider does not answer" in answer.text) == (401, True)
    assert len(issuer.asked) == 1
    issuer.down = False
    dashboard.seconds += 10
    assert log_in(dashboard).status_code == 303


def test_a_new_key_of_the_provider_is_fetched_when_a_token_names_it(
    dashboard: Dashboard, issuer: Provider, monkeypatch: pytest.MonkeyPatch
):
    log_in(dashboard)
    new = RSAKey.generate_key(2048, {"kid": "two", "use": "sig", "alg": "RS256"})
    for name in ("key", "signs"):
        monkeypatch.setattr(issuer, name, new)
    assert "signed by no key of it" in log_in(dashboard).text  # fetched just now
    dashboard.seconds += 60
    assert log_in(dashboard).status_code == 303


def test_a_provider_that_is_slow_keeps_nobody_else_waiting(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
):
    oidc = dashboard.sign_in and dashboard.sign_in.oidc
    assert oidc is not None
    cookie, go_on = log_in(dashboard).cookies[COOKIE], threading.Event()

    def slow(target: str) -> Started:
        go_on.wait(30)
        return Started(target, "")

    monkeypatch.setattr(oidc, "start", slow)

    async def crowd() -> list[int]:
        transport = httpx.ASGITransport(dashboard.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://d") as client:
            count = OUTSIDE_AT_ONCE + OUTSIDE_WAITING + 3
            begun = [asyncio.ensure_future(client.get("/sentinel/oidc")) for _ in range(count)]
            try:
                async with asyncio.timeout(20):
                    await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
                    page = await client.get("/", headers={"cookie": f"{COOKIE}={cookie}"})
                assert page.text == "Streamlit"
            finally:
                go_on.set()
            return [answer.status_code for answer in await asyncio.gather(*begun)]

    said = asyncio.run(crowd())
    assert (said.count(303), said.count(503)) == (OUTSIDE_AT_ONCE + OUTSIDE_WAITING, 3)


def test_a_code_is_worth_nothing_without_the_verifier_of_its_login(dashboard: Dashboard):
    path, state = begin(dashboard)
    other, _ = begin(dashboard)
    stolen = other.partition("code=")[2].partition("&")[0]
    own = path.partition("code=")[2].partition("&")[0]
    answer = come_back(dashboard, path.replace(own, stolen), state)
    assert answer.status_code == 401
    assert "The provider gave no token" in answer.text


def test_a_provider_that_refused_or_does_not_answer_is_said_in_plain_words(
    dashboard: Dashboard, store: Store
):
    refused = dashboard.asks("/sentinel/oidc-callback?error=access_denied", headers=PAGE)
    assert "The provider did not log you in" in refused.text
    gone = {"oidc_issuer": "http://127.0.0.1:9", "oidc_client_id": CLIENT}
    dashboard.sign_in = SignIn(store, Settings.model_validate(gone), callback=lambda: CALLBACK)
    answer = dashboard.asks("/sentinel/oidc", headers=PAGE)
    assert (answer.status_code, "The provider does not answer" in answer.text) == (401, True)


def test_an_address_that_others_could_answer_for_is_not_asked(dashboard: Dashboard, store: Store):
    plain = {"oidc_issuer": "http://id.example.org", "oidc_client_id": CLIENT}
    dashboard.sign_in = SignIn(store, Settings.model_validate(plain), callback=lambda: CALLBACK)
    answer = dashboard.asks("/sentinel/oidc", headers=PAGE)
    assert "An address of the provider is not https" in answer.text


def test_what_a_provider_calls_an_address_may_be_none():
    with pytest.raises(ConfigurationError, match="not valid"):
        address_in({"token_endpoint": "https://[::1/token"}, "token_endpoint")


def test_the_audit_trail_has_an_account_that_a_login_made_or_changed(
    dashboard: Dashboard, store: Store, issuer: Provider
):
    log_in(dashboard)
    log_in(dashboard)  # nothing of the account changes
    issuer.claims = {"roles": "admins"}
    log_in(dashboard)
    found = [one.action for some in every(store) for one in some]
    assert found[::-1] == ["person.created", "person.granted"]
