"""Rule files over HTTP beside those that change something: exported, backtested and compared."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import islice
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Body, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.rule_bodies import TestOutcome
from sentinel.api.rule_files import DOCUMENT, RuleFiles, entries_of
from sentinel.api.rule_trials import LONGEST, lines_of, shown
from sentinel.api.schemas import NO_NUL
from sentinel.api.shown_rules import allow, rollout_here, store_of
from sentinel.backtest.file_rules import differences, of_entries, replayed, rule_of
from sentinel.rollout.exported import exported, written
from sentinel.rollout.plan import Live
from sentinel.rules.pack import is_pack, member_teams

__all__ = ["router"]

router = APIRouter(prefix="/rule-files", tags=["rules"])

MOST_COMPARED = 50
"""Rules that one request may have replayed twice."""
_LONGEST = LONGEST.total_seconds() / 3600
_Name = Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"pattern": NO_NUL})]


class RuleFilesReplayed(RuleFiles):
    """Rule files, and the time to replay."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{**DOCUMENT, "hours": 48}]}
    )

    hours: float = Field(
        168, gt=0, le=_LONGEST, description="So many hours up to now are replayed."
    )


class RuleOfFiles(RuleFilesReplayed):
    """A rule of files, and the time to replay."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{**DOCUMENT, "rule": "disk-full", "hours": 48}]},
    )

    rule: _Name = Field(description="Name of the rule.")


class RuleFileDifferences(BaseModel):
    """What changed rules would have done."""

    sections: list[str] = Field(
        description="Markdown for each rule that differs from the one that last ran: its edits, "
        "and the alerts and messages before and after them."
    )


@router.get(
    "",
    summary="Export rules",
    responses={
        **responses(403, 404),
        200: {
            "content": {"text/plain": {"schema": {"type": "string"}}},
            "description": "A file for `prefect deploy`",
        },
    },
)
@needs(Permission.READ, "rules", confined=True)
def export(
    request: Request,
    who: Acting,
    name: Annotated[
        list[_Name], Query(max_length=200, description="Names of rules; without one, all.")
    ] = [],  # noqa: B006 - FastAPI copies it
    form: Annotated[Literal["yaml", "json"], Query(alias="format")] = "yaml",
) -> PlainTextResponse:
    """Return the rules that the caller may read as one file that `sentinel deploy` takes.

    Secrets are not in it: a rule names the block that holds them.

    Returns:
        The text of the file.

    Raises:
        NotFound: Prefect has no deployment of a named rule that the caller may read
    """
    with rollout_here(request) as (api, _):
        live = api.live(name or None)

    mine = [one for one in live if all(who.allows(Permission.READ, *of) for of in _whose(one))]
    return PlainTextResponse(written(exported(mine, name), form))


@router.post(
    "/backtest",
    summary="Backtest a rule of files",
    response_model=TestOutcome,
    responses=responses(400, 403, 404, 413),
    openapi_extra=described_as(RuleOfFiles),
)
@needs(Permission.EDIT, "rules")
def backtest(request: Request, body: Body, who: Acting) -> Response:
    """Return which alerts a rule of a file would have opened on what was stored.

    Nothing is stored, deployed or sent.

    Returns:
        The alerts and messages.
    """
    asked = read_as(RuleOfFiles, body)
    candidate = of_entries(entries_of(asked), asked.rule, "the document")
    rule = rule_of(candidate)
    allow(who, Permission.EDIT, rule.tenant, rule.team)
    store = store_of(request)
    since, until = _period(store.now(), asked.hours)
    return shown(replayed(store, candidate, since, until, lines=lines_of(request)))


@router.post(
    "/diff",
    summary="What changed rule files would have done",
    responses=responses(400, 403, 413),
    openapi_extra=described_as(RuleFilesReplayed),
)
@needs(Permission.EDIT, "rules")
def diff(request: Request, body: Body) -> RuleFileDifferences:
    """Compare each rule of files with the rule of its name as it last ran, on what was stored.

    Nothing is stored, deployed or sent.

    Returns:
        A section of Markdown for each rule that differs.

    Raises:
        Problem: 422, if too many rules differ
    """
    asked = read_as(RuleFilesReplayed, body)
    store = store_of(request)
    since, until = _period(store.now(), asked.hours)
    found = differences(store, entries_of(asked), since, until, lines_of(request))
    sections = [*islice(found, MOST_COMPARED)]
    if next(found, None) is not None:
        raise Problem(
            422,
            "invalid",
            f"document: more than {MOST_COMPARED} rules differ from those that last ran",
            hint="Send fewer rules.",
            field="document",
        )
    return RuleFileDifferences(sections=sections)


def _period(now: datetime, hours: float) -> tuple[datetime, datetime]:
    return now - timedelta(hours=hours), now


def _whose(live: Live) -> set[tuple[str, str]]:
    """Return tenant and team of the rule that a deployment is, and of each rule of a pack."""
    parameters: dict[str, Any] = live.deployment.get("parameters") or {}
    rule = parameters.get("rule")
    fields = cast("dict[str, Any]", rule) if isinstance(rule, dict) else {}
    tenant = str(fields.get("tenant") or "default")
    teams = {str(fields.get("team") or "")}
    if is_pack(parameters):
        teams |= member_teams(parameters)
    return {(tenant, team) for team in teams}
