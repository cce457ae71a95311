"""A draft of the rules runs beside the active version of a tenant, and only its report says so.

While one runs, what comes in is kept as under an active version. The report compares the draft with
the active version over it, so that the draft costs nothing where alerts come in.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, Row, select, update

from sentinel.audit.change import Change
from sentinel.errors import Conflict, NotFound
from sentinel.schema.columns import new_id
from sentinel.schema.orchestration import OrchestrationShadow
from sentinel.store.database.alone import alone
from sentinel.store.database.tables import model_of, table_of
from sentinel.store.orchestration.documents import Orchestrations
from sentinel.store.orchestration.trials import Replay, replayed

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["ShadowReport", "shadow_report", "start_shadow", "stop_shadow"]

_SHADOW = table_of(OrchestrationShadow)


class ShadowReport(msgspec.Struct, frozen=True, kw_only=True):
    """A shadow, and what it would have made of what came in while it ran."""

    shadow: OrchestrationShadow
    replay: Replay


def start_shadow(
    store: Store, tenant: str, text: str, *, actor: str, note: str = ""
) -> OrchestrationShadow:
    """Run a draft beside the active version; a draft that runs is stopped.

    Args:
        store: the shared database
        tenant: whose
        text: the draft as YAML
        actor: who starts it
        note: why

    Returns:
        The shadow.

    Raises:
        ConfigurationError: the draft cannot be used
    """
    rules = Orchestrations(store, tenant)
    rules.check_text(text)
    shadow = OrchestrationShadow(
        id=new_id(), tenant=tenant, document=text, digest=sha256(text.encode()).hexdigest(),
        note=note, started_by=actor, started_at=store.now(),
    )  # fmt: skip

    def work(connection: Connection) -> None:
        alone(connection)
        rules.admit(connection, text)
        _stop(store, connection, tenant, actor)
        connection.execute(_SHADOW.insert().values(**shadow.model_dump()))
        _audit(store, connection, "started", shadow.id, tenant, actor, note)

    store.in_transaction(work)
    return shadow


def stop_shadow(store: Store, tenant: str, *, actor: str) -> None:
    """Stop the draft that runs; its report stays.

    Args:
        store: the shared database
        tenant: whose
        actor: who stops it

    Raises:
        Conflict: none runs
    """

    def work(connection: Connection) -> bool:
        alone(connection)
        return _stop(store, connection, tenant, actor)

    if not store.in_transaction(work):
        raise Conflict("no draft runs beside the active orchestration")


def shadow_report(store: Store, tenant: str) -> ShadowReport:
    """Return the draft that runs, or ran last, and what it would have changed.

    Args:
        store: the shared database
        tenant: whose

    Returns:
        The report over all that came in while it ran, as it was posted last.

    Raises:
        NotFound: none ever ran
    """
    query = select(_SHADOW).where(_SHADOW.c.tenant == tenant).order_by(_SHADOW.c.id.desc())
    with store.read() as connection:
        row = connection.execute(query.limit(1)).first()
    if row is None:
        raise NotFound(
            "no draft runs beside the active orchestration",
            hint="Start one: sentinel orchestration shadow start FILE",
        )
    shadow = model_of(OrchestrationShadow, row)
    found = replayed(
        store, tenant, shadow.document, since=shadow.started_at, until=shadow.stopped_at
    )
    return ShadowReport(shadow=shadow, replay=found)


def _stop(store: Store, connection: Connection, tenant: str, actor: str) -> bool:
    mine = (_SHADOW.c.tenant == tenant, _SHADOW.c.stopped_at.is_(None))
    row: Row[tuple[str]] | None = connection.execute(select(_SHADOW.c.id).where(*mine)).first()
    if row is None:
        return False
    connection.execute(
        update(_SHADOW).where(*mine).values(stopped_by=actor, stopped_at=store.now())
    )
    _audit(store, connection, "stopped", row[0], tenant, actor, "")
    return True


def _audit(
    store: Store, connection: Connection, what: str, shadow: str, tenant: str, actor: str, note: str
) -> None:
    change = Change(
        action=f"orchestration.shadow_{what}", object_kind="orchestration", object_id=shadow,
        object_name="a draft", tenant=tenant, note=note,
    )  # fmt: skip
    store.audit.add(connection, change, actor=actor)
