"""What an evaluation starts from: the alerts of its rule, read in bulk."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import Connection, Text, bindparam, cast, literal_column

from sentinel.alerts.state import AlertState, Terms
from sentinel.rules.rule import Rule
from sentinel.store.alerts.alert_rows import state_of, state_select
from sentinel.store.database.tables import ALERT, SUPPRESSION

if TYPE_CHECKING:
    from sentinel.store import StoreOptions

__all__ = ["Live", "load_live", "load_recent", "load_suppressed", "usual_terms"]

# Every evaluation executes these. Made once: SQLAlchemy compiles each statement object by itself.
_MINE = (ALERT.c.tenant == bindparam("tenant"), ALERT.c.rule == bindparam("rule"))
_LIVE = state_select(*_MINE, literal_column("status") != literal_column("'resolved'")).add_columns(
    (cast(ALERT.c.details, Text) != "{}").label("detailed")
)
_RECENT = state_select(
    *_MINE,
    literal_column("status") == literal_column("'resolved'"),
    ALERT.c.resolved_at >= bindparam("since"),
)
_SUPPRESSED = SUPPRESSION.select().where(
    SUPPRESSION.c.tenant == bindparam("tenant"),
    SUPPRESSION.c.rule == bindparam("rule"),
    SUPPRESSION.c.until > bindparam("now"),
)


class Live(msgspec.Struct, frozen=True):
    """The alerts of a rule that are not resolved, by fingerprint.

    `series` are those of readings, `checks` those that say that the check fails; `titles` are
    by alert id, and `detailed` has the ids of those whose last reading had details.
    """

    series: dict[str, AlertState]
    checks: dict[str, AlertState]
    titles: dict[str, str]
    detailed: set[str]


def usual_terms(rule: Rule, options: StoreOptions) -> Terms:
    """Return the terms of the lifecycle that a rule and the settings give."""
    return Terms(
        hold=rule.for_,
        consecutive=rule.consecutive,
        keep_firing=rule.keep_firing_for,
        resolve_after=rule.resolve_after,
        repeated_within=None if rule.not_repeated is None else rule.not_repeated.after,
        period=rule.every,
        reopen_within=options.reopen_within,
        hold_after_manual_resolve=options.hold_after_manual_resolve,
    )


def load_live(connection: Connection, rule: Rule) -> Live:
    """Return the alerts of `rule` that are not resolved."""
    found = Live({}, {}, {}, set())
    for row in connection.execute(_LIVE, {"tenant": rule.tenant, "rule": rule.name}).all():
        state = state_of(row)
        found.titles[state.id] = row.title
        if row.detailed:
            found.detailed.add(state.id)
        (found.checks if row.source == "check" else found.series)[row.fingerprint] = state
    return found


def load_recent(
    connection: Connection, rule: Rule, first: datetime, options: StoreOptions
) -> dict[str, AlertState]:
    """Return, by fingerprint, the newest resolved alert that may still be reopened or held.

    Args:
        connection: an open transaction
        rule: whose alerts
        first: when the condition began to hold for the alert that has been pending the longest
        options: how long a resolved alert may be reopened, and holds

    Returns:
        The resolved alerts.
    """
    reach = max(options.reopen_within, options.hold_after_manual_resolve)
    mine = {"tenant": rule.tenant, "rule": rule.name, "since": first - reach}
    rows = list(connection.execute(_RECENT, mine).all())
    rows.sort(key=lambda row: (row.resolved_at, row.id))
    return {row.fingerprint: state_of(row) for row in rows}


def load_suppressed(
    connection: Connection, rule: Rule, now: datetime
) -> dict[str, tuple[datetime, str]]:
    """Return until when and why each fingerprint of `rule` is suppressed."""
    mine = {"tenant": rule.tenant, "rule": rule.name, "now": now}
    found = connection.execute(_SUPPRESSED, mine)
    return {row.fingerprint: (row.until, row.reason) for row in found}
