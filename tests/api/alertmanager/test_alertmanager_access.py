"""Who may do what at Alertmanager's addresses: by role and tenant, with a bearer token or Basic."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import httpx
import pytest

from sentinel.access import Role
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from tests.databases import both_databases

API = "/alertmanager/api/v2"
NOBODY = "00000000-0000-0000-0000-000000000000"
ALERT = [{"labels": {"alertname": "marked-blue"}}]
SILENCE = {
    "matchers": [{"name": "alertname", "value": "marked-blue", "isRegex": False}],
    "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z",
    "createdBy": "ann", "comment": "marked-blue",
}  # fmt: skip
READS = ("alerts", "alerts/groups", "silences", "receivers", "status")
KeyOf = Callable[..., str]


@pytest.fixture
def key_of(store: Store) -> KeyOf:
    """Makes a key; gives its text."""

    def make(
        role: Role, tenant: str, teams: Sequence[str] | None = None, scopes: Sequence[str] = ()
    ) -> str:
        made = Keys(store).create(
            f"{role} {tenant}", role, actor="ada", tenants=[tenant], teams=teams, scopes=scopes
        )
        return made.secret.text

    return make


def ask(client: httpx.Client, key: str, method: str, path: str, body: object = None):
    return client.request(
        method, f"{API}/{path}", json=body, headers={"Authorization": f"Bearer {key}"}
    )


def test_a_viewer_reads_and_changes_nothing(client: httpx.Client, key_of: KeyOf):
    key = key_of(Role.VIEWER, "blue")

    assert [ask(client, key, "GET", path).status_code for path in READS] == [200] * 5
    changes: list[tuple[str, str, object]] = [
        ("POST", "alerts", ALERT), ("POST", "silences", SILENCE),
        ("DELETE", f"silence/{NOBODY}", None),
    ]  # fmt: skip
    assert [ask(client, key, *what).status_code for what in changes] == [403] * 3


@both_databases
def test_a_responder_of_another_tenant_sees_and_ends_nothing(client: httpx.Client, key_of: KeyOf):
    blue, red = key_of(Role.RESPONDER, "blue"), key_of(Role.RESPONDER, "red")
    assert ask(client, blue, "POST", "alerts", ALERT).status_code == 200
    made = ask(client, blue, "POST", "silences", SILENCE).json()["silenceID"]

    seen = "".join(ask(client, red, "GET", path).text for path in READS)

    assert "marked-blue" in ask(client, blue, "GET", "alerts").text
    assert "marked-blue" not in seen
    assert ask(client, red, "GET", f"silence/{made}").status_code == 404
    assert ask(client, red, "DELETE", f"silence/{made}").status_code == 404
    assert ask(client, red, "POST", "silences", SILENCE | {"id": made}).status_code == 404
    assert ask(client, blue, "GET", f"silence/{made}").json()["status"]["state"] == "active"


def test_who_is_confined_to_a_team_is_refused(client: httpx.Client, key_of: KeyOf):
    key = key_of(Role.RESPONDER, "blue", teams=["db"])

    answers = [ask(client, key, "GET", path).status_code for path in READS]

    assert answers == [403] * 5
    assert ask(client, key, "POST", "alerts", ALERT).status_code == 403


def test_a_key_for_webhooks_alone_posts_alerts_and_reads_none(client: httpx.Client, key_of: KeyOf):
    key = key_of(Role.RESPONDER, "blue", scopes=["webhooks"])

    assert ask(client, key, "POST", "alerts", ALERT).status_code == 200
    assert [ask(client, key, "GET", path).status_code for path in READS] == [403] * 5


def test_a_key_is_the_password_of_http_basic_too(client: httpx.Client, key_of: KeyOf):
    key = key_of(Role.RESPONDER, "blue")
    client.headers.pop("Authorization")

    assert client.post(f"{API}/alerts", json=ALERT, auth=("prometheus", key)).status_code == 200
    wrong = client.get(f"{API}/alerts", auth=("prometheus", "no"))
    none = client.get(f"{API}/alerts")

    assert (wrong.status_code, none.status_code) == (401, 401)
    assert none.headers["WWW-Authenticate"].startswith("Basic")
    assert none.json()["code"] == 401


def test_health_is_told_to_everybody(client: httpx.Client):
    client.headers.pop("Authorization")

    assert client.get("/alertmanager/-/healthy").text == "OK"
    assert client.head("/alertmanager/-/ready").status_code == 200


def test_no_alert_is_taken_while_the_rule_is_disabled(client: httpx.Client, store: Store):
    client.post(f"{API}/alerts", json=ALERT)
    client.get(f"{API}/alerts")
    store.rules.disable("alertmanager", actor="ann")

    refused = client.post(f"{API}/alerts", json=ALERT)

    assert refused.status_code == 503
    assert "sentinel rule enable alertmanager" in refused.json()["message"]


def test_a_silence_that_would_mute_by_negative_matchers_alone_is_refused(client: httpx.Client):
    matchers = [{"name": "a", "value": "b", "isRegex": False, "isEqual": False}]

    refused = client.post(f"{API}/silences", json={**SILENCE, "matchers": matchers})

    assert refused.status_code == 400
    assert "must not match the empty string" in refused.text
