"""The archive of resolved alerts over HTTP: searched, and restored from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from sentinel.access import Permission
from sentinel.alerts.view import AlertView
from sentinel.api.access import Acting
from sentinel.api.alert_query import RuleNamed, Search
from sentinel.api.bodies import Body, Moment, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import responses
from sentinel.api.schemas import Whole
from sentinel.api.shown_rules import store_of
from sentinel.errors import ConfigurationError
from sentinel.severity import WORDS, Severity, severity_of
from sentinel.store.archive.restoring import MOST_RESTORED, restore_alerts
from sentinel.store.archive.searching import MOST_FOUND, ArchiveQuery, search_archive

__all__ = ["router"]

router = APIRouter(prefix="/archive", tags=["alerts"])

_Least = Annotated[
    str,
    Query(description="The least severity; empty: any."),
    WithJsonSchema({"type": "string", "enum": ["", *WORDS]}),
]


class ArchivedAlert(AlertView):
    """An alert in the archive, as it was when it left the database."""

    archived: bool = Field(description="True: it is in the archive, and not in the database.")
    file: str = Field(description="Id of the file that has it.")


class ArchivedAlerts(BaseModel):
    """Archived alerts, the last resolved first."""

    items: list[ArchivedAlert]
    more: bool = Field(description="Whether more match; name an earlier `until` for them.")
    unread_until: datetime | None = Field(
        description="Where the time was over before all files were read: what was resolved at or "
        "before this moment may hold more. Narrow the search by `until`."
    )
    unreadable: list[str] = Field(
        description="One sentence for each file that is damaged or missing, and was left out."
    )


class ToRestore(BaseModel):
    """Which archived alerts to restore, and for how long."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"ids": ["0198f2c4a7e07cc0b2a1d3f4e5a69788"], "days": 30}]},
    )

    ids: list[Annotated[str, Field(pattern="^[0-9a-f]{32}$")]] = Field(
        min_length=1, max_length=MOST_RESTORED, description="Ids of alerts."
    )
    days: Whole = Field(
        30, ge=1, le=3650, description="How long they stay before they are archived again."
    )


class Restored(BaseModel):
    """The alerts that are in the database again."""

    ids: list[str]


@router.get("", summary="Search the archive", responses=responses(503))
@needs(Permission.READ, "alerts", confined=True)
def search(
    request: Request, who: Acting, search: Search = "", rule: RuleNamed = "",
    severity: _Least = "",
    since: Annotated[Moment | None, Query(description="Resolved at or after this.")] = None,
    until: Annotated[Moment | None, Query(description="Resolved before this.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_FOUND, description="At most so many.")] = 50,
) -> ArchivedAlerts:  # fmt: skip
    """Search alerts that retention moved into the archive, for at most some seconds.

    Each word of `search` stands somewhere in title, description, rule, labels or comments.

    Returns:
        Those that were resolved last, and whether there may be more.
    """
    query = ArchiveQuery(
        words=tuple(search.split()), rule=rule, severity=_severity(severity), since=since,
        until=until, limit=limit, scope=who.scope(Permission.READ),
    )  # fmt: skip
    found = search_archive(store_of(request), query)
    return ArchivedAlerts(
        items=[ArchivedAlert.model_construct(None, **one) for one in found.items],
        more=found.more, unread_until=found.unread_until, unreadable=found.unreadable,
    )  # fmt: skip


@router.post(
    "/restore",
    summary="Restore archived alerts",
    responses=responses(400, 404, 409, 413, 503),
    openapi_extra=described_as(ToRestore),
)
@needs(Permission.EDIT, "alerts", confined=True)
def restore(request: Request, body: Body, who: Acting) -> Restored:
    """Put alerts back into the database, with their timelines, groups and deliveries.

    All of them, or none. They are archived again once their time is over.

    Returns:
        Their ids.
    """
    asked = read_as(ToRestore, body)
    ids = restore_alerts(
        store_of(request), asked.ids, actor=who.name, keep=timedelta(days=asked.days),
        scope=who.scope(Permission.EDIT),
    )  # fmt: skip
    return Restored(ids=ids)


def _severity(word: str) -> Severity | None:
    try:
        return severity_of(word) if word else None
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
