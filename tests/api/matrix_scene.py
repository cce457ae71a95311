"""What the access matrix finds: tenants with one of everything that a route can name.

It is made once in a process and copied: making it takes longer than what is asked of a route.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5
from pathlib import Path
from typing import Any

from sentinel.access import Principal, Role
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
from sentinel.store.services.status_subscribers import SUBSCRIBER
from sentinel.store.slo.slos import Slos
from tests.api.matrix_entries import Place
from tests.api.served import TOKEN
from tests.databases import sqlite_copy
from tests.world import World

__all__ = ["Asker", "MatrixScene", "furnished", "subscriber_of"]


@dataclass(frozen=True)
class Asker:
    """Who asks, and of what tenant."""

    role: Role
    red: Place
    """What there is in the tenant that the keys are of."""
    own: str
    """A key of the tenant."""
    team: str
    """A key of another team of the tenant."""


class MatrixScene:
    """A tenant `blue`, whose nobody asks, and for each role a tenant of its own with its keys.

    Args:
        migrated: a migrated database, which is copied
        folder: an empty one, for the copy
    """

    def __init__(self, migrated: Path, folder: Path) -> None:
        self._file = folder / "scene.db"
        clock = FakeClock()
        store = Store(sqlite_copy(migrated, self._file), clock=clock)
        self.blue = furnished(store, clock, "blue", whole=True)
        reds = [furnished(store, clock, f"red{n}", whole=True) for n in range(len(Role))]
        self.of_one_tenant = [_asker(store, role, reds[0]) for role in Role]
        """One of each role, all of the same tenant: for routes that change nothing."""
        self.each_of_its_own = [
            self.of_one_tenant[0],
            *(_asker(store, role, red) for role, red in zip([*Role][1:], reds[1:], strict=True)),
        ]
        """One of each role, each of another tenant, which an earlier one has not changed."""
        self.moment: datetime = clock.now()
        """When all of it is there."""
        store.close()

    def copied(self, path: Path) -> str:
        """Write the database to `path`; gives its URL."""
        return sqlite_copy(self._file, path)


def _asker(store: Store, role: Role, red: Place) -> Asker:
    def made(name: str, *teams: str) -> str:
        key = Keys(store).create(
            f"{name} {role} {red.tenant}", role, actor="ada", tenants=[red.tenant],
            teams=teams or None,
        )  # fmt: skip
        if name == "own":
            owner = Principal(name=key.key.name, kind="key", role=role, id=key.key.id)
            store.views.save(owner.owner, "live", red.mark, "q=a")
            Boards(store, owner).save(red.mark, Of(), BoardDocument(), actor=owner.name)
        return key.secret.text

    return Asker(role, red, made("own"), made("team", "web"))


def furnished(store: Store, clock: FakeClock, tenant: str, *, whole: bool = False) -> Place:
    """An alert of the team `db`, its rule, samples, a message and a key in a tenant.

    Args:
        store: where they are made
        clock: the store's, which goes on by a minute
        tenant: whose they are
        whole: also what only few routes name

    Returns:
        Their ids and names.
    """
    mark = f"marked-{tenant}"
    waits: Any = {"deployment": "restart/disk", "approval": {}} if whole else None
    (alert,) = World(store, clock).raises(
        f"/{mark}", name=f"rule-{mark}", tenant=tenant, team="db", remediate=waits
    )
    store.metrics.add([Sample(name=mark, value=1.0)], tenant=tenant)
    silence = new_id()
    key = Keys(store).create(
        f"key-{mark}", Role.VIEWER, actor="ada", tenants=[tenant], teams=["db"]
    )
    more: dict[str, Any] = {}
    if whole:
        more = _what_few_routes_name(store, clock, tenant, mark, alert, silence)
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
        silence=silence, group=group, pending=asked_for(store, tenant, f"rule-{mark}"), **more,
    )  # fmt: skip


def _what_few_routes_name(
    store: Store, clock: FakeClock, tenant: str, mark: str, alert: str, silence: str
) -> dict[str, Any]:
    """The rest of what can be in a tenant; gives fields of `Place`."""
    # Of another rule: that of the others can still be silenced.
    World(store, clock).raises(f"/{mark}", name=f"silenced-{mark}", tenant=tenant, team="db")
    store.silences.begin(
        f"silenced-{mark}", clock.now() + timedelta(hours=1), actor="ada", tenant=tenant,
        silence_id=silence,
    )  # fmt: skip
    store.views.save("robot", "live", mark, "q=a")
    definition = definition_of(
        {"name": mark, "tenant": tenant, "team": "db", "objectives": [{"target": 99}]}
    )
    Slos(store).save(definition, actor="ada")
    entry = service_of({"name": mark, "tenant": tenant, "owner": "db"})
    Services(store).apply([entry], actor="ada")
    given = {"name": mark, "tenant": tenant, "title": "x", "components": [{"service": "a"}]}
    StatusPages(store).save(status_page_of(given), actor="ada")
    _subscribe(store, clock, tenant, mark)
    consumer = ConsumerKeys(store).create(mark, tenant=tenant, actor="ada", consumer=mark)
    LimitSets(store).save(mark, "5/minute", tenant=tenant, actor="ada")
    store.events.add([{"mark": mark}], tenant=tenant)
    robot = Principal(name="robot", kind="token", role=Role.VIEWER)
    Boards(store, robot).save(mark, Of(), BoardDocument(), actor="robot")
    _make_accounts(store, clock, tenant, f"other-{tenant}")
    return {
        "incident": an_incident(store, tenant, mark, alert),
        "account": an_account(store, tenant, mark),
        "consumer_key": (consumer.key.id, consumer.secret.text),
    }


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


def subscriber_of(tenant: str) -> str:
    """The id of the one subscriber of a tenant's status page."""
    return md5(tenant.encode(), usedforsecurity=False).hexdigest()


def _subscribe(store: Store, clock: FakeClock, tenant: str, page: str) -> None:
    with store.write() as connection:
        connection.execute(SUBSCRIBER.insert().values(
            id=subscriber_of(tenant), page=page, tenant=tenant, kind="email", target="a@x.example",
            target_hash=tenant, seed="0" * 64, token_hash=tenant, services=[], refused=0,
            asked_at=clock.now(), confirmed_at=None,
        ))  # fmt: skip


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
