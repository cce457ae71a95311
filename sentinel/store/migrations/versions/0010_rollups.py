"""Rollups of settled hours, and the marks that later changes leave on them

A transaction that changes an alert of an hour before `tally_state.until` leaves a mark on the hour,
whatever its door, since triggers do it. The migration sums up nothing: until upkeep has run, all
figures are computed from alerts as before.

A transaction on PostgreSQL reads `until` only once it has a number of its own
(`pg_current_xact_id`), which `sentinel.store.reports.rollup_upkeep` relies on. It reads it once per
statement: the row trigger compares with what the statement trigger before it stored.

Revision ID: 0010
Revises: 0009
"""

# ruff: noqa: S608 - the names in these statements are ours
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from sentinel.schema.columns import Moment

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# What changes most comes first, since the comparison ends at the first that differs.
COUNTED = ("resolved_at", "acknowledged_at", "severity", "opened_at", "rule", "category", "team")
MOMENTS = ("opened_at", "resolved_at")
WHATS = ("insert", "update", "delete")


def upgrade() -> None:
    op.create_table(
        "tally",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("critical", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("waited", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("lasted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "hours", "at", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally_hour",
        sa.Column("hours", sa.Integer(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hours", "at"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally_mark",
        sa.Column("at", sa.Integer(), nullable=False),
        sa.Column("writer", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("at", "writer"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tally_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.Column("ready", Moment(), nullable=False),
        sa.Column("horizon", sa.BigInteger(), nullable=True),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    if op.get_context().dialect.name == "postgresql":
        _triggers_postgresql()
    else:
        _triggers_sqlite()


def _triggers_sqlite() -> None:
    until = "(SELECT until FROM tally_state)"

    def mark(*moments: str) -> str:
        # Day and hour alone, since a whole moment would be rounded to its millisecond first.
        return " ".join(
            f"INSERT OR IGNORE INTO tally_mark (at, writer) SELECT "
            f"CAST(strftime('%s', substr({moment}, 1, 10)) AS INTEGER) / 3600 "
            f"+ CAST(substr({moment}, 12, 2) AS INTEGER), 0 WHERE {moment} < {until};"
            for moment in moments
        )

    def early(*moments: str) -> str:
        known = ", ".join(f"ifnull({moment}, '~')" for moment in moments)
        return f"min({known}) < {until}"

    was, now = ([f"{row}.{name}" for name in MOMENTS] for row in ("old", "new"))
    changed = " OR ".join(f"old.{name} IS NOT new.{name}" for name in COUNTED)
    for what, event, when, moments in (
        ("insert", "INSERT", early(*now), now),
        ("update", f"UPDATE OF {', '.join(COUNTED)}", f"({changed}) AND {early(*was, *now)}",
         (*was, *now)),
        ("delete", "DELETE", early(*was), was),
    ):  # fmt: skip
        op.execute(
            f"CREATE TRIGGER alert_tally_{what} AFTER {event} ON alert WHEN {when} "
            f"BEGIN {mark(*moments)} END"
        )


def _triggers_postgresql() -> None:
    # Outside of READ COMMITTED a snapshot may be older than the transaction's number: mark all.
    op.execute(
        "CREATE OR REPLACE FUNCTION tally_until() RETURNS float8 LANGUAGE plpgsql VOLATILE AS $$ "
        "BEGIN PERFORM pg_current_xact_id(); "
        "IF current_setting('transaction_isolation') <> 'read committed' THEN "
        "RETURN 'infinity'; END IF; "
        "RETURN coalesce((SELECT date_part('epoch', until) FROM tally_state), '-infinity'); "
        "END $$"
    )
    hour = "CAST(floor(date_part('epoch', moment) / 3600) AS integer)"
    writer = "CAST(CAST(pg_current_xact_id() AS text) AS bigint)"

    def mark(some: str, until: str) -> str:
        return (
            f"INSERT INTO tally_mark (at, writer) SELECT DISTINCT {hour}, {writer} FROM {some} "
            f"WHERE date_part('epoch', moment) < {until} ON CONFLICT DO NOTHING"
        )

    def of_table(rows: str) -> str:
        some = f"{rows}, LATERAL (VALUES (opened_at), (resolved_at)) AS both_of (moment)"
        return (
            "DECLARE settled float8 := tally_until(); BEGIN "
            f"IF settled > '-infinity' THEN {mark(some, 'settled')}; END IF; RETURN NULL; END"
        )

    setting = "CAST(current_setting('sentinel.tally_until') AS float8)"
    moments = ", ".join(f"{row}.{name}" for row in ("OLD", "NEW") for name in MOMENTS)
    bodies = {
        "insert": of_table("fresh"),
        "delete": of_table("gone"),
        "look": (
            "BEGIN PERFORM set_config('sentinel.tally_until', CAST(tally_until() AS text), true); "
            "RETURN NULL; END"
        ),
        "update": (
            f"BEGIN {mark(f'unnest(ARRAY[{moments}]) AS any_of (moment)', setting)}; "
            "RETURN NULL; END"
        ),
    }
    columns = ", ".join(COUNTED)
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in COUNTED)
    events = {
        "insert": "AFTER INSERT ON alert REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
        "delete": "AFTER DELETE ON alert REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
        "look": f"BEFORE UPDATE OF {columns} ON alert FOR EACH STATEMENT",
        "update": (
            f"AFTER UPDATE OF {columns} ON alert FOR EACH ROW WHEN "
            f"(({changed}) AND date_part('epoch', LEAST({moments})) < {setting})"
        ),
    }
    for what, body in bodies.items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION alert_tally_{what}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ {body} $$"
        )
        op.execute(
            f"CREATE TRIGGER alert_tally_{what} {events[what]} "
            f"EXECUTE FUNCTION alert_tally_{what}()"
        )


def downgrade() -> None:
    postgresql = op.get_context().dialect.name == "postgresql"
    for what in (*WHATS, "look") if postgresql else WHATS:
        op.execute(f"DROP TRIGGER alert_tally_{what}{' ON alert' if postgresql else ''}")
        if postgresql:
            op.execute(f"DROP FUNCTION alert_tally_{what}()")
    if postgresql:
        op.execute("DROP FUNCTION tally_until()")
    for name in ("tally", "tally_hour", "tally_mark", "tally_state"):
        op.drop_table(name)
