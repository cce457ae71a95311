"""How noisy one rule is, and what would make it less so: a replay of its stored alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, Row, or_, select, true

from sentinel.access import EVERYTHING, Scope
from sentinel.access.security_events import SECURITY_TENANT
from sentinel.checks.event_port import PACK_TRIGGER, POLICY_TRIGGER
from sentinel.errors import NotFound
from sentinel.noise.advice import KINDS, Advice, Terms, advice_of
from sentinel.noise.episode import Episode
from sentinel.noise.history import Kept, duplicates, episodes_of, flapping
from sentinel.noise.replay import Window
from sentinel.noise.score import Counts, fatigue_of
from sentinel.notifications.routing import is_routed
from sentinel.notifications.silence import matcher_sets
from sentinel.severity import Severity, severity_of
from sentinel.store.database.scoped import alert_in, rule_in
from sentinel.store.database.tables import ALERT, GROUP, MEMBER, RULE, SILENCE
from sentinel.store.reports.kept_alerts import (
    LOW,
    PERIOD,
    Scored,
    alert_of,
    check_length,
    length_of,
    of_rule,
    timelines_of,
)
from sentinel.timing.recurrence import RecurringWindows, recurrence_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["RuleNoise", "rule_noise"]

_MOST_EPISODES = 2000
_MOST_SILENCES = 100
"""Of a rule, so many active silences are asked whether they cover a window."""
_MOST_ROUTED = 50
"""Of so many newest alerts it is looked whether a route decided about their messages."""
_SENDERS = ("prometheus_webhook", "alertmanager_api", "grafana_webhook", "posted_alert")
_OWN = ("relay", "worker")
"""Triggers of rules that people do not deploy."""
_STEP = timedelta(minutes=15)
"""In these steps it is looked whether a silence covers a window."""


class RuleNoise(msgspec.Struct, frozen=True, kw_only=True):
    """The noise of one rule, and what would make it less.

    Attributes:
        team: the rule's; empty for none
        owner: file, ui or api
        episodes: how many times its alerts fired, of the newest 2,000
        advised_since: the advice counts alerts that opened after this moment, at which the rule was
            last changed or enabled, or the period began
        advice: the most messages saved first
        note: why there is no advice, or less; empty for no reason but the alerts
    """

    rule: str
    tenant: str
    team: str
    owner: str
    since: datetime
    until: datetime
    episodes: int
    scored: Scored
    advised_since: datetime
    advice: list[Advice]
    note: str


def rule_noise(
    store: Store, tenant: str | None, rule: str, length: timedelta = timedelta(days=7),
    scope: Scope = EVERYTHING, zone: ZoneInfo | None = None,
) -> RuleNoise:  # fmt: skip
    """Return how noisy a rule is, and what each change would have made of its last alerts.

    What opened before the rule was last changed is no ground for advice: it was made by other
    terms, so that the same alerts would advise a change that was made again and further.

    Args:
        store: the shared database
        tenant: the rule's; None for the first that has one of this name
        rule: its name
        length: of the period that ends now, at most 60 days
        scope: of whoever asks
        zone: by which a recurring silence is written; None for UTC

    Returns:
        Of at most the newest 2,000 alerts.

    Raises:
        NotFound: there is no such rule in scope
        ConfigurationError: the period is too long
    """
    check_length(length)
    until = store.now()
    since = until - length
    with store.read() as connection:
        row = connection.execute(
            select(
                RULE.c.name, RULE.c.tenant, RULE.c.spec, RULE.c.source, RULE.c.trigger,
                RULE.c.enabled, RULE.c.shaped_at, RULE.c.switched_at,
            )
            .where(RULE.c.name == rule, *rule_in(scope))
            .where(true() if tenant is None else RULE.c.tenant == tenant)
            .order_by(RULE.c.tenant)
        ).first()  # fmt: skip
        if row is None:
            raise NotFound(
                f"there is no rule {rule!r}", hint="sentinel rule list shows what there is."
            )
        spec: dict[str, Any] = row.spec
        team = str(spec.get("team") or "")
        all_of_it = [ALERT.c.tenant == row.tenant]
        mine = [*alert_in(scope), *all_of_it]
        alerts, episodes = _fired(connection, rule, since, until, mine)
        judged = [episodes]
        if not scope.holds(row.tenant, ""):
            judged.append(_fired(connection, rule, since, until, all_of_it)[1])
        allowed = _allowed(connection, row, alerts)
        silences = _silences(connection, row.tenant, rule, team, until)
    period = length_of(spec.get("every"), PERIOD)
    ended = [one for one in alerts if one.resolved_at is not None]
    counts = Counts(
        opened=len(alerts), ended=len(ended),
        ignored=sum(not (one.acknowledged or one.by_hand) for one in ended),
        low=sum(one.severity in LOW for one in alerts), noise=sum(one.noise for one in alerts),
        seen=len(episodes), flapping=flapping(episodes, period),
        duplicates=min(duplicates(alerts), len(episodes)), seconds=length.total_seconds(),
    )  # fmt: skip
    advised_since = max([since, *(at for at in (row.shaped_at, row.switched_at) if at is not None)])
    note = _note(row)
    found: list[list[Advice]] = []
    for some in [] if note else judged:
        recent = [one for one in some if one.begins > advised_since]
        found.append(advice_of(_terms(rule, spec, recent), recent, until, zone or ZoneInfo("UTC")))
    advice = [
        one
        for one in (found[0] if found else [])
        if one.kind in allowed
        # What is out of scope says only whether the same change would lose something there.
        and all(any(_same(one, other) for other in others) for others in found[1:])
        and (one.window is None or not _covered(one.window, silences, until))
    ]
    return RuleNoise(
        rule=rule, tenant=row.tenant, team=team, owner=row.source, since=since, until=until,
        episodes=len(episodes),
        scored=Scored(name=rule, tenant=row.tenant, counts=counts, fatigue=fatigue_of(counts)),
        advised_since=advised_since, advice=advice, note=note,
    )  # fmt: skip


def _same(one: Advice, other: Advice) -> bool:
    return (one.kind, one.fields, one.window) == (other.kind, other.fields, other.window)


def _fired(
    connection: Connection, rule: str, since: datetime, until: datetime, mine: Sequence[Any]
) -> tuple[list[Kept], list[Episode]]:
    """Return the newest alerts of a rule, and the newest times that they fired."""
    query = of_rule(rule, since, until, mine, _MOST_EPISODES)
    alerts = [alert_of(row) for row in connection.execute(query)]
    timelines, whole_since = timelines_of(connection, [one.id for one in alerts])
    return alerts, episodes_of(alerts, timelines, whole_since)[-_MOST_EPISODES:]


def _terms(rule: str, spec: dict[str, Any], episodes: Sequence[Episode]) -> Terms:
    when: dict[str, Any] = spec.get("when") or {}
    return Terms(
        name=rule, severity=Severity(max((one.severity for one in episodes), default=3)),
        own=None if when.get("levels") else severity_of(str(spec.get("severity") or "medium")),
        hold=length_of(spec.get("for"), timedelta(0)),
        keep_firing=length_of(spec.get("keep_firing_for"), timedelta(0)),
        group_interval=length_of(spec.get("group_interval"), timedelta(minutes=5)),
    )  # fmt: skip


def _note(row: Row[Any]) -> str:
    """Return why no advice at all is given for a rule; empty where it may be."""
    if not row.enabled:
        return "The rule is disabled, so no change of it is advised."
    if row.trigger in _SENDERS:
        return (
            "The alerts are those of a sender, so change them there: to disable this rule would "
            "refuse all of its alerts."
        )
    if row.trigger in _OWN or row.name.startswith("sentinel-") or row.tenant == SECURITY_TENANT:
        return "The rule is of Sentinel about itself, so no change of it is advised."
    return ""


def _allowed(connection: Connection, row: Row[Any], alerts: Sequence[Kept]) -> set[str]:
    """Return the kinds of advice that would change what they say they change."""
    if row.trigger in (POLICY_TRIGGER, PACK_TRIGGER):
        return {"silence_window"}  # its pack says when it alerts and whether it runs
    kinds: set[str] = set(KINDS)
    newest = [one.id for one in alerts[:_MOST_ROUTED]]
    routes = select(GROUP.c.route).join(MEMBER, MEMBER.c.group_id == GROUP.c.id)
    found = connection.execute(routes.where(MEMBER.c.alert_id.in_(newest)).distinct()).scalars()
    if any(is_routed(route) for route in found):
        kinds.discard("group")  # a route says the interval
    return kinds


def _silences(
    connection: Connection, tenant: str, rule: str, team: str, now: datetime
) -> list[RecurringWindows | None]:
    """Return the active silences that mute every alert of a rule: when, or None for always."""
    query = (
        select(SILENCE.c.rule, SILENCE.c.matchers, SILENCE.c.recurrence)
        .where(SILENCE.c.tenant == tenant, SILENCE.c.until > now, SILENCE.c.ended_at.is_(None))
        .where(SILENCE.c.starts_at <= now, or_(SILENCE.c.rule == rule, SILENCE.c.rule == ""))
        .order_by(SILENCE.c.created_at.desc(), SILENCE.c.id.desc())
        .limit(_MOST_SILENCES)
    )
    found: list[RecurringWindows | None] = []
    for row in connection.execute(query):
        known = {"rule": rule, "team": team}
        sets = () if row.rule else matcher_sets(row.matchers)
        whole = any(all(one.label in known and one(known) for one in every) for every in sets)
        if row.rule or whole:
            windows = recurrence_of(row.recurrence) if row.recurrence else None
            found.append(None if windows is None else RecurringWindows(windows))
    return found


def _covered(window: Window, silences: Sequence[RecurringWindows | None], now: datetime) -> bool:
    """Return whether one silence mutes each day of the coming week while the window lasts."""
    moments = [now + _STEP * step for step in range(int(timedelta(days=7) / _STEP))]
    inside = [at for at in moments if window.left_of(at) is not None]
    return any(
        windows is None or all(windows.end_of(at) is not None for at in inside)
        for windows in silences
    )
