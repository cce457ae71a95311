"""Reading the audit trail, newest first. Nothing here writes."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    func,
    or_,
    select,
    union_all,
)

from sentinel.errors import ConfigurationError, NotFound
from sentinel.store.alerts.search_syntax import MOST_LETTERS, MOST_WORDS
from sentinel.store.database.tables import AUDIT, AUDIT_PERSON

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["MOST_WALKED", "AuditFilter", "AuditItem", "AuditPage", "every", "one", "page"]

MOST_WALKED = 50_000
"""The most rows that one query for words reads."""
MOST_PER_PAGE = 500
_ID = re.compile("[0-9a-f]{32}")
_ERASED = "erased-{:.8}"
_PEOPLE = AUDIT.outerjoin(AUDIT_PERSON, AUDIT_PERSON.c.id == AUDIT.c.actor)


class AuditItem(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the audit trail, as people read it.

    Attributes:
        seq: number in the chain; None for a row that waits to be chained
        actor: the name of who acted; `erased-` and eight digits where it was erased
        kind: how whoever acted was recognized
        door: where the change came in
        before: the fields that differ, as they were; None where the object did not exist
        after: the same fields after the change; None where the object was removed
        previous: the hash of the row before
        hash: the row's own; empty where it waits
    """

    id: str
    seq: int | None
    at: datetime
    actor: str
    kind: str
    door: str
    tenant: str
    action: str
    object_kind: str
    object_id: str
    object_name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    note: str
    previous: str
    hash: str


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows are read; an empty field selects all.

    Attributes:
        words: each must be in the action, the object's name, the note or the name of who acted,
            upper or lower case
        actor: only by this person, key or program, upper or lower case
        actions: only these codes; one that ends in a dot stands for all that begin with it
        object_kinds: only objects of these kinds
        object: only this object, by id or name
        since: only then and later
        until: only before
        tenants: only objects of these tenants; None for all, and for those of no tenant
    """

    words: str = ""
    actor: str = ""
    actions: tuple[str, ...] = ()
    object_kinds: tuple[str, ...] = ()
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None
    tenants: frozenset[str] | None = None


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, and where the next ones begin: None at the end.

    Attributes:
        cut: whether the query stopped after `MOST_WALKED` rows, so that there may be fewer items
    """

    items: list[AuditItem]
    next: str | None = None
    cut: bool = False


def page(
    store: Store, wanted: AuditFilter | None = None, *, limit: int = 100, after: str | None = None
) -> AuditPage:
    """Return one page, newest first.

    Args:
        store: the shared database
        wanted: which rows; all by default
        limit: at most this many, and at most `MOST_PER_PAGE`
        after: the `next` of the page before

    Returns:
        The rows, and where the next page begins.

    Raises:
        ConfigurationError: `after` is no place that a page gave, or there are too many words.
    """
    if after is not None and not _ID.fullmatch(after):
        raise ConfigurationError(
            f"{after[:40]!r} is no place in the audit trail", hint="Give the `next` of a page."
        )
    chosen = wanted or AuditFilter()
    limit = max(1, min(limit, MOST_PER_PAGE))
    newest = AUDIT.c.id.desc()
    query = _joined().order_by(newest).limit(limit + 1)
    with store.read() as connection:
        edge = None
        where = _conditions(chosen)
        if after is not None:
            where.append(AUDIT.c.id < after)
        if chosen.words.strip():
            edge = _edge(connection, after)
            where += [] if edge is None else [AUDIT.c.id >= edge]
        if chosen.object_kinds:
            # The index has each kind by id, so that of each only the newest rows are read.
            parts = [
                select(AUDIT.c.id).select_from(_PEOPLE).where(AUDIT.c.object_kind == one, *where)
                .order_by(newest).limit(limit + 1).subquery()
                for one in sorted(set(chosen.object_kinds))
            ]  # fmt: skip
            where = [AUDIT.c.id.in_(union_all(*(select(one.c.id) for one in parts)))]
        rows = connection.execute(query.where(*where)).mappings().all()
        items = _items(connection, rows[:limit])
    if len(rows) > limit:
        return AuditPage(items=items, next=items[-1].id)
    return AuditPage(items=items, next=edge, cut=edge is not None)


def every(store: Store, wanted: AuditFilter | None = None) -> Generator[list[AuditItem]]:
    """Yield all rows that match, page by page, newest first; a page may be empty."""
    after: str | None = None
    while True:
        found = page(store, wanted, limit=MOST_PER_PAGE, after=after)
        yield found.items
        after = found.next
        if after is None:
            return


def one(store: Store, reference: str, *, tenants: frozenset[str] | None = None) -> AuditItem:
    """Return one row.

    Args:
        store: the shared database
        reference: its id, or its number in the chain
        tenants: whose rows may be read; None for all

    Returns:
        The row.

    Raises:
        NotFound: there is none.
    """
    key = reference.strip().lower()
    number = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else None
    where = AUDIT.c.seq == number if number is not None else AUDIT.c.id == key
    allowed = _conditions(AuditFilter(tenants=tenants))
    with store.read() as connection:
        rows = connection.execute(_joined().where(where, *allowed)).mappings().all()
        found = _items(connection, rows)
    if not found:
        raise NotFound(
            f"there is no audit row {reference[:40]!r}",
            hint="Give its number or its id, as `sentinel audit list` prints them.",
        )
    return found[0]


def _joined() -> Select[Any]:
    return select(*AUDIT.columns, AUDIT_PERSON.c.name.label("who")).select_from(_PEOPLE)


def _edge(connection: Connection, after: str | None) -> str | None:
    """Return the id of the last row that one query may read; None if it may read all there are."""
    query = select(AUDIT.c.id).order_by(AUDIT.c.id.desc()).offset(MOST_WALKED - 1).limit(1)
    if after is not None:
        query = query.where(AUDIT.c.id < after)
    return connection.execute(query).scalar()


def _conditions(chosen: AuditFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if chosen.tenants is not None:
        where.append(AUDIT.c.tenant.in_(sorted(chosen.tenants)))
    if actor := chosen.actor.replace("\0", "").strip():
        named = or_(AUDIT_PERSON.c.name == actor, func.lower(AUDIT_PERSON.c.name) == actor.lower())
        where.append(AUDIT.c.actor.in_(select(AUDIT_PERSON.c.id).where(named)))
    if chosen.actions:
        exact = [code for code in chosen.actions if not code.endswith(".")]
        parts = [
            AUDIT.c.action.startswith(code, autoescape=True)
            for code in chosen.actions if code.endswith(".")
        ]  # fmt: skip
        where.append(or_(AUDIT.c.action.in_(exact), *parts))
    if chosen.object_kinds:
        where.append(AUDIT.c.object_kind.in_(chosen.object_kinds))
    if thing := chosen.object.replace("\0", "").strip():
        # A bulk action names its alerts in `after`.
        listed = and_(
            AUDIT.c.object_id == "", AUDIT.c.after.contains(f'"{thing}"', autoescape=True)
        )
        where.append(or_(AUDIT.c.object_id == thing, AUDIT.c.object_name == thing, listed))
    if chosen.since is not None:
        where.append(AUDIT.c.at >= chosen.since)
    if chosen.until is not None:
        where.append(AUDIT.c.at < chosen.until)
    read = (AUDIT.c.action, AUDIT.c.object_name, AUDIT.c.note, AUDIT_PERSON.c.name)
    words = chosen.words.replace("\0", "").lower().split()
    if len(words) > MOST_WORDS or len(chosen.words) > MOST_LETTERS:
        raise ConfigurationError(
            f"a search has at most {MOST_WORDS} words and {MOST_LETTERS:,} letters",
            hint="Leave some out: nothing of a search is ignored.",
        )
    for word in words:
        where.append(or_(*(func.lower(one).contains(word, autoescape=True) for one in read)))
    return where


def _items(connection: Connection, rows: Sequence[RowMapping]) -> list[AuditItem]:
    sides = [(_json(row["before"]), _json(row["after"])) for row in rows]
    named = {row["object_id"] for row in rows if row["object_kind"] == "person"}
    for pair in sides:
        for side in pair:
            named |= {value["person"] for value in (side or {}).values() if _is_person(value)}
    names = _names(connection, named)
    return [
        AuditItem(
            id=row["id"], seq=row["seq"], at=row["at"],
            actor=row["who"] or _ERASED.format(row["actor"]), kind=row["kind"], door=row["door"],
            tenant=row["tenant"], action=row["action"], object_kind=row["object_kind"],
            object_id=row["object_id"],
            object_name=_object_name(row, names),
            before=_told(before, names), after=_told(after, names), note=row["note"],
            previous=row["previous"] or "", hash=row["hash"] or "",
        )
        for row, (before, after) in zip(rows, sides, strict=True)
    ]  # fmt: skip


def _object_name(row: RowMapping, names: Mapping[str, str]) -> str:
    name: str = row["object_name"]
    return names.get(row["object_id"], name) if row["object_kind"] == "person" else name


def _json(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        found: object = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    # Somebody altered it, which `verify` says; the others are still readable.
    return {"(unreadable)": text[:200]}


def _is_person(value: object) -> bool:
    return isinstance(value, dict) and set(cast("dict[str, Any]", value)) == {"person"}


def _told(side: dict[str, Any] | None, names: Mapping[str, str]) -> dict[str, Any] | None:
    """Return one side with the names that its pseudonyms stand for."""
    if side is None:
        return None
    return {
        field: names.get(value["person"], "") if _is_person(value) else value
        for field, value in side.items()
    }


def _names(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    query = select(AUDIT_PERSON.c.id, AUDIT_PERSON.c.name).where(AUDIT_PERSON.c.id.in_(wanted))
    return {row.id: row.name or _ERASED.format(row.id) for row in connection.execute(query)}
