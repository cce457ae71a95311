"""Full-text search, by FTS5 on SQLite and by a tsvector on PostgreSQL.

The index is kept by the database itself (migration 0002). A word is a run of letters and digits;
what people type is cut the same way, words of one text must stand together, and the last one
may be the beginning of a longer one. Equality filters on texts that are in the index are asked
of it too, so that a common word in a rare team costs no walk. A page of PostgreSQL takes the rule
from an index of its own, which is cheaper beside a common word; a count needs every row anyway.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    func,
    literal,
    literal_column,
    select,
    text,
)
from sqlalchemy.sql import visitors

from sentinel.store.alerts.filter import AlertFilter
from sentinel.store.database.tables import ALERT

__all__ = ["counted", "found", "phrases"]


_WORD = re.compile(r"[^\W_]+")
_HELD = "SELECT alert_id FROM alert_search WHERE words @@ to_tsquery('simple', :asked)"
_FROM = text(
    "alert_words CROSS JOIN alert_search ON alert_search.doc = alert_words.rowid "
    "CROSS JOIN alert ON alert.id = alert_search.alert_id"
)


def phrases(chosen: AlertFilter, *, rule: bool = True) -> list[tuple[list[str], bool]]:
    """Return the phrases that the full-text index is searched for.

    Args:
        chosen: the filter
        rule: whether it is searched for the rule, too, where it is searched for anything

    Returns:
        Pairs of consecutive words, and whether the last one may be the beginning of a longer
        word. Empty if the index cannot narrow `chosen`.
    """
    typed = [(_WORD.findall(word), True) for word in chosen.words]
    exact = [chosen.category, chosen.team, *(part for pair in chosen.labels for part in pair)]
    asked = typed + [(_WORD.findall(one), False) for one in exact]
    if rule and any(words for words, _ in asked):
        asked.append((_WORD.findall(chosen.rule), False))
    return [(words, begins) for words, begins in asked if words]


def found(
    connection: Connection,
    asked: Sequence[tuple[list[str], bool]],
    conditions: Sequence[ColumnElement[bool]],
    after: str | None,
    wanted: int,
) -> list[dict[str, Any]]:
    """Return the rows of the alerts that match all phrases and conditions, newest id first.

    Args:
        connection: an open transaction
        asked: from `phrases`, not empty
        conditions: further conditions
        after: the id of the last alert of the page before; None for the first page
        wanted: at most this many rows

    Returns:
        Each row by column name.
    """
    if connection.dialect.name == "postgresql":
        # Ids first: an index may have all that the conditions ask for, and only what is wanted is
        # read as a whole.
        ids = select(ALERT.c.id).where(_held(asked, after), *conditions)
        if after is not None:
            ids = ids.where(ALERT.c.id < after)
        ids = ids.order_by(ALERT.c.id.desc()).limit(wanted)
        whole = ALERT.alias("found")
        return _rows(
            connection, select(whole).where(whole.c.id.in_(ids)).order_by(whole.c.id.desc())
        )
    columns = [literal_column(f"alert.{one.name}", one.type).label(one.name) for one in ALERT.c]
    # CROSS JOIN fixes the order of the joins, so that SQLite streams from the full-text index.
    query = (
        select(*columns)
        .select_from(_FROM)
        .where(
            text("alert_words MATCH :asked").bindparams(asked=_match(asked)),
            *map(_named, conditions),
        )
    )
    if after is not None:
        doc = text("alert_words.rowid < (SELECT doc FROM alert_search WHERE alert_id = :after)")
        query = query.where(doc.bindparams(after=after))
    newest: ColumnElement[int] = literal_column("alert_words.rowid", Integer).desc()
    return _rows(connection, query.order_by(newest).limit(literal(wanted)))


def _rows(connection: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    result = connection.execute(query)
    names = list(result.keys())
    # A mapping of SQLAlchemy's, made a dict, takes five times as long.
    return [dict(zip(names, row, strict=True)) for row in result.all()]


def _held(asked: Sequence[tuple[list[str], bool]], after: str | None) -> ColumnElement[bool]:
    """Return PostgreSQL's condition that the index has an alert under all phrases.

    Args:
        asked: from `phrases`
        after: the id of the last alert of the page before

    Returns:
        The condition.
    """
    given = {"asked": _tsquery(asked)}
    held = _HELD
    if after is not None:
        # It follows from the same bound on the alerts, but the planner does not see that, and
        # would walk the index from its newest entry for each page.
        held += " AND alert_id < :after"
        given["after"] = after
    return ALERT.c.id.in_(text(held).bindparams(**given).columns(ALERT.c.id))


def counted(
    connection: Connection,
    asked: Sequence[tuple[list[str], bool]],
    conditions: Sequence[ColumnElement[bool]],
    most: int,
) -> int:
    """Return how many alerts `found` returns in all, counting no further than `most`."""
    if connection.dialect.name == "postgresql":
        inner = select(literal(1)).select_from(ALERT).where(_held(asked, None), *conditions)
        inner = inner.limit(most)
    else:
        held = text("alert_words MATCH :asked").bindparams(asked=_match(asked))
        inner = select(literal(1)).select_from(_FROM)
        inner = inner.where(held, *map(_named, conditions)).limit(most)
    return connection.execute(select(func.count()).select_from(inner.subquery())).scalar() or 0


def _named(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """`condition` with columns by name only, so that it adds no table to the query."""

    def name(element: Any, **_: Any) -> Any:
        if isinstance(element, Column) and element.table is ALERT:
            column = cast("Column[Any]", element)
            return literal_column(f"alert.{column.name}", column.type)
        return None

    return visitors.replacement_traverse(condition, {}, name)


def _match(asked: Sequence[tuple[list[str], bool]]) -> str:
    """FTS5's query; every word is quoted, so that none is an operator."""
    return " AND ".join(f'"{" ".join(words)}"{" *" if begins else ""}' for words, begins in asked)


def _tsquery(asked: Sequence[tuple[list[str], bool]]) -> str:
    """PostgreSQL's query; words are letters and digits only, so that none is an operator."""
    return " & ".join(
        "(" + " <-> ".join(words) + (":*" if begins else "") + ")" for words, begins in asked
    )
