"""Rules tried out over HTTP: on sample data, and on what was stored. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.answers import json_response
from sentinel.api.bodies import Body, Tenant, described_as, read_as
from sentinel.api.needs import needs
from sentinel.api.problems import Problem, responses
from sentinel.api.rule_bodies import (
    BacktestBody,
    SampleTest,
    TestOutcome,
    TestSample,
    given_of,
)
from sentinel.api.rule_changes import RuleName
from sentinel.api.shown_rules import allow, made_rules, store_of
from sentinel.api.telemetry_asked import reader_of
from sentinel.backtest import (
    EVENT_TRIGGERS,
    Backtest,
    Candidate,
    Plan,
    Seen,
    replay,
    spec_of,
)
from sentinel.backtest.file_rules import replayed
from sentinel.backtest.policies import Lines
from sentinel.checks.catalog import find
from sentinel.checks.form import filled
from sentinel.checks.observation import Observation
from sentinel.checks.reading import Reading
from sentinel.errors import NotFound, RuleError
from sentinel.rollout.checked_drafts import checked_draft
from sentinel.rollout.rule_draft import Draft, draft_of
from sentinel.rollout.rule_words import worded
from sentinel.rollout.shipped_rules import known_to
from sentinel.store.rules.made import given_words
from sentinel.store.telemetry.replayed_lines import replayed_lines

__all__ = ["LONGEST", "lines_of", "router", "shown"]

router = APIRouter(prefix="/rules", tags=["rules"])
LONGEST = timedelta(days=31)
"""The longest time that is replayed."""
YEARS = range(1970, 9000)
"""Of samples: their moments can be moved by periods and time zones."""


@router.post(
    "/test",
    summary="Test a rule on sample data",
    response_model=TestOutcome,
    responses=responses(400, 403, 413),
    openapi_extra=described_as(SampleTest),
)
@needs(Permission.EDIT, "rules")
def test(request: Request, body: Body, who: Acting) -> Response:
    """Return which alerts a rule would open for some values. Nothing is stored or sent.

    Samples at the same moment are one evaluation; without `at`, each is an evaluation, a period
    after the one before.

    Returns:
        The alerts and messages.
    """
    asked = read_as(SampleTest, body)
    given = given_of(asked.rule)
    tenant = str(given.get("tenant") or "default")
    allow(who, Permission.EDIT, tenant, str(given.get("team") or ""))
    store = store_of(request)
    found = worded(given, known_to(store, tenant))
    rule, trigger = checked_draft(found.draft), find(found.draft.trigger)
    seen = _evaluations(asked.samples, rule.every or timedelta(minutes=1), store.now())
    plan = Plan(
        rule=rule, since=seen[0].at - timedelta(microseconds=1), until=seen[-1].at,
        trigger=trigger.name, default_when=trigger.when, default_category=trigger.category,
        closed_world=trigger.closed_world, unit=trigger.unit, receivers=store.receivers.all(),
        options=store.options, notes=found.notes,
    )  # fmt: skip
    return shown(replay(plan, seen))


@router.post(
    "/{name}/backtest",
    summary="Backtest a rule",
    response_model=TestOutcome,
    responses=responses(400, 403, 404, 409, 413),
    openapi_extra=described_as(BacktestBody),
)
@needs(Permission.EDIT, "rules")
def backtest(
    request: Request, name: RuleName, body: Body, who: Acting, tenant: Tenant = "default"
) -> Response:
    """Return which alerts a rule, or a change of it, would have opened on what was stored.

    Nothing is stored or sent.

    Returns:
        The alerts and messages.

    Raises:
        NotFound: Prefect has no deployment of this rule
    """
    asked = read_as(BacktestBody, body)
    with made_rules(request) as rules:
        live = rules.find(name, tenant)
    if live is None:
        raise NotFound(f"Prefect has no deployment of the rule {name!r}")
    draft, notes = draft_of(live.deployment), list[str]()
    allow(who, Permission.EDIT, tenant, str(draft.rule.get("team") or ""))
    store = store_of(request)
    if asked.changes is not None:
        words = given_words(store, tenant, name)
        found = worded(given_of(asked.changes), known_to(store, tenant), draft, words)
        draft, notes = found.draft, found.notes
    until = store.now()
    done = _replayed(request, draft, until - timedelta(hours=asked.hours), until)
    return shown(msgspec.structs.replace(done, notes=[*notes, *done.notes]))


def _replayed(request: Request, draft: Draft, since: datetime, until: datetime) -> Backtest:
    store, rule, trigger = store_of(request), checked_draft(draft), find(draft.trigger)
    if not trigger.backtest and trigger.name not in EVENT_TRIGGERS:
        raise RuleError(f"{trigger.name} acts on the world, so it cannot be replayed")
    parameters: Mapping[str, Any] = draft.parameters
    if not trigger.keeps_readings:
        # The replay evaluates it again, so its parameters are parsed as a flow run parses them.
        parameters = filled(trigger, {}, draft.parameters)
    candidate = (
        spec_of(rule, trigger, parameters)
        if trigger.name in EVENT_TRIGGERS
        else Candidate(rule=rule, trigger=trigger, parameters=parameters)
    )
    return replayed(store, candidate, since, until, lines=lines_of(request))


def lines_of(request: Request) -> Lines:
    """Return what reads the log lines that the application of a request stores."""
    return lambda tenant, since, until: replayed_lines(reader_of(request), tenant, since, until)


def _evaluations(samples: Sequence[TestSample], every: timedelta, now: datetime) -> list[Seen]:
    """Return the evaluations that saw the samples, oldest first."""
    _refuse_far(samples, every)
    unplaced = sum(sample.at is None for sample in samples)
    at: datetime | None = None
    by_time: dict[datetime, list[Reading]] = {}
    for sample in samples:
        at = sample.at or (now - every * (unplaced - 1) if at is None else at + every)
        by_time.setdefault(at, []).append(Reading(labels=sample.labels, value=sample.value))
    if max(by_time) - min(by_time) > LONGEST:
        problem = _too_far()
        raise problem
    return [
        Seen(
            at=at,
            observation=Observation(readings=readings),
            greatest=max(one.value for one in readings if one.value is not None),
        )
        for at, readings in sorted(by_time.items())
    ]


def _refuse_far(samples: Sequence[TestSample], every: timedelta) -> None:
    """Refuse moments that no calendar has, or that lie too far from each other.

    Raises:
        Problem: 422
    """
    for number, sample in enumerate(samples):
        if sample.at is not None and sample.at.year not in YEARS:
            raise Problem(
                422,
                "invalid",
                f"samples.{number}.at: must lie between the years {YEARS[0]} and {YEARS[-1]}",
                field=f"samples.{number}.at",
            )
    periods = max(sum(sample.at is None for sample in samples) - 1, 1)
    unplaced = any(sample.at is None for sample in samples[1:])
    if unplaced and every.total_seconds() * periods > LONGEST.total_seconds():
        problem = _too_far()
        raise problem


def _too_far() -> Problem:
    return Problem(
        422,
        "invalid",
        f"samples: they span more than {LONGEST.days} days",
        hint="Send fewer, or give the rule a shorter period.",
        field="samples",
    )


def shown(found: Backtest) -> Response:
    """Return what a backtest found, as `TestOutcome` has it."""
    fields: dict[str, Any] = msgspec.to_builtins(found)
    fields["peaks"] = found.few_peaks()
    return json_response(
        msgspec.json.encode({name: fields[name] for name in TestOutcome.model_fields})
    )
