"""One action on many alerts over HTTP: by their ids, or on all that match."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self, cast

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from sentinel.access import Permission
from sentinel.alerts.actions import Action, ActionResult, Assign, Suppress, name_of
from sentinel.alerts.bulk import Step, changed, undo_steps
from sentinel.alerts.reasons import Reason, words
from sentinel.alerts.view import SHOWN, AlertView
from sentinel.api.access import Acting
from sentinel.api.alerts import action_of
from sentinel.api.bodies import Body, SentMoment, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.once import Once, OnceRoute
from sentinel.api.problems import responses
from sentinel.api.schemas import WHAT_ACTIONS_NEED, ActionFields, Version, Words
from sentinel.api.scoped import within
from sentinel.engine.snooze import offer, still_firing
from sentinel.severity import WORDS
from sentinel.store.access.within import Within
from sentinel.store.alerts.asked import MOST_ACTED_ON
from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.alerts.search_syntax import searched

__all__ = ["router"]

router = APIRouter(prefix="/alerts", tags=["alerts"], route_class=OnceRoute)

MOST_SHOWN = 100
"""Alerts that a preview shows."""
_Id = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
_Text = Annotated[Words, Field(max_length=300)]
_STATUS: dict[str, Any] = {"type": "string", "enum": [*SHOWN, "active"]}
_SEVERITY: dict[str, Any] = {"type": "string", "enum": list(WORDS)}


class Matching(BaseModel):
    """Which alerts: those that match every field given; without a status, all unresolved ones."""

    model_config = ConfigDict(extra="forbid", strict=True)

    status: list[Annotated[str, WithJsonSchema(_STATUS)]] = Field(
        default_factory=list[str], max_length=50, description="Statuses as shown."
    )
    severity: list[Annotated[str, WithJsonSchema(_SEVERITY)]] = Field(
        default_factory=list[str], max_length=50, description="Severities."
    )
    rule: _Text = Field("", description="Name of the rule.")
    category: _Text = Field("", description="Category of the rule.")
    team: _Text = Field("", description="Team of the rule.")
    assignee: _Text | None = Field(None, description="Assignee; empty: unassigned.")
    q: _Text = Field("", description="A search, as in the dashboard.")
    since: SentMoment | None = Field(None, description="Opened at or after this.")
    until: SentMoment | None = Field(None, description="Opened before this.")
    tenant: _Text = Field("", description="Tenant of the alerts; empty: all.")
    group: Annotated[str, Field(pattern="^([0-9a-f]{32})?$")] = Field(
        "", description="Id of a group, whose alerts were notified together."
    )


class BulkRequest(ActionFields):
    """An action of a person on many alerts: on `ids`, or on all that are `matching`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "allOf": cast("Any", WHAT_ACTIONS_NEED),
            "oneOf": [
                {"required": ["ids"], "properties": {"ids": {"type": "array"}},
                 "not": {"required": ["matching"]}},
                {"required": ["matching"], "properties": {"matching": {"type": "object"}},
                 "not": {"anyOf": [{"required": ["ids"]}, {"required": ["expected_versions"]}]}},
            ],
            "examples": [
                {"action": "acknowledge", "note": "looking into it",
                 "ids": ["0198f2c4a7e07cc0b2a1d3f4e5a69788"]},
                {"action": "suppress", "duration_minutes": 60, "reason": "planned migration",
                 "matching": {"rule": "disk-space", "severity": ["high", "medium"]}},
                {"action": "resolve", "matching": {"q": "host:web-1"}, "dry_run": True},
            ],
        },
    )  # fmt: skip

    ids: list[_Id] | None = Field(
        None, min_length=1, max_length=MOST_ACTED_ON, description="Ids of the alerts."
    )
    expected_versions: dict[_Id, Version] = Field(
        default_factory=dict[str, int],
        description="Versions by id: an alert of another version is left alone, as a conflict.",
        json_schema_extra={"propertyNames": {"pattern": "^[0-9a-f]{32}$"}},
    )
    matching: Matching | None = Field(
        None,
        description=f"All alerts that match, whatever their versions; {MOST_ACTED_ON:,} at a time, "
        "the most urgent first.",
    )
    dry_run: bool = Field(False, description="Change nothing; return which alerts it is for.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = self.model_fields_set & {"ids", "matching"}
        if len(given) != 1 or (self.ids is None and self.matching is None):
            raise ValueError("needs either ids or matching")
        if "matching" in given and "expected_versions" in self.model_fields_set:
            raise ValueError("expected_versions go with ids, not with matching")
        return self


class BulkOutcome(BaseModel):
    """What came of the action for one alert."""

    id: str
    outcome: Literal["changed", "unchanged", "conflict", "not_found", "refused"] = Field(
        description="conflict: its version is another one; refused: its state forbids the action."
    )
    reason: str = Field(description="Reason code.")
    reason_text: str = Field(description="`reason` in words.")
    status: str = Field(description="The stored status afterwards; empty where there is none.")
    version: int
    error: str = Field(description="Why not, where it was refused.")
    still_firing: bool = Field(description="A resolved alert whose condition still holds.")


class BulkTarget(BaseModel):
    """An alert that the action would be for."""

    id: str
    tenant: str
    rule: str
    title: str
    severity: str
    status: str
    version: int


class BulkTaken(BaseModel):
    """The outcome of an action on many alerts."""

    matched: int = Field(description="Alerts that it was for.")
    more: bool = Field(description="More alerts match: send the same again for the rest.")
    changed: int
    unchanged: int
    refused: int = Field(description="Refused, unknown or changed by somebody else.")
    outcomes: list[BulkOutcome] = Field(description="One for each alert; empty for a dry run.")
    undo: list[dict[str, Any]] = Field(
        description="Bodies for this same address that undo it, each on the versions it left."
    )
    offer: str | None = Field(
        default=None,
        description="Offers a suppression if the condition of resolved alerts still holds.",
    )
    preview: list[BulkTarget] | None = Field(
        default=None,
        description=f"For a dry run: the first {MOST_SHOWN} alerts, the most urgent first.",
    )


@router.post(
    "/bulk",
    summary="Act on many alerts",
    responses=responses(400, 409, 413),
    openapi_extra=described_as(BulkRequest),
    dependencies=[Once],
)
@needs(Permission.RESPOND, "alerts", confined=True)
def act_on_many(request: Request, body: Body, who: Acting) -> BulkTaken:
    """Act on alerts by their ids, or on all that match; one that refuses does not stop the others.

    The answer has the outcome of each alert, and the requests that undo what was changed. Alerts
    of tenants and teams in which the caller may not act are as unknown ones. All of it is one
    transaction: where the database fails, nothing was done.

    Returns:
        The outcomes.
    """
    asked = read_as(BulkRequest, body)
    store = within(request)
    versions, more = _targets(store, asked, who.me)
    if asked.dry_run:
        return _preview(store, versions, more=more)
    action = action_of(store.store, asked, who.name)
    before = store.some_alerts(list(versions))
    firing: set[str] = set()
    if asked.action == "resolve":
        firing = set(still_firing(store.store, before.values()))
    results = store.act(
        list(versions),
        action,
        {one: version for one, version in versions.items() if version is not None},
    )
    outcomes = [_outcome(one, firing) for one in results]
    undo = undo_steps(asked.action, who.name, before, results, store.store.now())
    held = any(one.still_firing for one in outcomes)
    return BulkTaken(
        matched=len(versions),
        more=more,
        changed=len(changed(results)),
        unchanged=sum(one.outcome == "unchanged" for one in outcomes),
        refused=sum(not one.ok for one in results),
        outcomes=outcomes,
        undo=_undo_bodies(undo, store.store.now()),
        offer=offer(store.store) if held else None,
    )


def _targets(store: Within, asked: BulkRequest, me: str) -> tuple[dict[str, int | None], bool]:
    """Return the alerts that a request is for with the versions it expects, and if more match."""
    if asked.ids is not None:
        # A comment changes nothing that somebody else's change could conflict with.
        given = {} if asked.action == "comment" else asked.expected_versions
        return {one: given.get(one) for one in asked.ids}, False
    matching = asked.matching or Matching.model_validate({})
    narrow = AlertFilter(
        status=tuple(matching.status), severity=tuple(matching.severity),
        **matching.model_dump(exclude={"status", "severity", "q"}),
    )  # fmt: skip
    found, more = store.first_alerts(searched(narrow, matching.q, me=me), MOST_ACTED_ON)
    return dict.fromkeys(one["id"] for one in found), more


def _preview(store: Within, versions: dict[str, int | None], *, more: bool) -> BulkTaken:
    there = store.some_alerts(list(versions))
    shown = [there[one] for one in versions if one in there]
    return BulkTaken(
        matched=len(shown), more=more, changed=0, unchanged=0, refused=0, outcomes=[], undo=[],
        preview=[_target(one) for one in shown[:MOST_SHOWN]],
    )  # fmt: skip


def _target(alert: AlertView) -> BulkTarget:
    return BulkTarget.model_validate(
        {name: getattr(alert, name) for name in BulkTarget.model_fields}
    )


def _outcome(one: ActionResult, firing: set[str]) -> BulkOutcome:
    outcome: Any = "changed"
    if one.reason is Reason.UNCHANGED:
        outcome = "unchanged"
    elif not one.ok:
        outcome = {Reason.CONFLICT: "conflict", Reason.NOT_FOUND: "not_found"}.get(
            one.reason, "refused"
        )
    return BulkOutcome(
        id=one.alert_id, outcome=outcome, reason=one.reason, reason_text=words(one.reason),
        status=one.status, version=one.version, error=one.error,
        still_firing=outcome == "changed" and one.alert_id in firing,
    )  # fmt: skip


def _undo_bodies(steps: list[Step], now: datetime) -> list[dict[str, Any]]:
    """Return one body for each action of the steps, with the versions of all its alerts."""
    return [
        _body(step.action, now) | {"ids": step.ids, "expected_versions": step.versions}
        for step in steps
    ]


def _body(action: Action, now: datetime) -> dict[str, Any]:
    body: dict[str, Any] = {
        "action": name_of(action), "note": action.comment,
    }  # fmt: skip
    if isinstance(action, Assign):
        body["assignee"] = action.assignee
    if isinstance(action, Suppress):
        body["duration_minutes"] = (action.until - now).total_seconds() / 60
    return body
