"""Every route × every role × own tenant, foreign tenant, other team: from the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sentinel.access import Permission, Principal, Role
from sentinel.api.heartbeats import key_of
from sentinel.audit.change import Change
from sentinel.boards.document import BoardDocument
from sentinel.clock import FakeClock
from sentinel.metrics.sample import Sample
from sentinel.schema.access import AccessGrant
from sentinel.schema.api_usage import ConsumerAccount
from sentinel.schema.columns import new_id
from sentinel.schema.notifications import InboxMessage
from sentinel.schema.people import Person
from sentinel.services.definition import definition_of as service_of
from sentinel.services.status_page import status_page_of
from sentinel.slo.definition import definition_of
from sentinel.store import Store
from sentinel.store.access.keys import Keys
from sentinel.store.api_usage.consumer_keys import ConsumerKeys
from sentinel.store.api_usage.limit_sets import LimitSets
from sentinel.store.audit.queries import AuditFilter, page
from sentinel.store.custom_dashboards import Boards
from sentinel.store.custom_dashboards import Place as Of
from sentinel.store.database.insert import insert_into
from sentinel.store.database.tables import PENDING_CHANGE, table_of
from sentinel.store.incidents.action_items import ActionItems
from sentinel.store.incidents.incidents import Incidents
from sentinel.store.incidents.opening import NewIncident
from sentinel.store.services.catalog import Services
from sentinel.store.services.status_pages import StatusPages
from sentinel.store.slo.slos import Slos
from tests.api.access_matrix import ENTRIES, entry_of
from tests.api.document import document
from tests.api.matrix_entries import Entry, Expected, Place
from tests.api.served import TOKEN
from tests.world import World

ROUTES = [
    (method.upper(), path, Permission(route["x-permission"]))
    for path, methods in document()["paths"].items()
    for method, route in methods.items()
    if route["x-permission"] != "none"
]


def furnished(store: Store, clock: FakeClock, tenant: str, path: str = "") -> Place:
    """An alert of the team `db`, its rule, samples, a message and a key in a tenant.

    What only few routes name is made for their paths alone.
    """
    mark = f"marked-{tenant}"
    waits: Any = {"deployment": "restart/disk", "approval": {}} if "/remedy/" in path else None
    (alert,) = World(store, clock).raises(
        f"/{mark}", name=f"rule-{mark}", tenant=tenant, team="db", remediate=waits
    )
    store.metrics.add([Sample(name=mark, value=1.0)], tenant=tenant)
    silence = new_id()
    if "{silence_id}" in path:
        store.silences.begin(
            f"rule-{mark}", clock.now() + timedelta(hours=1), actor="ada", tenant=tenant,
            silence_id=silence,
        )  # fmt: skip
    key = Keys(store).create(
        f"key-{mark}", Role.VIEWER, actor="ada", tenants=[tenant], teams=["db"]
    )
    if "/views/" in path:
        store.views.save("robot", "live", mark, "q=a")
    if "{slo_id}" in path or "/slo" in path:
        definition = definition_of(
            {"name": mark, "tenant": tenant, "team": "db", "objectives": [{"target": 99}]}
        )
        Slos(store).save(definition, actor="ada")
    if "/services" in path:
        entry = service_of({"name": mark, "tenant": tenant, "owner": "db"})
        Services(store).apply([entry], actor="ada")
    if "/status-pages" in path:
        given = {"name": mark, "tenant": tenant, "title": "x", "components": [{"service": "a"}]}
        StatusPages(store).save(status_page_of(given), actor="ada")
    incident = an_incident(store, tenant, mark, alert) if "/incidents" in path else ("", "")
    consumer = None
    if "/api/v1/keys" in path:
        consumer = ConsumerKeys(store).create(mark, tenant=tenant, actor="ada", consumer=mark)
    account = ""
    if "/consumers" in path:
        account = an_account(store, tenant, mark)
    if "/limit" in path:
        LimitSets(store).save(mark, "5/minute", tenant=tenant, actor="ada")
    if "{event_id}" in path:
        store.events.add([{"mark": mark}], tenant=tenant)
    if "/dashboards/" in path:
        robot = Principal(name="robot", kind="token", role=Role.VIEWER)
        Boards(store, robot).save(mark, Of(), BoardDocument(), actor="robot")
    if "{person}" in path:
        _make_accounts(store, clock, tenant, f"other-{tenant}")
    with store.write() as connection:
        (group,) = connection.exec_driver_sql(
            f"SELECT group_id FROM group_member WHERE alert_id = '{alert}'"
        ).one()
        connection.execute(
            table_of(InboxMessage).insert().values(
                id=mark, group_id=group, at=clock.now(), status="firing", severity=4,
                title=f"message {mark}", body={},
            )
        )  # fmt: skip
    ping = key_of(TOKEN, tenant, "nightly")
    change = Change(action="rule.enabled", object_kind="rule", object_name=mark, tenant=tenant)
    store.audit.write([change], actor=mark)
    (row,) = page(store, AuditFilter(actor=mark)).items
    return Place(
        tenant=tenant, alert=alert, key=key.key.id, mark=mark, ping=ping, change=row.id,
        silence=silence, group=group, incident=incident,
        pending=asked_for(store, tenant, f"rule-{mark}"),
        account=account,
        consumer_key=(consumer.key.id, consumer.secret.text) if consumer else ("", ""),
    )  # fmt: skip


def an_account(store: Store, tenant: str, mark: str) -> str:
    """An account of a consumer, without a password, whose hash would cost more than the test."""
    made = new_id()
    with store.write() as connection:
        connection.execute(
            table_of(ConsumerAccount).insert().values(
                id=made, tenant=tenant, name=mark, password_hash="", plan="", status="waiting",
                created_at=store.now(), decided_by="",
            )
        )  # fmt: skip
    return made


def an_incident(store: Store, tenant: str, mark: str, alert: str) -> tuple[str, str]:
    """An incident of the team `db` with the alert and seven steps, and an action item."""
    new = NewIncident(title=mark, tenant=tenant, team="db", alerts=[alert], runbook="1. x\n" * 7)
    made = Incidents(store).open(new, actor="ada")
    return made.id, ActionItems(store).add(made.id, mark, actor="ada").id


def _make_accounts(store: Store, clock: FakeClock, *names: str) -> None:
    """Accounts without a password, whose hash would cost more than the test."""
    with store.write() as connection:
        connection.execute(
            table_of(Person).insert().values(
                [
                    {"id": new_id(), "name": name, "display_name": name, "password_hash": "",
                     "issuer": "", "subject": "", "created_at": clock.now(), "created_by": "ada"}
                    for name in names
                ]
            )
        )  # fmt: skip


def asked_for(store: Store, tenant: str, rule: str) -> str:
    """A change of a rule that `maria` asked for; `ada`, who made the keys, is an editor."""
    state = {"rule": store.rules.get(rule, tenant).spec, "enabled": True}
    now, change_id = store.now(), new_id()
    account = {
        "id": "ada", "name": "ada", "display_name": "Ada", "password_hash": "", "issuer": "",
        "subject": "", "created_at": now, "created_by": "root",
    }  # fmt: skip
    role = {
        "holder_kind": "person", "holder": "ada", "tenant": "", "team": "", "role": "editor",
        "granted_at": now, "granted_by": "root",
    }  # fmt: skip
    with store.write() as connection:
        for model, row in ((Person, account), (AccessGrant, role)):
            new = insert_into(store.dialect, table_of(model)).values(row)
            connection.execute(new.on_conflict_do_nothing())
        connection.execute(
            PENDING_CHANGE.insert().values(
                id=change_id, tenant=tenant, team="db", rule=rule, kind="disable", before=state,
                after={**state, "enabled": False}, given={}, reason="", status="waiting",
                asked_by="maria", asked_as="maria", asked_at=now, decided_by="", comment="",
                expires_at=now + timedelta(days=1),
            )
        )  # fmt: skip
    return change_id


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
        event_id="1-0",
        identifier=place.alert,
        mapping="healthchecks",
        request_id=place.mark,
        run_id="0" * 8 + "-0000" * 3 + "-" + "0" * 12,
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


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
def test_a_route_answers_each_role_in_its_own_and_in_a_foreign_tenant_and_the_token_in_every(
    client: httpx.Client,
    store: Store,
    clock: FakeClock,
    method: str,
    path: str,
    permission: Permission,
):
    entry = entry_of(method, path)
    assert entry is not None, f"{method} {path} has no entry in tests/api/access_matrix.py"
    answers_each_role(client, store, clock, method, path, permission, entry)


def answers_each_role(
    client: httpx.Client,
    store: Store,
    clock: FakeClock,
    method: str,
    path: str,
    permission: Permission,
    entry: Entry,
) -> None:
    """What a route answers to each role, by its entry."""
    blue = furnished(store, clock, "blue", path)
    asking = callers(store, clock, method, path, permission)
    reads = method == "GET"  # what changes nothing is looked at once, when all have asked
    if reads:
        asking = list(asking)
    of_blue = everything(store, blue)
    of_reds = {red.tenant: everything(store, red) for _, red, *_ in asking} if reads else {}
    for role, red, own, team in asking:
        may = role.allows(permission)
        if may:
            holds(asked(client, method, path, entry, red, own), entry.own, foreign=blue)
            expected = (entry.foreign, entry.team)
        else:
            assert asked(client, method, path, entry, red, own).status_code == 403
            expected = (403, 403)
        holds(asked(client, method, path, entry, blue, own), expected[0], foreign=blue)
        of_red = of_reds.get(red.tenant) or everything(store, red)
        holds(asked(client, method, path, entry, red, team), expected[1], foreign=red)
        if not reads or role is [*Role][-1]:
            assert everything(store, red) == of_red
            assert everything(store, blue) == of_blue

    answer = asked(client, method, path, entry, blue, TOKEN)
    if entry.token is not None:
        assert answer.status_code == entry.token, answer.text
        return
    assert answer.is_success or (entry.elsewhere and answer.status_code not in (401, 403))


def callers(
    store: Store, clock: FakeClock, method: str, path: str, permission: Permission
) -> Iterator[tuple[Role, Place, str, str]]:
    """For each role a tenant, a key of that tenant, and a key of another team there."""
    red: Place | None = None
    for number, role in enumerate(Role):
        if red is None:
            red = furnished(store, clock, f"red{number}", path)

        def made(name: str, *teams: str, role: Role = role, red: Place = red) -> str:
            key = Keys(store).create(
                f"{name} {role} {red.tenant}", role, actor="ada", tenants=[red.tenant],
                teams=teams or None,
            )  # fmt: skip
            owner = Principal(name=key.key.name, kind="key", role=role, id=key.key.id)
            if "/views/" in path and name == "own":
                store.views.save(owner.owner, "live", red.mark, "q=a")
            if "/dashboards/" in path and name == "own":
                Boards(store, owner).save(red.mark, Of(), BoardDocument(), actor=owner.name)
            return key.secret.text

        yield role, red, made("own"), made("team", "web")
        if role.allows(permission) and method != "GET":
            red = None  # it may have changed what the next role finds


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
    red, blue = (furnished(store, clock, name) for name in ("red", "blue"))
    for method in ("GET", "POST", "HEAD"):
        path = f"/ping/nightly/{red.ping}"
        assert client.request(method, path, params={"tenant": red.tenant}).status_code == 200
        assert client.request(method, path, params={"tenant": blue.tenant}).status_code == 401


def test_every_entry_is_of_a_route():
    paths = document()["paths"].items()
    described = {(method.upper(), path) for path, methods in paths for method in methods}
    used = {id(entry_of(method, path)) for method, path in described}
    assert None not in [entry_of(method, path) for method, path in described]
    assert [name for name, entry in ENTRIES.items() if id(entry) not in used] == []
