"""The audit log: what people did to alerts, newest first, with who, when and why.

A partial index holds the entries of people without the many more of rules. A query for words, a
name or a kind walks along it, entry by entry, at most `MOST_WALKED` entries at once, so that a
rare match costs a page no more than that.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Tuple,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
)

from sentinel.access import EVERYTHING, Scope
from sentinel.store.alerts.search_syntax import MOST_LETTERS, MOST_WORDS
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT, TIMELINE

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["KINDS", "MOST_WALKED", "Act", "ActFilter", "Acts", "Place", "acts", "counted", "every"]

KINDS = (
    "acknowledged", "unacknowledged", "resolved", "reopened", "suppressed", "unsuppressed",
    "assigned", "commented", "escalated", "marked_noise", "unmarked_noise",
)  # fmt: skip
"""What people can do, as kinds of timeline entries."""
MOST_WALKED = 50_000
"""The most entries that one query reads."""

Place = tuple[datetime, str]
"""Moment and id of an entry."""

# Written out, not bound: only so does SQLite see that the index of what people did has it all.
_BY_PEOPLE = text("timeline.actor <> ''")
_KEYS = (TIMELINE.c.at, TIMELINE.c.id)
_ENTRY = ("id", "at", "actor", "kind", "reason", "comment", "severity", "alert_id")


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did to one alert; `severity` is the alert's after it."""

    id: str
    at: datetime
    actor: str
    kind: str
    reason: str
    comment: str
    severity: int
    alert_id: str
    title: str
    rule: str


class ActFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries a query returns; an empty field selects all.

    Attributes:
        words: each must be in the comment, the alert's title, its rule or the name of who did
            it, upper or lower case
        actor: only by this person, upper or lower case
        kinds: only these of `KINDS`
        since: only then and later
        scope: the tenants and teams that whoever asks may see
    """

    words: str = ""
    actor: str = ""
    kinds: tuple[str, ...] = ()
    since: datetime | None = None
    scope: Scope = EVERYTHING

    def narrows(self) -> bool:
        """Return whether the filter may leave out entries along the way."""
        narrow = self.words.strip() or self.actor.strip() or self.kinds
        return bool(narrow) or not self.scope.is_everything


class Acts(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the audit log.

    Attributes:
        next: the last entry that was read, where the next page begins; None at the end
        cut: whether the query stopped there, so that the page may have fewer items than asked for
    """

    items: list[Act]
    next: Place | None = None
    cut: bool = False


def acts(
    store: Store, wanted: ActFilter | None = None, *, limit: int = 100, after: Place | None = None
) -> Acts:
    """Return one page of what people did, newest first.

    Args:
        store: the shared database
        wanted: which; without it all
        limit: at most this many
        after: the `next` of the page before

    Returns:
        The entries, and where the next page begins.
    """
    chosen = wanted or ActFilter()
    columns = [*(TIMELINE.c[name] for name in _ENTRY), ALERT.c.title, ALERT.c.rule]
    query = _ordered(select(*columns).select_from(_JOINED), chosen, after)
    query = query.where(*_narrowed(chosen)).limit(limit + 1)
    with store.read() as connection:
        edge = _edge(connection, chosen, after) if chosen.narrows() else None
        if edge is not None:
            query = query.where(_row() >= _bound(edge))
        found = [Act(**row) for row in connection.execute(query).mappings()]
    if len(found) > limit:
        last = found[limit - 1]
        return Acts(items=found[:limit], next=(last.at, last.id))
    return Acts(items=found, next=edge, cut=edge is not None)


def every(
    store: Store, wanted: ActFilter | None = None, *, limit: int = 500
) -> Generator[list[Act]]:
    """Yield all that people did, page by page, newest first; a page may be empty."""
    after: Place | None = None
    while True:
        page = acts(store, wanted, limit=limit, after=after)
        yield page.items
        after = page.next
        if after is None:
            return


def counted(store: Store, wanted: ActFilter | None = None) -> int:
    """Count the entries that `every` yields, by reading all of them."""
    chosen = wanted or ActFilter()
    joined = chosen.words.strip() or not chosen.scope.is_everything
    query = select(func.count()).select_from(_JOINED if joined else TIMELINE)
    query = query.where(_BY_PEOPLE, *_since(chosen), *_narrowed(chosen))
    with store.read() as connection:
        return connection.execute(query).scalar() or 0


_JOINED: FromClause = TIMELINE.join(ALERT, ALERT.c.id == TIMELINE.c.alert_id)


def _edge(connection: Connection, chosen: ActFilter, after: Place | None) -> Place | None:
    """Return the last entry that one query may read; None if it may read all there are."""
    query = _ordered(select(*_KEYS), chosen, after).offset(MOST_WALKED - 1).limit(1)
    row = connection.execute(query).first()
    return None if row is None else (row.at, row.id)


def _ordered(query: Select[Any], chosen: ActFilter, after: Place | None) -> Select[Any]:
    """Return `query` along the index of people's entries, newest first, from `after` on."""
    query = query.where(_BY_PEOPLE, *_since(chosen)).order_by(*(key.desc() for key in _KEYS))
    return query if after is None else query.where(_row() < _bound(after))


def _row() -> Tuple:
    return tuple_(*_KEYS)


def _bound(place: Place) -> Tuple:
    return tuple_(*(literal(value, key.type) for value, key in zip(place, _KEYS, strict=True)))


def _since(chosen: ActFilter) -> Sequence[ColumnElement[bool]]:
    return () if chosen.since is None else (TIMELINE.c.at >= chosen.since,)


def _narrowed(chosen: ActFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = alert_in(chosen.scope)
    if actor := chosen.actor.replace("\0", "").strip():
        # As it is too: SQLite knows upper and lower case of a to z only.
        where.append(or_(TIMELINE.c.actor == actor, func.lower(TIMELINE.c.actor) == actor.lower()))
    if chosen.kinds:
        where.append(TIMELINE.c.kind.in_(chosen.kinds))
    read = (TIMELINE.c.comment, TIMELINE.c.actor, ALERT.c.title, ALERT.c.rule)
    typed = chosen.words.replace("\0", "")[:MOST_LETTERS].lower()
    for word in typed.split()[:MOST_WORDS]:
        where.append(or_(*(func.lower(one).contains(word, autoescape=True) for one in read)))
    return where
