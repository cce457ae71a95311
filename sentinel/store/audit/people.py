"""Personal data: what the database has under a person's name, and its erasure.

An erasure replaces the name by a pseudonym everywhere. The audit trail has only held the pseudonym
all along, so its chain still holds; what is deleted there is the name behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Column, Connection, Table, and_, or_, select

from sentinel.audit.change import Change
from sentinel.audit.erased_names import ErasedName
from sentinel.errors import ConfigurationError, Conflict, NotFound
from sentinel.schema.access import AccessGrant, ApiKey
from sentinel.schema.answered_requests import AnsweredRequest
from sentinel.schema.api_usage import (
    ApiLimitSet,
    ApiLimitSetVersion,
    ConsumerAccount,
    ConsumerKey,
    ConsumerRules,
)
from sentinel.schema.calendar_feeds import CalendarFeed
from sentinel.schema.custom_dashboards import CustomDashboard
from sentinel.schema.handoffs import HandoffAhead
from sentinel.schema.lifecycle_events import EventDestination
from sentinel.schema.log_levels import LogLevelRow
from sentinel.schema.notifications import SystemLog
from sentinel.schema.oncall import OnCallOverride, OnCallVersion
from sentinel.schema.people import Person
from sentinel.schema.route_shadow import RouteShadow
from sentinel.schema.routes import RouteVersion
from sentinel.schema.saved_views import SavedView
from sentinel.schema.services import ServiceRow
from sentinel.schema.silences import Silence
from sentinel.schema.slo import SloRow, SloVersion
from sentinel.schema.status_pages import StatusPageRow
from sentinel.schema.web_feeds import WebFeed
from sentinel.schema.web_push import PushSubscription
from sentinel.store.archive.erasing import erasing, named_rows
from sentinel.store.archive.files import HOLD, TAKEN
from sentinel.store.audit.queries import AuditFilter, every
from sentinel.store.audit.record import person_of
from sentinel.store.audit.security_names import erase_from_security
from sentinel.store.database.tables import (
    ALERT,
    AUDIT_PERSON,
    PENDING_CHANGE,
    REMEDIATION,
    RULE,
    SEPARATED,
    SUPPRESSION,
    TIMELINE,
    table_of,
)
from sentinel.store.escalations.erasing import erase_from_escalations
from sentinel.store.escalations.rows import ESCALATION, PAGE
from sentinel.store.incidents.erasing import NAMED as OF_INCIDENTS
from sentinel.store.incidents.erasing import erase_from_incidents
from sentinel.store.notifications.erased_notices import erase_from_notices
from sentinel.store.oncall.documents import active_document
from sentinel.store.oncall.erasing import erase_from_oncall, overrides_of
from sentinel.store.orchestration.people import OF_ORCHESTRATION
from sentinel.store.own_rows import delete_own_rows
from sentinel.store.services.status_subscribers import erase_subscribers, subscriptions_of
from sentinel.store.telemetry.erasing import erase_from_requests
from sentinel.store.telemetry.person_requests import requests_of_person

if TYPE_CHECKING:
    from sentinel.store import Store
    from sentinel.store.telemetry.client import TelemetryClient

__all__ = ["erase", "export"]

_VIEW, _LOG, _ACCOUNT = table_of(SavedView), table_of(SystemLog), table_of(Person)
_KEY, _GRANT, _SILENCE = table_of(ApiKey), table_of(AccessGrant), table_of(Silence)
_SHADOW = table_of(RouteShadow)
_LEVEL, _ROUTES = table_of(LogLevelRow), table_of(RouteVersion)
_OVERRIDE, _ONCALL = table_of(OnCallOverride), table_of(OnCallVersion)
_BROWSER, _FEED = table_of(PushSubscription), table_of(CalendarFeed)
_WEB_FEED, _DESTINATION = table_of(WebFeed), table_of(EventDestination)
_AHEAD, _BOARD = table_of(HandoffAhead), table_of(CustomDashboard)
_ANSWER = table_of(AnsweredRequest)
_SLO, _SLO_VERSION = table_of(SloRow), table_of(SloVersion)
_SERVICE, _CONSUMER = table_of(ServiceRow), table_of(ConsumerKey)
_STATUS_PAGE = table_of(StatusPageRow)
_ACCOUNTS, _RULES = table_of(ConsumerAccount), table_of(ConsumerRules)
_LIMITS, _LIMITS_WERE = table_of(ApiLimitSet), table_of(ApiLimitSetVersion)
_NAMED: Sequence[tuple[Table, str]] = (
    (ALERT, "acknowledged_by"), (ALERT, "assignee"), (ALERT, "resolved_by"), (TIMELINE, "actor"),
    (REMEDIATION, "decided_by"),
    (RULE, "switched_by"), (SUPPRESSION, "actor"), (_SILENCE, "actor"), (_SILENCE, "ended_by"),
    (_KEY, "created_by"), (_KEY, "revoked_by"), (_GRANT, "granted_by"),
    (_CONSUMER, "created_by"), (_CONSUMER, "revoked_by"),
    (_ACCOUNT, "created_by"), (PENDING_CHANGE, "asked_by"), (PENDING_CHANGE, "asked_as"),
    (PENDING_CHANGE, "decided_by"), (SEPARATED, "switched_by"),
    (_LEVEL, "set_by"), (_ROUTES, "applied_by"), *OF_ORCHESTRATION, (_ONCALL, "applied_by"),
    (_OVERRIDE, "made_by"), (_OVERRIDE, "removed_by"), (_OVERRIDE, "replaces"),
    (ESCALATION, "acknowledged_by"), (PAGE, "person"),
    (_SHADOW, "started_by"), (_SHADOW, "stopped_by"),
    (_BOARD, "saved_by"), (_FEED, "created_by"), (_FEED, "revoked_by"), (_FEED, "person"),
    (_WEB_FEED, "created_by"), (_WEB_FEED, "revoked_by"), (_DESTINATION, "saved_by"),
    (_AHEAD, "person"), (_SLO, "saved_by"), (_SLO_VERSION, "saved_by"),
    *OF_INCIDENTS,
    (_SERVICE, "saved_by"), (_STATUS_PAGE, "saved_by"),
    (_LIMITS, "saved_by"), (_LIMITS_WERE, "saved_by"),
    (_ACCOUNTS, "decided_by"), (_RULES, "saved_by"),
    (HOLD, "set_by"), (TAKEN, "taken_by"),
)  # fmt: skip
"""Columns that hold the name of a person."""
_SECRETS = ("password_hash", "secret_hash", "token_hash", "endpoint", "auth", "seed",
            "target_hash")  # fmt: skip
"""Columns that are not exported, in tables that have them."""


def export(
    store: Store, name: str, *, actor: str, telemetry: TelemetryClient | None = None
) -> dict[str, Any]:
    """Return what is stored under a person's name, and record that it was exported.

    Args:
        store: the shared database
        name: of the person, as timelines have it
        actor: who exports it
        telemetry: of `erasing_client`, for the request log; None where there is no telemetry store

    Returns:
        Rows by table, as JSON can hold them, and the rows of the audit trail.

    Raises:
        NotFound: nothing is there under this name
        ArchiveError: a file of the archive cannot be read
        TelemetryError: the telemetry store refuses, or does not answer
    """
    found: dict[str, Any] = {"name": name}
    with store.read() as connection:
        for table, column in _NAMED:
            rows = connection.execute(select(table).where(_is(table.c[column], name))).mappings()
            if told := [_plain(row) for row in rows]:
                found.setdefault(table.name, []).extend(told)
        owned = ((_VIEW, _VIEW.c.owner), (_BROWSER, _BROWSER.c.person), (_ACCOUNT, _ACCOUNT.c.name))
        for table, column in owned:
            rows = connection.execute(select(table).where(column == name)).mappings()
            if told := [_plain(row) for row in rows]:
                found.setdefault(table.name, []).extend(told)
        if told := [_plain(row) for row in overrides_of(connection, name)]:
            found.setdefault("oncall_override", []).extend(told)
        if told := [_plain(row) for row in subscriptions_of(connection, name)]:
            found["status_subscriber"] = told
    for table, rows in named_rows(store, name, _NAMED).items():
        found.setdefault(table, []).extend(rows)
    if telemetry is not None:
        found |= requests_of_person(telemetry, name)
    changes = [one for some in every(store, AuditFilter(actor=name)) for one in some]
    if len(found) == 1 and not changes:
        raise NotFound(f"nothing is stored under the name {name[:100]!r}")
    found["audit"] = msgspec.to_builtins(changes)
    tables: list[list[Any]] = [rows for rows in found.values() if rows is not name]
    change = Change(
        action="person.exported", object_kind="person", object_name=name,
        after={"rows": sum(map(len, tables))},
    )  # fmt: skip
    store.audit.write([change], actor=actor)
    return found


def erase(store: Store, name: str, *, actor: str, telemetry: TelemetryClient | None = None) -> str:
    """Replace a person's name by a pseudonym everywhere, in one transaction.

    What they wrote, such as comments, stays as it is. Where the name is an address of email, its
    subscriptions to status pages are deleted. Their requests in the request log are deleted
    before the transaction: where one of both fails, the erasure may run again.

    Args:
        store: the shared database
        name: of the person, as timelines have it
        actor: who erases it
        telemetry: of `erasing_client`; None where there is no telemetry store

    Returns:
        The pseudonym, which the rows have from now on.

    Raises:
        Conflict: the person has an account, is in the on-call document, or in what is on legal hold
        ConfigurationError: the name is empty
        ArchiveError: a file of the archive cannot be read or written; nothing is erased
        TelemetryError: the telemetry store refuses, or does not answer; nothing is erased, or some
            of the requests are
    """
    if not name.strip() or name != name.strip():
        raise ConfigurationError("no person has this name", hint="Write it as timelines have it.")
    with erasing(store, name, _NAMED) as of_archive:
        if telemetry is not None:
            with store.read() as connection:
                _refuse(connection, name)
            erase_from_requests(telemetry, name)
        return store.in_transaction(
            lambda connection: _erase(store, connection, name, actor, of_archive)
        )


def _erase(
    store: Store, connection: Connection, name: str, actor: str,
    of_archive: Callable[[Connection, str], None],
) -> str:  # fmt: skip
    _refuse(connection, name)
    person = person_of(store, connection, name)
    label = f"erased-{person[:8]}"
    # A key may act for a person: `maria via deploy-bot`.
    mine = or_(
        AUDIT_PERSON.c.id == person,
        AUDIT_PERSON.c.name.startswith(f"{name} via ", autoescape=True),
    )
    known = connection.execute(select(AUDIT_PERSON.c.name).where(mine)).scalars().all()
    for one in known:
        change = Change(action="person.erased", object_kind="person", object_name=one)
        store.audit.add(connection, change, actor=actor)
    for table, column in _NAMED:
        where = _is(table.c[column], name)
        connection.execute(table.update().where(where).values({column: label}))
    assigned = and_(TIMELINE.c.kind == "assigned", TIMELINE.c.comment == name)
    connection.execute(TIMELINE.update().where(assigned).values(comment=label))
    delete_own_rows(connection, name)
    erase_subscribers(connection, name)
    connection.execute(_BROWSER.delete().where(_BROWSER.c.person == name))
    erase_from_oncall(connection, name, label)
    erase_from_escalations(connection, name, label)
    erase_from_notices(connection, name, label)
    erase_from_incidents(connection, name, label)
    _erase_from_log(connection, name, label)
    _erase_from_answers(connection, name, label)
    erase_from_security(connection, name, label)
    of_archive(connection, label)
    connection.execute(AUDIT_PERSON.update().where(mine).values(name=None, salt=None))
    store.changed(connection)
    return label


def _refuse(connection: Connection, name: str) -> None:
    account = select(_ACCOUNT.c.id).where(_ACCOUNT.c.name == name)
    if connection.execute(account).first() is not None:
        raise Conflict(
            f"{name} has an account", hint=f"Delete it first: sentinel user delete {name}"
        )
    if name in active_document(connection).people:
        raise Conflict(
            f"{name} is in the on-call document",
            hint="Take them out of it first: sentinel oncall show, sentinel oncall apply FILE",
        )


def _erase_from_log(connection: Connection, name: str, label: str) -> None:
    """Replace the name where the system log has it as a word."""
    erased = ErasedName(name, label)
    query = select(_LOG).where(_LOG.c.message.contains(name, autoescape=True))
    for row in connection.execute(query).mappings().all():
        details = erased.in_fields(row["details"])
        values = {"message": erased.in_text(row["message"]), "details": details}
        connection.execute(_LOG.update().where(_LOG.c.id == row["id"]).values(values))


def _erase_from_answers(connection: Connection, name: str, label: str) -> None:
    """Delete the kept answers to a person's requests; replace the name in those to others'."""
    mine = [f"{kind}:{name}"[:200] for kind in ("dashboard", "local", "person", "token")]
    caller = _ANSWER.c.caller
    connection.execute(
        _ANSWER.delete().where(or_(caller.in_(mine), *(_is(caller, one) for one in mine)))
    )
    erased = ErasedName(name, label)
    key = tuple(_ANSWER.primary_key.columns)
    query = select(*key, _ANSWER.c.answer).where(_ANSWER.c.answer.contains(name, autoescape=True))
    for row in connection.execute(query).all():
        this = and_(*(column == row[place] for place, column in enumerate(key)))
        said = erased.in_text(row.answer)
        connection.execute(_ANSWER.update().where(this).values(answer=said))


def _is(column: Column[Any], name: str) -> Any:
    return or_(column == name, column.startswith(f"{name} via ", autoescape=True))


def _plain(row: Any) -> dict[str, Any]:
    """Return a row as JSON can hold it, without hashes of passwords and secrets of browsers."""
    kept = {key: value for key, value in row.items() if key not in _SECRETS}
    return msgspec.to_builtins(kept)
