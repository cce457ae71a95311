"""A full-text index over the words of alerts

SQLite: a contentless FTS5 index that triggers maintain; `alert_search` gives each alert the number
under which the index knows it (an implicit rowid may change with VACUUM). PostgreSQL: a tsvector
with a GIN index in a table beside `alert`, also maintained by triggers, so that what changes in an
alert with every evaluation of its rule touches neither. Both index the same words: letters and
digits, whatever stands between them, without regard to case.

Revision ID: 0002
Revises: 0001
"""

# ruff: noqa: S608 - the names in these statements are ours
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# `searched` is written beside title and description where their words change, and not where only a
# number does: a rule that fires on changing values would else be indexed at every evaluation.
COLUMNS = ("searched", "rule", "category", "team", "labels")
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def _words(row: str) -> str:
    return " || ' ' || ".join(f"{row}.{name}" for name in COLUMNS)


def _upgrade_postgresql() -> None:
    marks, spaces = PUNCTUATION.replace("'", "''"), " " * len(PUNCTUATION)

    def vector(row: str) -> str:
        texts = _words(row).replace(f"{row}.labels", f"{row}.labels::text")
        return f"to_tsvector('simple', translate({texts}, '{marks}', '{spaces}'))"

    op.execute(
        "CREATE TABLE alert_search (alert_id VARCHAR(32) PRIMARY KEY, words tsvector NOT NULL)"
    )
    op.execute(f"INSERT INTO alert_search SELECT alert.id, {vector('alert')} FROM alert")
    op.execute("CREATE INDEX alert_words ON alert_search USING gin (words)")
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in COLUMNS)
    for what, body, when in (
        (
            "insert",
            f"INSERT INTO alert_search SELECT fresh.id, {vector('fresh')} FROM fresh",
            "AFTER INSERT ON alert REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT",
        ),
        (
            "update",
            f"UPDATE alert_search SET words = {vector('NEW')} WHERE alert_id = NEW.id",
            f"AFTER UPDATE OF {', '.join(COLUMNS)} ON alert FOR EACH ROW WHEN ({changed})",
        ),
        (
            "delete",
            "DELETE FROM alert_search USING gone WHERE alert_search.alert_id = gone.id",
            "AFTER DELETE ON alert REFERENCING OLD TABLE AS gone FOR EACH STATEMENT",
        ),
    ):
        op.execute(
            f"CREATE FUNCTION alert_words_{what}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body}; RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER alert_words_{what} {when} EXECUTE FUNCTION alert_words_{what}()"
        )


def upgrade() -> None:
    op.add_column("alert", sa.Column("searched", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE alert SET searched = title || ' ' || substr(description, 1, 20000)")
    if op.get_context().dialect.name == "postgresql":
        _upgrade_postgresql()
        return
    op.execute(
        "CREATE TABLE alert_search (doc INTEGER PRIMARY KEY, alert_id VARCHAR(32) NOT NULL UNIQUE)"
    )
    op.execute(
        "CREATE VIRTUAL TABLE alert_words USING fts5(words, content='', "
        "tokenize='unicode61 remove_diacritics 0')"
    )
    op.execute("INSERT INTO alert_search (alert_id) SELECT id FROM alert ORDER BY id")
    op.execute(
        f"INSERT INTO alert_words (rowid, words) SELECT doc, {_words('alert')} "
        "FROM alert_search JOIN alert ON alert.id = alert_search.alert_id"
    )
    forget = (
        "INSERT INTO alert_words (alert_words, rowid, words) "
        f"SELECT 'delete', doc, {_words('old')} FROM alert_search WHERE alert_id = old.id;"
    )
    op.execute(
        "CREATE TRIGGER alert_words_insert AFTER INSERT ON alert BEGIN "
        "INSERT INTO alert_search (alert_id) VALUES (new.id); "
        f"INSERT INTO alert_words (rowid, words) VALUES (last_insert_rowid(), {_words('new')}); "
        "END"
    )
    # The index is told what it has to forget, so every column that it was made of counts: one
    # that changed unseen (a renamed rule) would leave it broken at the next change.
    changed = " OR ".join(f"old.{name} IS NOT new.{name}" for name in COLUMNS)
    op.execute(
        f"CREATE TRIGGER alert_words_update AFTER UPDATE OF {', '.join(COLUMNS)} ON alert "
        f"WHEN {changed} BEGIN "
        f"{forget} INSERT INTO alert_words (rowid, words) "
        f"SELECT doc, {_words('new')} FROM alert_search WHERE alert_id = new.id; END"
    )
    op.execute(
        "CREATE TRIGGER alert_words_delete AFTER DELETE ON alert BEGIN "
        f"{forget} DELETE FROM alert_search WHERE alert_id = old.id; END"
    )


def downgrade() -> None:
    postgresql = op.get_context().dialect.name == "postgresql"
    for name in ("insert", "update", "delete"):
        op.execute(f"DROP TRIGGER alert_words_{name}{' ON alert' if postgresql else ''}")
        if postgresql:
            op.execute(f"DROP FUNCTION alert_words_{name}()")
    if not postgresql:
        op.execute("DROP TABLE alert_words")
    op.execute("DROP TABLE alert_search")
    op.drop_column("alert", "searched")
