"""Post-mortems: generated from the timeline until a person saves one, then kept by version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from sentinel.access import EVERYTHING, Scope
from sentinel.errors import ConfigurationError, NotFound
from sentinel.incidents.post_mortem import Facts, post_mortem
from sentinel.incidents.state import Incident
from sentinel.store.database.scoped import alert_in
from sentinel.store.database.tables import ALERT
from sentinel.store.incidents.action_items import actions_in
from sentinel.store.incidents.changing import Changed, change
from sentinel.store.incidents.rows import (
    INCIDENT_ALERT,
    POST_MORTEM,
    NewEntry,
    incident_of,
    incident_row,
)
from sentinel.store.incidents.timeline import timeline_in, times_of

if TYPE_CHECKING:
    from sentinel.store import Store

__all__ = ["LONGEST", "MOST_VERSIONS", "PostMortem", "PostMortems"]

LONGEST = 500_000
"""Characters of a post-mortem that a person saves."""
MOST_VERSIONS = 20
"""That are listed at once, each with its document."""
_MOST_TITLES = 50


class PostMortem(msgspec.Struct, frozen=True, kw_only=True):
    """A post-mortem.

    Attributes:
        document: Markdown
        version: 0 where it was generated now and nobody saved one
        saved_at: None for a generated one
    """

    document: str
    version: int
    saved_at: datetime | None = None
    saved_by: str = ""


class PostMortems:
    """The post-mortems of incidents.

    Args:
        store: the shared database
        scope: of whoever asks
    """

    def __init__(self, store: Store, scope: Scope = EVERYTHING) -> None:
        self._store = store
        self._scope = scope

    def get(self, incident_id: str) -> PostMortem:
        """Return the post-mortem that was saved last, else one that is generated now.

        Args:
            incident_id: of the incident

        Returns:
            The post-mortem.

        Raises:
            NotFound: there is no such incident, or it is out of scope
        """
        with self._store.read() as connection:
            row = incident_row(connection, self._scope, incident_id)
            saved = connection.execute(_newest(incident_id)).first()
            if saved is not None:
                return _saved(saved)
            return self._generated(connection, incident_of(row))

    def generate(self, incident_id: str) -> PostMortem:
        """Return a post-mortem that is generated now; raises as `get` does."""
        with self._store.read() as connection:
            row = incident_row(connection, self._scope, incident_id)
            return self._generated(connection, incident_of(row))

    def versions(self, incident_id: str) -> list[PostMortem]:
        """Return the newest 20 versions that were saved, the newest first; raises as `get` does."""
        query = select(POST_MORTEM).where(POST_MORTEM.c.incident_id == incident_id)
        with self._store.read() as connection:
            incident_row(connection, self._scope, incident_id)
            newest = query.order_by(POST_MORTEM.c.version.desc()).limit(MOST_VERSIONS)
            rows = connection.execute(newest)
            return [_saved(row) for row in rows]

    def version(self, incident_id: str, version: int) -> PostMortem:
        """Return one version that was saved.

        Args:
            incident_id: of the incident
            version: from 1

        Returns:
            The version.

        Raises:
            NotFound: there is no such incident or version
        """
        query = select(POST_MORTEM).where(
            POST_MORTEM.c.incident_id == incident_id, POST_MORTEM.c.version == version
        )
        with self._store.read() as connection:
            incident_row(connection, self._scope, incident_id)
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(f"the post-mortem has no version {version}")
        return _saved(row)

    def save(
        self, incident_id: str, document: str, *, actor: str,
        check: Callable[[int], None] | None = None,
    ) -> PostMortem:  # fmt: skip
        """Save a version of a post-mortem; the same text again is none.

        Args:
            incident_id: of the incident
            document: Markdown
            actor: who saves it
            check: is given the number of the version that was saved last, 0 for none, and may
                refuse

        Returns:
            The version.

        Raises:
            NotFound: there is no such incident
            ConfigurationError: it is empty, or too long
        """
        if not document.strip() or len(document) > LONGEST:
            raise ConfigurationError(
                "document: is empty" if not document.strip() else
                f"document: {len(document):,} characters; at most {LONGEST:,}"
            )  # fmt: skip
        saved: list[PostMortem] = []

        def work(connection: Connection, before: Incident) -> Changed:
            last = connection.execute(_newest(incident_id)).first()
            number = 0 if last is None else last.version
            if check is not None:
                check(number)
            saved.clear()  # the transaction may be a second attempt
            if last is not None and last.document == document:
                saved.append(_saved(last))
                return Changed(incident=before, entries=[], action="incident.post_mortem")
            values: dict[str, Any] = {
                "version": number + 1, "document": document, "saved_at": self._store.now(),
                "saved_by": actor,
            }  # fmt: skip
            connection.execute(POST_MORTEM.insert().values(incident_id=incident_id, **values))
            saved.append(PostMortem(**values))
            entry = NewEntry(kind="post_mortem", data={"version": number + 1})
            return Changed(
                incident=before, entries=[entry], action="incident.post_mortem",
                note={"post_mortem": number + 1},
            )  # fmt: skip

        change(self._store, self._scope, incident_id, actor, work)
        return saved[0]

    def _generated(self, connection: Connection, incident: Incident) -> PostMortem:
        members = (
            select(ALERT.c.id)
            .join(INCIDENT_ALERT, INCIDENT_ALERT.c.alert_id == ALERT.c.id)
            .where(INCIDENT_ALERT.c.incident_id == incident.id,
                   INCIDENT_ALERT.c.removed_at.is_(None), *alert_in(self._scope))
        )  # fmt: skip
        of_members = select(func.count(), func.min(ALERT.c.first_bad_at)).where(
            ALERT.c.id.in_(members)
        )
        count, first = connection.execute(of_members).one()
        named = select(ALERT.c.title, ALERT.c.rule).where(ALERT.c.id.in_(members))
        rows = connection.execute(named.order_by(ALERT.c.id).limit(_MOST_TITLES)).all()
        timeline = timeline_in(connection, incident, self._scope)
        facts = Facts(
            incident=incident, timed=times_of(connection, incident), timeline=timeline.entries,
            actions=actions_in(connection, incident.id), alert_count=count, first_alert_at=first,
            alerts=[row.title or row.rule for row in rows], truncated=timeline.truncated,
        )  # fmt: skip
        return PostMortem(document=post_mortem(facts), version=0)


def _newest(incident_id: str) -> Any:
    query = select(POST_MORTEM).where(POST_MORTEM.c.incident_id == incident_id)
    return query.order_by(POST_MORTEM.c.version.desc()).limit(1)


def _saved(row: Row[Any]) -> PostMortem:
    return PostMortem(
        document=row.document, version=row.version, saved_at=row.saved_at, saved_by=row.saved_by
    )
