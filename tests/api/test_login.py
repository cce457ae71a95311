"""Login, logout and sessions at the API."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from sentinel.access import Role
from sentinel.access.cookies import COOKIE
from sentinel.access.lockout import ADDRESS_EVERY, ADDRESS_FREE, FIRST_DELAY, FREE
from sentinel.access.login_tokens import LENGTH
from sentinel.access.passwords import Verified
from sentinel.access.sessions import new_session_secret
from sentinel.api import create_app
from sentinel.api.people import SignedIn
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.access.people import People
from tests.api.served import Raised

LOGIN, LOGOUT, ME = (f"/api/v1/alerts/{name}" for name in ("login", "logout", "me"))
ALERTS = "/api/v1/alerts/alerts"
PASSWORD = "seven green bicycles"
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def people(store: Store) -> People:
    people = People(store)
    people.create(
        "maria", Role.RESPONDER, password=PASSWORD, actor="ada", display_name="Maria López"
    )
    return people


def log_in(client: httpx.Client, password: str = PASSWORD, **headers: str) -> httpx.Response:
    return client.post(LOGIN, json={"name": "Maria", "password": password}, headers=headers)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_login_gives_a_browser_its_session_and_programs_a_token(
    stranger: httpx.Client, people: People
):
    assert people
    answer = log_in(stranger)
    assert answer.status_code == 200
    made = answer.json()
    assert made["person"]["display_name"] == "Maria López"
    assert made["expires_in"] == 900
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert cookie.endswith("; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
    by_cookie = stranger.get(ME).json()
    assert (by_cookie["name"], by_cookie["kind"], by_cookie["role"]) == (
        "maria", "person", "responder",
    )  # fmt: skip
    stranger.cookies.clear()
    assert stranger.get(ME).status_code == 401
    assert stranger.get(ME, headers=bearer(made["token"])).json() == by_cookie


def test_the_cookie_is_secure_where_the_browser_came_by_tls(stranger: httpx.Client, people: People):
    assert people
    answer = log_in(stranger, **{"X-Forwarded-Proto": "https"})
    assert answer.headers["Set-Cookie"].endswith("; Secure")


def test_a_login_makes_a_new_session_whatever_cookie_was_sent(
    stranger: httpx.Client, people: People
):
    """A cookie that somebody planted before the login is worth nothing after it."""
    assert people
    planted = new_session_secret()
    answer = log_in(stranger, Cookie=f"{COOKIE}={planted}")
    assert answer.status_code == 200
    assert planted not in answer.headers["Set-Cookie"]
    first = answer.cookies[COOKIE]
    assert log_in(stranger).cookies[COOKIE] != first
    stranger.cookies.clear()
    assert stranger.get(ME, headers={"Cookie": f"{COOKIE}={planted}"}).status_code == 401


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(
    stranger: httpx.Client, people: People
):
    people.create("lena", Role.VIEWER, password=PASSWORD, actor="ada")
    people.disable("lena", actor="ada")
    said: list[object] = []
    for name, password in (("maria", "wrong"), ("nobody", "wrong"), ("lena", PASSWORD)):
        for _ in range(FREE + 1):
            answer = stranger.post(LOGIN, json={"name": name, "password": password})
            error = answer.json()["error"]
            error.pop("request_id")
            said.append((answer.status_code, error, answer.headers.get("Retry-After")))
            assert "set-cookie" not in answer.headers
    third = len(said) // 3
    assert said[:third] == said[third : 2 * third] == said[2 * third :]
    wait = str(int(FIRST_DELAY.total_seconds()))
    assert said[0][0] == 401  # pyright: ignore[reportIndexIssue, reportUnknownMemberType] - a tuple
    assert said[third - 1] == (
        429,
        {
            "code": "login_locked", "hint": f"Try again in {wait} seconds.",
            "message": "too many logins of this name failed in a row",
        },
        wait,
    )  # fmt: skip


def test_an_address_that_tries_many_names_is_slowed_down_and_others_are_not(
    client: httpx.Client, people: People, monkeypatch: pytest.MonkeyPatch
):
    """The address is that which the last trusted proxy names."""
    assert people

    def compared(password: str, stored: str | None) -> Verified:
        return Verified(right=stored is not None and password == PASSWORD)

    monkeypatch.setattr("sentinel.store.access.logins.verify_password", compared)

    def tries(name: str, forwarded: str) -> httpx.Response:
        body = {"name": name, "password": PASSWORD}
        return client.post(LOGIN, json=body, headers={"X-Forwarded-For": forwarded})

    for number in range(ADDRESS_FREE):
        invented = f"203.0.113.{number}"  # what a sender adds in front changes nothing
        assert tries(f"nobody-{number}", f"{invented}, 192.0.2.7").status_code == 401
    answer = tries("maria", "192.0.2.7")
    assert answer.status_code == 429
    assert answer.json()["error"]["message"] == "too many logins failed at your address"
    assert answer.headers["Retry-After"] == str(int(ADDRESS_EVERY.total_seconds()))
    assert tries("maria", "192.0.2.8").status_code == 200


def test_logout_ends_cookie_and_token_at_once(stranger: httpx.Client, people: People):
    assert people
    made = log_in(stranger)
    cookie, token = made.cookies[COOKIE], made.json()["token"]
    assert stranger.post(LOGOUT).status_code == 403
    answer = stranger.post(LOGOUT, headers=OWN)
    assert answer.status_code == 204
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    stranger.cookies.clear()
    assert stranger.get(ME, headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401
    assert stranger.get(ME, headers=bearer(token)).status_code == 401


def test_a_program_may_log_out_with_its_token(stranger: httpx.Client, people: People):
    assert people
    token = log_in(stranger).json()["token"]
    stranger.cookies.clear()
    assert stranger.post(LOGOUT, headers=bearer(token)).status_code == 204
    assert stranger.get(ME, headers=bearer(token)).status_code == 401


def test_logging_out_without_a_session_changes_nothing(client: httpx.Client):
    assert client.post(LOGOUT).status_code == 204
    assert client.get(ME).json()["kind"] == "token"


END: dict[str, Callable[[People], object]] = {
    "a new password": lambda people: people.set_password("maria", PASSWORD, actor="ada"),
    "disabling": lambda people: people.disable("maria", actor="ada"),
    "deleting": lambda people: people.delete("maria", actor="ada"),
}


@pytest.mark.parametrize("what", END)
def test_a_session_ends_at_once(stranger: httpx.Client, people: People, what: str):
    token = log_in(stranger).json()["token"]
    assert stranger.get(ME).status_code == 200
    END[what](people)
    assert stranger.get(ME).status_code == 401
    stranger.cookies.clear()
    assert stranger.get(ME, headers=bearer(token)).status_code == 401


def test_sessions_and_tokens_expire_by_the_clock(
    stranger: httpx.Client, people: People, clock: FakeClock
):
    assert people
    token = log_in(stranger).json()["token"]
    clock.forward(seconds=LENGTH.total_seconds())
    assert stranger.get(ME, headers=bearer(token)).status_code == 401
    assert stranger.get(ME).status_code == 200
    clock.forward(hours=12)
    assert stranger.get(ME).status_code == 401


def test_a_person_acts_as_themselves_with_their_role(
    stranger: httpx.Client, people: People, raised: Raised
):
    (alert,) = raised("/data")
    log_in(stranger)
    path = f"{ALERTS}/{alert}/actions"
    as_another = OWN | {"X-Sentinel-User": "eve"}
    answer = stranger.post(path, json={"action": "acknowledge"}, headers=as_another)
    assert answer.status_code == 200
    assert stranger.get(f"{ALERTS}/{alert}").json()["timeline"][-1]["actor"] == "maria"
    people.grant("maria", Role.VIEWER, actor="ada")
    answer = stranger.post(path, json={"action": "resolve"}, headers=OWN)
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == "maria may not respond: its role is viewer"


def test_a_write_with_the_cookie_must_come_from_a_page_of_this_server(
    stranger: httpx.Client, people: People, raised: Raised
):
    assert people
    (alert,) = raised("/data")
    log_in(stranger)
    path, body = f"{ALERTS}/{alert}/actions", {"action": "acknowledge"}
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}):
        answer = stranger.post(path, json=body, headers=headers)
        assert answer.status_code == 403
        assert "must come from a page of this server" in answer.json()["error"]["message"]
    assert stranger.get(f"{ALERTS}/{alert}").json()["status"] == "open"
    origin = f"http://{stranger.base_url.netloc.decode()}"
    assert stranger.post(path, json=body, headers={"Origin": origin}).status_code == 200


def test_another_site_cannot_log_its_visitors_in(stranger: httpx.Client, people: People):
    assert people
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://elsewhere.example"}):
        answer = log_in(stranger, **headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_person_of_another_tenant_does_not_see_an_alert(
    stranger: httpx.Client, people: People, raised: Raised
):
    (alert,) = raised("/data")
    people.revoke("maria", actor="ada", all_roles=True)
    people.grant("maria", Role.ADMIN, actor="ada", tenants=["elsewhere"])
    log_in(stranger)
    for path in (ALERTS, f"{ALERTS}/{alert}"):
        assert "/data" not in stranger.get(path).text


def test_who_am_i_answers_keys_and_the_token_too(client: httpx.Client, store: Store):
    made = Keys(store).create("robot", Role.EDITOR, actor="ada", scopes=["metrics"])
    assert client.get(ME).json()["role"] == "admin"
    answer = client.get(ME, headers=bearer(made.secret.text)).json()
    assert (answer["name"], answer["kind"], answer["scopes"]) == ("robot", "key", ["metrics"])


def test_the_key_of_tokens_is_readable_by_its_owner_only(
    stranger: httpx.Client, people: People, settings: Settings
):
    assert people
    token = log_in(stranger).json()["token"]
    path = settings.resolved_home() / "login-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().strip() not in token


@pytest.fixture
def without_key(app: FastAPI, store: Store, settings: Settings, tmp_path: Path) -> FastAPI:
    """The application with a home in which nothing can be written."""
    (tmp_path / "file").touch()
    unwritable = settings.model_copy(update={"home": tmp_path / "file" / "home"})
    app.state.people.close()
    app.state.people = SignedIn(store, unwritable)
    return app


@pytest.mark.usefixtures("without_key", "people")
def test_without_a_key_nobody_logs_in_and_no_session_is_left(
    stranger: httpx.Client, store: Store, caplog: pytest.LogCaptureFixture, tmp_path: Path
):
    answer = log_in(stranger)
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text
    assert People(store).get("maria").sessions == 0
    assert log_in(stranger).status_code == 503
    (warning,) = [one for one in caplog.records if "nobody can log in" in one.getMessage()]
    assert str(tmp_path) in warning.getMessage()


@pytest.mark.usefixtures("without_key")
def test_without_a_key_a_token_of_a_login_is_a_wrong_token(stranger: httpx.Client, tmp_path: Path):
    answer = stranger.get(ALERTS, headers=bearer("a.b.c"))
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "the bearer token is wrong"
    assert str(tmp_path) not in answer.text


def test_logins_begin_when_the_key_can_be_written(
    without_key: FastAPI, stranger: httpx.Client, people: People, tmp_path: Path
):
    assert people
    assert without_key
    assert log_in(stranger).status_code == 503
    (tmp_path / "file").unlink()
    assert log_in(stranger).status_code == 200


def test_a_key_that_can_be_guessed_is_refused_at_the_start(settings: Settings, store: Store):
    short = settings.model_copy(update={"login_key": SecretStr("short")})
    with pytest.raises(ConfigurationError, match="SENTINEL_LOGIN_KEY has 5 characters"):
        create_app(short, store=store, relay=False)
