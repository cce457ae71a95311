"""Asking for a change to a critical rule: it waits where separation of duties is switched on.

Whoever changes a rule asks here first, in the transaction of the change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, select

from sentinel.audit.change import Change
from sentinel.audit.origin import Origin, present
from sentinel.errors import Conflict
from sentinel.rules.approval import (
    EXPIRES_AFTER,
    ChangeKind,
    ChangeStatus,
    ChangeWaits,
    fields_changed,
    in_words,
)
from sentinel.schema.access import ApiKey
from sentinel.schema.columns import new_id
from sentinel.schema.people import Person
from sentinel.store.database.tables import PENDING_CHANGE, SEPARATED, table_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["Asked", "ask", "ask_first", "is_separated", "person_behind", "sides", "waits"]

_KEY, _PERSON = table_of(ApiKey), table_of(Person)
MOST_WAITING = 50
"""Changes of one rule that wait at once."""
_VIA = " via "
_LONGEST_CHAIN = 20


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A change that somebody asks for.

    Attributes:
        kind: what is asked for
        tenant, rule: whose it is, and its name
        spec: the fields of the rule as it is now
        critical: whether it is critical now, by these fields or by its policies
        before, after: the rule as it is now and as it is to be; `after` is empty for a deletion
        given: the words that the change was made of
        reason: of whoever asks
    """

    kind: ChangeKind
    tenant: str
    rule: str
    spec: Mapping[str, Any]
    critical: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    given: Mapping[str, Any] = {}
    reason: str = ""


def is_separated(connection: Connection, tenant: str) -> bool:
    """Return whether changes to critical rules of a tenant need a second person."""
    query = select(SEPARATED.c.tenant).where(SEPARATED.c.tenant.in_(["", tenant])).limit(1)
    return connection.execute(query).first() is not None


def ask(store: Store, connection: Connection, asked: Asked, *, actor: str) -> ChangeWaits | None:
    """Return what says that a change waits; None where it may take effect at once.

    The same change, asked for by the same person while it waits, is the one that waits.

    Args:
        store: the shared database
        connection: the transaction in which the change would be made; it is to be committed
        asked: the change
        actor: who asks

    Returns:
        An error to raise after the commit.

    Raises:
        Conflict: too many changes of the rule wait, or nobody knows whose key this is
    """
    if not asked.critical or not is_separated(connection, asked.tenant):
        return None
    now, person = store.now(), person_behind(connection, present(store.origin), actor)
    mine = (
        PENDING_CHANGE.c.tenant == asked.tenant, PENDING_CHANGE.c.rule == asked.rule,
        PENDING_CHANGE.c.status == ChangeStatus.WAITING.value, PENDING_CHANGE.c.expires_at > now,
    )  # fmt: skip
    there = connection.execute(select(PENDING_CHANGE).where(*mine)).all()
    for row in there:
        same = (row.kind, row.asked_by, row.before, row.after)
        if same == (asked.kind, person, asked.before, asked.after):
            return waits(asked, row.id)
    if len(there) >= MOST_WAITING:
        raise Conflict(
            f"{len(there)} changes of the rule {asked.rule!r} wait already",
            hint="Approve, reject or withdraw some: sentinel rule pending",
        )
    change_id = new_id()
    connection.execute(
        PENDING_CHANGE.insert().values(
            id=change_id, tenant=asked.tenant, rule=asked.rule, kind=asked.kind,
            team=str(asked.spec.get("team") or ""), before=dict(asked.before),
            after=dict(asked.after), given=dict(asked.given), reason=asked.reason,
            status=ChangeStatus.WAITING.value, asked_by=person, asked_as=actor, asked_at=now,
            expires_at=now + EXPIRES_AFTER, decided_by="", comment="",
        )
    )  # fmt: skip
    before, after = sides(asked.before, asked.after)
    change = Change(
        action="rule.change_requested", object_kind="rule", object_id=asked.rule,
        object_name=asked.rule, tenant=asked.tenant, note=asked.reason, before=before,
        after=after | {"pending_change": change_id, "kind": asked.kind},
    )  # fmt: skip
    store.audit.add(connection, change, actor=actor)
    store.changed(connection)
    return waits(asked, change_id)


def ask_first(store: Store, asked: Asked, *, actor: str) -> None:
    """Ask for a change that is made outside this database.

    Args:
        store: the shared database
        asked: the change
        actor: who asks

    Raises:
        ChangeWaits: it waits for a second person, and must not be made now
        Conflict: too many changes of the rule wait, or nobody knows whose key this is
    """
    if not asked.critical:
        return
    with store.read() as connection:
        if not is_separated(connection, asked.tenant):
            return
    found = store.in_transaction(lambda connection: ask(store, connection, asked, actor=actor))
    if found is not None:
        raise found


def waits(asked: Asked, change_id: str) -> ChangeWaits:
    """Return the error that says that a change waits under an id."""
    words = in_words(asked.kind, asked.rule)
    return ChangeWaits(
        f"{words} waits for the approval of a second person",
        hint=f"Somebody else approves it: sentinel rule approve {change_id}",
        change=change_id,
    )


def sides(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what differs between two states of a rule, by dotted path, as an audit row has it."""
    fields = fields_changed(before, after)
    return {one.field: one.before for one in fields}, {one.field: one.after for one in fields}


def person_behind(connection: Connection, origin: Origin, actor: str) -> str:
    """Return the person whose act this is: a key counts as whoever made it.

    Args:
        connection: an open one
        origin: how the actor was recognized
        actor: as timelines name them

    Returns:
        The name of the person.

    Raises:
        Conflict: a key and an account have the name of whoever made the key
    """
    if origin.kind != "key":
        return actor
    owner = select(_KEY.c.created_by).where(_KEY.c.id == origin.id)
    name = connection.execute(owner).scalar()
    for _ in range(_LONGEST_CHAIN):
        if name is None:
            break
        # A key may have made the key, for a person as it says: what it is counts.
        made_by_key = _VIA in name
        name = name.rpartition(_VIA)[2]
        account = connection.execute(
            select(_PERSON.c.id).where(_PERSON.c.name == name.strip().lower())
        ).first()
        of_key = select(_KEY.c.created_by).where(_KEY.c.name == name).order_by(_KEY.c.id.desc())
        maker = connection.execute(of_key).scalar()
        if account is not None and maker is not None and not made_by_key:
            raise Conflict(
                f"a key and an account are both named {name!r}, so it is not clear whose key this "
                "is",
                hint="Use a key that was made by a person, or log in.",
            )
        if maker is None or (account is not None and not made_by_key):
            return name
        name = maker
    raise Conflict("it is not clear whose key this is", hint="Use a new one, or log in.")
