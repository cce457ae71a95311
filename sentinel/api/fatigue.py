"""Alert fatigue over HTTP: which rules, teams and people have noisy alerts, and what helps."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from sentinel.access import Permission
from sentinel.api.access import Acting
from sentinel.api.bodies import Tenant
from sentinel.api.needs import needs
from sentinel.api.once import OnceOnPrefect, OnceRoute
from sentinel.api.problems import responses
from sentinel.api.rule_changes import RuleName
from sentinel.api.scoped import within
from sentinel.api.shown_rules import allow, made_rules
from sentinel.noise.advice import KINDS, Advice
from sentinel.noise.score import DEFINITION
from sentinel.rollout.noise_change import apply_advice, command_of, the_advice
from sentinel.store.reports.kept_alerts import Scored
from sentinel.store.reports.noise import noise_report
from sentinel.store.reports.rule_noise import RuleNoise, rule_noise

__all__ = ["router"]

router = APIRouter(prefix="/fatigue", tags=["statistics"], route_class=OnceRoute)

Days = Annotated[
    float, Query(ge=0.05, le=60, description="Length of the period that ends now, in days.")
]


class FatiguePart(BaseModel):
    """One part of a score."""

    name: str = Field(description="ignored, flapping, noise, volume, low or duplicates.")
    count: float = Field(description="How many alerts it is about; of volume, alerts a day.")
    of: float = Field(description="Of how many.")
    share: float = Field(description="From 0 to 1.")
    points: float = Field(description="`share` times `most`.")
    most: int = Field(description="The most points of this part.")
    text: str = Field(description="What it counts.")


class FatigueItem(BaseModel):
    """The fatigue of a rule, a team or a person."""

    name: str = Field(description="Empty for alerts without a team.")
    tenant: str = Field(description="Of a rule; empty for a team or a person.")
    score: float | None = Field(description="From 0 to 100; null where there is not enough data.")
    alerts: int = Field(description="That opened in the period; of a person, that paged them.")
    learned: float | None = Field(
        default=None,
        description="Of a rule: where it stands in the learned order, from 0 to 100; null where "
        "the score orders, or the rule had fewer than five alerts in the last seven days.",
    )
    parts: list[FatiguePart] = Field(description="The most points first.")


class FatigueRanking(BaseModel):
    """How the rules are ordered, and why so."""

    learned: bool = Field(description="Whether by what was learned; else by the fatigue score.")
    text: str = Field(description="Which order it is and why.")
    precision: float | None = Field(
        description="Average precision of the learned order in the weeks held out, 0 to 1; null "
        "where nothing was compared."
    )
    simple_precision: float | None = Field(description="That of the fatigue score.")
    low: float | None = Field(
        description="Lower end of the 95 % interval of the first less the second; the learned "
        "order is used where it is above 0."
    )
    high: float | None = Field(description="Upper end of it.")
    intercept: float = Field(description="Of the logistic regression.")
    coefficients: dict[str, float] = Field(
        description="Of the logistic regression, by name of the share; empty where nothing was "
        "fitted."
    )


class FatigueView(BaseModel):
    """The noise of a period, the highest scores first, and rules as `ranking` says."""

    since: datetime
    until: datetime
    definition: str = Field(description="How the score is made.")
    ranking: FatigueRanking
    rules: list[FatigueItem] = Field(
        description="At most twelve, of the names of rules with the most alerts; each tenant's "
        "rule by itself."
    )
    teams: list[FatigueItem]
    people: list[FatigueItem] = Field(
        description="Who was paged; empty for whoever may not see on-call."
    )


class FatigueAdvice(BaseModel):
    """One change, and what it would have made of the alerts of the period."""

    kind: str = Field(description=f"One of {', '.join(KINDS)}.")
    text: str
    fields: dict[str, str] = Field(description="Of the rule; empty where none changes.")
    messages_before: int = Field(description="Messages about what began and ended.")
    messages_after: int = Field(description="With the change.")
    removed: int = Field(description="Times that no alert would have opened.")
    needed: int = Field(description="Times that a person needed the alert.")
    lost: int = Field(description="Those of the needed that would have opened no alert.")
    later_seconds: float = Field(description="How much later the needed ones would have opened.")
    command: str = Field(description="What applies it.")


class RuleFatigue(BaseModel):
    """The noise of one rule, and what would make it less."""

    rule: str
    tenant: str
    owner: str = Field(description="file, ui or api.")
    since: datetime
    until: datetime
    times_fired: int = Field(description="A reopened alert fired more than once.")
    fatigue: FatigueItem
    advised_since: datetime = Field(
        description="The advice counts what fired after it: the last change of the rule, or since."
    )
    note: str = Field(description="Why no advice is given; empty for no reason but the alerts.")
    advice: list[FatigueAdvice] = Field(description="The most messages saved first.")


class AdviceApplied(BaseModel):
    """What became of an advice."""

    done: bool = Field(description="False where the file of the rule has to be edited.")
    text: str
    difference: str = Field(description="The lines of the file; empty where it was done.")
    silence: str = Field(description="Id of the silence that was made; empty for none.")


@router.get("", summary="Alert fatigue", responses=responses())
@needs(Permission.READ, "statistics", confined=True)
def fatigue(request: Request, days: Days = 7) -> FatigueView:
    """Score the noise of the last days: by rule, team and person, with the parts of each score.

    Returns:
        At most twelve rules, and fifty teams.
    """
    store = within(request)
    found = noise_report(store.store, timedelta(days=days), store.scope)
    return FatigueView(
        since=found.since, until=found.until, definition=DEFINITION,
        ranking=FatigueRanking(**msgspec.structs.asdict(found.ranking)),
        rules=[_item(one) for one in found.rules], teams=[_item(one) for one in found.teams],
        people=[_item(one) for one in found.people],
    )  # fmt: skip


@router.get("/{name}", summary="Alert fatigue of a rule", responses=responses(403, 404))
@needs(Permission.READ, "statistics", confined=True)
def of_rule(
    request: Request, name: RuleName, tenant: Tenant = "default", days: Days = 7
) -> RuleFatigue:
    """Score one rule, and say what each change would have made of its last alerts.

    Returns:
        Of at most the newest 2,000 alerts.
    """
    found = _found(request, name, tenant, days)
    return RuleFatigue(
        rule=found.rule, tenant=found.tenant, owner=found.owner, since=found.since,
        until=found.until, times_fired=found.episodes, fatigue=_item(found.scored),
        advised_since=found.advised_since, note=found.note,
        advice=[_advice(found, one) for one in found.advice],
    )  # fmt: skip


@router.post(
    "/{name}/advice/{kind}", summary="Apply an advice against noise",
    responses=responses(403, 404, 409), dependencies=[OnceOnPrefect],
)  # fmt: skip
@needs(Permission.EDIT, "rules")
def apply(
    request: Request, name: RuleName, kind: str, who: Acting, tenant: Tenant = "default",
    days: Days = 7,
) -> AdviceApplied:  # fmt: skip
    """Carry out an advice that the alerts of the period give; 404 where they give it no more.

    A rule of the owner `ui` or `api` is changed; of a rule of a file the difference is returned.

    Returns:
        What was done, or what to edit.
    """
    found = _found(request, name, tenant, days)
    allow(who, Permission.EDIT, tenant, found.team)
    store = within(request)
    done = apply_advice(
        store.store, partial(made_rules, request), found, the_advice(found, kind), actor=who.name,
        scope=store.scope,
    )  # fmt: skip
    return AdviceApplied(**msgspec.structs.asdict(done))


def _found(request: Request, name: str, tenant: str, days: float) -> RuleNoise:
    store = within(request)
    return rule_noise(store.store, tenant, name, timedelta(days=days), store.scope)


def _item(one: Scored) -> FatigueItem:
    return FatigueItem(
        name=one.name, tenant=one.tenant, score=one.fatigue.score, alerts=one.counts.opened,
        learned=one.learned,
        parts=[FatiguePart(**msgspec.structs.asdict(part)) for part in one.fatigue.parts],
    )  # fmt: skip


def _advice(found: RuleNoise, one: Advice) -> FatigueAdvice:
    return FatigueAdvice(
        kind=one.kind, text=one.text, fields=one.fields, messages_before=one.before,
        messages_after=one.after, removed=one.removed, needed=one.needed, lost=one.lost,
        later_seconds=one.later.total_seconds(), command=command_of(found, one),
    )  # fmt: skip
