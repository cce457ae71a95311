"""Try rules on what came in, without any effect: one alert, a replay, and a shadow's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, exists, select

from sentinel.errors import ConfigurationError
from sentinel.orchestration.decision import Orchestration, Tables, unchanged
from sentinel.orchestration.document import read_orchestration
from sentinel.orchestration.incoming import Incoming, Outcome
from sentinel.orchestration.trial import differences
from sentinel.store.database.tables import ALERT, NOT_RESOLVED, RULE
from sentinel.store.orchestration.active import ACTIVE_ORCHESTRATION, INCOMING, tables_in

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_DAYS", "MOST_REPLAYED", "Difference", "Replay", "replayed", "tried"]

MOST_REPLAYED = 20_000
MOST_DECISIONS = 1_000_000
"""Alerts of a replay times rules of both versions."""
MOST_DAYS = 366
_MOST_EXAMPLES = 50
_DOORS = ("prometheus_webhook", "alertmanager_api", "grafana_webhook", "posted_alert")
"""Triggers of the rules whose alerts other systems post."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An alert of which the draft makes something else.

    Attributes:
        sender: whose door it came through
        labels: as they were posted
        at: when it was posted last
        changes: the text by the active version and the text by the draft, by field
        rules: rules of the draft that did something
    """

    sender: str
    labels: Mapping[str, str]
    at: datetime
    changes: Mapping[str, tuple[str, str]]
    rules: list[str]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What a draft would have made of what came in.

    Attributes:
        alerts: so many different alerts were compared
        cut: whether older ones were left out
        changed: of so many the draft makes something else
        before: alerts by verdict of the active version: pass, drop, hold
        after: the same of the draft
        fields: alerts of which a field differs, by field; labels that any rule may name as
            labels.NAME
        rules: alerts of which a rule of the draft did something, by rule
        errors: alerts of which a rule of the draft could not do something, by rule
        examples: the newest that differ, at most 50
    """

    alerts: int
    cut: bool
    changed: int
    before: Mapping[str, int]
    after: Mapping[str, int]
    fields: Mapping[str, int]
    rules: Mapping[str, int]
    errors: Mapping[str, int]
    examples: list[Difference]


def tried(store: Store, tenant: str, given: Incoming, draft: str | None) -> Outcome:
    """Return what becomes of an alert.

    Args:
        store: the shared database
        tenant: whose rules and tables
        given: the alert
        draft: rules to try; None for the active ones

    Returns:
        The outcome; without any rules the alert as it is.

    Raises:
        ConfigurationError: the draft cannot be used
    """
    rules = None if draft is None else Orchestration(read_orchestration(draft))
    with store.read() as connection:
        if rules is None:
            rules = ACTIVE_ORCHESTRATION.of(connection, {"tenant": tenant})
        if rules is None:
            return unchanged(given)
        tables, _ = tables_in(connection, tenant, rules.tables, store.now())
        return rules.decide(given, tables)


def replayed(
    store: Store, tenant: str, draft: str, *, since: datetime, until: datetime | None = None,
    most: int = MOST_REPLAYED,
) -> Replay:  # fmt: skip
    """Compare a draft with the active version over the alerts that came in.

    Each different alert counts once, as it was posted last. Those that came while no version was
    active count as they are stored, if they opened.

    Args:
        store: the shared database
        tenant: whose
        draft: rules as YAML; empty for none
        since: alerts that were posted after this
        until: and not after this; None for now
        most: the newest so many are compared; fewer where there are many rules, see
            `MOST_DECISIONS`

    Returns:
        What differs. Nothing is written.

    Raises:
        ConfigurationError: the draft cannot be used, or the time is too long
    """
    if store.now() - since > timedelta(days=MOST_DAYS, hours=1):
        raise ConfigurationError(f"at most {MOST_DAYS} days are replayed")
    rules = Orchestration(read_orchestration(draft)) if draft.strip() else None
    with store.read() as connection:
        active = ACTIVE_ORCHESTRATION.of(connection, {"tenant": tenant})
        names = {*(active.tables if active else ()), *(rules.tables if rules else ())}
        tables, _ = tables_in(connection, tenant, names, store.now())
        rules_of_both = sum(
            sum(1 for _ in one.document.all_rules()) for one in (active, rules) if one is not None
        )
        most = min(most, max(1, MOST_DECISIONS // max(1, rules_of_both)))
        came = list(_came(connection, tenant, since, until, most + 1))
    return _compared(came[:most], len(came) > most, active, rules, tables)


def _compared(
    came: list[tuple[datetime, Incoming]], cut: bool, active: Orchestration | None,
    rules: Orchestration | None, tables: Tables,
) -> Replay:  # fmt: skip
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("before", "after", "fields", "rules", "errors")
    }
    examples: list[Difference] = []
    changed = 0
    for at, given in came:
        one = unchanged(given) if active is None else active.decide(given, tables)
        other = unchanged(given) if rules is None else rules.decide(given, tables)
        counts["before"][one.verdict] += 1
        counts["after"][other.verdict] += 1
        worked = [step.rule for step in other.steps if step.changed or step.verdict]
        counts["rules"].update(worked)
        counts["errors"].update(step.rule for step in other.steps if step.errors)
        found = differences(one, other)
        if not found:
            continue
        changed += 1
        counts["fields"].update(found)
        if len(examples) < _MOST_EXAMPLES:
            examples.append(
                Difference(
                    sender=given.sender, labels=given.labels, at=at, changes=found, rules=worked
                )
            )
    by_count = {name: dict(one.most_common(200)) for name, one in counts.items()}
    return Replay(alerts=len(came), cut=cut, changed=changed, examples=examples, **by_count)


def _came(
    connection: Connection, tenant: str, since: datetime, until: datetime | None, most: int
) -> Iterator[tuple[datetime, Incoming]]:
    """Yield the alerts that came in, the newest first of each kind."""
    # The same post again moves nothing: what is live has come since.
    live = exists().where(ALERT.c.fingerprint == INCOMING.c.target, NOT_RESOLVED)
    still = (INCOMING.c.state == "held") | ((INCOMING.c.state == "passed") & live)
    mine = [INCOMING.c.tenant == tenant, (INCOMING.c.last_seen > since) | still]
    stored = [
        ALERT.c.tenant == tenant, ALERT.c.last_bad_at > since, RULE.c.trigger.in_(_DOORS),
        RULE.c.tenant == ALERT.c.tenant, RULE.c.name == ALERT.c.rule,
    ]  # fmt: skip
    if until is not None:
        mine.append(INCOMING.c.first_seen <= until)
        stored.append(ALERT.c.first_bad_at <= until)
    rows = connection.execute(
        select(INCOMING.c.last_seen, INCOMING.c.given)
        .where(*mine)
        .order_by(INCOMING.c.last_seen.desc(), INCOMING.c.source)
        .limit(most)
    ).all()
    for row in rows:
        yield row.last_seen, msgspec.convert(row.given, Incoming)
    left = most - len(rows)
    if left <= 0:
        return
    known = select(INCOMING.c.source).where(INCOMING.c.tenant == tenant)
    targets = select(INCOMING.c.target).where(INCOMING.c.tenant == tenant)
    newest: dict[str, Any] = {}
    for row in connection.execute(
        select(*_STORED)
        .where(*stored, ALERT.c.fingerprint.not_in(known), ALERT.c.fingerprint.not_in(targets))
        .order_by(ALERT.c.last_bad_at.desc(), ALERT.c.id)
        .limit(left)
    ):
        newest.setdefault(row.fingerprint, row)
    for row in newest.values():
        yield row.last_bad_at, Incoming(
            sender=row.rule, labels=row.labels, severity=row.severity_word, owner=row.team,
            title=row.title, annotations=row.annotations, value=row.value,
        )  # fmt: skip


_STORED = (
    ALERT.c.fingerprint, ALERT.c.rule, ALERT.c.labels, ALERT.c.severity_word, ALERT.c.team,
    ALERT.c.title, ALERT.c.annotations, ALERT.c.value, ALERT.c.last_bad_at,
)  # fmt: skip
