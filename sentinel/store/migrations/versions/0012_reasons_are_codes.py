"""Reasons are codes instead of sentences

Revision ID: 0012
Revises: 0011
"""

# ruff: noqa: S608 - the names and texts in these statements are ours

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# As the sentences were and the codes are at this revision. What is left out was a code already.
OF_ALERTS = {
    "pending: not bad for long enough yet": "pending",
    "pending again: too long not looked at": "pending_restarted",
    "cleared before it opened": "cleared_before_open",
    "reopened: came back soon after it was resolved": "reopened_soon",
    "reopened: still bad after a person resolved it": "reopened_still_firing",
    "reopened by a person": "reopened_manually",
    "still bad, but a person resolved it a moment ago": "held_after_resolve",
    "still bad": "still_firing",
    "happened again": "repeated",
    "happened again, as the check counts": "counted",
    "severity rose": "severity_rose",
    "severity fell": "severity_fell",
    "seen good, and kept for a while in case it comes back": "kept_firing",
    "no data: nobody sees it any more": "no_data",
    "kept: a critical alert that nobody acknowledged never closes by itself": "kept_critical",
    "rule disabled": "rule_disabled",
    "acknowledgement taken back": "unacknowledged",
    "resolved by a person": "resolved_manually",
    "no longer suppressed": "unsuppressed",
    "already so": "unchanged",
}
OF_NOTIFICATIONS = {
    "first message": "first",
    "more is firing": "new_firing",
    "severity rose": "severity_rose",
    "all is over": "resolved",
    "some of it is over": "partly_resolved",
    "still firing, nobody acknowledged": "repeat",
    "waiting for the rest to arrive (group_wait)": "group_wait",
    "outside the rule's active hours": "outside_hours",
    "told a moment ago (throttle)": "throttled",
    "told often enough within the hour (max_messages_per_hour)": "per_hour",
    "waiting to gather news (group_interval)": "group_interval",
    "told; repeats later (repeat_interval)": "repeat_interval",
    "over before anybody was told": "resolved_before_notified",
    "expired; nothing to tell": "resolved_quietly",
    "told already": "already_notified",
    "the channel failed; trying again later": "retry",
    "the channel refused for good": "refused",
}
COLUMNS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("alert", "resolution", OF_ALERTS),
    ("alert_group", "resolution", OF_ALERTS),
    ("timeline", "reason", OF_ALERTS),
    ("telling", "reason", OF_NOTIFICATIONS),
    ("delivery", "reason", OF_NOTIFICATIONS),
)
# A message said after the sentence how many were held back: "...; 3 held back meanwhile by ...".
HELD_BACK = "; % held back meanwhile by its limits"
# Timeline entries whose sentence held a name: what came before it and after it, the code that the
# entry gets, and what its comment, where the name goes, begins with.
NAMING = (
    ("remedy started: ", "", "remediation_started", ""),
    ("remedy ended: ", "", "remediation_ended", ""),
    ("remedy not started: ", "", "remediation_not_started", ""),
    ("its rule was ", " before", "rule_renamed", "was "),
)


def upgrade() -> None:
    for table, column, codes in COLUMNS:
        _replace(table, column, codes)
    for before, after, code, said in NAMING:
        rest = f"length(reason) - {len(before) + len(after)}"
        op.execute(
            f"UPDATE timeline SET reason = '{code}', "
            f"comment = '{said}' || substr(reason, {len(before) + 1}, {rest}) "
            f"WHERE kind IN ('remedy', 'renamed') AND comment = '' "
            f"AND substr(reason, 1, {len(before)}) = '{before}'"
        )
    _split("inbox", "body", OF_NOTIFICATIONS)
    _split("outbox", "payload", OF_ALERTS, "event LIKE 'sentinel.alert.%'")


def downgrade() -> None:
    for table, column, codes in COLUMNS:
        _replace(table, column, {code: sentence for sentence, code in codes.items()})
    for before, after, code, said in NAMING:
        op.execute(
            f"UPDATE timeline SET comment = '', "
            f"reason = '{before}' || substr(comment, {len(said) + 1}) || '{after}' "
            f"WHERE reason = '{code}'"
        )
    _join("inbox", "body")
    _join("outbox", "payload")


def _replace(table: str, column: str, by: Mapping[str, str]) -> None:
    """Replace the values of a text column; a row with another value is not written."""
    cell: sa.ColumnClause[str] = sa.column(column, sa.Text())
    rows = sa.table(table, cell)
    become = sa.case(by, value=cell, else_=cell)
    op.execute(rows.update().where(cell.in_(list(by))).values({column: become}))


def _split(table: str, column: str, codes: Mapping[str, str], of: str = "1 = 1") -> None:
    """Put a code into `reason` of a JSON column, and what stood there into `reason_text`."""
    reason = _member(column, "reason")
    cases = " ".join(
        f"WHEN {reason} = {_quoted(sentence)} OR {reason} LIKE {_quoted(sentence + HELD_BACK)} "
        f"THEN {_quoted(code)}"
        for sentence, code in codes.items()
    )
    split = _with(column, {"reason": f"CASE {cases} ELSE {reason} END", "reason_text": reason})
    op.execute(
        sa.text(f"UPDATE {table} SET {column} = {split} WHERE {of} AND {reason} IS NOT NULL")
    )


def _join(table: str, column: str) -> None:
    """Put the words back into `reason` of a JSON column."""
    words = _member(column, "reason_text")
    joined = _with(column, {"reason": words})
    if op.get_context().dialect.name == "postgresql":
        joined = f"({joined}) - 'reason_text'"
    else:
        joined = f"json_remove({joined}, '$.reason_text')"
    op.execute(sa.text(f"UPDATE {table} SET {column} = {joined} WHERE {words} IS NOT NULL"))


def _member(column: str, name: str) -> str:
    """A text member of a JSON column; SQLite's columns may hold what is no JSON, such as NaN."""
    if op.get_context().dialect.name == "postgresql":
        return f"({column} ->> '{name}')"
    return f"CASE WHEN json_valid({column}) THEN json_extract({column}, '$.{name}') END"


def _with(column: str, members: Mapping[str, str]) -> str:
    """A JSON column with these members; each is an SQL expression of a text."""
    if op.get_context().dialect.name == "postgresql":
        built = ", ".join(f"'{name}', {value}" for name, value in members.items())
        return f"{column} || jsonb_build_object({built})"
    built = ", ".join(f"'$.{name}', {value}" for name, value in members.items())
    return f"json_set({column}, {built})"


def _quoted(value: str) -> str:
    """A text literal, safe in `sqlalchemy.text` too, where a colon would begin a parameter."""
    return "'" + value.replace("'", "''").replace(":", "\\:") + "'"
