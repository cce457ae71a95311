"""On-call over HTTP: the document, who is on call, gaps, overrides, swaps and a calendar."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, SentMoment, described_as, read_as
from sentinel.api.document_versions import DocumentDoor, add_versions
from sentinel.api.needs import needs
from sentinel.api.oncall_bodies import (
    CoverageList,
    EscalationsTried,
    EscalationTried,
    OnCallBody,
    OverrideItem,
    OverrideList,
    OverrideNew,
    ShiftList,
    StandingList,
    SwapNew,
    TryEscalation,
)
from sentinel.api.problems import Problem, responses
from sentinel.api.receivers import everywhere
from sentinel.api.schemas import NO_NUL
from sentinel.api.shown_rules import store_of
from sentinel.errors import NotFound
from sentinel.oncall.calendar_feed import calendar_of
from sentinel.oncall.escalation import Paged, planned, steps_of
from sentinel.oncall.escalation_policy import EscalationPolicy
from sentinel.schema.oncall import OnCallOverride
from sentinel.severity import WORDS, Severity, severity_of
from sentinel.store.oncall.documents import OnCallDocuments
from sentinel.store.oncall.overrides import OnCallOverrides
from sentinel.store.oncall.stored import REACH, OnCallNow, StoredOnCall
from sentinel.store.oncall.trials import ways_escalated

__all__ = ["router"]

router = APIRouter(prefix="/oncall", tags=["on-call"])

Schedule = Annotated[
    str,
    Query(description="Name of one schedule; by default all.", max_length=100, pattern=NO_NUL),
]
Days = Annotated[int, Query(ge=1, le=366, description="Number of days to look ahead.")]
_YEARS = range(1970, 9000)
"""Of a first page, from which repeats and time zones count."""
_MOST_PAGES = 2000
"""Of a trial, after which no more steps are looked at."""


add_versions(
    router,
    DocumentDoor(
        documents=OnCallDocuments,
        area="oncall",
        noun="the on-call document",
        body=OnCallBody,
        about="Make a document of people, teams, schedules and escalation policies the active one.",
        # It has people's addresses.
        read=Permission.RESPOND,
    ),
)


@router.get("/now", summary="Who is on call now, and who is next", responses=responses(403, 404))
@needs(Permission.READ, "oncall")
def now(
    request: Request,
    schedule: Schedule = "",
    at: Annotated[
        SentMoment | None, Query(description="Another moment than now, with its zone.")
    ] = None,
) -> StandingList:
    """Return who is on call by each schedule, until when, and who is next.

    Returns:
        One for each schedule, by name.

    Raises:
        Problem: 422 for a moment too far from today to count from
    """
    store = store_of(request)
    moment = at or store.now()
    _must_be_near(moment)
    known = StoredOnCall(store).now(moment)
    zones = {name: one.timezone for name, one in known.schedules(schedule or None).items()}
    found = known.standings(moment, schedule or None)
    items = [{**msgspec.to_builtins(one), "timezone": zones[one.schedule]} for one in found]
    return StandingList.model_validate({"at": moment, "items": items})


@router.get("/shifts", summary="Shifts to come", responses=responses(403, 404))
@needs(Permission.READ, "oncall")
def shifts(request: Request, schedule: Schedule = "", days: Days = 14) -> ShiftList:
    """List the shifts to come, and what makes each."""
    store = store_of(request)
    start = store.now()
    known = StoredOnCall(store).now(start - REACH)
    zones = {name: one.timezone for name, one in known.schedules(schedule or None).items()}
    found = known.shifts(start, start + timedelta(days=days), schedule or None)
    items = [
        {"schedule": name, **msgspec.to_builtins(one), "timezone": zones[name]}
        for name, one in found
    ]
    return ShiftList.model_validate({"items": items})


@router.get("/coverage", summary="Gaps and shares of the days to come", responses=responses(403))
@needs(Permission.READ, "oncall")
def coverage(request: Request, days: Days = 30) -> CoverageList:
    """Return when nobody is on call by each schedule, and how evenly shifts fall on people."""
    store = store_of(request)
    start = store.now()
    found = StoredOnCall(store).coverage(start, start + timedelta(days=days))
    return CoverageList.model_validate({"items": msgspec.to_builtins(found)})


@router.get(
    "/calendar.ics",
    summary="Shifts as an iCalendar file",
    responses={
        **responses(403, 404),
        200: {
            "content": {"text/calendar": {"schema": {"type": "string"}}},
            "description": "Shifts",
        },
    },
    response_class=Response,
)
@needs(Permission.READ, "oncall")
def calendar(
    request: Request,
    schedule: Schedule = "",
    person: Annotated[
        str, Query(description="Only the shifts of this person.", max_length=100, pattern=NO_NUL)
    ] = "",
    days: Days = 90,
) -> Response:
    """Return the shifts to come as an iCalendar file, which calendar programs read."""
    store = store_of(request)
    start = store.now()
    known = StoredOnCall(store).now(start - REACH)
    if person:
        known.require_person(person)
    held = known.shifts(start, start + timedelta(days=days), schedule or None)
    title = f"On call: {person or schedule or 'all schedules'}"
    return Response(calendar_of(title, held, start, person), media_type="text/calendar")


@router.get("/overrides", summary="Overrides and swaps", responses=responses(403))
@needs(Permission.READ, "oncall")
def overrides(request: Request, schedule: Schedule = "") -> OverrideList:
    """List overrides that hold or are to come, in the order in which they were made."""
    store = store_of(request)
    found = OnCallOverrides(store).rows(schedule or None, store.now())
    return OverrideList(items=[_override(one) for one in found])


@router.post(
    "/overrides",
    summary="Put people on call for a time",
    status_code=201,
    responses=responses(400, 403, 404, 413),
    openapi_extra=described_as(OverrideNew),
)
@needs(Permission.RESPOND, "oncall")
def add_override(request: Request, body: Body, who: Acting) -> OverrideItem:
    """Put people on call for a time, instead of everybody or of one person.

    Returns:
        The override.
    """
    asked = read_as(OverrideNew, body)
    everywhere(who, Permission.RESPOND)
    made = OnCallOverrides(store_of(request)).add(
        asked.schedule, asked.start, asked.end, asked.people, actor=who.name,
        replaces=asked.replaces, reason=asked.reason,
    )  # fmt: skip
    return _override(made)


@router.post(
    "/swaps",
    summary="Swap two shifts",
    status_code=201,
    responses=responses(400, 403, 404, 413),
    openapi_extra=described_as(SwapNew),
)
@needs(Permission.RESPOND, "oncall")
def swap(request: Request, body: Body, who: Acting) -> OverrideList:
    """Let the people of two shifts take each other's; no other shift changes.

    Returns:
        Both sides of the swap.
    """
    asked = read_as(SwapNew, body)
    everywhere(who, Permission.RESPOND)
    made = OnCallOverrides(store_of(request)).swap(
        asked.schedule, asked.first, asked.second, actor=who.name, reason=asked.reason
    )
    return OverrideList(items=[_override(one) for one in made])


@router.delete(
    "/overrides/{override_id}",
    summary="Take an override or a swap back",
    responses=responses(403, 404, 409),
)
@needs(Permission.RESPOND, "oncall")
def remove(
    request: Request,
    override_id: Annotated[
        str,
        Path(
            pattern="^[0-9a-f]{32}$",
            description="Id of the override.",
            examples=["0198f2c4a7e07cc0b2a1d3f4e5a69788"],
        ),
    ],
    who: Acting,
) -> OverrideList:
    """Take an override back; of a swap, both sides.

    Returns:
        What was taken back.
    """
    everywhere(who, Permission.RESPOND)
    found = OnCallOverrides(store_of(request)).remove(override_id, actor=who.name)
    return OverrideList(items=[_override(one) for one in found])


@router.post(
    "/escalations/test",
    summary="Whom a policy would page, and when",
    responses=responses(400, 403, 404, 413),
    openapi_extra=described_as(TryEscalation),
)
@needs(Permission.READ, "oncall")
def test(request: Request, body: Body) -> EscalationTried | EscalationsTried:
    """Return what every step of a policy would do if nobody acknowledged. It notifies nobody.

    Returns:
        The steps of the policy in their order; where labels are given, those of each policy that
        the alert would have.

    Raises:
        NotFound: there is no policy of that name
        Problem: 422 for a moment too far from today to count from
    """
    asked = read_as(TryEscalation, body)
    store = store_of(request)
    first = asked.at or store.now()
    _must_be_near(first)
    known = StoredOnCall(store).now(first)
    labels = asked.labels or {}
    label = labels.get("severity", "").strip().lower()
    word = asked.severity or (label if label in WORDS else "critical")
    severity = severity_of(word)
    if asked.policy is None:
        ways = ways_escalated(store, {**labels, "severity": word}, first)
        chosen = [one for _, one in ways if one is not None]
        found = [_tried(one.name, one.policy, severity, first, known, one.why) for one in chosen]
        return EscalationsTried(items=found)
    policy = known.document.escalation_policies.get(asked.policy)
    if policy is None:
        raise NotFound(
            f"there is no escalation policy {asked.policy!r}",
            hint="They are in the on-call document: GET /api/v1/alerts/oncall",
        )
    return _tried(asked.policy, policy, severity, first, known)


def _must_be_near(moment: datetime) -> None:
    if moment.year not in _YEARS:
        raise Problem(422, "invalid", "at: must lie between 1970 and 8999", field="at")


def _tried(
    name: str, policy: EscalationPolicy, severity: Severity, first: datetime, known: OnCallNow,
    why: str = "",
) -> EscalationTried:  # fmt: skip
    """Return what a policy would do, up to `_MOST_PAGES` messages."""
    found = planned(policy, severity, first, known.document, known.overrides_of)
    steps: list[Paged] = []
    pages = 0
    for step in found:
        steps.append(step)
        pages += len(step.pages)
        if pages >= _MOST_PAGES:
            break
    return EscalationTried.model_validate(
        {
            "policy": name,
            "why": why,
            "first_page": first,
            "steps": msgspec.to_builtins(steps),
            "cut": len(steps) < len(steps_of(policy)),
        }
    )


def _override(row: OnCallOverride) -> OverrideItem:
    fields = row.model_dump() | {
        "start": row.starts_at,
        "end": row.ends_at,
        "people": row.people.split("\n") if row.people else [],
    }
    return OverrideItem.model_validate(fields)
