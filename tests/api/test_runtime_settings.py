"""Log levels over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sentinel.access import Role
from sentinel.clock import FakeClock
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.audit.queries import AuditFilter, page

PATH = "/api/v1/admin/settings"


def test_debug_mode_is_every_component_at_debug_for_an_hour(
    client: httpx.Client, clock: FakeClock, store: Store
):
    assert client.get(PATH).json()["alert_debug_mode"] is False
    # As the seeded system sends it.
    answer = client.post(PATH, content=b'{"key": "alert_debug_mode", "value": "true"}')
    assert answer.status_code == 200
    (level,) = answer.json()["log_levels"]
    assert (level["component"], level["level"], level["set_by"]) == ("all", "DEBUG", "robot")
    assert level["until"] == "2026-01-01T01:00:00Z"
    assert client.get(PATH).json() == answer.json()
    clock.forward(hours=1)
    assert client.get(PATH).json()["log_levels"] == [], "it went back by itself"
    client.post(PATH, json={"key": "alert_debug_mode", "value": True, "duration": "2d"})
    off = client.post(PATH, json={"key": "alert_debug_mode", "value": "false"})
    assert off.json()["alert_debug_mode"] is False
    row = page(store, AuditFilter(object_kinds=("settings",))).items[0]
    assert (row.actor, row.action, row.door, row.after) == ("robot", "log.level", "api", None)


def test_a_component_has_a_level_of_its_own(client: httpx.Client):
    asked: dict[str, Any] = {"key": "log_level", "component": "relay", "value": "debug"}
    shown = client.post(PATH, json={**asked, "duration": "30m"}).json()
    (level,) = shown["log_levels"]
    assert (level["component"], level["level"]) == ("relay", "DEBUG")
    assert level["until"] == "2026-01-01T00:30:00Z"
    assert "relay" in shown["components"]
    back = client.post(PATH, json={**asked, "value": "default"}).json()
    assert back["log_levels"] == []


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({"key": "retention", "value": "1d"}, "key", "the `key` of a setting"),
        ([], "key", "the `key` of a setting"),
        ({"key": "alert_debug_mode", "value": "maybe"}, "value.*", "true"),
        (
            {"key": "alert_debug_mode", "value": "true", "level": "INFO"},
            "level",
            "there is no such field",
        ),
        ({"key": "log_level", "value": "LOUD"}, None, "'LOUD' is no log level"),
        ({"key": "log_level", "value": "DEBUG", "component": "httpx"}, None, "no component"),
        ({"key": "log_level", "value": "DEBUG", "duration": "soon"}, "duration", "soon"),
        ({"key": "log_level", "value": "DEBUG", "duration": "8d"}, None, "cannot last"),
    ],
)
def test_what_cannot_be_set_is_named(
    client: httpx.Client, body: object, field: str | None, says: str
):
    answer = client.post(PATH, json=body)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert says in error["message"]
    if field is not None:
        assert error["field"].split(".")[0] == field.split(".")[0]
    assert client.get(PATH).json()["log_levels"] == []


def test_only_admins_see_and_set_them(client: httpx.Client, store: Store):
    for role in Role:
        key = Keys(store).create(f"of {role}", role, actor="ada").secret.text
        client.headers["Authorization"] = f"Bearer {key}"
        expected = 200 if role is Role.ADMIN else 403
        assert client.get(PATH).status_code == expected
        asked = {"key": "alert_debug_mode", "value": "true"}
        assert client.post(PATH, json=asked).status_code == expected
