"""What an evaluation starts from: the alerts of its rule, read in bulk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    Connection,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)

from sentinel.alerts.state import AlertState, Terms
from sentinel.evaluation.evaluator import FOLDED
from sentinel.evaluation.judge import CHECK
from sentinel.evaluation.model import Evaluation
from sentinel.labels.fingerprint import fingerprint
from sentinel.rules.rule import Rule
from sentinel.schema.alerts import LIVE
from sentinel.store.alerts.alert_rows import ALERT_STATES, state_of, state_select
from sentinel.store.database.among import among
from sentinel.store.database.chunks import chunks
from sentinel.store.database.tables import ALERT, NOT_RESOLVED

if TYPE_CHECKING:
    from sentinel.store import StoreOptions

__all__ = [
    "Live",
    "load_live",
    "load_live_of_rules",
    "load_recent",
    "named_prints",
    "other_open",
    "usual_terms",
]

# Every evaluation executes these. Made once: SQLAlchemy compiles each statement object by itself.
_MINE = (ALERT.c.tenant == bindparam("tenant"), ALERT.c.rule == bindparam("rule"))
_DETAILED = (cast(ALERT.c.details, Text) != "{}").label("detailed")
_LONG = 500
# Of those that may open or open again. A long text is written anew rather than read each time.
_WORDS = case(
    (
        literal_column("status").in_(("pending", "resolved"))
        & (func.length(ALERT.c.searched) <= _LONG),
        ALERT.c.searched,
    )
).label("words")
_IS_LIVE = literal_column("status") != literal_column("'resolved'")
_IS_RECENT = (
    literal_column("status") == literal_column("'resolved'"),
    ALERT.c.resolved_at >= bindparam("since"),
)
_LIVE = state_select(*_MINE, _IS_LIVE).add_columns(_DETAILED, _WORDS)
_RECENT = state_select(*_MINE, *_IS_RECENT).add_columns(_WORDS)
# Tenant and rule are part of a fingerprint. With them, PostgreSQL may read all alerts of the rule.
_NAMED = among(ALERT.c.fingerprint, "prints")
_OF_RULES = among(ALERT.c.rule, "rules")
_LIVE_OF_RULES = state_select(_MINE[0], _OF_RULES, _IS_LIVE).add_columns(
    _DETAILED, _WORDS, ALERT.c.rule
)
_LIVE_NAMED = state_select(_NAMED, _IS_LIVE).add_columns(_DETAILED, _WORDS)
_RECENT_NAMED = state_select(_NAMED, *_IS_RECENT).add_columns(_WORDS)
_OPEN = (
    select(ALERT.c.fingerprint)
    .where(*_MINE, NOT_RESOLVED, ALERT.c.status.in_(LIVE[1:]))
    .limit(bindparam("most", type_=Integer))
)
_MOST_NAMED = 2000
_AFTER = len(ALERT_STATES.columns)
"""Where fingerprint, source, title, `detailed` and `words` begin in these statements' rows."""


class Live(msgspec.Struct, frozen=True):
    """The alerts of a rule that are not resolved, by fingerprint.

    `series` are those of readings, `checks` those that say that the check fails; `titles` are
    by alert id, and `detailed` has the ids of those whose last reading had details. `words` is what
    the full-text index has of pending ones, by alert id, but for long texts.
    """

    series: dict[str, AlertState]
    checks: dict[str, AlertState]
    titles: dict[str, str]
    detailed: set[str]
    words: dict[str, str]


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


def named_prints(evaluation: Evaluation) -> list[str] | None:
    """Return the fingerprints whose alerts an evaluation needs, so that others are not read.

    Args:
        evaluation: what was seen

    Returns:
        Those of the series that a partial evaluation names, and of its alerts about the rule; None
        for all of the rule, where conditions count over all or the message is long.
    """
    rule, readings = evaluation.rule, evaluation.observation.readings
    counts = rule.max_alerts is not None or rule.often is not None or rule.no_data is not None
    if not evaluation.partial or counts or len(readings) > _MOST_NAMED:
        return None
    gone = [labels for labels, _ in evaluation.observation.gone]
    own = [{CHECK: rule.name}, FOLDED, *(reading.labels for reading in readings), *gone]
    return [fingerprint(rule.tenant, rule.name, labels) for labels in own]


def other_open(connection: Connection, rule: Rule, prints: Sequence[str]) -> bool:
    """Return whether an alert of `rule` is open or acknowledged that is none of these.

    Args:
        connection: an open transaction
        rule: whose alerts
        prints: fingerprints that do not count

    Returns:
        Whether there is one.
    """
    # One more than those that do not count is enough to find another.
    found = connection.execute(_OPEN, _mine(rule) | {"most": len(prints) + 1}).scalars()
    return not set(found.all()) <= set(prints)


def load_live(connection: Connection, rule: Rule, prints: Sequence[str] | None = None) -> Live:
    """Return the alerts of `rule` that are not resolved.

    Args:
        connection: an open transaction
        rule: whose alerts
        prints: only those of these fingerprints; None for all

    Returns:
        Their states.
    """
    found = Live({}, {}, {}, set(), {})
    for row in _selected(connection, _LIVE, _LIVE_NAMED, prints, _mine(rule)):
        _add(found, row)
    return found


def load_live_of_rules(
    connection: Connection, tenant: str, names: Sequence[str]
) -> dict[str, Live]:
    """Return the alerts of several rules that are not resolved, by rule.

    Args:
        connection: an open transaction
        tenant: whose rules
        names: of the rules

    Returns:
        The states by name of the rule; each name has an entry.
    """
    found = {name: Live({}, {}, {}, set(), {}) for name in names}
    for some in chunks(names):
        asked = {"tenant": tenant, "rules": some}
        for row in connection.execute(_LIVE_OF_RULES, asked):
            _add(found[row.rule], row)
    return found


def _add(found: Live, row: Row[Any]) -> None:
    state = state_of(row)
    # By place: an evaluation may read 20,000 rows, and each name of a column is looked up.
    print_, source, title, detailed, words = row[_AFTER : _AFTER + 5]
    found.titles[state.id] = title
    if detailed:
        found.detailed.add(state.id)
    if words is not None:
        found.words[state.id] = words
    (found.checks if source == "check" else found.series)[print_] = state


def load_recent(
    connection: Connection,
    rule: Rule,
    first: datetime,
    options: StoreOptions,
    prints: Sequence[str] | None = None,
    words: dict[str, str] | None = None,
) -> dict[str, AlertState]:
    """Return, by fingerprint, the newest resolved alert that may still be reopened or held.

    Args:
        connection: an open transaction
        rule: whose alerts
        first: when the condition began to hold for the alert that has been pending the longest
        options: how long a resolved alert may be reopened, and holds
        prints: only those of these fingerprints; None for all
        words: gets what the full-text index has of each, by alert id, but for long texts; None
            where nobody asks for it

    Returns:
        The resolved alerts.
    """
    reach = max(options.reopen_within, options.hold_after_manual_resolve)
    mine = _mine(rule) | {"since": first - reach}
    rows = _selected(connection, _RECENT, _RECENT_NAMED, prints, mine)
    rows.sort(key=lambda row: (row.resolved_at, row.id))
    found: dict[str, AlertState] = {}
    for row in rows:
        found[row.fingerprint] = state_of(row)
        if words is not None and row.words is not None:
            words[row.id] = row.words
    return found


def _mine(rule: Rule) -> dict[str, Any]:
    return {"tenant": rule.tenant, "rule": rule.name}


def _selected(
    connection: Connection,
    whole: Select[Any],
    named: Select[Any],
    prints: Sequence[str] | None,
    parameters: Mapping[str, Any],
) -> list[Row[Any]]:
    """Return the rows of `whole`, or those of `named` for the fingerprints given."""
    if prints is None:
        return list(connection.execute(whole, parameters).all())
    asked = {name: value for name, value in parameters.items() if name not in ("tenant", "rule")}
    found: list[Row[Any]] = []
    for some in chunks(prints):
        found += connection.execute(named, {**asked, "prints": some}).all()
    return found
