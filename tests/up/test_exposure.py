"""What `sentinel doctor` says is exposed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sentinel.access import Role
from sentinel.engine.component_health import channels_state
from sentinel.settings import Settings
from sentinel.store import Store
from sentinel.store.access.people import People
from sentinel.store.notifications.channel_health import note_missing
from sentinel.store.notifications.chat_connections import connected, disconnected
from sentinel.up.checks import check_all
from sentinel.up.exposure import exposures, open_dashboard, warn_of_open_dashboard
from sentinel.up.home import Home

EVERYBODY = "everybody who reaches the dashboard on 0.0.0.0 may act as an admin"
REACHED: dict[str, Any] = {"host": "0.0.0.0", "dashboard_behind_login": True}


def says(**given: Any) -> list[str]:
    chosen = Settings.model_validate({"_env_file": None, **given})
    return [one.says for one in exposures(chosen, environ={})]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {**REACHED, "tls_certificate": "cert.pem"},
        {"database_url": "sqlite:///sentinel.db"},
        {"database_url": "postgresql+psycopg://a:b@127.0.0.1/sentinel"},
        {"database_url": "postgresql+psycopg:///sentinel?host=/run/postgresql"},
        {"database_url": "postgresql+psycopg://a:b@db.example.org/s?sslmode=verify-full"},
        {"oidc_issuer": "https://id.example.org", "oidc_roles": "*=viewer, ops=admin"},
        {"public_url": "https://ack.example.org", "public_host": "0.0.0.0"},
        {"public_url": "http://127.0.0.1:8410"},
    ],
)
def test_what_nobody_else_reaches_is_not_exposed(given: dict[str, Any]):
    assert says(**given) == []


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"host": "0.0.0.0"}, "the API listens on 0.0.0.0 without TLS"),
        (
            {"database_url": "postgresql+psycopg://a:secret@db.example.org/s?sslmode=prefer"},
            "PostgreSQL on db.example.org may be reached without TLS",
        ),
        (
            {"public_url": "ack.example.org"},
            "acknowledge links lead to http://ack.example.org without TLS",
        ),
        (
            {"oidc_issuer": "https://id.example.org", "oidc_roles": "* = admin"},
            "everybody with a token of https://id.example.org may change rules",
        ),
    ],
)
def test_what_is_exposed_is_named_without_its_secrets(given: dict[str, Any], what: str):
    (found,) = says(**given)
    assert what in found
    assert "secret" not in found


def test_the_dashboard_without_tls_is_named_unless_a_proxy_speaks_it():
    _, dashboard = says(**REACHED)
    assert dashboard == "the dashboard listens on 0.0.0.0 without TLS"
    (api,) = says(**REACHED, dashboard_url="https://alerts.example.org")
    assert api.startswith("the API listens")


def test_secrets_in_the_environment_are_named_and_not_shown():
    chosen = Settings.model_validate({"_env_file": None})
    environ = {
        "SENTINEL_API_TOKEN": "open sesame",
        "SENTINEL_DEAD_MAN_URL": "https://ping.example.org/sesame",
        "SENTINEL_DATABASE_URL": "postgresql+psycopg://a:sesame@127.0.0.1/sentinel",
        "SENTINEL_LOGIN_KEY_FILE": "/run/secrets/login-key",
        "SENTINEL_TOKEN": "vault:secret/sentinel#token",
        "SENTINEL_USER": "ada",
        "SENTINEL_AUDIT_KEY": "",
    }
    (found,) = exposures(chosen, environ=environ)
    assert set(found.says.split(" stand in plain text ")[0].split(", ")) == {
        "SENTINEL_API_TOKEN", "SENTINEL_DEAD_MAN_URL", "SENTINEL_DATABASE_URL",
    }  # fmt: skip
    assert "sesame" not in found.says + found.hint
    assert "_FILE" in found.hint
    for url in ("sqlite:///sentinel.db", "postgresql+psycopg://a@127.0.0.1/s", "no url"):
        assert exposures(chosen, environ={"SENTINEL_DATABASE_URL": url}) == []


def opened(store: Store, **given: Any) -> bool:
    chosen = Settings.model_validate({"_env_file": None, **given})
    return open_dashboard(chosen, store) is not None


def test_a_dashboard_that_others_reach_and_that_asks_nobody_who_it_is_is_named(store: Store):
    issuer = {"oidc_issuer": "https://id.example.org"}
    assert opened(store, **REACHED)
    assert opened(store, **REACHED, dashboard_url="https://alerts.example.org")
    assert opened(store, **REACHED, **issuer)  # for tokens of the API
    assert not opened(store, host="0.0.0.0")  # the dashboard is on loopback
    assert not opened(store, **REACHED, dashboard_user_header="X-Forwarded-User")
    assert not opened(store, **REACHED, **issuer, oidc_client_id="dashboard")
    people = People(store)
    people.create("maria", Role.ADMIN, password="seven green bicycles", actor="ada")
    assert not opened(store, **REACHED)


def test_up_and_doctor_warn_of_it(migrated_url: str, tmp_path: Path):
    url = migrated_url
    chosen = Settings.model_validate(
        {"_env_file": None, **REACHED, "home": tmp_path, "database_url": url,
         "prefect_api_url": "http://127.0.0.1:9/api"}
    )  # fmt: skip
    said: list[str] = []
    warn_of_open_dashboard(chosen, url, said.append)
    (sentence,) = said
    assert sentence.startswith(f"Warning: {EVERYBODY}")
    assert "sentinel user create" in sentence
    store = Store.of(chosen)
    store.receivers.set("ops", ["sentinel-slack-app/ops"])
    disconnected(store, ["sentinel-slack-app/ops", "sentinel-slack-app/unused"], "invalid_auth")
    untried = channels_state(store)
    assert (untried.state, "never sent" in untried.says) == ("wrong", False), "buttons come first"
    connected(store, ["sentinel-slack-app/ops"])
    untried = channels_state(store)
    assert (untried.state, untried.says.rpartition(": ")[2]) == (
        "warning", "sentinel-slack-app/ops",
    )  # fmt: skip
    note_missing(store, {"sentinel-slack-app/ops"}, set())
    missing = channels_state(store)
    assert (missing.state, missing.says) == (
        "wrong", "sentinel-slack-app/ops does not exist in Prefect, and receivers name it: ops",
    )  # fmt: skip
    note_missing(store, set(), {"sentinel-slack-app/ops"})
    disconnected(store, ["sentinel-slack-app/ops"], "invalid_auth")
    store.close()
    checks = {one.name: one for one in check_all(chosen, Home(tmp_path))}
    channels = checks["channels"]
    assert (channels.state, channels.says) == (
        "wrong", "the buttons of sentinel-slack-app/ops do nothing: invalid_auth",
    )  # fmt: skip
    pages = checks["public pages"]
    assert (pages.state, "SENTINEL_PUBLIC_URL" in pages.hint) == ("warning", True)
    assert pages.says == "messages have no link that acknowledges their alerts"
    check = checks["exposure"]
    assert check.state == "warning"
    assert check.says.startswith(EVERYBODY)
    assert "sentinel user create" in check.hint
