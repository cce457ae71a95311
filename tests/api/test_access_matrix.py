"""Every route × every role × own tenant, foreign tenant, other team: from the OpenAPI document."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from sentinel.access import Permission
from sentinel.clock import FakeClock
from sentinel.store import Store
from tests.api.access_matrix import ENTRIES, entry_of
from tests.api.document import document
from tests.api.matrix_entries import Entry, Expected, Place
from tests.api.matrix_scene import MatrixScene, furnished, subscriber_of
from tests.api.served import TOKEN

ROUTES = [
    (method.upper(), path, Permission(route["x-permission"]))
    for path, methods in document()["paths"].items()
    for method, route in methods.items()
    if route["x-permission"] != "none"
]


def asked(client: httpx.Client, method: str, path: str, entry: Entry, place: Place, key: str):
    name = f"rule-{place.mark}" if re.search("/(rules|fatigue)/", path) else place.mark
    address = path.format(
        kind="delete",
        alert_id=place.alert,
        key_id=place.key,
        consumer_key_id=place.consumer_key[0],
        job="nightly",
        key=place.ping,
        name=name,
        reference=place.change,
        change_id=place.pending,
        review_id="0" * 32,
        trace_id="0" * 32,
        line_id="0" * 32,
        service_name="shop",
        provider_id=place.mark,
        page="live",
        pack="machine",
        vendor="postmark",
        person=place.tenant,
        silence_id=place.silence,
        number=7,
        override_id=place.silence,
        team="db",
        feed_id=place.silence,
        drill_id=place.silence,
        slo_id=place.mark,
        limit_set=place.mark,
        account_id=place.account,
        incident_id=place.incident[0],
        item_id=place.incident[1],
        service=place.mark,
        status_page=place.mark,
        subscriber=subscriber_of(place.tenant),
        event_id="1-0",
        identifier=place.alert,
        mapping="healthchecks",
        request_id=place.mark,
        run_id="0" * 8 + "-0000" * 3 + "-" + "0" * 12,
        pattern_id="0" * 16,
    )
    return client.request(
        method, address, params=entry.query(place), json=entry.body(place),
        headers={"Authorization": f"Bearer {key}"},
    )  # fmt: skip


def holds(answer: httpx.Response, expected: Expected, *, foreign: Place) -> None:
    says = f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    assert answer.status_code == (200 if expected == "hides" else expected), says
    if expected == "hides":
        assert foreign.mark not in answer.text, says
        assert foreign.alert not in answer.text, says


@pytest.fixture
def migrated_url(matrix_scene: MatrixScene, tmp_path: Path) -> str:
    return matrix_scene.copied(tmp_path / "sentinel.db")


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
def test_a_route_answers_each_role_in_its_own_and_in_a_foreign_tenant_and_the_token_in_every(
    client: httpx.Client,
    store: Store,
    clock: FakeClock,
    matrix_scene: MatrixScene,
    method: str,
    path: str,
    permission: Permission,
):
    entry = entry_of(method, path)
    assert entry is not None, f"{method} {path} has no entry in tests/api/access_matrix.py"
    clock.set(matrix_scene.moment)
    answers_each_role(client, store, matrix_scene, method, path, permission, entry)


def answers_each_role(
    client: httpx.Client,
    store: Store,
    scene: MatrixScene,
    method: str,
    path: str,
    permission: Permission,
    entry: Entry,
) -> None:
    """What a route answers to each role, by its entry."""
    blue = scene.blue
    reads = method == "GET"  # what changes nothing is looked at once, when all have asked
    asking = scene.of_one_tenant if reads else scene.each_of_its_own
    of_blue = everything(store, blue)
    of_reds = {one.red.tenant: everything(store, one.red) for one in asking}
    for one in asking:
        red, may = one.red, one.role.allows(permission)
        if may:
            holds(asked(client, method, path, entry, red, one.own), entry.own, foreign=blue)
            expected = (entry.foreign, entry.team)
        else:
            assert asked(client, method, path, entry, red, one.own).status_code == 403
            expected = (403, 403)
        holds(asked(client, method, path, entry, blue, one.own), expected[0], foreign=blue)
        of_red = of_reds[red.tenant] if reads or not may else everything(store, red)
        holds(asked(client, method, path, entry, red, one.team), expected[1], foreign=red)
        if not reads or one is asking[-1]:
            assert everything(store, red) == of_red
            assert everything(store, blue) == of_blue

    answer = asked(client, method, path, entry, blue, TOKEN)
    if entry.token is not None:
        assert answer.status_code == entry.token, answer.text
        return
    assert answer.is_success or (entry.elsewhere and answer.status_code not in (401, 403))


def everything(store: Store, place: Place) -> list[Any]:
    """What could be changed of a tenant."""
    queries = [
        f"SELECT * FROM alert WHERE tenant = '{place.tenant}' ORDER BY id",
        f"SELECT timeline.* FROM timeline JOIN alert ON alert.id = timeline.alert_id "
        f"WHERE tenant = '{place.tenant}' ORDER BY timeline.id",
        f"SELECT * FROM metric_series WHERE tenant = '{place.tenant}' ORDER BY id",
        f"SELECT name, enabled FROM rule WHERE tenant = '{place.tenant}' ORDER BY name",
        f"SELECT revoked_at FROM api_key WHERE id = '{place.key}'",
        f"SELECT prefix FROM api_key_secret WHERE key_id = '{place.key}'",
        f"SELECT id, ended_at FROM silence WHERE tenant = '{place.tenant}' ORDER BY id",
        f"SELECT disabled_at FROM person WHERE name = '{place.tenant}'",
        f"SELECT status FROM pending_change WHERE id = '{place.pending}'",
        f"SELECT query FROM saved_view WHERE owner LIKE 'own %% {place.tenant}' ORDER BY owner",
        f"SELECT document FROM service WHERE tenant = '{place.tenant}' ORDER BY name",
        f"SELECT document FROM slo WHERE tenant = '{place.tenant}'",
        f"SELECT * FROM slo_count WHERE tenant = '{place.tenant}' ORDER BY at",
        f"SELECT revoked_at FROM consumer_key WHERE tenant = '{place.tenant}' ORDER BY id",
        f"SELECT prefix FROM consumer_key_secret WHERE key_id = '{place.consumer_key[0]}'",
        f"SELECT document FROM api_limit_set WHERE tenant = '{place.tenant}' ORDER BY name",
        f"SELECT status FROM consumer_account WHERE tenant = '{place.tenant}' ORDER BY id",
        f"SELECT document FROM consumer_rules WHERE tenant = '{place.tenant}'",
        f"SELECT version FROM incident WHERE tenant = '{place.tenant}' ORDER BY id",
        f"SELECT version FROM incident_action_item WHERE id = '{place.incident[1]}'",
        f"SELECT status FROM remedy WHERE alert_id = '{place.alert}'",
        f"SELECT read_at FROM inbox WHERE id = '{place.mark}'",
    ]
    with store.read() as connection:
        found = [[tuple(row) for row in connection.exec_driver_sql(one)] for one in queries]
    return [*found, store.events.count(place.tenant)]


def test_a_ping_is_accepted_for_the_tenant_of_its_key_alone(
    client: httpx.Client, store: Store, clock: FakeClock
):
    green, grey = (furnished(store, clock, name) for name in ("green", "grey"))
    for method in ("GET", "POST", "HEAD"):
        path = f"/ping/nightly/{green.ping}"
        assert client.request(method, path, params={"tenant": green.tenant}).status_code == 200
        assert client.request(method, path, params={"tenant": grey.tenant}).status_code == 401


def test_every_entry_is_of_a_route():
    paths = document()["paths"].items()
    described = {(method.upper(), path) for path, methods in paths for method in methods}
    used = {id(entry_of(method, path)) for method, path in described}
    assert None not in [entry_of(method, path) for method, path in described]
    assert [name for name, entry in ENTRIES.items() if id(entry) not in used] == []
