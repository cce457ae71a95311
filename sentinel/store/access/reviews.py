"""Access reviews: who has which role now, and snapshots of it that a person certified.

A snapshot holds pseudonyms in place of people's names, so that a name can be erased from it. Its
hash is in the audit trail, whose chain shows whether it is still what was certified.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
from sqlalchemy import Connection, Row, func, select

from sentinel.access.review import AccessEntry, digest_of, due_at, snapshot_of
from sentinel.audit.change import Change
from sentinel.audit.origin import present
from sentinel.errors import ConfigurationError, NotFound, OutOfScope
from sentinel.schema.access_reviews import AccessReview
from sentinel.schema.columns import new_id
from sentinel.store.access.grants import GRANT
from sentinel.store.access.key_views import KEY, views_of
from sentinel.store.access.person_views import PERSON, SESSION
from sentinel.store.audit.record import person_of
from sentinel.store.database.tables import AUDIT, AUDIT_PERSON, table_of
from sentinel.store.rules.asking import person_behind

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["REVIEW", "ReviewView", "Reviews"]

REVIEW = table_of(AccessReview)
MOST_LISTED = 500
_KIND = "access_review"
_PEOPLE = ("name", "granted_by")


class ReviewView(msgspec.Struct, frozen=True, kw_only=True):
    """A review that somebody certified.

    Attributes:
        certified_by: who did; `erased-…` where the name was erased
        entries: who had which role then; empty in a list, and where there is a problem
        count: how many entries there are; 0 where there is a problem
        digest: SHA-256 hash of the snapshot, which the audit trail has too
        problem: how the snapshot differs from what was certified; empty where it does not. A list
            compares it with its own hash alone, not with the audit trail
    """

    id: str
    at: datetime
    certified_by: str
    comment: str
    count: int
    digest: str
    entries: tuple[AccessEntry, ...] = ()
    problem: str = ""


class Reviews:
    """Access reviews in the shared database.

    Args:
        store: the shared database
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def present(self) -> list[AccessEntry]:
        """Return who has which role now, people first, by name and place."""
        with self._store.read() as connection:
            return self._present(connection)

    def certify(self, *, actor: str, comment: str) -> ReviewView:
        """Keep who has which role now, as reviewed by a person.

        Args:
            actor: who certifies it
            comment: what was looked at, or decided

        Returns:
            The review.

        Raises:
            ConfigurationError: there is no comment
            OutOfScope: the token of the instance, or a key of nobody, certifies nothing
            Conflict: nobody knows whose key this is
        """
        if not comment.strip():
            raise ConfigurationError(
                "a review needs a comment", hint="Say what was looked at, and what follows."
            )

        def work(connection: Connection) -> ReviewView:
            person = self._reviewer(connection, actor)
            entries = [
                {
                    **msgspec.to_builtins(one),
                    "granted_by": person_of(self._store, connection, one.granted_by),
                    "name": person_of(self._store, connection, one.name)
                    if one.kind == "person"
                    else one.name,
                }
                for one in self._present(connection)
            ]
            text = snapshot_of(entries)
            row: dict[str, Any] = {
                "id": new_id(), "at": self._store.now(), "comment": comment.strip(),
                "certified_by": person_of(self._store, connection, person), "entries": text,
                "digest": digest_of(text),
            }  # fmt: skip
            connection.execute(REVIEW.insert().values(row))
            change = Change(
                action="access.reviewed", object_kind=_KIND, object_id=row["id"],
                object_name=f"{len(entries)} roles", note=comment.strip(),
                after={"digest": row["digest"], "entries": len(entries)},
            )  # fmt: skip
            self._store.audit.add(connection, change, actor=actor)
            return self._view(connection, _one(connection, row["id"]), whole=True)

        return self._store.in_transaction(work)

    def list(self) -> list[ReviewView]:
        """Return the reviews without their entries, newest first."""
        query = select(REVIEW).order_by(REVIEW.c.id.desc()).limit(MOST_LISTED)
        with self._store.read() as connection:
            return [self._view(connection, row) for row in connection.execute(query).all()]

    def get(self, review_id: str) -> ReviewView:
        """Return one review with its entries, compared with the audit trail.

        Args:
            review_id: its id, or a unique prefix

        Returns:
            The review.

        Raises:
            NotFound: there is none
        """
        with self._store.read() as connection:
            return self._view(connection, _one(connection, review_id), whole=True)

    def due(self, every: timedelta) -> datetime | None:
        """Return when the next review is due; None where nobody has a role."""
        with self._store.read() as connection:
            last = connection.execute(select(func.max(REVIEW.c.at))).scalar()
            first = connection.execute(select(func.min(GRANT.c.granted_at))).scalar()
        return due_at(last, first, every)

    def _reviewer(self, connection: Connection, actor: str) -> str:
        origin = present(self._store.origin)
        if origin.kind == "token":
            raise OutOfScope(
                "the token of the instance belongs to no person, so it certifies nothing",
                hint="Log in, or use a key of your own.",
            )
        person = person_behind(connection, origin, actor)
        if origin.kind == "key":
            usable = select(PERSON.c.id).where(
                PERSON.c.name == person.strip().lower(), PERSON.c.disabled_at.is_(None)
            )
            if connection.execute(usable).first() is None:
                raise OutOfScope(
                    f"this key belongs to {person!r}, who has no account that can be used",
                    hint="A person certifies a review: log in, or use a key of your own.",
                )
        return person

    def _present(self, connection: Connection) -> list[AccessEntry]:
        now = self._store.now()
        grants: dict[tuple[str, str], list[Row[Any]]] = {}
        placed = select(GRANT).order_by(GRANT.c.tenant, GRANT.c.team)
        for row in connection.execute(placed):
            grants.setdefault((row.holder_kind, row.holder), []).append(row)
        sessions = select(SESSION.c.person_id, SESSION.c.used_at).order_by(SESSION.c.used_at)
        seen: dict[str, datetime] = {
            row.person_id: row.used_at for row in connection.execute(sessions)
        }
        found: list[AccessEntry] = []
        for person in connection.execute(select(PERSON).order_by(PERSON.c.name)):
            used = max(filter(None, (person.login_at, seen.get(person.id))), default=None)
            about: dict[str, Any] = {
                "kind": "person", "id": person.id, "name": person.name, "used_at": used,
                "state": "active" if person.disabled_at is None else "disabled",
            }  # fmt: skip
            rows = grants.get(("person", person.id), [])
            found += [_entry(about, row) for row in rows] or [_without_role(about, person)]
        usable = select(KEY).where(KEY.c.revoked_at.is_(None)).order_by(KEY.c.name)
        for key in views_of(connection, connection.execute(usable).all()):
            about: dict[str, Any] = {
                "kind": "key", "id": key.id, "name": key.name, "used_at": key.used_at,
                "state": key.state(now), "scopes": key.scopes,
            }  # fmt: skip
            found += [_entry(about, row) for row in grants.get(("key", key.id), [])]
        return found

    def _view(self, connection: Connection, row: Row[Any], *, whole: bool = False) -> ReviewView:
        problem = _problem(connection, row) if whole else _altered(row)
        # What somebody altered has no form that can be relied on.
        told = [] if problem else _entries_of(row.entries)
        shown = told if whole else []
        by: str = row.certified_by
        names = _names(connection, [by, *_pseudonyms(shown)])
        entries = [
            msgspec.convert(
                {**one, **{field: names.get(one[field], one[field]) for field in _PEOPLE}},
                AccessEntry,
            )
            for one in shown
        ]
        return ReviewView(
            id=row.id, at=row.at, comment=row.comment, count=len(told), digest=row.digest,
            certified_by=names.get(by, by), entries=tuple(entries),
            problem=problem,
        )  # fmt: skip


def _entry(about: Mapping[str, Any], grant: Row[Any]) -> AccessEntry:
    return AccessEntry(
        **about, role=grant.role, tenant=grant.tenant or None, team=grant.team or None,
        since=grant.granted_at, granted_by=grant.granted_by,
    )  # fmt: skip


def _without_role(about: Mapping[str, Any], person: Row[Any]) -> AccessEntry:
    return AccessEntry(
        **about, role="", tenant=None, team=None, since=person.created_at,
        granted_by=person.created_by,
    )  # fmt: skip


def _problem(connection: Connection, row: Row[Any]) -> str:
    """Return how a snapshot differs from what its row and the audit trail say was certified."""
    if altered := _altered(row):
        return altered
    query = select(AUDIT.c.after).where(AUDIT.c.object_kind == _KIND, AUDIT.c.object_id == row.id)
    kept = connection.execute(query).scalar()
    if kept is None:
        return "the audit trail does not have this review"
    if _digest_in(kept) != row.digest:
        return "the audit trail has another snapshot of this review"
    return ""


def _altered(row: Row[Any]) -> str:
    """Return that a snapshot is not the one of its hash; empty where it is."""
    same = digest_of(row.entries) == row.digest
    return "" if same else "the entries are not those that were certified"


def _entries_of(text: str) -> list[dict[str, Any]]:
    """Return the entries of a snapshot; none where it is none, altered with its own hash."""
    try:
        told: Any = json.loads(text)
    except ValueError:
        return []
    return cast("list[dict[str, Any]]", told) if isinstance(told, list) else []


def _digest_in(text: str) -> object:
    """Return the hash in an audit row, which somebody may have altered too."""
    try:
        said: Any = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, Any]", said).get("digest") if isinstance(said, dict) else None


def _pseudonyms(entries: list[dict[str, Any]]) -> list[str]:
    return [one[field] for one in entries for field in _PEOPLE]


def _names(connection: Connection, ids: list[str]) -> dict[str, str]:
    """Return the names behind pseudonyms; what is no pseudonym is left out."""
    wanted = sorted(set(ids))
    query = select(AUDIT_PERSON.c.id, AUDIT_PERSON.c.name).where(AUDIT_PERSON.c.id.in_(wanted))
    return {row.id: row.name or f"erased-{row.id:.8}" for row in connection.execute(query)}


def _one(connection: Connection, review_id: str) -> Row[Any]:
    wanted = review_id.strip().lower()
    rows: list[Row[Any]] = []
    if wanted and all(letter in "0123456789abcdef" for letter in wanted):
        query = select(REVIEW).where(REVIEW.c.id >= wanted, REVIEW.c.id < wanted + "g").limit(2)
        rows = list(connection.execute(query).all())
    if len(rows) != 1:
        raise NotFound(
            f"{review_id[:40]!r} is the beginning of {'several reviews' if rows else 'no review'}",
            hint="See which there are: sentinel access reviews",
        )
    return rows[0]
