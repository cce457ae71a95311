"""Who acts: whom a proxy with a login names, else the user that is set."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from streamlit.testing.v1 import AppTest

from dashboard import identity
from sentinel.clock import FakeClock
from sentinel.errors import ConfigurationError
from sentinel.settings import Settings
from sentinel.settings import settings as chosen_settings
from sentinel.store import Store
from tests.dashboard.scene import Scene, shown
from tests.dashboard.test_live_api import Browser
from tests.world import World

HEADER = "X-Forwarded-User"


def settings(user: str = "", header: str = "") -> Settings:
    return Settings(user=user, dashboard_user_header=header)


def test_who_is_set_acts_and_a_header_that_nobody_asked_for_is_not_believed():
    assert identity.acting(settings(user=" maria "), ["eve"]) == "maria"


def test_without_a_user_it_is_the_login_of_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("getpass.getuser", lambda: "omar")
    assert identity.acting(settings(), ()) == "omar"

    def nobody() -> str:
        raise OSError

    monkeypatch.setattr("getpass.getuser", nobody)
    assert identity.acting(settings(), ()) == "dashboard"


def test_whom_the_proxy_names_acts_whatever_user_is_set():
    believed = settings(user="maria", header=HEADER)
    assert identity.acting(believed, ["lena"]) == "lena"
    # HTTP hands bytes on as Latin-1.
    assert identity.acting(believed, ["Zoë".encode().decode("latin-1")]) == "Zoë"


@pytest.mark.parametrize(
    ("came", "says"),
    [
        ([], "is missing"),
        (["lena", "eve"], "came 2 times"),
        ([""], "names nobody"),
        (["  "], "names nobody"),
        (["le\x00na"], "names nobody"),
        (["x" * 201], "names nobody"),
    ],
)
def test_whoever_is_not_named_by_one_name_is_nobody(came: list[str], says: str):
    with pytest.raises(ConfigurationError, match=f"{HEADER} {says}") as refused:
        identity.acting(settings(user="maria", header=HEADER), came)
    assert "SENTINEL_DASHBOARD_USER_HEADER" in refused.value.hint


@given(st.lists(st.text(max_size=300), max_size=3))
def test_no_header_makes_anything_but_a_name_or_a_refusal(came: list[str]):
    try:
        name = identity.named(HEADER, came)
    except ConfigurationError:
        return
    assert name == name.strip()
    assert name.isprintable()
    assert 0 < len(name) <= identity.LONGEST


def test_the_name_of_a_header_is_a_header():
    with pytest.raises(ValueError, match="dashboard_user_header"):
        settings(header="X User: eve")


@pytest.fixture
def behind(store: Store, clock: FakeClock) -> Browser:
    """A page of maria's behind a proxy that names whom it lets through."""
    World(store, clock).sees({"/a": 95.0})

    def proxy_user(headers: Headers) -> str:
        return identity.named(HEADER, headers.getlist(HEADER))

    return Browser(store, proxy_user=proxy_user)


@pytest.mark.parametrize(
    ("name", "method", "more"),
    [("beat", "GET", {}), ("rows", "GET", {}), ("act", "POST", {"json": {"commands": []}})],
)
def test_the_live_api_takes_a_token_only_from_whom_it_was_given_to(
    behind: Browser, name: str, method: str, more: dict[str, Any]
):
    assert behind.asks(name, method, headers={HEADER: "maria"}, **more).status_code == 200
    other = behind.asks(name, method, headers={HEADER: "lena"}, **more)
    assert (other.status_code, other.json()["error"]) == (
        401, "this page belongs to maria: load it again as lena",
    )  # fmt: skip
    nobody = behind.asks(name, method, **more)
    assert nobody.status_code == 401
    assert "X-Forwarded-User is missing" in nobody.json()["error"]


def test_what_somebody_else_hands_in_is_not_done(behind: Browser, store: Store):
    (row,) = behind.asks("rows", headers={HEADER: "maria"}).json()["rows"]
    command = {"id": "c1", "op": "acknowledge", "items": [[row["id"], row["version"]]]}
    handed: dict[str, Any] = {"commands": [command], "view": {}}
    assert behind.asks("act", "POST", headers={HEADER: "lena"}, json=handed).status_code == 401
    assert store.alerts.get(row["id"]).status == "open"
    assert behind.asks("act", "POST", headers={HEADER: "maria"}, json=handed).status_code == 200
    assert store.alerts.get(row["id"]).acknowledged_by == "maria"


def test_a_page_of_nobody_s_shows_nothing_but_why(
    page: AppTest, scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    scene.raises("a secret of the firm")
    monkeypatch.setenv("SENTINEL_DASHBOARD_USER_HEADER", HEADER)
    chosen_settings.cache_clear()
    said = shown(page.run())
    assert f"You are not signed in: the header {HEADER} is missing" in said
    assert "secret" not in said
    assert "Acting as" not in said
    assert not page.exception
